// Hats that nobody wears: what a parser takes for one beside heads; see maskgan/editing/hats.py.

import { LABEL } from "./constants.js";
import { BROWS, EYES, FACE_PARTS } from "./frame.js";
import { any, dilated, extent, piecesOf, regionOf, square, where } from "./regions.js";

const { HAIR, HAT } = LABEL;
const WORN = 0.1; // share of the head above the brows that is hat at least where one is worn
const PIECE = 0.1; // area of a piece of a hat, in that of its largest, below which it is none
const HEAD = [...FACE_PARTS, HAIR, HAT];

/** The class with the largest of planes one behind the other, at each pixel. */
function likeliest(planes, pixels) {
  const ids = new Uint8Array(pixels);
  for (let start = pixels, label = 1; start < planes.length; start += pixels, label++) {
    for (let i = 0; i < pixels; i++) if (planes[start + i] > planes[ids[i] * pixels + i]) ids[i] = label;
  }
  return ids;
}

/** Class probabilities (19 planes) of a picture of this side, of which no pixel says hat where there is none. */
export function withoutStrayHats(planes, size) {
  const ids = likeliest(planes, size * size);
  const hats = where(ids, HAT);
  const brows = where(ids, ...EYES, ...BROWS);
  if (!any(hats) || !any(brows)) return planes;
  const { left, right, top } = extent(brows, size);
  const head = where(ids, ...HEAD);
  let [worn, seen] = [0, 0];
  for (let i = 0; i < top * size; i++) {
    if (i % size < left || i % size > right) continue;
    worn += hats[i];
    seen += head[i];
  }
  let stray = hats.map(() => 1);
  if (worn >= WORN * seen) {
    const { numbers, pieces } = piecesOf(hats, size, size);
    const largest = pieces.reduce((most, piece) => Math.max(most, piece?.area ?? 0), 0);
    const small = regionOf(numbers, (number) => number && pieces[number].area < PIECE * largest);
    if (!any(small)) return planes;
    stray = dilated(small, size, square(2)).map((inside, i) => (inside && (!hats[i] || small[i]) ? 1 : 0));
  }
  const result = planes.slice();
  stray.forEach((inside, i) => inside && (result[HAT * size * size + i] = 0));
  return result;
}
