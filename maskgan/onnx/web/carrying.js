// Regions that the canvas carried elsewhere as a whole: where the photo's pixels went is known, not guessed; see
// maskgan/editing/carrying.py.

import { LABEL } from "./constants.js";
import { extent, grown, piecesOf, roundEven, where } from "./regions.js";

const AROUND = 2; // what moves with a region beyond its outline, in pixels of a picture of 256 px
const SURFACES = ["BACKGROUND", "SKIN", "HAIR", "HAT", "NECK", "CLOTH"].map((name) => LABEL[name]); // what that may be

/** Offsets (x, y) of each pixel of the mask after to the one that it shows, NaN where nothing is told. `regions`: as the
 *  canvas tells them, each with a pixel and classes of it, and the matrix that took it to where it is. */
export function carriedOffsets(before, after, size, regions) {
  const told = new Float32Array(2 * before.length).fill(NaN);
  const margin = (AROUND * size) / 256;
  const placed = [];
  for (const { at: [column, row], classes, matrix } of regions) {
    const { numbers } = piecesOf(where(before, ...classes), size, size);
    const number = numbers[row * size + column];
    const region = numbers.map((each) => (each === number ? 1 : 0));
    const window = reached(region, size, matrix, Math.floor(margin) + 2);
    if (!window) continue;
    const back = inverse(matrix);
    const own = new Uint8Array(before.length);
    const agrees = new Uint8Array(before.length); // with the mask after
    const shift = new Float32Array(2 * before.length);
    for (let y = window.top; y < window.bottom; y++) {
      for (let x = window.left; x < window.right; x++) {
        const i = y * size + x;
        const from = [0, 3].map((k) => back[k] * (x + 0.5) + back[k + 1] * (y + 0.5) + back[k + 2] - 0.5);
        const [u, v] = from.map(roundEven);
        if (u < 0 || v < 0 || u >= size || v >= size || before[v * size + u] !== after[i]) continue;
        agrees[i] = 1;
        own[i] = region[v * size + u];
        shift.set([from[0] - x, from[1] - y], 2 * i);
      }
    }
    grown(own, size, margin).forEach((near, i) => {
      if (near && agrees[i] && SURFACES.includes(after[i])) told.set(shift.subarray(2 * i, 2 * i + 2), 2 * i);
    });
    placed.push({ own, shift });
  }
  for (const { own, shift } of placed) own.forEach((yes, i) => yes && told.set(shift.subarray(2 * i, 2 * i + 2), 2 * i));
  return told;
}

/** The part of the picture in which a region and what is around it may be now, or null: it left the picture. */
function reached(region, size, [a, b, c, d, e, f], margin) {
  const { left, top, right, bottom } = extent(region, size);
  const corners = [left, right + 1].flatMap((x) => [top, bottom + 1].map((y) => [a * x + b * y + c, d * x + e * y + f]));
  const [xs, ys] = [0, 1].map((k) => corners.map((corner) => corner[k]));
  const [x0, y0] = [xs, ys].map((places) => Math.max(0, Math.floor(Math.min(...places)) - margin));
  const [x1, y1] = [xs, ys].map((places) => Math.min(size, Math.ceil(Math.max(...places)) + margin));
  return x0 < x1 && y0 < y1 ? { left: x0, top: y0, right: x1, bottom: y1 } : null;
}

function inverse([a, b, c, d, e, f]) {
  const area = a * e - b * d;
  return [e / area, -b / area, (b * f - e * c) / area, -d / area, a / area, (d * c - a * f) / area];
}
