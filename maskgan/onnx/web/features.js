// Quick edits of eyes and the outline of the face; see maskgan/quick_edits/features.py.

import { LABEL } from "./constants.js";
import { EYES, FACE_PARTS } from "./frame.js";
import { areaOf, both, inverted } from "./regions.js";
import { clip } from "./samples.js";
import { ramp } from "./scene.js";

const { SKIN, NOSE, EYE_G } = LABEL;
const ON = [SKIN, NOSE, EYE_G]; // what an eye may be painted on
const LASHES = 0.03; // what moves with an eye beyond its outline, in frame units

/** First and last value of a plane in a region. */
function range(region, plane) {
  let [low, high] = [Infinity, -Infinity];
  region.forEach((inside, i) => inside && ([low, high] = [Math.min(low, plane[i]), Math.max(high, plane[i])]));
  return [low, high];
}

function biggerEyes(scene, strength) {
  const eyes = EYES.map((label) => [label, scene.part(label)]).filter(([, region]) => region);
  if (!eyes.length) throw new Error("No eyes are visible in this mask; take dark glasses off or paint eyes first.");
  for (const [label, region] of eyes) {
    const [[left, right], [top, bottom]] = [range(region, scene.x), range(region, scene.y)];
    const [width, height] = [right - left + 1 / scene.unit, bottom - top + 1 / scene.unit];
    // A face can take eyes of a quarter to a bit more than half an eye distance.
    const wider = clip(1 + 0.18 * strength, Math.min(1, 0.26 / width), Math.max(1, 0.54 / width));
    const taller = clip(1 + 0.55 * strength, Math.min(1, 0.07 / height), Math.max(1, 0.3 / height));
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    // They grow down more than up, away from the brow.
    const newY = y + 0.1 * height * Math.max(0, taller - 1);
    const source = [scene.x.map((at) => x + (at - x) / wider), scene.y.map((at) => y + (at - newY) / taller)];
    const reshaped = scene.reshaped(region, ...source);
    scene.uncover(scene.where(label), [SKIN, EYE_G]);
    scene.paint(reshaped, label, ON);
    scene.tell(both(scene.around(reshaped, LASHES), scene.where(label, ...ON)), ...source);
  }
}

/** Moves cheeks and jaw inwards (amount > 0) or outwards; what lies beside the face follows. */
function scaleFace(scene, wanted) {
  if (areaOf(scene.where(SKIN)) < scene.unit ** 2) {
    throw new Error("Too little skin is visible in this mask to reshape the face; paint skin first.");
  }
  const [left, right] = scene.cheeks;
  const [middle, half] = [(left + right) / 2, (right - left) / 2];
  // Limits of the jaw's half width; typical is 0.8.
  const [jawLeft, jawRight] = scene.extent(scene.face, scene.chin - 0.6, scene.chin - 0.4, 0.8);
  const jaw = (jawRight - jawLeft) / 2;
  const amount = clip(wanted, Math.min(0, jaw / 1.03 - 1), Math.max(0, jaw / 0.62 - 1));
  if (Math.abs(amount) < 0.01) return;
  // Sideways only; grows from the temples to the jaw and dies out below the chin and two faces away.
  const shift = scene.x.map((x, i) => {
    const y = scene.y[i];
    let share = (0.35 + 0.65 * ramp(y, 0.1, scene.chin - 0.4)) * ramp(y, -0.8, 0.3);
    share *= 1 - 0.4 * ramp(y, scene.chin - 0.5, scene.chin);
    share *= 1 - ramp(y, scene.chin, scene.chin + 0.5);
    return amount * share * clip((2.2 - Math.abs((x - middle) / half)) / 1.2, 0, 1) * (x - middle);
  });
  const xSource = scene.x.map((x, i) => x + shift[i]);
  const [before, moved] = [scene.mask, scene.warped(xSource, scene.y)];
  // The features keep their shape and place.
  const inner = [...FACE_PARTS, EYE_G].filter((label) => label !== SKIN);
  const kept = scene.where(...inner);
  scene.mask = before.map((label, i) => (Math.abs(shift[i]) * scene.unit > 0.25 ? moved[i] : label));
  scene.uncover(both(scene.where(...inner), scene.face), [SKIN]);
  kept.forEach((inside, i) => inside && (scene.mask[i] = before[i]));
  // Between the features, which stay, and the outline of the face the skin gives.
  const features = both(kept, scene.face);
  scene.tell(inverted(scene.around(features, 0.25)), xSource, scene.y);
  scene.tell(features, scene.x, scene.y);
}

export const FEATURE_EDITS = {
  bigger_eyes: biggerEyes,
  slimmer_face: (scene, strength) => scaleFace(scene, 0.19 * strength),
  rounder_face: (scene, strength) => scaleFace(scene, -0.14 * strength),
};
