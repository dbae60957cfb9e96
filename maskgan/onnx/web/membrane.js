// Values between those that are given: `membrane` of maskgan/blending.py.

import { cutOut, picture, resizeArea, resizeLinear } from "./pixels.js";

/** Laplace's equation, solved from coarse to fine. The planes hold what is given times a weight, and that weight, which is 0
 *  where values are sought. */
export function membrane({ width, height, channels, data }) {
  const planes = channels - 1;
  const held = (i) => data[channels * i + planes] > 1e-4;
  let start = null;
  if (Math.min(width, height) > 4) {
    const even = [width + (width % 2), height + (height % 2)]; // so that each coarse cell is a mean of 2 x 2
    const padded = picture(...even, channels, new Float32Array(channels * even[0] * even[1]));
    const row = channels * width;
    for (let y = 0; y < height; y++) padded.data.set(data.subarray(y * row, (y + 1) * row), channels * y * even[0]);
    const coarse = membrane(resizeArea(padded, even[0] / 2, even[1] / 2));
    start = cutOut(resizeLinear(coarse, ...even), 0, 0, width, height).data;
  }
  let result = new Float32Array(planes * width * height);
  const free = new Int32Array(width * height);
  let count = 0;
  for (let i = 0, k = 0; i < free.length; i++) {
    const own = held(i);
    if (!own) free[count++] = i;
    for (let c = 0; c < planes; c++, k++) result[k] = own ? data[channels * i + c] / data[channels * i + planes] : (start?.[k] ?? 0);
  }
  let next = result.slice();
  for (let round = 0; round < 24; round++) {
    for (let n = 0; n < count; n++) {
      const i = free[n];
      const x = i % width;
      const left = x ? planes : 0;
      const right = x < width - 1 ? planes : 0;
      const up = i >= width ? planes * width : 0;
      const down = i < width * (height - 1) ? planes * width : 0;
      for (let k = planes * i; k < planes * (i + 1); k++) {
        const edges = result[k - up] + result[k - left] + result[k + right] + result[k + down];
        const corners = result[k - up - left] + result[k - up + right] + result[k + down - left] + result[k + down + right];
        next[k] = 0.2 * edges + 0.05 * corners;
      }
    }
    [result, next] = [next, result];
  }
  return picture(width, height, planes, result);
}
