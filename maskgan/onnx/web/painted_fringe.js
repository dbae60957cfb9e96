// Where hair that was painted over a forehead shows a hairpiece; see maskgan/quick_edits/painted_fringe.py. The hairpiece hangs so
// that it ends where the paint does.

import { LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, distances, either, inverted, rolled, roundEven, without } from "./regions.js";
import { line, onLine, places, ramp } from "./scene.js";

const { BACKGROUND, SKIN, HAIR } = LABEL;
// y in the frame above which a forehead lies, and the upper half of a head; how far both reach beside the middle of the face,
// in half faces.
const [FOREHEAD, HEAD, TEMPLES] = [-0.1, -0.6, 1.15];
const COLUMNS = 29; // in which what was painted is measured
const JOINS = 0.2; // how far (frame units) the wearer's own hair beside what was painted turns into the hairpiece
// How far (frame units) below the upper end of the lender's hair, or picture, its strands begin, and how long they are at least.
const [CROWN, SHORTEST] = [0.06, 0.3];
// How thick (frame units) hair that was painted has to be somewhere, and how large in square units, to be a fringe.
const [THICK, LARGE] = [0.32, 0.3];
// How far (frame units) above it hair, a hat or the ground is looked for, and below how much of it some has to be.
const [ABOVE, HANGS] = [0.12, 0.5];

/** What of some hair lies over the forehead of a scene without it, or above the head. */
export function paintedOver(scene, hair) {
  const { middle, half } = scene.across;
  const { mask } = scene;
  return places(scene, (x, y, i) => {
    if (!hair[i] || Math.abs(x - middle) >= TEMPLES * half) return false;
    return (mask[i] === SKIN && y < FOREHEAD) || (mask[i] === BACKGROUND && y < HEAD);
  });
}

/** Whether much of what was painted lies over a forehead, and hangs from above it. */
export function isFringe(scene, painted) {
  const { size, unit } = scene;
  const over = painted.map((inside, i) => (inside && scene.mask[i] === SKIN ? 1 : 0));
  if (areaOf(over) < LARGE * unit ** 2) return false;
  const depth = distances(inverted(over), size, size).reduce((most, value) => Math.max(most, value), 0);
  if (2 * depth < THICK * unit) return false;
  const upper = without(over, rolled(over, size, 1));
  const skin = rolled(without(scene.where(SKIN), over), size, Math.max(1, roundEven(ABOVE * unit)));
  const bare = upper.reduce((count, inside, i) => count + (inside && skin[i]), 0);
  return bare <= (1 - HANGS) * areaOf(upper);
}

/** y to look up so that a shape's hair ends where what was painted does, stretched where it is too short. */
export function drawnTo(scene, shape, painted) {
  const { q, middle, half } = scene.across;
  const [left, right] = shape.cheeks;
  const grid = line(-TEMPLES, TEMPLES, COLUMNS);
  const { top, bottom } = scene.envelope(painted, grid.map((at) => middle + half * at));
  const [at, highest, lowest] = shape.edges;
  const height = (2 * half) / (right - left);
  const upper = grid.map((x) => Math.max(onLine(x, at, highest), shape.top) * height);
  const edge = grid.map((x) => Math.min(onLine(x, at, lowest), 0) * height);
  const stretch = grid.map((_, k) => Math.max(1, (bottom[k] - top[k] + JOINS) / Math.max(edge[k] - upper[k] - CROWN, SHORTEST)));
  return scene.y.map((y, i) => {
    const [end, begins] = [bottom, edge].map((values) => onLine(q[i], grid, values));
    return begins + (y - end) / (y < end ? onLine(q[i], grid, stretch) : 1);
  });
}

/** How far each pixel may show hair that hangs where it was painted: also a little way over the wearer's own hair, which it
 *  grows out of. */
export function shareOfPainted(scene, painted) {
  const { size, unit } = scene;
  const head = Float32Array.from(either(either(scene.face, scene.where(HAIR)), painted));
  const soft = blurred(picture(size, size, 1, head), Math.max(0.5, 0.03 * unit)).data;
  const away = distances(painted, size, size);
  return soft.map((share, i) => (1 - ramp(away[i] / unit, 0, JOINS)) * ramp(share, 0.3, 0.6));
}
