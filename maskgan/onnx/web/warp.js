// A picture seen through an affine map, without aliasing; the same steps as in maskgan/editing/faces.py.
// A matrix is [a, b, c, d, e, f]: (x, y) goes to (a x + b y + c, d x + e y + f).

import { cubicWeights, cutOut, picture, resizeArea } from "./pixels.js";

export const apply = ([a, b, c, d, e, f], x, y) => [a * x + b * y + c, d * x + e * y + f];

/** Points first moved by (x, y), or results shifted: the matrix with (x, y) added to what it gives. */
export const thenShift = ([a, b, c, d, e, f], x, y) => [a, b, c + x, d, e, f + y];

/** First `inner`, then `outer`. */
export function compose([a, b, c, d, e, f], [p, q, r, s, t, u]) {
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

export function inverse([a, b, c, d, e, f]) {
  const det = a * e - b * d;
  const [p, q, r, s] = [e / det, -b / det, -d / det, a / det];
  return [p, q, -(p * c + q * f), r, s, -(r * c + s * f)];
}

export function reflected(i, n) {
  if (n === 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
  return i;
}

/** What lies beyond a border of `n` pixels: the nearest pixel, or the picture mirrored (its last pixel twice). */
const BORDERS = {
  replicate: (i, n) => (i < 0 ? 0 : i >= n ? n - 1 : i),
  reflect: reflected,
  zero: (i, n) => (i < 0 || i >= n ? -1 : i),
};

function linearWeights(t, weights) {
  weights[0] = 1 - t;
  weights[1] = t;
}

/** The picture of `width` x `height` pixels whose pixel (x, y) shows `source` at matrix * (x, y), corners at whole
 *  numbers; `where`: a plane of weights, pixels of weight 0 are left empty. */
export function seenThrough(source, matrix, width, height, border, cubic, where = null) {
  const { channels, data } = source;
  const outside = BORDERS[border];
  const taps = cubic ? 4 : 2;
  const back = cubic ? 1 : 0;
  const weightsAt = cubic ? cubicWeights : linearWeights;
  const result = new data.constructor(width * height * channels);
  const half = data instanceof Float32Array ? 0 : 0.5;
  const [columns, rows] = [new Int32Array(taps), new Int32Array(taps)];
  const [across, down] = [new Float64Array(taps), new Float64Array(taps)];
  const line = source.width * channels;
  // Places beyond the border that show nothing have weight 0.
  const look = (first, limit, step, weights, places) => {
    for (let k = 0; k < taps; k++) {
      const place = first + k;
      const inside = place >= 0 && place < limit ? place : outside(place, limit);
      if (inside < 0) weights[k] = 0;
      places[k] = step * Math.max(inside, 0);
    }
  };
  // From here on centres, not corners, are at whole numbers.
  const [a, b, c, d, e, f] = thenShift(matrix, (matrix[0] + matrix[1]) / 2 - 0.5, (matrix[3] + matrix[4]) / 2 - 0.5);
  let at = 0;
  for (let y = 0; y < height; y++) {
    let lastTop = NaN;
    for (let x = 0; x < width; x++) {
      if (where && where[y * width + x] === 0) {
        at += channels;
        continue;
      }
      const placeX = a * x + b * y + c;
      const placeY = d * x + e * y + f;
      const left = Math.floor(placeX);
      const top = Math.floor(placeY);
      if (placeX === left && placeY === top && left >= 0 && top >= 0 && left < source.width && top < source.height) {
        const from = top * line + left * channels;
        for (let k = 0; k < channels; k++) result[at++] = data[from + k];
        continue;
      }
      weightsAt(placeX - left, across);
      look(left - back, source.width, channels, across, columns);
      if (placeY !== lastTop) {
        weightsAt(placeY - top, down);
        look(top - back, source.height, line, down, rows);
        lastTop = placeY;
      }
      if (cubic && channels === 3 && !half) { // most of them
        let [red, green, blue] = [0, 0, 0];
        for (let j = 0; j < 4; j++) {
          const row = rows[j];
          for (let i = 0; i < 4; i++) {
            const from = row + columns[i];
            const weight = down[j] * across[i];
            red += weight * data[from];
            green += weight * data[from + 1];
            blue += weight * data[from + 2];
          }
        }
        result[at] = red;
        result[at + 1] = green;
        result[at + 2] = blue;
        at += 3;
        continue;
      }
      for (let k = 0; k < channels; k++) {
        let sum = 0;
        for (let j = 0; j < taps; j++) {
          const row = rows[j] + k;
          let along = 0;
          for (let i = 0; i < taps; i++) along += across[i] * data[row + columns[i]];
          sum += down[j] * along;
        }
        result[at++] = half ? Math.floor(sum + half) : sum;
      }
    }
  }
  return picture(width, height, channels, result);
}

/** As `seenThrough`; when shrinking, the visible part is first reduced by an area mean. */
export function resample(source, matrix, width, height, { border = "replicate", cubic = true } = {}) {
  const corners = [[0, 0], [width, 0], [0, height], [width, height]].map(([x, y]) => apply(matrix, x, y));
  const limits = [source.width, source.height];
  const low = [0, 1].map((k) => Math.min(Math.max(Math.floor(Math.min(...corners.map((p) => p[k]))) - 2, 0), limits[k] - 1));
  const high = [0, 1].map((k) =>
    Math.min(Math.max(Math.ceil(Math.max(...corners.map((p) => p[k]))) + 2, low[k] + 1), limits[k]));
  const seen = [high[0] - low[0], high[1] - low[1]];
  let part = seen[0] === limits[0] && seen[1] === limits[1] ? source : cutOut(source, ...low, ...seen);
  let map = thenShift(matrix, -low[0], -low[1]);
  const scale = Math.sqrt(Math.abs(map[0] * map[4] - map[1] * map[3]));
  const finer = scale > 1 ? 2 : 1; // shrinking: warp at twice the size, then a 2 x 2 mean
  if (scale > finer) {
    const shrunk = seen.map((n) => Math.max(1, Math.ceil((n * finer) / scale)));
    part = resizeArea(part, ...shrunk);
    const [sx, sy] = [shrunk[0] / seen[0], shrunk[1] / seen[1]];
    map = [map[0] * sx, map[1] * sx, map[2] * sx, map[3] * sy, map[4] * sy, map[5] * sy];
  }
  map = [map[0] / finer, map[1] / finer, map[2], map[3] / finer, map[4] / finer, map[5]];
  const warped = seenThrough(part, map, width * finer, height * finer, border, cubic);
  return finer === 1 ? warped : resizeArea(warped, width, height);
}
