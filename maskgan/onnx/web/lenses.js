// Lenses of glasses in the outlines of the wardrobe: where they lie before the eyes, and which of them a mask has; see
// maskgan/quick_edits/lenses.py.

import { LABEL, LENSES } from "./constants.js";
import { BROWS, EYES } from "./frame.js";
import { areaOf, filled } from "./regions.js";
import { clip, percentileOf } from "./samples.js";

const SIDES = [[-1, LABEL.R_EYE], [1, LABEL.L_EYE]];
// Sizes that lenses may have, the intersection over union from which on one is found again, and the share of its pixels below
// its lower edge.
const [SIZES, ALIKE, LOWEST] = [[0.6, 1.5], 0.92, 0.995];

/** The mean of a plane in a region. */
export const meanOf = (plane, region) => region.reduce((sum, inside, i) => sum + (inside ? plane[i] : 0), 0) / areaOf(region);

/** x and y of the eyes by side (-1, 1); one that is hidden is taken opposite the other. */
export function eyeCentres(scene) {
  const eyes = {};
  for (const [side, eye] of SIDES) {
    const region = scene.part(eye);
    if (region) eyes[side] = [meanOf(scene.x, region), meanOf(scene.y, region)];
  }
  for (const side of [-1, 1]) {
    const [x, y] = eyes[-side] ?? [-0.47 * side, 0];
    eyes[side] ??= [-x, y];
  }
  return eyes;
}

/** How far apart eyes count as, for the size of glasses. */
export const eyesApart = (eyes) => clip(Math.abs(eyes[1][0] - eyes[-1][0]), 0.5, 1.1);

/** A lens as [x, y] of its outline around the eye's centre, in frame units; both lenses never meet over the nose. */
export function wornOutline(style, apart, size) {
  const [across, down] = [0, 1].map((axis) => LENSES[style].map((point) => point[axis] * apart * size));
  const wider = Math.max(0, -Math.min(...across) - 0.42 * apart);
  return [across.map((x) => x + wider), down];
}

/** The pixels of a lens with that outline before the eye at [x, y]. */
export function lensAt(scene, side, [x, y], [across, down]) {
  const outline = scene.frame.toPixels(Float64Array.from(across, (at) => x + side * at), Float64Array.from(down, (at) => y + at));
  return filled(scene.size, ...outline.map((axis) => Float32Array.from(axis)));
}

/** All of a clear lens that the mask has but for eyes and brows, which lie on it: where it is one of the wardrobe before an eye
 *  that is seen; null for any other. */
export function foundAgain(scene, lens) {
  const [side, eye] = SIDES[percentileOf(scene.x, lens, 0.5) > 0 ? 1 : 0];
  if (!scene.part(eye)) return null;
  const eyes = eyeCentres(scene);
  const [apart, hidden] = [eyesApart(eyes), scene.where(...EYES, ...BROWS)];
  const below = percentileOf(scene.y, lens, LOWEST) - eyes[side][1];
  let [best, found] = [ALIKE, null];
  for (const [style, outline] of Object.entries(LENSES)) {
    const size = below / (Math.max(...outline.map(([, y]) => y)) * apart);
    if (!(size > SIZES[0] && size < SIZES[1])) continue;
    const whole = lensAt(scene, side, eyes[side], wornOutline(style, apart, size));
    let [shared, all] = [0, 0];
    whole.forEach((inside, i) => {
      const shown = inside && !hidden[i];
      shared += shown && lens[i] ? 1 : 0;
      all += shown || lens[i] ? 1 : 0;
    });
    if (shared / Math.max(all, 1) > best) [best, found] = [shared / all, whole];
  }
  return found;
}
