// Values between samples: of planes at places between pixels, and of sorted values at a share.

import { cubicWeights, reflected } from "./pixels.js";
import { roundEven } from "./regions.js";

const STEPS = 32; // between two pixels, as OpenCV has them

export const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** A picture of floats at columns and rows (arrays), linearly; beyond the borders as at them. */
export function remapped({ width, height, channels, data }, columns, rows) {
  const result = new Float32Array(columns.length * channels);
  for (let i = 0, to = 0; i < columns.length; i++) {
    const x = Math.min(Math.max(columns[i], 0), width - 1);
    const y = Math.min(Math.max(rows[i], 0), height - 1);
    const left = Math.floor(x);
    const top = Math.floor(y);
    const right = channels * (Math.min(left + 1, width - 1) - left);
    const below = channels * width * (Math.min(top + 1, height - 1) - top);
    const u = x - left;
    const v = y - top;
    for (let c = 0, from = channels * (top * width + left); c < channels; c++, from++, to++) {
      const upper = data[from] + u * (data[from + right] - data[from]);
      const lower = data[from + below] + u * (data[from + below + right] - data[from + below]);
      result[to] = upper + v * (lower - upper);
    }
  }
  return result;
}

/** As `remapped`, in OpenCV's steps between pixels; beyond its borders the picture is mirrored (its last pixel once), or
 *  `otherwise`, if that is given. */
export function remappedBeyond({ width, height, channels, data }, columns, rows, otherwise = null) {
  const result = new Float32Array(columns.length * channels);
  const within = (i, n) => (i >= 0 && i < n ? i : otherwise === null ? reflected(i, n) : -1);
  for (let i = 0, to = 0; i < columns.length; i++, to += channels) {
    const x = roundEven(STEPS * columns[i]) / STEPS;
    const y = roundEven(STEPS * rows[i]) / STEPS;
    const left = Math.floor(x);
    const top = Math.floor(y);
    for (let k = 0; k < 4; k++) {
      const weight = (k & 1 ? x - left : 1 - x + left) * (k & 2 ? y - top : 1 - y + top);
      if (!weight) continue;
      const column = within(left + (k & 1), width);
      const row = within(top + (k >> 1), height);
      const from = column < 0 || row < 0 ? -1 : channels * (row * width + column);
      for (let c = 0; c < channels; c++) result[to + c] += weight * (from < 0 ? otherwise : data[from + c]);
    }
  }
  return result;
}

const CUBIC = Array.from({ length: STEPS }, (_, step) => cubicWeights(step / STEPS));

/** Puts the sum of the sixteen pixels around a place, whose second row and column are `top` and `left`, into an array at a place;
 *  `across`, `down`: their weights; `outside(i, n)`: the place inside of one beyond the borders. */
export function putCubic({ width, height, data }, left, top, across, down, outside, colours, at) {
  const inside = left > 0 && top > 0 && left + 2 < width && top + 2 < height;
  let [red, green, blue] = [0, 0, 0];
  for (let j = 0; j < 4; j++) {
    const start = (inside ? top + j - 1 : outside(top + j - 1, height)) * width;
    for (let k = 0; k < 4; k++) {
      const from = 3 * (start + (inside ? left + k - 1 : outside(left + k - 1, width)));
      const weight = down[j] * across[k];
      red += weight * data[from];
      green += weight * data[from + 1];
      blue += weight * data[from + 2];
    }
  }
  colours[at] = red;
  colours[at + 1] = green;
  colours[at + 2] = blue;
}

/** Writes the colour of a picture at a place between its pixels into an array, by cubic convolution in OpenCV's steps; beyond its
 *  borders it is mirrored (its last pixel once). */
export function writeCubic(picture, column, row, colours, at) {
  const [x, y] = [roundEven(STEPS * column), roundEven(STEPS * row)];
  const [left, top] = [Math.floor(x / STEPS), Math.floor(y / STEPS)];
  putCubic(picture, left, top, CUBIC[x - STEPS * left], CUBIC[y - STEPS * top], reflected, colours, at);
  for (let c = at; c < at + 3; c++) colours[c] = clip(Math.round(colours[c]), 0, 255);
}

/** That colour as an array. */
export function cubicAt(picture, column, row) {
  const colours = [0, 0, 0];
  writeCubic(picture, column, row, colours, 0);
  return colours;
}

/** Between the two nearest of sorted values. */
export function percentile(sorted, share) {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** The median, by partitions (Hoare's selection); `values` are put in another order. */
export function median(values) {
  const middle = values.length >> 1;
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i <= j) {
        const value = values[i];
        values[i++] = values[j];
        values[j--] = value;
      }
    }
    if (middle <= j) high = j;
    else if (middle >= i) low = i;
    else break;
  }
  if (values.length % 2) return values[middle];
  return (values[middle] + values.subarray(0, middle).reduce((a, b) => Math.max(a, b))) / 2;
}

/** `percentile` of a plane over a region. */
export const percentileOf = (plane, region, share) => percentile(plane.filter((_, i) => region[i]).sort(), share);

/** Linear between points of rising x, level beyond them. */
export function interpolated(x, xs, ys) {
  if (x <= xs[0]) return ys[0];
  for (let k = 1; k < xs.length; k++) {
    if (x <= xs[k]) return ys[k - 1] + ((x - xs[k - 1]) / (xs[k] - xs[k - 1])) * (ys[k] - ys[k - 1]);
  }
  return ys.at(-1);
}
