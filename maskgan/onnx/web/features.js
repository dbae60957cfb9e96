// Quick edits of eyes, brows, nose and the outline of the face; see maskgan/quick_edits/features.py.

import { LABEL } from "./constants.js";
import { BROWS, EYES, FACE_PARTS } from "./frame.js";
import { any, areaOf, both, distances, either, inverted, smoothstep } from "./regions.js";
import { clip, percentileOf } from "./samples.js";
import { betweenLines, line, onLine, ramp, smoothCurve } from "./scene.js";

const { SKIN, NOSE, EYE_G } = LABEL;
const ON = [SKIN, NOSE, EYE_G]; // what an eye or brow may be painted on
// What moves with a part beyond its outline, how much of the lids stays with an eye when brows go up, and how far from an eye's
// edge its lids cover it, in frame units.
const [LASHES, HAIRS, WINGS, LID, COVERED] = [0.03, 0.03, 0.03, 0.045, 0.03];
const RIM = 0.05; // how far the rim of glasses reaches beyond what a mask has of them, in frame units
// How far a brow at the lid is raised, in frame units, and how much farther in parts of how far it lies above.
const [LOW, STRETCHED] = [0.055, 0.35];
const SIDES = 0.18; // share of the width from the picture's sides within which less and less moves

/** First and last value of a plane in a region. */
function range(region, plane) {
  let [low, high] = [Infinity, -Infinity];
  region.forEach((inside, i) => inside && ([low, high] = [Math.min(low, plane[i]), Math.max(high, plane[i])]));
  return [low, high];
}

function mean(region, plane) {
  let [sum, count] = [0, 0];
  region.forEach((inside, i) => inside && ([sum, count] = [sum + plane[i], count + 1]));
  return sum / count;
}

/** [class, region] of the parts that a mask shows; `otherwise`: what is said where it shows none. */
function shown(scene, labels, otherwise) {
  const found = labels.map((label) => [label, scene.part(label)]).filter(([, region]) => region);
  if (!found.length) throw new Error(otherwise);
  return found;
}

function scaleEyes(scene, wider, taller) {
  for (const [label, region] of shown(scene, EYES, "No eyes are visible in this mask; take dark glasses off or paint eyes first.")) {
    const [[left, right], [top, bottom]] = [range(region, scene.x), range(region, scene.y)];
    const [width, height] = [right - left + 1 / scene.unit, bottom - top + 1 / scene.unit];
    // A face can take eyes of a quarter to a bit more than half an eye distance.
    const across = clip(wider, Math.min(1, 0.26 / width), Math.max(1, 0.54 / width));
    const down = clip(taller, Math.min(1, 0.07 / height), Math.max(1, 0.3 / height));
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    // Larger eyes grow down more than up, away from the brow.
    const newY = y + 0.1 * height * Math.max(0, down - 1);
    const source = [scene.x.map((at) => x + (at - x) / across), scene.y.map((at) => y + (at - newY) / down)];
    const reshaped = scene.reshaped(region, ...source);
    scene.uncover(scene.where(label), [SKIN, EYE_G]);
    scene.paint(reshaped, label, ON);
    scene.tell(both(scene.around(reshaped, LASHES), scene.where(label, ...ON)), ...source);
    if (!(down < across)) continue;
    const depth = distances(inverted(reshaped), scene.size, scene.size);
    const round = source[1].map((from, i) => {
      const share = smoothstep(depth[i] / scene.unit / COVERED);
      return from + share * (y + (scene.y[i] - newY) / across - from); // the iris stays round and the lids cover it
    });
    scene.tell(both(reshaped, scene.where(label)), source[0], round);
  }
}

const brows = (scene) => shown(scene, BROWS, "No brows are visible in this mask; paint them first.");

function scaleBrows(scene, factor, extra) {
  for (const [label, region] of brows(scene)) {
    const band = scene.band(region);
    const [top, bottom] = [smoothCurve(band.top, 2), smoothCurve(band.bottom, 2)];
    const before = top.map((y, i) => Math.max(bottom[i] - y, 0.01));
    const body = line(-1, 1, top.length).map((t) => Math.sqrt(Math.max(1 - t ** 4, 0))); // rounded ends
    const thick = before.map((own, i) => (factor > 1
      ? Math.max(Math.min(own * factor + extra, 0.23) * body[i], own)
      : Math.min(own, Math.max(own * factor, 0.05 * body[i]))));
    // A thicker brow grows upwards more than towards the eye.
    const middle = top.map((y, i) => (y + bottom[i]) / 2 - 0.2 * (thick[i] - (bottom[i] - y)));
    const [newTop, newBottom] = [middle.map((y, i) => y - thick[i] / 2), middle.map((y, i) => y + thick[i] / 2)];
    scene.uncover(scene.where(label), ON);
    const reshaped = scene.between(band.x, newTop, newBottom);
    scene.paint(reshaped, label, ON);
    const ySource = scene.y.map((y, i) => {
      const at = (curve) => onLine(scene.x[i], band.x, curve);
      return betweenLines(y, [newTop, newBottom].map(at), [top, bottom].map(at));
    });
    scene.tell(both(scene.around(reshaped, HAIRS), scene.where(label, ...ON)), scene.x, ySource);
  }
}

/** Both brows up, with a slight arch. */
function raisedBrows(scene, strength) {
  const moves = [];
  const eyes = scene.where(...EYES);
  const glasses = scene.where(EYE_G);
  const rims = any(glasses) ? scene.around(glasses, RIM) : glasses;
  const top = any(eyes) ? range(eyes, scene.y)[0] : 0;
  for (const [label, whole] of brows(scene)) {
    // A rim may be brow on the mask, but a brow that lies close to glasses is raised nevertheless.
    const beside = inverted(4 * areaOf(both(whole, inverted(rims))) > areaOf(whole) ? rims : glasses);
    const region = both(whole, beside);
    const room = Math.max(0, top - percentileOf(scene.y, region, 0.9));
    const lift = clip(0.48 + mean(region, scene.y), 0, Math.min(0.095, LOW + STRETCHED * room) * strength);
    const [[left, right], centre] = [range(region, scene.x), mean(region, scene.x)];
    const arch = scene.x.map((x) => 1 + 0.15 * (1 - clip((x - centre) / Math.max(0.2, (right - left) / 2), -1, 1) ** 2));
    const free = scene.where(...ON, label);
    // Brows stop at the hairline or the brim of a hat instead of sinking into it.
    for (const part of [1, 0.75, 0.5, 0.25]) {
      const ySource = scene.y.map((y, i) => y + part * lift * arch[i]);
      const reshaped = scene.reshaped(region, scene.x, ySource);
      if (areaOf(both(reshaped, free)) < 0.9 * areaOf(reshaped)) continue;
      if (lift > 0) moves.push([label, both(reshaped, beside), ySource, beside]);
      break;
    }
  }
  // Lids and their crease stay, and the rims of glasses: between them and the brows the skin gives.
  if (moves.length) scene.tell(any(eyes) ? either(rims, scene.around(eyes, LID)) : rims, scene.x, scene.y);
  for (const [label, raised, ySource, beside] of moves) {
    scene.uncover(both(scene.where(label), beside), [SKIN, NOSE]);
    scene.paint(raised, label, ON);
    scene.tell(both(both(scene.around(raised, HAIRS), scene.where(label, ...ON)), beside), scene.x, ySource);
  }
}

function scaleNose(scene, wanted) {
  const region = scene.part(NOSE);
  if (!region) throw new Error("This mask has no nose; paint one first.");
  const [top, bottom] = range(region, scene.y);
  const height = bottom - top;
  const wings = range(region.map((inside, i) => inside & (scene.y[i] > top + 0.65 * height)), scene.x);
  const width = wings[1] - wings[0];
  const factor = clip(wanted, Math.min(1, 0.4 / width), Math.max(1, 0.95 / width));
  const bridge = mean(region.map((inside, i) => inside & (scene.y[i] < top + 0.35 * height)), scene.x);
  // The bridge keeps its place; the wings move most.
  const xSource = scene.x.map((x, i) => {
    const scale = 1 + (factor - 1) * (0.35 + 0.65 * ramp(scene.y[i], top + 0.2 * height, top + 0.75 * height));
    const along = clip((scene.y[i] - top) / Math.max(height, 0.1), 0, 1);
    const middle = bridge + ((wings[0] + wings[1]) / 2 - bridge) * along;
    return middle + (x - middle) / scale;
  });
  const reshaped = scene.reshaped(region, xSource, scene.y);
  scene.uncover(scene.where(NOSE), [SKIN, EYE_G]);
  scene.paint(reshaped, NOSE, [SKIN, EYE_G]);
  scene.tell(both(scene.around(reshaped, WINGS), scene.where(NOSE, SKIN, EYE_G)), xSource, scene.y);
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
    const column = i % scene.size;
    const aside = Math.min(1, Math.min(column, scene.size - 1 - column) / (SIDES * scene.size));
    return amount * share * aside * clip((2.2 - Math.abs((x - middle) / half)) / 1.2, 0, 1) * (x - middle);
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
  bigger_eyes: (scene, strength) => scaleEyes(scene, 1 + 0.2 * strength, 1 + 0.36 * strength),
  smaller_eyes: (scene, strength) => scaleEyes(scene, 1 / (1 + 0.15 * strength), 1 / (1 + 0.45 * strength)),
  thicker_brows: (scene, strength) => scaleBrows(scene, 1 + 0.45 * strength, 0.04 * strength),
  thinner_brows: (scene, strength) => scaleBrows(scene, Math.max(0.2, 1 - 0.45 * strength), 0),
  raised_brows: raisedBrows,
  slimmer_face: (scene, strength) => scaleFace(scene, 0.19 * strength),
  rounder_face: (scene, strength) => scaleFace(scene, -0.14 * strength),
  wider_nose: (scene, strength) => scaleNose(scene, 1 + 0.28 * strength),
  narrower_nose: (scene, strength) => scaleNose(scene, 1 / (1 + 0.3 * strength)),
};
