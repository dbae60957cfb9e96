// Hair drawn in towards the head, with its own strands and edge; see maskgan/quick_edits/closer.py.

import { LABEL } from "./constants.js";
import { any, areaOf, both, either, piecesOf, regionOf } from "./regions.js";
import { clip } from "./samples.js";
import { ramp } from "./scene.js";

const { BACKGROUND, HAIR, HAT, L_EAR, R_EAR } = LABEL;
const [DIRECTIONS, SMOOTH] = [120, 2]; // around the head, and over how many of them outlines are smoothed
const MIDDLE = -0.3; // y of the middle of the head, from which directions are seen
const [CLOSEST, WAY] = [0.1, 0.5]; // how thick the closest hair is, and which part of the way to it strength 1 goes
const PRESSED = 0.4; // hair is pressed to no less than this part of its thickness at a time
const FOLLOWS = 3; // how far beside hair its surroundings tell what it bares, in parts of how far it was drawn in
// Shares of the way up between which directions are no longer to the side, and over how much of the height hair is drawn
// in less and less above where it is cut.
const [SIDES, FADES] = [[0.3, 0.75], 0.5];
const CORNER = 0.02; // how near, as a weight, directions are in which the picture cuts hair off
const SPECK = 0.03; // pieces of hair below this share of it are specks
const LEAST = 0.02; // what is less than this is no change

/** Draws hair in towards the head from all around; when it lies close already, nothing changes. */
export function drawIn(scene, strength) {
  drawnIn(scene, CLOSEST, Math.min(WAY * strength, 1), new Array(DIRECTIONS).fill(1), () => 1);
}

/** Draws hair in at the sides of the head, above y = `lowest`, to this thickness. */
export function drawInSides(scene, thick, strength, lowest) {
  const upwards = Array.from({ length: DIRECTIONS }, (_, k) => -Math.sin(2 * Math.PI * ((k + 0.5) / DIRECTIONS - 0.5)));
  const share = (y) => 1 - ramp(y, lowest - FADES, lowest);
  drawnIn(scene, thick, Math.min(strength, 1), upwards.map((up) => 1 - ramp(up, ...SIDES)), share);
}

/** Draws hair in, part of the `way` (0..1) to being `closest` thick, in proportion to a weight of each direction and to the
 *  `share` of a row. */
function drawnIn(scene, closest, way, directions, share) {
  const { middle, half } = scene.across;
  const [x, y] = [scene.x.map((at) => at - middle), scene.y.map((at) => at - MIDDLE)];
  const radius = x.map((at, i) => Math.hypot(at, y[i]));
  const bins = x.map((at, i) => (Math.atan2(y[i], at) / (2 * Math.PI) + 0.5) * DIRECTIONS);
  const farthest = (region) => {
    const found = new Array(DIRECTIONS).fill(0);
    region.forEach((inside, i) => {
      const bin = Math.floor(bins[i]) % DIRECTIONS;
      if (inside && radius[i] > found[bin]) found[bin] = radius[i];
    });
    return found;
  };
  const atLeast = (line, least) => line.map((value, k) => Math.max(value, least[k]));
  const inner = smooth(farthest(either(scene.face, scene.where(L_EAR, R_EAR, HAT))));
  const top = MIDDLE - headTop(scene); // of the bare head, down to the ears
  const head = scene.mask.map((_, i) => {
    const round = (Math.abs(x[i]) / (half + 0.05)) ** 2.3 + (Math.max(-y[i], 0) / top) ** 2.3 < 1;
    return round && y[i] < 0 ? 1 : 0;
  });
  const bare = atLeast(smooth(farthest(head)), inner);
  const outlines = outlinesOf(scene, farthest);
  const whole = outlines.seen.map((far, k) => far + directions[k] * (outlines.whole[k] - far));
  const [seen, outer] = [outlines.seen, whole].map((line) => atLeast(smooth(line), bare));
  const shift = smooth(outer.map((far, k) => (
    directions[k] * Math.min(way * Math.max(far - bare[k] - closest, 0), (1 - PRESSED) * (far - inner[k])))));
  if (Math.max(...shift) < LEAST) return;
  const near = smooth(outlines.cut.map((is, k) => directions[k] * is));
  const [xSource, ySource] = [scene.x.slice(), scene.y.slice()];
  const moved = new Uint8Array(x.length);
  const inside = new Uint8Array(x.length);
  const over = new Uint8Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const at = placeIn(bins[i]);
    const [by, from] = [at(shift), at(inner)];
    const after = at(outer) - by;
    const more = share(scene.y[i]) * (radius[i] < after
      ? (Math.max(radius[i] - from, 0) * (at(seen) - after)) / Math.max(after - from, 1e-3)
      : by * (1 - ramp(radius[i], after, after + FOLLOWS * by + 1e-3)));
    const grow = 1 + more / Math.max(radius[i], 1e-3);
    [xSource[i], ySource[i]] = [middle + x[i] * grow, MIDDLE + y[i] * grow];
    inside[i] = radius[i] < after ? 1 : 0;
    // What is not hair stays where it is outside of the hair's outline.
    moved[i] = Math.abs(more) * scene.unit > 0.25 && (inside[i] || scene.mask[i] === HAIR) ? 1 : 0;
    if (moved[i] && radius[i] > after) over[i] = at(near) > CORNER ? 2 : 1;
  }
  const beyond = beyondPicture(scene, xSource, ySource);
  const warped = scene.warped(xSource, ySource);
  moved.forEach((does, i) => does && (scene.mask[i] = warped[i]));
  // Nor does a corner stay where the picture cut hair off.
  scene.paint(over.map((kind, i) => (kind === 2 || (kind && beyond(i)) ? 1 : 0)), BACKGROUND, [HAIR]);
  scene.tell(new Uint8Array(x.length).fill(1), scene.x, scene.y);
  scene.tell(either(inside, scene.where(HAIR)), xSource, ySource);
  scene.forget(scene.where(BACKGROUND));
}

/** y of the top of the bare head. */
function headTop(scene) {
  if (!any(scene.face)) return -1.3;
  return clip(scene.face.reduce((least, inside, i) => (inside ? Math.min(least, scene.y[i]) : least), Infinity), -1.55, -1.2);
}

/** Hair without small pieces. */
function withoutSpecks(hair, size) {
  const { numbers, pieces } = piecesOf(hair, size, size);
  const least = SPECK * areaOf(hair);
  return regionOf(numbers, (number) => number && pieces[number].area >= least);
}

/** How far hair is seen in each direction; how far it reaches, which is round from side to side where the picture cuts it
 *  off; and where (1, else 0) that is. */
function outlinesOf(scene, farthest) {
  const { size } = scene;
  const hair = withoutSpecks(scene.where(HAIR), size);
  const seen = farthest(hair);
  const edge = hair.map((_, i) => (i < size || i >= size * (size - 1) || i % size === 0 || i % size === size - 1 ? 1 : 0));
  const cut = farthest(both(hair, edge)).map((far) => (far > 0 ? 1 : 0));
  if (!cut.includes(1) || !cut.includes(0)) return { seen, whole: seen, cut: cut.map(() => 0) };
  const whole = seen.map((far, k) => {
    if (!cut[k]) return far;
    let [before, after] = [1, 1];
    while (cut[(k - before + DIRECTIONS) % DIRECTIONS]) before++;
    while (cut[(k + after) % DIRECTIONS]) after++;
    const [low, high] = [seen[(k - before + DIRECTIONS) % DIRECTIONS], seen[(k + after) % DIRECTIONS]];
    return Math.max(far, low + (before / (before + after)) * (high - low));
  });
  return { seen, whole, cut };
}

/** Values of the directions under a small Gaussian. */
function smooth(values) {
  const reach = Math.floor(3 * SMOOTH) + 1;
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / SMOOTH) ** 2));
  const total = kernel.reduce((a, b) => a + b);
  const at = (k) => values[(k + DIRECTIONS) % DIRECTIONS];
  return values.map((_, i) => kernel.reduce((sum, weight, k) => sum + (weight / total) * at(i + k - reach), 0));
}

/** Reads values of the directions, linear between the directions' middles. */
function placeIn(bin) {
  const place = bin - 0.5 + DIRECTIONS;
  const low = Math.floor(place);
  return (line) => {
    const [a, b] = [line[low % DIRECTIONS], line[(low + 1) % DIRECTIONS]];
    return a + (place - low) * (b - a);
  };
}

/** Whether a pixel's frame point lies outside of the picture. */
function beyondPicture(scene, xSource, ySource) {
  const [columns, rows] = scene.frame.toPixels(xSource, ySource);
  const last = scene.size - 1;
  return (i) => columns[i] < 0 || rows[i] < 0 || columns[i] > last || rows[i] > last;
}
