// A region of a picture that goes on beyond its outline as its own mirror image: `mirrored_beyond` of maskgan/blending.py.

import { blurred, cutOut, picture } from "./pixels.js";
import { any, distances, extent, without } from "./regions.js";
import { remappedBeyond } from "./samples.js";

/** A square picture in which a region `inside` goes on where it is `wanted`: wanted pixels outside of it show its mirror image
 *  in its outline, so that a texture goes on; where the mirror shows nothing of it, its nearest pixel does. What lies farther
 *  than `reach` pixels from all that is wanted is not looked at. */
export function mirroredBeyond(source, inside, wanted, reach) {
  const { width: size } = source;
  const result = { ...source, data: source.data.slice() };
  const box = extent(without(wanted, inside), size);
  if (!box) return result;
  const [left, top] = [Math.max(0, box.left - reach), Math.max(0, box.top - reach)];
  const [width, height] = [Math.min(size, box.right + 1 + reach) - left, Math.min(size, box.bottom + 1 + reach) - top];
  const cut = (region) => cutOut(picture(size, size, 1, region), left, top, width, height).data;
  const [part, region] = [cutOut(source, left, top, width, height), cut(inside)];
  const missing = without(cut(wanted), region);
  if (!any(region)) return result;
  const nearest = new Int32Array(region.length);
  distances(region, width, height, { nearest });
  const way = new Float32Array(2 * region.length);
  const length = new Float32Array(region.length);
  let farthest = 0;
  nearest.forEach((at, i) => {
    const [dx, dy] = [(at % width) - (i % width), Math.floor(at / width) - Math.floor(i / width)];
    way.set([dx, dy], 2 * i);
    length[i] = Math.hypot(dx, dy);
    if (missing[i]) farthest = Math.max(farthest, length[i]);
  });
  // Pixels that lie close together look in much the same direction, so that the mirror has no facets.
  const even = blurred(picture(width, height, 2, way), Math.max(1, 0.15 * farthest)).data;
  length.forEach((far, i) => {
    const factor = far / Math.max(Math.hypot(even[2 * i], even[2 * i + 1]), 1e-3);
    even[2 * i] *= factor;
    even[2 * i + 1] *= factor;
  });
  const solid = picture(width, height, 1, new Float32Array(region));
  for (const [shift, factor] of [[even, 2], [way, 2], [way, 1.5], [way, 1]]) {
    const places = Int32Array.from(missing.keys()).filter((i) => missing[i]);
    const columns = Float32Array.from(places, (i) => (i % width) + factor * shift[2 * i]);
    const rows = Float32Array.from(places, (i) => Math.floor(i / width) + factor * shift[2 * i + 1]);
    const shown = remappedBeyond(solid, columns, rows, 0);
    const pixels = remappedBeyond(part, columns, rows, 0);
    places.forEach((i, k) => {
      if (!(shown[k] > 0.99)) return;
      const to = 3 * ((top + Math.floor(i / width)) * size + left + (i % width));
      result.data.set(pixels.subarray(3 * k, 3 * k + 3), to);
      missing[i] = 0;
    });
  }
  return result;
}
