// Which pixels an edited mask takes from the photo: `unknown_after` of maskgan/editing/warping.py, where nothing moves.

import { LABEL } from "./constants.js";
import { cutOut, picture } from "./pixels.js";
import { any, both, either, extent, grown, opened, where, without } from "./regions.js";

// Sizes in pixels of a picture of 256 px; scaled with the picture.
const [BORDER, LOST_BORDER, SLIVER, WISPS, LARGE] = [2, 4, 1, 16, 4];
const REACH = 24; // more than the farthest that a change has any effect

/** Where the photo cannot show what the edited mask asks for, so that it has to be painted.
 *
 *  Another class is wanted there; and the surroundings of an outline that is gone, whose shadows and strands would stay
 *  as a ghost. Slivers along outlines, where masks are never exact, count only where a class is new. */
export function unknownAfter(before, after, size) {
  const unknown = new Uint8Array(before.length);
  const scale = size / 256;
  const changed = extent(before.map((label, i) => (label !== after[i] ? 1 : 0)), size);
  if (!changed) return unknown;
  // All of it happens in a square around the change.
  const { left, top, right, bottom } = changed;
  const side = Math.min(size, Math.max(right - left, bottom - top) + 1 + 2 * REACH * scale);
  const [x, y] = [left, top].map((low) => Math.min(Math.max(low - REACH * scale, 0), size - side));
  const part = (mask) => cutOut(picture(size, size, 1, mask), x, y, side, side).data;
  const found = unknownIn(part(before), part(after), side, scale);
  for (let row = 0; row < side; row++) unknown.set(found.subarray(row * side, (row + 1) * side), (y + row) * size + x);
  return unknown;
}

function unknownIn(before, after, size, scale) {
  const wrong = before.map((label, i) => (label !== after[i] ? 1 : 0));
  let solid = both(grown(opened(wrong, size, SLIVER * scale), size, SLIVER * scale), wrong);
  for (const label of classesIn(after, wrong)) {
    const near = grown(where(before, label), size, 3 * scale);
    solid = either(solid, without(both(wrong, where(after, label)), near));
  }
  let unknown = grown(solid, size, BORDER * scale);
  for (const label of classesIn(before, solid)) {
    const lost = grown(both(where(before, label), solid), size, LOST_BORDER * scale);
    unknown = either(unknown, without(lost, grown(where(after, label), size, scale)));
  }
  return either(unknown, wisps(both(solid, where(before, LABEL.HAIR)), after, size, scale));
}

function classesIn(mask, region) {
  return new Set(mask.filter((_, i) => region[i]));
}

/** Where single hairs beside a large part of hair that was `lost` would stay in the air. */
function wisps(lost, after, size, scale) {
  const behind = where(after, LABEL.BACKGROUND, LABEL.CLOTH);
  const bare = both(lost, where(after, LABEL.BACKGROUND, LABEL.CLOTH, LABEL.NECK));
  const large = opened(bare, size, LARGE * scale);
  if (!any(large)) return large;
  const near = both(grown(large, size, WISPS * scale), behind);
  return without(near, grown(where(after, LABEL.HAIR), size, scale));
}
