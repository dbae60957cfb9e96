// A region of a picture that goes on beyond its outline as its own mirror image: `mirrored_beyond` of maskgan/blending.py.

import { blurred, cutOut, picture } from "./pixels.js";
import { any, distances, extent, without } from "./regions.js";
import { remappedBeyond } from "./samples.js";

/** Where a region is, in ascending order. */
function placesOf(region) {
  const places = new Int32Array(region.length);
  let count = 0;
  for (let i = 0; i < region.length; i++) if (region[i]) places[count++] = i;
  return places.subarray(0, count);
}

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
  for (let i = 0; i < nearest.length; i++) {
    const dx = (nearest[i] % width) - (i % width);
    const dy = Math.floor(nearest[i] / width) - Math.floor(i / width);
    way[2 * i] = dx;
    way[2 * i + 1] = dy;
    length[i] = Math.sqrt(dx * dx + dy * dy);
    if (missing[i] && length[i] > farthest) farthest = length[i];
  }
  // Pixels that lie close together look in much the same direction, so that the mirror has no facets.
  const even = blurred(picture(width, height, 2, way), Math.max(1, 0.15 * farthest)).data;
  for (let i = 0; i < length.length; i++) {
    const [x, y] = [even[2 * i], even[2 * i + 1]];
    const factor = length[i] / Math.max(Math.sqrt(x * x + y * y), 1e-3);
    even[2 * i] = factor * x;
    even[2 * i + 1] = factor * y;
  }
  const solid = picture(width, height, 1, new Float32Array(region));
  for (const [shift, factor] of [[even, 2], [way, 2], [way, 1.5], [way, 1]]) {
    const places = placesOf(missing);
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
