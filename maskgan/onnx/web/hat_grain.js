// The fine texture of a hat that is put on, in photos with more pixels than its picture has; see maskgan/editing/hat_grain.py.

import { chance } from "./chance.js";
import { blurred, picture, resizeLinear } from "./pixels.js";
import { dilated, extent, inverted, regionOf, roundEven, square } from "./regions.js";
import { clip } from "./samples.js";
import { resample } from "./warp.js";

const [FINEST, LEAST] = [1024, 1.25]; // the largest side of a crop, and how many times as large as the hat's picture it is at least
const KNOWN = [1, 2]; // the octave whose strength is known: blurs, in pixels of the hat's picture
const FINE = 0.5; // where the finest begins, in pixels of the photo
const [AROUND, WITHIN, SOFT] = [8, 3, 1.4]; // in pixels of the hat's picture
const FACE = { x: 0.5, y: 0.6, across: 0.13, down: 0.2 }; // where the face lies in the crop, as shares
const STRONG = 2; // how many times as strong as usual detail noise is
const [DIM, LITTLE] = [8, 1e-5]; // added to light before its logarithm, and to the square of that
const LUMA = [0.299, 0.587, 0.114];

const plane = (size, data) => picture(size, size, 1, data);

/** The logarithm of a square picture's light. */
function lightOf({ width: size, data }) {
  const light = new Float32Array(size * size);
  for (let i = 0, at = 0; i < light.length; i++, at += 3) {
    light[i] = Math.log(LUMA[0] * data[at] + LUMA[1] * data[at + 1] + LUMA[2] * data[at + 2] + DIM);
  }
  return plane(size, light);
}

/** What of a plane is as fine as between two Gaussian blurs. */
function octave(source, narrow, wide) {
  const coarse = blurred(source, wide).data;
  return blurred(source, narrow).data.map((value, i) => value - coarse[i]);
}

/** How much detail usually varies where `inside` says: a geometric mean. */
function level(detail, inside) {
  let [sum, count] = [0, 0];
  detail.forEach((value, i) => {
    if (!inside[i]) return;
    sum += Math.log(value * value + LITTLE);
    count++;
  });
  return Math.exp(sum / count / 2);
}

/** How much detail usually varies around each pixel, which `where` tells. */
function usual(detail, where, size, reach) {
  const planes = new Float32Array(2 * detail.length);
  const means = [0, 0];
  detail.forEach((value, i) => {
    if (!where[i]) return;
    planes[2 * i] = Math.log(value * value + LITTLE);
    planes[2 * i + 1] = 1;
    means[0] += planes[2 * i] / detail.length;
    means[1] += 1 / detail.length;
  });
  const soft = blurred(picture(size, size, 2, planes), reach).data;
  return detail.map((_, i) => Math.exp((soft[2 * i] + 1e-3 * means[0]) / Math.max(soft[2 * i + 1] + 1e-3 * means[1], 1e-6) / 2));
}

const noises = new Map(); // by side

/** Noise of an octave that varies by 1. */
function noiseOf(size, narrow, wide) {
  if (!noises.has(size)) {
    const noise = octave(plane(size, new Float32Array(chance(size, size * size))), narrow, wide);
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const spread = Math.sqrt(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length);
    noises.clear();
    noises.set(size, noise.map((value) => value / spread));
  }
  return noises.get(size);
}

/** Fine texture as a change of a photo, made at the photo's own resolution. `amount`: how much the logarithm of light varies in the
 *  finest octave of the hat's picture, 0 beside it. */
export class HatGrain {
  constructor(amount, size) {
    Object.assign(this, { amount, size });
  }

  /** For a `hat` as a crop shows it. */
  static of(crop, hat) {
    const { width: size } = crop;
    const inner = inverted(dilated(inverted(hat), size, square(WITHIN)));
    const soft = blurred(plane(size, new Float32Array(hat)), SOFT).data;
    const varies = usual(octave(lightOf(crop), ...KNOWN), inner, size, AROUND);
    return new HatGrain(varies.map((value, i) => value * clip(2 * soft[i] - 1, 0, 1)), size);
  }

  /** The photo with it, in which the crop lies at `alignment`. */
  async onto(photo, alignment) {
    const { amount, size } = this;
    const side = Math.min(roundEven(alignment.side), FINEST);
    const { left, top, right, bottom } = extent(regionOf(amount, (share) => share > 0), size);
    const part = alignment.photoPart([left - 1, top - 1, right + 2, bottom + 2], size);
    if (!part || side < LEAST * size) return photo;
    const lighter = plane(side, this.lighter(alignment.crop(photo, side)));
    const seen = resample(lighter, alignment.fromPart(part, side), part.width, part.height, { border: "zero", cubic: false }).data;
    const result = { ...photo, data: photo.data.slice() };
    for (let y = 0, i = 0; y < part.height; y++) {
      let to = 3 * ((part.top + y) * photo.width + part.left);
      for (let x = 0; x < part.width; x++, i++) {
        for (let c = 0; c < 3; c++, to++) if (seen[i]) result.data[to] = photo.data[to] * Math.exp(seen[i]);
      }
    }
    return result;
  }

  /** How much lighter each pixel of a larger crop gets: natural logarithm. */
  lighter(crop) {
    const { width: side } = crop;
    const larger = side / this.size;
    const fine = [FINE, FINE * larger];
    const light = lightOf(crop);
    const amount = resizeLinear(plane(this.size, this.amount), side, side).data;
    const face = Uint8Array.from(amount, (share, i) => {
      const [x, y] = [((i % side) + 0.5) / side, (Math.floor(i / side) + 0.5) / side];
      return share === 0 && ((x - FACE.x) / FACE.across) ** 2 + ((y - FACE.y) / FACE.down) ** 2 < 1 ? 1 : 0;
    });
    const known = octave(light, ...KNOWN.map((sigma) => larger * sigma));
    const sharp = face.includes(1) ? Math.min(1, level(octave(light, ...fine), face) / level(known, face)) : 0;
    const noise = noiseOf(side, ...fine);
    return amount.map((share, i) => STRONG * sharp * share * noise[i]);
  }
}
