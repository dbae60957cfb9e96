// Where hair that was painted around a head shows a hairpiece; see maskgan/quick_edits/hair_around.py. Above the eyes a place is told
// by its angle and its distance from the middle of the face, below them by its height and its distance from the middle line; along
// every such line the lender's hair is laid to where the wearer's, with what was painted, begins and ends.

import { LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { any, areaOf, distances, either, inverted, regionOf, roundEven, where } from "./regions.js";
import { clip, interpolated } from "./samples.js";
import { line, onLine, places, ramp, smoothCurve } from "./scene.js";
import { tips } from "./tips.js";

const { BACKGROUND, SKIN, NECK, CLOTH, HAIR, L_EAR, R_EAR } = LABEL;
// Lines from the top of a head (an angle above the eyes) down its sides (a height, in parts of that of the chin), and over how many of
// them hair's inner and outer end are smoothed.
const [ALONG, SMOOTH] = [line(-Math.PI / 2, 2.6, 84), 1.5];
const [CHEEK, FOREHEAD] = [0.55, -0.1]; // hair beside skin lies farther from the middle, in half faces, and lower, in units
const JOINS = 0.2; // how far (frame units) the wearer's own hair beside what was painted turns into the hairpiece
const [PRESSED, STRETCHED] = [0.6, 3]; // least and most that a hairpiece is stretched outwards
const [EARS, WHOLE] = [0.1, 0.95]; // from which height on long hair is stretched down, and which part of the lender's reaches that far
// y in the frame below which hair has ends; how much smoother than what was painted they are, how far above it they are, and over
// which way they thin out.
const [ENDS, EVEN, ABOVE, THIN] = [0.3, 0.06, 0.05, [-0.16, 0.02]];
const SOFT = 0.015; // how soft (frame units) the sides of hair are
// How thick (frame units) hair that was painted has to be somewhere, how far from the wearer's own, and how large in square units, to
// be more than that with more volume.
const [THICK, FAR, LARGE] = [0.2, 0.35, 0.25];

/** What of some hair lies around the head of a scene without it, not over its forehead. */
export function paintedAround(scene, hair) {
  const { middle, half } = scene.across;
  const around = where(scene.mask, BACKGROUND, NECK, CLOTH, L_EAR, R_EAR);
  return places(scene, (x, y, i) => {
    if (!hair[i]) return false;
    return around[i] || (scene.mask[i] === SKIN && Math.abs(x - middle) > CHEEK * half && y > FOREHEAD);
  });
}

/** Whether what was painted around a head is more than its own hair, or its outline, grown. */
export function isMuch(scene, painted) {
  const { size, unit } = scene;
  if (areaOf(painted) < LARGE * unit ** 2) return false;
  const most = (plane) => plane.reduce((far, value) => Math.max(far, value), 0);
  if (2 * most(distances(inverted(painted), size, size)) < THICK * unit) return false;
  const own = scene.where(HAIR);
  if (!any(own)) return true;
  return most(distances(own, size, size).map((away, i) => (painted[i] ? away : 0))) >= FAR * unit;
}

/** Columns and rows in the lender's picture of a shape's hair that lies as was painted. */
export function placesAround(scene, shape, painted) {
  const lines = linesOf(scene);
  const hair = either(painted, scene.where(HAIR));
  const [left, right] = shape.cheeks;
  const [middle, half] = [(left + right) / 2, (right - left) / 2];
  const [x, y] = [new Float32Array(painted.length), new Float32Array(painted.length)];
  for (const hand of [-1, 1]) {
    const [own, fresh, theirs] = [hairAt(lines, hand, hair), hairAt(lines, hand, painted), hairOfShape(shape, hand)];
    if (!own || !fresh || !theirs) continue;
    const reach = (WHOLE * shape.length) / shape.chin;
    const longer = Math.max(fresh.last - EARS, reach - EARS) / (reach - EARS);
    for (let i = 0; i < x.length; i++) {
      if (lines.side[i] !== hand) continue;
      const at = lines.along[i];
      const place = at > EARS ? EARS + (at - EARS) / longer : at;
      const [inner, outer] = [own.inner, own.outer].map((ends) => onLine(at, ALONG, ends));
      const [theirInner, theirOuter] = [theirs.inner, theirs.outer].map((ends) => onLine(place, ALONG, ends));
      const scale = clip((outer - inner) / Math.max(theirOuter - theirInner, 0.05), PRESSED, STRETCHED);
      const far = theirOuter + (lines.out[i] - outer) / scale;
      x[i] = middle + hand * half * (place < 0 ? far * Math.cos(place) : far);
      y[i] = place < 0 ? far * Math.sin(place) * half : place * shape.chin;
    }
  }
  return shape.frame.toPixels(x, y);
}

/** How far each pixel may show hair that lies as was painted: also a little way over the wearer's own hair; below it ends in locks and
 *  strands. */
export function shareAround(scene, painted) {
  const { size, unit, x, y } = scene;
  const away = distances(painted, size, size);
  const hair = Float32Array.from(either(painted, scene.where(HAIR)));
  const soft = blurred(picture(size, size, 1, hair), Math.max(0.5, SOFT * unit)).data;
  const share = soft.map((value, i) => (1 - ramp(away[i] / unit, 0, JOINS)) * ramp(value, 0.2, 0.6));
  const [columns, rows] = [[], []];
  for (let column = 0; column < size; column++) {
    let row = size - 1;
    while (row >= 0 && !painted[row * size + column]) row--;
    if (row >= 0) [columns[columns.length], rows[rows.length]] = [column, row];
  }
  if (!columns.length) return share;
  const lowest = Float32Array.from({ length: size }, (_, column) => interpolated(column, columns, rows));
  const even = blurred(picture(size, 1, 1, lowest), EVEN * unit).data;
  return share.map((value, i) => {
    if (y[i] <= ENDS) return value;
    const below = (Math.floor(i / size) - even[i % size]) / unit - tips(x[i]) + ABOVE;
    return value * (1 - ramp(below, ...THIN));
  });
}

/** For each pixel its side (-1 left in the picture, 1 right), its line, and how far out it is on that. `x`, `y`: in the frame. */
function linesOf({ x, y, cheeks: [left, right], chin }) {
  const [middle, half] = [(left + right) / 2, (right - left) / 2];
  const side = Int8Array.from(x, (at) => (at < middle ? -1 : 1));
  const [along, out] = [new Float32Array(x.length), new Float32Array(x.length)];
  for (let i = 0; i < x.length; i++) {
    const [beside, up] = [Math.abs(x[i] - middle) / half, Math.max(-y[i], 0) / half];
    along[i] = y[i] < 0 ? -Math.atan2(up, Math.max(beside, 1e-6)) : y[i] / chin;
    out[i] = Math.hypot(beside, up);
  }
  return { side, along, out };
}

/** Where hair lies at a side: {inner, outer, last}, where it begins and ends, in half faces from the middle, and the last line that has
 *  any; null for hardly any. */
function hairAt({ side, along, out }, hand, hair) {
  const [inner, outer] = [new Array(ALONG.length).fill(Infinity), new Array(ALONG.length).fill(-Infinity)];
  hair.forEach((inside, i) => {
    if (!inside || side[i] !== hand) return;
    const number = roundEven((along[i] - ALONG[0]) / (ALONG[1] - ALONG[0]));
    if (number >= ALONG.length) return;
    inner[number] = Math.min(inner[number], out[i]);
    outer[number] = Math.max(outer[number], out[i]);
  });
  const seen = [...ALONG.keys()].filter((k) => Number.isFinite(inner[k]));
  if (seen.length < 3) return null;
  const known = seen.map((k) => ALONG[k]);
  const [begins, ends] = [inner, outer].map((values) => smoothCurve(ALONG.map((at) => interpolated(at, known, seen.map((k) => values[k]))), SMOOTH));
  return { inner: begins, outer: ends, last: ALONG[seen.at(-1)] };
}

const laid = new WeakMap(); // by shape: where its hair lies at each side

function hairOfShape(shape, hand) {
  if (!laid.has(shape)) {
    const { distance, frame, cheeks, chin } = shape;
    const [x, y] = frame.coordinates(distance.width);
    const [lines, hair] = [linesOf({ x, y, cheeks, chin }), regionOf(distance.data, (value) => value > 0)];
    laid.set(shape, { [-1]: hairAt(lines, -1, hair), 1: hairAt(lines, 1, hair) });
  }
  return laid.get(shape)[hand];
}
