// Pictures and planes as {width, height, channels, data}, rows of interleaved channels, and how they are resized.
// `data` is a Uint8ClampedArray (0..255) or a Float32Array. Results agree with OpenCV's functions of the same names.

import { filteredPlanes } from "./taps.js";

export function picture(width, height, channels, data) {
  return { width, height, channels, data };
}

/** An empty picture of the kind of `like`, a typed array. */
function empty(width, height, channels, like) {
  return picture(width, height, channels, new like.constructor(width * height * channels));
}

const bounded = (value, limit) => Math.min(Math.max(value, 0), limit - 1);

/** Square or other part of a picture, whole pixels. */
export function cutOut({ width, channels, data }, left, top, w, h) {
  const part = empty(w, h, channels, data);
  for (let y = 0; y < h; y++) {
    const start = ((top + y) * width + left) * channels;
    part.data.set(data.subarray(start, start + w * channels), y * w * channels);
  }
  return part;
}

/** A quarter turn counterclockwise. */
export function turnedOnce({ width, height, channels, data }) {
  const turned = empty(height, width, channels, data);
  let at = 0;
  for (let y = 0; y < width; y++) {
    for (let x = 0; x < height; x++) {
      const from = (x * width + width - 1 - y) * channels;
      for (let c = 0; c < channels; c++) turned.data[at++] = data[from + c];
    }
  }
  return turned;
}

// ---------------------------------------------------------------- resizing: weights along a row, then along a column

/** Where each of `size` pixels of a line takes its value from: `count` places each among the `source` pixels, and their
 *  weights. `weigh(i, weights)`: gives the first place of pixel i and puts its weights into an array. */
function tapsOf(size, source, count, weigh) {
  const places = new Int32Array(size * count);
  const weights = new Float64Array(size * count);
  const own = [];
  for (let i = 0; i < size; i++) {
    own.length = 0;
    const first = weigh(i, own);
    for (let k = 0; k < count; k++) {
      places[i * count + k] = bounded(first + k, source);
      weights[i * count + k] = own[k] ?? 0;
    }
  }
  return { count, places, weights };
}

/** Taps of an area mean. */
function areaTaps(size, source) {
  const scale = source / size;
  return tapsOf(size, source, Number.isInteger(scale) ? scale : Math.ceil(scale) + 1, (i, weights) => {
    const [from, to] = [i * scale, Math.min((i + 1) * scale, source)];
    const first = Math.floor(from + 1e-9);
    for (let s = first; s < to - 1e-6; s++) weights.push((Math.min(s + 1, to) - Math.max(s, from)) / (to - from));
    return first;
  });
}

function linearTaps(size, source) {
  return tapsOf(size, source, 2, (i, weights) => {
    const at = ((i + 0.5) * source) / size - 0.5;
    const first = Math.floor(at);
    weights.push(1 - (at - first), at - first);
    return first;
  });
}

/** Weights of the four pixels around a place, `t` beyond the second, put into an array: cubic convolution, a = -0.75. */
export function cubicWeights(t, weights = []) {
  const a = -0.75;
  const u = t + 1;
  const v = 1 - t;
  weights[0] = ((a * u - 5 * a) * u + 8 * a) * u - 4 * a;
  weights[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
  weights[2] = ((a + 2) * v - (a + 3)) * v * v + 1;
  weights[3] = 1 - weights[0] - weights[1] - weights[2];
  return weights;
}

function cubicTaps(size, source) {
  return tapsOf(size, source, 4, (i, weights) => {
    const at = ((i + 0.5) * source) / size - 0.5;
    const first = Math.floor(at);
    cubicWeights(at - first, weights);
    return first - 1;
  });
}

function resized(source, width, height, taps) {
  const { channels, data } = source;
  const columns = taps(width, source.width);
  const rows = taps(height, source.height);
  const row = width * channels;
  const narrow = new Float32Array(source.height * row);
  const { count, places, weights } = columns;
  for (let k = 0; k < places.length; k++) places[k] *= channels;
  for (let y = 0, to = 0; y < source.height; y++) {
    const start = y * source.width * channels;
    for (let x = 0, first = 0; x < width; x++, first += count, to += channels) {
      for (let k = first; k < first + count; k++) {
        const weight = weights[k];
        const from = start + places[k];
        for (let c = 0; c < channels; c++) narrow[to + c] += weight * data[from + c];
      }
    }
  }
  const result = empty(width, height, channels, data);
  const half = data instanceof Float32Array ? 0 : 0.5;
  const sums = new Float32Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = y * rows.count; k < (y + 1) * rows.count; k++) {
      const weight = rows.weights[k];
      if (!weight) continue;
      const from = rows.places[k] * row;
      for (let i = 0; i < row; i++) sums[i] += weight * narrow[from + i];
    }
    if (half) for (let i = 0; i < row; i++) sums[i] = Math.floor(sums[i] + half);
    result.data.set(sums, y * row);
  }
  return result;
}

const sameSize = (source, width, height) => source.width === width && source.height === height;

/** Means of what falls together; linear where the picture grows. */
export function resizeArea(source, width, height) {
  if (sameSize(source, width, height)) return source;
  if (source.width === 2 * width && source.height === 2 * height) return halved(source);
  const times = source.width / width;
  if (Number.isInteger(times) && source.height === times * height) return shrunk(source, times);
  return resized(source, width, height, (size, from) => (size > from ? linearTaps : areaTaps)(size, from));
}

/** Means of squares of so many pixels: row by row, whatever the channels. */
function shrunk({ width, height, channels, data }, times) {
  const result = empty(width / times, height / times, channels, data);
  const row = result.width * channels;
  const half = data instanceof Float32Array ? 0 : 0.5;
  const sums = new Float64Array(row);
  for (let y = 0, from = 0; y < result.height; y++) {
    sums.fill(0);
    for (let line = 0; line < times; line++) {
      for (let at = 0; at < row; at += channels) {
        for (let k = 0; k < times; k++) for (let c = at; c < at + channels; c++, from++) sums[c] += data[from];
      }
    }
    for (let i = 0; i < row; i++) {
      const mean = sums[i] / (times * times);
      result.data[y * row + i] = half ? Math.floor(mean + half) : mean;
    }
  }
  return result;
}

/** The most frequent case of `resizeArea`. */
function halved(source) {
  const { channels, data } = source;
  const result = empty(source.width / 2, source.height / 2, channels, data);
  const row = source.width * channels;
  const half = data instanceof Float32Array ? 0 : 0.5;
  let at = 0;
  for (let y = 0; y < result.height; y++) {
    for (let x = 0; x < result.width; x++) {
      let from = 2 * y * row + 2 * x * channels;
      for (let c = 0; c < channels; c++, from++) {
        const mean = (data[from] + data[from + channels] + data[from + row] + data[from + row + channels]) / 4;
        result.data[at++] = half ? Math.floor(mean + half) : mean;
      }
    }
  }
  return result;
}

export function resizeLinear(source, width, height) {
  return sameSize(source, width, height) ? source : resized(source, width, height, linearTaps);
}

export function resizeCubic(source, width, height) {
  return sameSize(source, width, height) ? source : resized(source, width, height, cubicTaps);
}

// ---------------------------------------------------------------- filters: borders are reflected about the last pixel

export function reflected(i, n) {
  if (n === 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * n - 2 - i;
  return i;
}

/** A Gaussian blur of planes. */
export function blurred(source, sigma) {
  const radius = Math.round(sigma * 8 + 1) >> 1;
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)));
  const total = weights.reduce((a, b) => a + b);
  return filtered(source, weights.map((weight) => weight / total));
}

/** Means, or sums, of squares of 2 r + 1 pixels. */
export function boxed(source, radius, mean) {
  const side = 2 * radius + 1;
  return filtered(source, new Array(side).fill(mean ? 1 / side : 1));
}

/** The slope of a plane along rows (axis 0) or down columns (1), by Scharr's kernels. */
export function scharr({ width, height, data }, axis) {
  const slope = new Float32Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    const [above, own, below] = [y - 1, y, y + 1].map((row) => reflected(row, height) * width);
    for (let x = 0; x < width; x++, i++) {
      const left = x ? x - 1 : reflected(-1, width);
      const right = x < width - 1 ? x + 1 : reflected(width, width);
      slope[i] = axis
        ? 3 * (data[below + left] - data[above + left]) + 10 * (data[below + x] - data[above + x]) + 3 * (data[below + right] - data[above + right])
        : 3 * (data[above + right] - data[above + left]) + 10 * (data[own + right] - data[own + left]) + 3 * (data[below + right] - data[below + left]);
    }
  }
  return slope;
}

/** A symmetric kernel of odd length, along rows and then along columns. */
function filtered(source, weights) {
  return picture(source.width, source.height, source.channels, filteredPlanes(source, weights, reflected));
}
