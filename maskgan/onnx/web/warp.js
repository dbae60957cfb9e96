// A picture seen through an affine map, without aliasing; the same steps as in maskgan/editing/faces.py.
// A matrix is [a, b, c, d, e, f]: (x, y) goes to (a x + b y + c, d x + e y + f).

import { cubicWeights, cutOut, picture, resizeArea } from "./pixels.js";

export const apply = ([a, b, c, d, e, f], x, y) => [a * x + b * y + c, d * x + e * y + f];

/** Points first moved by (x, y), or results shifted: the matrix with (x, y) added to what it gives. */
export const thenShift = ([a, b, c, d, e, f], x, y) => [a, b, c + x, d, e, f + y];

export function inverse([a, b, c, d, e, f]) {
  const det = a * e - b * d;
  const [p, q, r, s] = [e / det, -b / det, -d / det, a / det];
  return [p, q, -(p * c + q * f), r, s, -(r * c + s * f)];
}

/** What lies beyond a border of `n` pixels: the nearest pixel, or the picture mirrored (its last pixel twice). */
const BORDERS = {
  replicate: (i, n) => (i < 0 ? 0 : i >= n ? n - 1 : i),
  reflect(i, n) {
    if (n === 1) return 0;
    while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return i;
  },
  zero: (i, n) => (i < 0 || i >= n ? -1 : i),
};

const linearWeights = (t) => [1 - t, t];

/** The picture of `width` x `height` pixels whose pixel (x, y) shows `source` at matrix * (x, y), pixel centres whole. */
function warped(source, matrix, width, height, border, cubic) {
  const { channels, data } = source;
  const outside = BORDERS[border];
  const weightsAt = cubic ? cubicWeights : linearWeights;
  const taps = cubic ? 4 : 2;
  const back = cubic ? 1 : 0;
  const result = new data.constructor(width * height * channels);
  const whole = !(data instanceof Float32Array);
  const sums = new Float64Array(channels);
  const columns = new Int32Array(taps);
  const [a, b, c, d, e, f] = matrix;
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [placeX, placeY] = [a * x + b * y + c, d * x + e * y + f];
      const [left, top] = [Math.floor(placeX), Math.floor(placeY)];
      const across = weightsAt(placeX - left);
      const down = weightsAt(placeY - top);
      for (let i = 0; i < taps; i++) columns[i] = outside(left - back + i, source.width);
      sums.fill(0);
      for (let j = 0; j < taps; j++) {
        const row = outside(top - back + j, source.height);
        if (row < 0) continue;
        for (let i = 0; i < taps; i++) {
          if (columns[i] < 0) continue;
          const weight = down[j] * across[i];
          const from = (row * source.width + columns[i]) * channels;
          for (let k = 0; k < channels; k++) sums[k] += weight * data[from + k];
        }
      }
      for (let k = 0; k < channels; k++) result[at++] = whole ? Math.floor(sums[k] + 0.5) : sums[k];
    }
  }
  return picture(width, height, channels, result);
}

/** As `warped`, with corners at whole numbers; when shrinking, the visible part is first reduced by an area mean. */
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
  map = thenShift(map, (map[0] + map[1]) / 2 - 0.5, (map[3] + map[4]) / 2 - 0.5);
  const seenThrough = warped(part, map, width * finer, height * finer, border, cubic);
  return finer === 1 ? seenThrough : resizeArea(seenThrough, width, height);
}
