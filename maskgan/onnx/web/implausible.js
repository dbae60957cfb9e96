// What a parser says of a face that cannot be: hats beside heads, crumbs of hair, specks of jewellery; see maskgan/editing/implausible.py.

import { LABEL } from "./constants.js";
import { BROWS, EYES, FACE_PARTS } from "./frame.js";
import { any, areaOf, dilated, extent, piecesOf, regionOf, square, where } from "./regions.js";
import { median } from "./samples.js";
import { lumaAt } from "./tones.js";

const { EAR_R, HAIR, HAT, L_LIP, NECK, NECK_L, SKIN, U_LIP } = LABEL;
const WORN = 0.1; // share of the head above the brows that is hat at least where one is worn
const PIECE = 0.1; // area of a piece of a hat, in that of its largest, below which it is none
const [CRUMB, DOUBTFUL] = [0.01, 0.55]; // area and mean probability of hair below the lips, below which it is none
// Share of the picture that a scarf fills at least, and a neck below one at most that can be some of it; how light that is beside the
// skin at most: in the shadow of a chin a neck is half as light.
const [SCARF, SLIVER, DARK] = [0.08, 0.02, 0.4];
const [SURE, LIKELY] = [0.8, 0.6]; // largest probability in a piece of jewellery from which on it is some: by itself, or beside such a one
const HEAD = [...FACE_PARTS, HAIR, HAT];

/** The class with the largest of planes one behind the other, at each pixel. */
function likeliest(planes, pixels) {
  const ids = new Uint8Array(pixels);
  for (let start = pixels, label = 1; start < planes.length; start += pixels, label++) {
    for (let i = 0; i < pixels; i++) if (planes[start + i] > planes[ids[i] * pixels + i]) ids[i] = label;
  }
  return ids;
}

/** Class probabilities (19 planes) of a picture of this side, of which no pixel says what cannot be. */
export function withoutImplausible(planes, size) {
  const likely = withoutCrumbsOfHair(withoutStrayHats(planes, size), size);
  return withoutSpecks(withoutSpecks(likely, size, EAR_R), size, NECK_L);
}

function withoutStrayHats(planes, size) {
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

function withoutCrumbsOfHair(planes, size) {
  const ids = likeliest(planes, size * size);
  const hair = planes.subarray(HAIR * size * size, (HAIR + 1) * size * size);
  const lips = where(ids, U_LIP, L_LIP);
  let [rows, count] = [0, 0];
  lips.forEach((inside, i) => inside && ((rows += Math.floor(i / size)), count++));
  const { numbers, pieces } = piecesOf(where(ids, HAIR), size, size);
  const sums = new Float64Array(pieces.length);
  numbers.forEach((number, i) => number && (sums[number] += hair[i]));
  const crumb = pieces.map((piece, number) =>
    piece && count && piece.top > rows / count && piece.area < CRUMB * size * size && sums[number] / piece.area < DOUBTFUL);
  if (!crumb.some(Boolean)) return planes;
  const result = planes.slice();
  numbers.forEach((number, i) => crumb[number] && (result[HAIR * size * size + i] = 0));
  return result;
}

/** Without pieces of jewellery of a class that the parser is nowhere sure of, or that lie above the eyes. */
function withoutSpecks(planes, size, label) {
  const ids = likeliest(planes, size * size);
  const sure = planes.subarray(label * size * size, (label + 1) * size * size);
  let [rows, count] = [0, 0];
  where(ids, ...EYES).forEach((inside, i) => inside && ((rows += Math.floor(i / size)), count++));
  const { numbers, pieces } = piecesOf(where(ids, label), size, size);
  const most = new Float32Array(pieces.length);
  numbers.forEach((number, i) => number && (most[number] = Math.max(most[number], sure[i])));
  pieces.forEach((piece, number) => piece && count && piece.bottom + 1 <= rows / count && (most[number] = 0));
  const least = most.some((value) => value >= Math.fround(SURE)) ? LIKELY : SURE;
  const speck = pieces.map((piece, number) => piece && most[number] < Math.fround(least));
  if (!speck.some(Boolean)) return planes;
  const result = planes.slice();
  numbers.forEach((number, i) => speck[number] && (result[label * size * size + i] = 0));
  return result;
}

/** The mask of a crop in which the folds of a dark scarf below the chin are no neck. */
export function withoutCoveredNeck({ data }, mask) {
  const neck = areaOf(where(mask, NECK));
  if (!neck || neck >= SLIVER * mask.length || areaOf(where(mask, HAT)) < SCARF * mask.length || !mask.includes(SKIN)) return mask;
  const [covered, skin] = [NECK, SKIN].map((label) => {
    const lights = [];
    mask.forEach((value, i) => value === label && lights.push(lumaAt(data, 3 * i)));
    return median(new Float32Array(lights));
  });
  return covered <= DARK * skin ? mask.map((label) => (label === NECK ? HAT : label)) : mask;
}
