// Hairpieces: the hair of the wardrobe's people with every strand of its edge, and where another face wears it; see
// maskgan/quick_edits/hairpieces.py. One is worn as {name, part, size, way}: "whole", of which size says by 1 and how much it
// begins lower over the forehead, only as a "fringe", of which it says how far it hangs down, only as a "length" below the
// wearer's own hair, down to size in the frame of the wearer's face, or only where it was painted, over the "forehead" or "around"
// the head; its way is "plain" or "mirrored", without one what the face asks for.

import { HAIRPIECES, LABEL, TIPS } from "./constants.js";
import { decode } from "./files.js";
import { EYES, FACE_PARTS, LIPS_AND_MOUTH } from "./frame.js";
import { placesAround, shareAround } from "./hair_around.js";
import { drawnTo, shareOfPainted } from "./painted_fringe.js";
import { blurred, picture } from "./pixels.js";
import { any, areaOf, distances, either, inverted, regionOf, roundEven } from "./regions.js";
import { clip, percentileOf, remapped, remappedBeyond } from "./samples.js";
import { line, onLine, ramp } from "./scene.js";
import { silhouette } from "./silhouettes.js";
import { locks, tips } from "./tips.js";

const { SKIN, NOSE, EYE_G, HAIR, HAT } = LABEL;
// In frame units: where the hair over the forehead begins to be the lender's, and is so, above the hairline; how far from the
// picture's lower edge hair ends, half as far from its sides; y of the brows; how far hair that the side of the lender's
// picture cut off goes on beyond it; between which rows longer hair leaves the wearer's own outline, and by how much.
const [ROOTS, GROWN] = [0.45, 0.05];
const EDGE = 0.24;
const BROWS = -0.36;
const BEYOND = 0.15;
const [SPREADS, SPREAD] = [[-0.5, 0.8], 1];
export const STEEPLY = 2.5; // how steeply hair falls beside a hat, from under whose edge it comes
const [LOWER, CROWN] = [0.5, 0.6]; // how much lower hair may begin than the lender's, and how far above nothing moves then
const [MIDDLE, SEAM] = [0.3, 0.13]; // half the width of what is above the middle of the face, and how thin hair is at least there
const [OVER, HIGHER] = [0.22, 1.8]; // how far hair reaches above a forehead, and how much higher it is drawn for that at most
const [FALLING, STAYS] = [-0.8, 0.8]; // y from which on down hair falls beside the forehead, and where it stays
const BESIDES = [0.75, 1.4]; // over which part of half the face's width hair that begins lower does so less and less
const [MEETS, MEETING] = [0.28, 0.7]; // how far below the top of a bald head hair begins, and within which part of that width
// y above whose value hair ends that is short; between which rows it gets thinner, and how thick it is there beside the head.
// Between which heights (frame units) above the picture's lower edge hair hangs that ends there, how wide it is at least, and how
// much shorter than in its middle it is at its outer and its inner side.
const [LOW, NARROW, SHORTER] = [[0.6, 0.2], 0.15, [0.45, 0.25]];
const [SHORT, TAPERS, THICK] = [0.1, [-0.8, 0.12], [0.6, 0.03]];
const SLOPE = 0.06; // how far below the upper edge of the lender's picture the outline tells how hair goes on, of its side

const plane = (scene, values) => picture(scene.size, scene.size, 1, values);
const softened = (scene, region, sigma) => blurred(plane(scene, new Float32Array(region)), Math.max(0.5, sigma * scene.unit)).data;

/** Hair of a person: `colours` and `alpha`, pictures of equal sides, and the shape that they lie in. */
class Hairpiece {
  constructor(colours, alpha, shape) {
    Object.assign(this, { colours, alpha, shape });
  }

  get mirrored() {
    return (this.other ??= new Hairpiece(flipped(this.colours), flipped(this.alpha), this.shape.mirrored));
  }

  /** The hairpiece, or its mirror image, so that it leans to the side to which the face does. */
  facing(scene) {
    return this.shape.facing(scene) === this.shape ? this : this.mirrored;
  }

  /** How far a place above the picture belongs to hair that its upper edge cut off, as a function of column and row: the
   *  outline goes on as the parabola through its widths at the edge and a little below it. */
  get crown() {
    const { width: side, data } = this.alpha;
    const below = Math.round(SLOPE * side);
    const spans = [0, below].map((row) => {
      const inside = data.subarray(row * side, (row + 1) * side).map((share) => (share > 0.5 ? 1 : 0));
      return [inside.indexOf(1), inside.lastIndexOf(1)];
    });
    if (spans.some(([first]) => first < 0)) return () => 0;
    const [[left, right], lower] = spans;
    const half = (right - left) / 2;
    const wider = Math.max(lower[1] - lower[0], 1.01 * (right - left)) / 2;
    const height = (below * half ** 2) / (wider ** 2 - half ** 2);
    return (column, row) => {
      const inside = 1 + row / height - ((column - (left + right) / 2) / half) ** 2;
      return ramp(inside * half, -0.01 * side, 0.01 * side);
    };
  }
}

function flipped({ width, height, channels, data }) {
  const result = new data.constructor(data.length);
  for (let i = 0; i < width * height; i++) {
    const from = channels * (i - (i % width) + width - 1 - (i % width));
    for (let c = 0; c < channels; c++) result[channels * i + c] = data[from + c];
  }
  return picture(width, height, channels, result);
}

/** What is worn with the side to which a face leans, which stays when the edit has changed the face's hair. */
export const facing = (worn, scene, whole) => ({ ...worn, way: whole.facing(scene) === whole ? "plain" : "mirrored" });

const fetched = {};
const address = (name) => new URL(`hair/${name}.webp`, import.meta.url);

/** Fetches all hairpieces, one after the other, for the service worker to keep for visits without a network. */
export async function keepHairpieces() {
  for (const name of HAIRPIECES.flatMap((piece) => [piece, `${piece}_alpha`])) await fetch(address(name)).catch(() => null);
}

async function file(name) {
  const answer = await fetch(address(name)).catch(() => null);
  if (!answer?.ok) throw new Error(answer ? `${name}.webp is missing from this folder; export it again.` : "This hair could not be loaded; try again with a network.");
  return decode(await answer.blob());
}

/** A hairpiece by its name, fetched when it is first asked for. */
export function hairpiece(name) {
  fetched[name] ??= Promise.all([file(name), file(`${name}_alpha`)]).then(([colours, grey]) => {
    const { width, height, data } = grey;
    const alpha = new Float32Array(width * height).map((_, i) => data[3 * i] / 255);
    return new Hairpiece(colours, picture(width, height, 1, alpha), silhouette(name));
  });
  fetched[name].catch(() => delete fetched[name]); // the next edit asks again
  return fetched[name];
}

/** Where a face wears a hairpiece: {scene, piece, alpha, columns, rows, above}, for each pixel how far it belongs to it, its
 *  place in the lender's picture, and 1 that falls to 0 where all hair ends. The scene's hair is what the face has without
 *  it; `whole`: the hairpiece of that name; `painted`: of hair that was, where it was painted, at least one pixel. */
export function coverage(scene, worn, whole, painted = null) {
  const piece = { plain: whole, mirrored: whole.mirrored }[worn.way] ?? whole.facing(scene);
  const { shape, alpha: own } = piece;
  let { y } = scene;
  if (worn.part === "fringe") {
    const lift = (1 - worn.size) * clip(BROWS - hairline(scene), 0.3, 1);
    y = y.map((row) => row + lift);
  } else if (worn.part === "forehead") y = drawnTo(scene, shape, painted);
  else if (worn.part === "length") y = hanging(scene, shape, worn.size);
  else if (worn.part === "whole") {
    y = overHead(scene, shape);
    if (worn.size > 1) y = drawnDown(scene, shape, worn.size - 1, y);
  }
  const scale = own.width / shape.distance.width;
  const places = worn.part === "around" ? placesAround(scene, shape, painted) : shape.frame.toPixels(...shape.places(scene, y));
  const [columns, rows] = places.map((place) => place.map((at) => (at + 0.5) * scale - 0.5));
  // Hair that the lender's picture cut off goes on beyond it as its own mirror image, a little way at the sides.
  const alpha = remappedBeyond(own, columns, rows);
  const { crown } = piece;
  const share = shareOf(scene, shape, worn, painted);
  const features = scene.where(...EYES, ...LIPS_AND_MOUTH, NOSE, EYE_G);
  const near = softened(scene, features, 0.01);
  for (let i = 0; i < alpha.length; i++) {
    if (rows[i] < 0) alpha[i] = crown(columns[i], rows[i]);
    const beyond = Math.max(-columns[i], columns[i] - (own.width - 1)) / (scale * shape.frame.unit);
    alpha[i] *= share[i] * (1 - ramp(beyond, 0, BEYOND));
  }
  const above = aboveTips(scene, worn, alpha);
  for (let i = 0; i < alpha.length; i++) alpha[i] *= features[i] ? 0 : above[i] * (1 - near[i]);
  return { scene, piece, alpha, columns, rows, above };
}

/** 1 above the tips of a hairpiece, falling to 0 over them; hair also ends before the picture's lower and side edges, beyond
 *  which the photo may go on. `alpha`: the hair that goes on. */
function aboveTips(scene, worn, alpha) {
  const { size, unit, x, y } = scene;
  const last = (size - 1) / unit;
  const along = Array.from({ length: size }, (_, i) => i / unit);
  const [ends, waves] = [tips, locks].map((wave) => along.map((at) => wave(at - last / 2)));
  const shorter = rounded(scene, alpha);
  return x.map((_, i) => {
    const [column, row] = [i % size, Math.floor(i / size)];
    const below = last - along[row] + ends[column] - shorter[column];
    const beside = Math.min(along[column], last - along[column]) + 0.25 * TIPS.lock * waves[row];
    const inside = ramp(below, EDGE / 4, EDGE) * ramp(beside, EDGE / 4, EDGE / 2);
    if (worn.part !== "length") return inside;
    return inside * (1 - ramp(y[i] - worn.size - tips(x[i]) + shorter[column], -0.12, 0.04));
  });
}

/** How much shorter (frame units) hair that hangs down to the picture's lower edge is at each column: at either side of the face
 *  its middle hangs lowest. */
function rounded({ size, unit, frame, cheeks, chin }, alpha) {
  const [from, to] = LOW.map((above) => size - roundEven(above * unit));
  const [[middle]] = frame.toPixels(Float64Array.of((cheeks[0] + cheeks[1]) / 2), Float64Array.of(chin));
  const there = new Float64Array(size);
  for (let i = Math.max(0, from) * size; i < Math.max(1, to) * size; i++) there[i % size] = Math.max(there[i % size], alpha[i]);
  const shorter = new Float64Array(size);
  for (const side of [-1, 1]) {
    const of = [...shorter.keys()].filter((column) => column * side > middle * side);
    const sum = (valueOf) => of.reduce((total, column) => total + there[column] * valueOf(column), 0);
    const wide = sum(() => 1);
    if (wide < NARROW * unit) continue;
    const centre = sum((column) => column) / wide;
    const half = Math.sqrt((3 * sum((column) => (column - centre) ** 2)) / wide); // of hair that is as dense all along
    for (const column of of) {
      const out = clip(((column - centre) * side) / half, -1, 1);
      shorter[column] = SHORTER[out > 0 ? 0 : 1] * out ** 2;
    }
  }
  return shorter;
}

/** y of the hairline above the middle of the face, or of the upper end of a face that shows none. */
function hairline(scene) {
  const { middle } = scene.across;
  const near = (i) => Math.abs(scene.x[i] - middle) < MIDDLE;
  const forehead = scene.where(SKIN).map((inside, i) => (inside && near(i) && scene.y[i] < -0.2 ? 1 : 0));
  if (any(forehead)) return percentileOf(scene.y, forehead, 0.02);
  const top = scene.y.reduce((least, y, i) => (scene.face[i] && near(i) ? Math.min(least, y) : least), Infinity);
  return Number.isFinite(top) ? top : -1;
}

/** Whether a head without a hat has no hair, or a seam of it, above the middle of the forehead. */
export function isBald(scene) {
  const { middle } = scene.across;
  const first = hairline(scene);
  const near = (i) => Math.abs(scene.x[i] - middle) < MIDDLE;
  const hair = scene.where(HAIR).map((inside, i) => (inside && near(i) && scene.y[i] < first + SEAM ? 1 : 0));
  const seam = areaOf(hair) < 2 * MIDDLE * SEAM * scene.unit ** 2;
  return seam && !scene.where(HAT).some((inside, i) => inside && near(i));
}

/** How much lower a shape's hair has to begin over the forehead for it not to be higher than it is, nor above a bald head that
 *  leans back. `lowest`: y of the hairline from which on down it is a fringe's, which other hair need not have. */
export function loweredTo(scene, shape, lowest) {
  const own = hairline(scene);
  const [at, , edge] = shape.edgesOn(scene);
  let lower = own < lowest ? own - Math.min(...line(-MIDDLE, MIDDLE, 7).map((q) => onLine(q, at, edge))) : 0;
  const { middle, half } = scene.across;
  const grid = line(-MEETING, MEETING, 29);
  const head = either(scene.face, scene.where(HAIR, HAT)).map((inside, i) => (inside && scene.y[i] < 0 ? 1 : 0));
  if (any(head)) {
    const { top } = scene.envelope(head, grid.map((q) => middle + half * q));
    lower = Math.max(lower, MEETS + Math.max(...grid.map((q, k) => top[k] - onLine(q, at, edge))));
  }
  return roundEven(100 * clip(lower, 0, LOWER)) / 100;
}

/** y to look up for a shape's hair to cover the upper head of a face whose hairline has receded: what lies above its lower edge is
 *  drawn up, where it would end below the forehead or hardly above it. */
function overHead(scene, shape) {
  if (shape.cutOff || !any(scene.face)) return scene.y;
  const { q } = scene.across;
  const [at, upper, edge] = shape.edgesOn(scene);
  const lower = edge.map((y) => Math.min(y, FALLING));
  const middle = line(-MIDDLE, MIDDLE, 7);
  const [top, first] = [upper, lower].map((values) => middle.reduce((sum, place) => sum + onLine(place, at, values) / 7, 0));
  const wanted = scene.y.reduce((least, y, i) => (scene.face[i] ? Math.min(least, y) : least), Infinity) - OVER;
  if (wanted >= top) return scene.y;
  const higher = Math.min((first - wanted) / (first - top), HIGHER);
  return scene.y.map((row, i) => {
    const low = onLine(q[i], at, lower);
    return row < low ? low + (row - low) / higher : row;
  });
}

/** y to look up when a shape's hair begins lower by `by` over the forehead; neither its outline moves nor what lies beside the
 *  head and the cheeks. */
function drawnDown(scene, shape, by, looked) {
  const { q } = scene.across;
  const [at, upper, edge] = shape.edgesOn(scene);
  const lower = edge.map((y) => Math.min(y, FALLING));
  const start = upper.map((y, k) => Math.max(y, lower[k] - CROWN));
  return looked.map((row, i) => {
    const [from, to] = [start, lower].map((values) => onLine(q[i], at, values));
    const less = by * (1 - ramp(Math.abs(q[i]), ...BESIDES));
    return row - less * ramp(row, from, to + less) * (1 - ramp(row, to + less, STAYS));
  });
}

/** y to look up when the hair of a shape is stretched or pressed from the ears down to end at `end`. */
function hanging(scene, shape, end) {
  const ears = 0.2;
  const stretch = (shape.length - ears) / Math.max(end - ears, 0.2);
  return scene.y.map((y) => (y > ears ? ears + (y - ears) * stretch : y));
}

/** How far each pixel may show the hairpiece when only this part of it is worn. */
function shareOf(scene, shape, worn, painted) {
  if (worn.part === "forehead") return shareOfPainted(scene, painted);
  if (worn.part === "around") return shareAround(scene, painted);
  const { q, middle, half } = scene.across;
  const { x, y, size, unit } = scene;
  if (worn.part === "fringe") {
    const first = hairline(scene);
    const head = softened(scene, scene.where(...FACE_PARTS, HAIR), 0.03);
    return head.map((share, i) => {
      const over = ramp(y[i], first - ROOTS, first - GROWN) * (1 - ramp(y[i], 0, 0.25));
      return over * (1 - ramp(Math.abs(q[i]), 0.92, 1.12)) * ramp(share, 0.5, 0.95);
    });
  }
  if (worn.part === "whole") {
    const round = shape.cutOff ? dome(scene, shape) : new Float32Array(x.length).fill(1);
    return shape.bottom > SHORT ? round : tapered(scene).map((share, i) => share * round[i]);
  }
  const own = scene.where(HAIR);
  const outer = own.map((inside, i) => (inside && Math.abs(x[i] - middle) > 0.45 * half ? 1 : 0));
  const bottom = any(outer) ? percentileOf(y, outer, 0.96) : -0.5;
  // The new hair lies behind the wearer's own, but over its edge, which has some of the old ground in it.
  const deep = distances(inverted(own), size, size);
  const away = distances(either(own, scene.face), size, size);
  const hat = brimOf(scene);
  return deep.map((depth, i) => {
    const core = ramp(depth / unit, 0.08, 0.22);
    let reach = SPREAD * ramp(y[i], ...SPREADS) + 0.3 * tips(x[i]);
    if (hat) reach = Math.min(reach, away[i] / unit + (y[i] - hat.brim[i]) / STEEPLY - hat.beside[i] + 0.3 * tips(x[i]));
    return (1 - core * (1 - ramp(y[i], bottom - 0.9, bottom - 0.25))) * (1 - ramp(away[i] / unit - reach, -0.06, 0.02));
  });
}

/** Of a hat {brim, beside}: y of its lower edge at the x of each pixel, which goes on level beside it, and how far (frame units)
 *  beside it the pixel is; null where there is none. */
export function brimOf(scene) {
  const hat = scene.part(HAT);
  if (!hat) return null;
  let [low, high] = [Infinity, -Infinity];
  hat.forEach((inside, i) => inside && ([low, high] = [Math.min(low, scene.x[i]), Math.max(high, scene.x[i])]));
  const grid = line(low, high, 41);
  const { bottom } = scene.envelope(hat, grid);
  return { brim: scene.x.map((x) => onLine(x, grid, bottom)), beside: scene.x.map((x) => Math.max(0, low - x, x - high)) };
}

/** How far short hair is seen beside a head, where it gets thinner down to the ears, in locks and strands. */
function tapered(scene) {
  const { middle, half } = scene.across;
  const [[low, high], [thick, thin]] = [TAPERS, THICK];
  return scene.x.map((x, i) => {
    const left = clip((high - scene.y[i]) / (high - low), 0, 1);
    const reach = thin + (thick - thin) * left ** 1.5 + 0.5 * tips(x) * ramp(left, 1, 0.6);
    return 1 - ramp(Math.abs(x - middle) - half - reach, -0.05, 0.03);
  });
}

/** A round head of hair where the lender's picture cut off its upper end, 1 within it: hair is about as thick above the head
 *  as beside it. */
export function dome(scene, shape) {
  const { half } = scene.across;
  const hair = regionOf(remapped(shape.distance, ...shape.frame.toPixels(...shape.places(scene))), (value) => value > 0);
  const [left, right] = scene.extent(hair, -0.7, 0.1, 1.2 * half);
  const reach = Math.max((right - left) / 2, half + 0.1);
  const top = headTop(scene) - Math.max(0.42, 0.95 * (reach - half));
  const base = -0.45;
  return scene.x.map((x, i) => {
    const y = scene.y[i];
    if (y > base) return 1;
    const beside = Math.abs(x - (left + right) / 2) / reach;
    const up = Math.max(base - y, 0) / (base - top);
    const radius = (beside ** 2.2 + up ** 2.2) ** (1 / 2.2) + 0.012 * locks(x);
    return 1 - ramp(radius, 0.97, 1.03);
  });
}

/** y of the top of the bare head. */
export function headTop(scene) {
  const top = scene.face.reduce((least, inside, i) => (inside ? Math.min(least, scene.y[i]) : least), Infinity);
  return Number.isFinite(top) ? clip(top, -1.55, -1.2) : -1.3;
}
