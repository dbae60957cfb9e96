// A photo whose own pixels moved, by Lanczos' interpolation over 8 x 8 pixels; see maskgan/editing/compositing.py.

import { moving } from "./flow.js";
import { cutOut, picture, resizeLinear } from "./pixels.js";
import { extent } from "./regions.js";
import { reflected, resample } from "./warp.js";

const STEPS = 32; // between two pixels, as OpenCV has them
const LOBES = 4;

/** Weights of the eight pixels around a place, for each of the steps between two pixels. */
const WEIGHTS = Array.from({ length: STEPS }, (_, step) => {
  const weights = Array.from({ length: 2 * LOBES }, (_, i) => {
    const x = Math.PI * (step / STEPS + LOBES - 1 - i);
    return Math.abs(x) < 1e-6 ? 1 : (LOBES * Math.sin(x) * Math.sin(x / LOBES)) / (x * x);
  });
  const total = weights.reduce((a, b) => a + b);
  return Float64Array.from(weights, (weight) => weight / total);
});

/** A new picture: `shift`, a picture of offsets, says for its part at (left, top) where each pixel comes from; pixels
 *  that do not move stay as they are. */
export function movedBy(photo, shift, left = 0, top = 0) {
  const { width, height, data } = photo;
  const result = picture(width, height, 3, data.slice());
  const taps = 2 * LOBES;
  const [columns, rows] = [new Int32Array(taps), new Int32Array(taps)];
  for (let i = 0; i < shift.data.length / 2; i++) {
    if (!shift.data[2 * i] && !shift.data[2 * i + 1]) continue;
    const x = left + (i % shift.width);
    const y = top + Math.floor(i / shift.width);
    const placeX = Math.round(STEPS * (x + shift.data[2 * i]));
    const placeY = Math.round(STEPS * (y + shift.data[2 * i + 1]));
    const firstX = Math.floor(placeX / STEPS) - LOBES + 1;
    const firstY = Math.floor(placeY / STEPS) - LOBES + 1;
    const across = WEIGHTS[placeX - STEPS * (firstX + LOBES - 1)];
    const down = WEIGHTS[placeY - STEPS * (firstY + LOBES - 1)];
    for (let k = 0; k < taps; k++) {
      columns[k] = 3 * reflected(firstX + k, width);
      rows[k] = 3 * width * reflected(firstY + k, height);
    }
    let [red, green, blue] = [0, 0, 0];
    for (let j = 0; j < taps; j++) {
      const row = rows[j];
      for (let k = 0; k < taps; k++) {
        const from = row + columns[k];
        const weight = down[j] * across[k];
        red += weight * data[from];
        green += weight * data[from + 1];
        blue += weight * data[from + 2];
      }
    }
    const to = (y * width + x) * 3;
    result.data[to] = red;
    result.data[to + 1] = green;
    result.data[to + 2] = blue;
  }
  return result;
}

/** A photo moved by a flow over the crop that lies in it at `alignment`. */
export function movedPhoto(photo, alignment, flow) {
  const region = moving(flow);
  if (!region.includes(1)) return photo;
  const { width: size } = flow;
  const [a, b, c, d, e, f] = alignment.matrix;
  const isCrop = photo.width === size && photo.height === size && b === 0 && d === 0 && c === 0 && f === 0 && a === size && e === size;
  if (isCrop) return movedBy(photo, flow);
  const { left, top, right, bottom } = extent(region, size);
  const part = alignment.photoPart([left - 1, top - 1, right + 2, bottom + 2], size);
  if (!part) return photo;
  const local = resample(flow, alignment.fromPart(part, size), part.width, part.height, { border: "zero", cubic: false });
  const { data } = local;
  for (let i = 0; i < data.length; i += 2) {
    const [x, y] = [(data[i] * a + data[i + 1] * b) / size, (data[i] * d + data[i + 1] * e) / size];
    // Where nothing moved by a hundredth of a pixel the photo stays as it is.
    const still = Math.abs(x) < 0.01 && Math.abs(y) < 0.01;
    data.set(still ? [0, 0] : [x, y], i);
  }
  return movedBy(photo, local, part.left, part.top);
}

/** A window of the crop, cut out of a photo finer than the crop and moved by the flow. */
export function movedWindow(photo, alignment, flow, window) {
  const local = window.part(flow);
  const scale = window.pixels / local.width; // painted pixels per pixel of the crop
  const margin = Math.ceil(scale * local.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)) + 4;
  const beyond = (margin / window.pixels) * window.side;
  const wide = alignment.window(window.left - beyond, window.top - beyond, window.side + 2 * beyond);
  const seen = wide.crop(photo, window.pixels + 2 * margin);
  const grown = resizeLinear(local, window.pixels, window.pixels);
  const shift = { ...grown, data: grown.data.map((value) => scale * value) };
  return cutOut(movedBy(seen, shift, margin, margin), margin, margin, window.pixels, window.pixels);
}
