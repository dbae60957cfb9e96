// The arms of glasses that are taken off, where a parser gives them to the skin, hair and ear below: the steps of
// maskgan/editing/frames_left.py.

import { LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { any, extent, grown, where, without } from "./regions.js";
import { lumaAt } from "./tones.js";

// As shares of the side: the thickest line, the blur of the photo's grain, how far within the glasses a path begins, half the
// width of an arm at most, and how far beyond it paint reaches.
const [THICK, GRAIN, WITHIN, HALF, PAINTED] = [0.03, 0.002, 0.03, 0.014, 0.008];
const REACH = 0.75; // how far an arm reaches at most, in halves of the width of the glasses
// Contrast (0..255) from which on a line goes on, how much more counts at most, and what a step up or down costs.
const [CONTRAST, MOST, STEP] = [12, 30, 3];
const LEAST = 4; // what an arm's contrast adds up to at least, in columns of CONTRAST above CONTRAST
const EDGE = 0.35; // which part of the contrast in the middle of an arm there is all over it
const NEVER = -1e6;

const { EYE_G, L_EAR, R_EAR } = LABEL;

/** Where arms of glasses that are taken off would stay beside the face. `photo`: a picture; `before`, `after`: its mask, and
 *  the edited one. */
export function framesLeft(photo, before, after) {
  const { width: size } = photo;
  const [worn, left] = [where(before, EYE_G), new Uint8Array(before.length)];
  if (!any(worn) || after.includes(EYE_G)) return left;
  const contrast = contrastOf(photo);
  for (const [ear, way] of [[R_EAR, -1], [L_EAR, 1]]) followArm(contrast, worn, where(before, ear), size, way, left);
  return without(grown(left, size, PAINTED * size), worn);
}

/** How much darker or lighter than what is above and below it a thin level line is, 0..255. */
function contrastOf(photo) {
  const { width: size, data } = photo;
  const light = blurred(picture(size, size, 1, Float32Array.from({ length: size * size }, (_, i) => lumaAt(data, 3 * i))), GRAIN * size).data;
  const reach = (Math.round(THICK * size) | 1) >> 1;
  const upright = (plane, pick) => plane.map((_, i) => {
    let found = plane[i];
    for (let y = Math.floor(i / size), k = -Math.min(reach, y); k <= reach && y + k < size; k++) found = pick(found, plane[i + k * size]);
    return found;
  });
  const closed = upright(upright(light, Math.max), Math.min);
  const opened = upright(upright(light, Math.min), Math.max);
  return light.map((value, i) => Math.max(closed[i] - value, value - opened[i]));
}

/** Puts into `left` where an arm goes on from one end of glasses that are `worn` to that side's `ear`; `way`: 1 to the
 *  picture's right, -1 to its left. */
function followArm(contrast, worn, ear, size, way, left) {
  const at = (row, column) => row * size + (way > 0 ? column : size - 1 - column); // columns run along the arm
  const box = extent(worn, size);
  const [inner, outer] = way > 0 ? [box.left, box.right] : [size - 1 - box.right, size - 1 - box.left];
  const within = Math.round(WITHIN * size);
  const first = Math.max(outer - within, 0);
  const beside = [];
  for (let column = first; column < size; column++) {
    for (let row = 0; row < size; row++) {
      if (!ear[at(row, column)]) continue;
      beside.push(column - first);
      break;
    }
  }
  let end = outer + Math.round((REACH * (outer - inner)) / 2);
  if (beside.length) {
    const middle = (beside[(beside.length - 1) >> 1] + beside[beside.length >> 1]) / 2;
    end = Math.min(end, Math.max(outer + within, first + Math.floor(middle)));
  }
  const count = Math.min(end, size - 1) - first + 1;
  const gain = (row, column) => Math.min(contrast[at(row, first + column)] - CONTRAST, MOST);
  let score = new Float32Array(size).fill(NEVER);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= within && column < count; column++) if (worn[at(row, first + column)]) score[row] = 0;
  }
  const [scores, steps] = [[score], []];
  for (let column = 1; column < count; column++) {
    const [next, step] = [new Float32Array(size), new Int8Array(size)];
    for (let row = 0; row < size; row++) {
      let best = score[row];
      const above = (row ? score[row - 1] : NEVER) - STEP;
      const below = (row < size - 1 ? score[row + 1] : NEVER) - STEP;
      if (above > best) [best, step[row]] = [above, -1];
      if (below > best) [best, step[row]] = [below, 1];
      next[row] = best + gain(row, column);
    }
    scores.push((score = next));
    steps.push(step);
  }
  let [row, column, most] = [0, 0, -Infinity];
  for (let k = Math.min(within, count - 1); k < count; k++) {
    scores[k].forEach((value, y) => value > most && ([row, column, most] = [y, k, value]));
  }
  const path = [[row, column]];
  for (; column > 0; column--) path.push([(row += steps[column - 1][row]), column - 1]);
  const beyond = path.filter(([y, x]) => !worn[at(y, first + x)]);
  if (beyond.reduce((sum, [y, x]) => sum + gain(y, x), 0) < LEAST * CONTRAST) return;
  const half = Math.round(HALF * size);
  for (const [y, x] of beyond) {
    const least = EDGE * contrast[at(y, first + x)];
    for (const down of [-1, 1]) {
      for (let k = 0; k <= half; k++) {
        const place = y + k * down;
        if (place < 0 || place >= size || contrast[at(place, first + x)] < least) break;
        left[at(place, first + x)] = 1;
      }
    }
  }
}
