// A changed crop laid over its photo, which keeps its own finer detail: `paste_back` of maskgan/editing/faces.py.

import { picture } from "./pixels.js";
import { dilated, extent, regionOf, square } from "./regions.js";
import { resample } from "./warp.js";

/** A crop that was changed without moving anything, and where (weights in 0..1); `drawn`: how far each pixel shows nothing of the photo's
 *  own detail, for something was drawn over it. */
export class Overlay {
  constructor(crop, region, drawn) {
    Object.assign(this, { crop, region, drawn });
  }

  /** What leads from one crop to another; null where they are the same. A little more than what changed, so that its
   *  soft edge is resampled whole. */
  static between(before, after, drawn) {
    const { width: size } = before;
    const same = (i) => [0, 1, 2].every((c) => before.data[3 * i + c] === after.data[3 * i + c]);
    const touched = new Uint8Array(size * size).map((_, i) => (same(i) ? 0 : 1));
    return touched.includes(1) ? new Overlay(after, dilated(touched, size, square(2)), drawn) : null;
  }

  /** The photo with it laid over, in which the crop lies at `alignment`. */
  onto(photo, alignment) {
    const { crop, region, drawn } = this;
    const { width: size } = crop;
    const { left, top, right, bottom } = extent(regionOf(region, (weight) => weight > 0), size);
    const part = alignment.photoPart([left - 1, top - 1, right + 2, bottom + 2], size);
    if (!part) return photo;
    const original = alignment.crop(photo, size);
    const toCrop = alignment.fromPart(part, size);
    const change = picture(size, size, 3, new Float32Array(crop.data.length).map((_, k) => crop.data[k] - original.data[k]));
    const changes = resample(change, toCrop, part.width, part.height).data;
    const weights = resample(picture(size, size, 1, new Float32Array(region)), toCrop, part.width, part.height, { border: "zero", cubic: false }).data;
    const covered = drawn.some((share) => share > 0);
    const up = (plane) => covered && resample(plane, toCrop, part.width, part.height).data;
    const [lost, coarse] = [up(picture(size, size, 1, drawn)), up(picture(size, size, 3, new Float32Array(original.data)))];
    const result = { ...photo, data: photo.data.slice() };
    for (let y = 0, i = 0; y < part.height; y++) {
      let to = 3 * ((part.top + y) * photo.width + part.left);
      for (let x = 0; x < part.width; x++, i++) {
        for (let c = 0; c < 3; c++, to++) {
          const detail = covered ? lost[i] * (photo.data[to] - coarse[3 * i + c]) : 0;
          result.data[to] += weights[i] * (changes[3 * i + c] - detail);
        }
      }
    }
    return result;
  }
}
