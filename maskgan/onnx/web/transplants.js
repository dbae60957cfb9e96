// Somebody else's hat on this photo: its own felt and straw, fitted to its place in the mask; see
// maskgan/editing/transplants.py.

import { LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { rolled, roundEven, where } from "./regions.js";
import { clip, cubicAt, percentileOf, remapped } from "./samples.js";
import { Scene, line } from "./scene.js";

const { BACKGROUND, CLOTH } = LABEL;
const SHADOW = 0.16; // how far a hat's shadow falls on what lies below it, in frame units
const [LIFTS, SIZES] = [line(-0.5, 0.1, 9), [0.94, 1, 1.06, 1.13]]; // that are tried when a shape is found again in a mask
const SEARCH = 80; // side in pixels at which it is looked for
const ALIKE = 0.7; // shapes that are alike to less than this are taken for different ones

const scaled = (plane, factor) => plane.map((value) => value * factor);
const lifted = (plane, by) => plane.map((value) => value - by);

/** How well a shape's outline meets that in a mask at best, and by which {candidate, lift, size}. */
function foundAgain(mask, size, shape) {
  const nearest = Array.from({ length: SEARCH }, (_, i) => Math.floor(((i + 0.5) * size) / SEARCH));
  const few = new Uint8Array(SEARCH * SEARCH).map((_, i) => mask[nearest[Math.floor(i / SEARCH)] * size + nearest[i % SEARCH]]);
  const small = new Scene(few, SEARCH);
  const mine = small.where(shape.label);
  const best = { met: 0 };
  for (const candidate of [shape, shape.mirrored]) {
    for (const lift of LIFTS) {
      const [x, y] = candidate.places(small, lifted(small.y, lift));
      for (const factor of SIZES) {
        const worn = remapped(candidate.distance, ...candidate.frame.toPixels(scaled(x, factor), scaled(y, factor)));
        let [shared, all] = [0, 0];
        worn.forEach((distance, i) => {
          shared += distance > 0 && mine[i] ? 1 : 0;
          all += distance > 0 || mine[i] ? 1 : 0;
        });
        const met = shared / Math.max(all, 1);
        if (met > best.met) Object.assign(best, { met, candidate, lift, size: factor });
      }
    }
  }
  return best;
}

/** Intersection over union of what a mask has of a shape's class with the shape, where they meet best. */
export const likeness = (mask, size, shape) => foundAgain(mask, size, shape).met;

/** Columns and rows of a shape's picture for each pixel of a scene's mask, as a quick edit laid it in, or somebody painted it. */
function fit(scene, shape) {
  const { mask, size } = scene;
  const { met, candidate, lift, size: factor } = foundAgain(mask, size, shape);
  if (met > ALIKE) {
    const [x, y] = candidate.places(scene, lifted(scene.y, lift));
    const [columns, rows] = candidate.frame.toPixels(scaled(x, factor), scaled(y, factor));
    const last = shape.distance.width - 1;
    return [candidate === shape ? columns : columns.map((column) => last - column), rows];
  }
  const mine = where(mask, shape.label);
  const along = (plane, theirs) => {
    const [low, high] = [0.005, 0.995].map((share) => percentileOf(plane, mine, share));
    return plane.map((value) => theirs[0] + ((value - low) * (theirs[1] - theirs[0])) / Math.max(high - low, 1e-3));
  };
  return shape.frame.toPixels(along(scene.x, shape.extent[0]), along(scene.y, shape.extent[1]));
}

/** A crop in whose mask the shape's class shows the lender's pixels (`stuff`), and where it changed. */
export function transplant(crop, mask, shape, stuff) {
  const { width: size } = crop;
  const inside = where(mask, shape.label);
  const scene = new Scene(mask, size);
  const [columns, rows] = fit(scene, shape);
  const plane = (data) => picture(size, size, 1, data);
  const alpha = blurred(plane(new Float32Array(inside)), (0.7 * size) / 256).data.map((soft) => clip((soft - 0.15) / 0.7, 0, 1));
  const { unit } = scene;
  const below = rolled(new Float32Array(inside), size, roundEven(0.5 * SHADOW * unit));
  const lies = where(mask, BACKGROUND, CLOTH);
  const shade = blurred(plane(below), (SHADOW / 2) * unit).data.map((share, i) => (lies[i] || 0.5 * share < 0.01 ? 0 : 0.5 * share));
  const result = { ...crop, data: crop.data.slice() };
  const changed = alpha.map((share, i) => Math.max(share, shade[i]));
  changed.forEach((share, i) => {
    if (!(share > 0)) return;
    const theirs = alpha[i] > 0 ? cubicAt(stuff, columns[i], rows[i]) : [0, 0, 0];
    for (let c = 0; c < 3; c++) {
      const own = crop.data[3 * i + c] * (1 - shade[i]);
      result.data[3 * i + c] = own + alpha[i] * (theirs[c] - own);
    }
  });
  return { crop: result, changed };
}
