// A region that goes on beyond its outline: the steps of maskgan/blending.py.

import { blurred, picture } from "./pixels.js";
import { distances } from "./regions.js";

/** The colours of a picture's pixels `inside`, each with those around it: a normalised convolution by a Gaussian. */
export function averagedWithin({ width, height, data }, inside, sigma) {
  const planes = new Float32Array(4 * inside.length);
  inside.forEach((here, i) => {
    if (!here) return;
    for (let c = 0; c < 3; c++) planes[4 * i + c] = data[3 * i + c];
    planes[4 * i + 3] = 1;
  });
  const soft = blurred(picture(width, height, 4, planes), sigma).data;
  const result = new Float32Array(3 * inside.length);
  for (let i = 0, k = 0; i < inside.length; i++) {
    const share = Math.max(soft[4 * i + 3], 1e-3);
    for (let c = 0; c < 3; c++) result[k++] = soft[4 * i + c] / share;
  }
  return picture(width, height, 3, result);
}

/** A picture of three channels that has outside of a region `inside`, which is not empty, its nearest values. */
export function nearestOf({ width, height, data }, inside) {
  const from = new Int32Array(inside.length);
  distances(inside, width, height, { nearest: from });
  const result = new Float32Array(data.length);
  for (let i = 0, k = 0; i < inside.length; i++) for (let c = 0; c < 3; c++) result[k++] = data[3 * from[i] + c];
  return picture(width, height, 3, result);
}

/** How far each pixel belongs to a part of a mask with a soft edge: 0 beyond `reach` pixels from it. */
export function softened(inside, size, reach) {
  const away = distances(inside, size, size);
  const soft = blurred(picture(size, size, 1, new Float32Array(inside)), Math.max(0.6, reach / 3)).data;
  return soft.map((share, i) => (away[i] < reach ? share : 0));
}
