// The most probable mask of what networks say of each class; see `most_probable` of maskgan/editing/engine.py.

import { LABEL } from "./constants.js";
import { picture, resizeLinear } from "./pixels.js";

const ALL = Object.values(LABEL).sort((a, b) => a - b);

/** The class of each pixel's largest value among planes resized from a side to another, and that value; `classes`: to choose
 *  from, in ascending order. `more(label, plane)`: changes a resized plane before it counts. */
export function mostProbable(planes, from, size, { classes = ALL, more = null } = {}) {
  const mask = new Uint8Array(size * size);
  const confidence = new Float32Array(size * size).fill(-Infinity);
  for (const label of classes) {
    const { data } = resizeLinear(picture(from, from, 1, planes.slice(label * from * from, (label + 1) * from * from)), size, size);
    more?.(label, data);
    for (let i = 0; i < data.length; i++) {
      if (data[i] > confidence[i]) {
        confidence[i] = data[i];
        mask[i] = label;
      }
    }
  }
  return { mask, confidence };
}
