// Which places of a picture are like painted ones, seen as they are, in a mirror or turned; and the few shifts that lead
// from painted places to their like: the first half of maskgan/editing/texture.py. Everything is in cells of a grid.

import { blurred, boxed, picture, resizeArea, scharr } from "./pixels.js";
import { SIZE } from "./constants.js";
import { lumaAt } from "./tones.js";
import { seenThrough } from "./warp.js";

const FEATURES = 5; // lightness, two colour differences, direction (cos and sin of twice the angle)
const SHIFTS = 16; // that a class's pieces may have at most
const POOL = 100; // shifts are tried for so many places
const NO_EDGE = 100; // energy below which an edge is none
const SURROUNDINGS = [[1.5, 1], [6, 0.05], [16, 0.01]]; // where a direction is looked for: sigmas in cells, shares
const TURNS = [-60, -30, 30, 60, 90]; // degrees
export const AROUND = 2; // cells around a place that count
export const UNLIKE = 8; // the cost of a shift that leads to no source
const WORTH = 0.02; // what another shift has to gain
export const LIGHT = 1 / 24;
const COLOUR = 1 / 16;

export function luminance({ width, height, data }) {
  const light = new Float32Array(width * height);
  for (let i = 0; i < light.length; i++) light[i] = lumaAt(data, 3 * i);
  return picture(width, height, 1, light);
}

/** Structure tensor of a luminance: (cos, sin) of twice its angle times its strength, and that strength. */
export function tensorOf(light, cells) {
  const smooth = blurred(light, (1.2 * light.width) / SIZE.network);
  const [dx, dy] = [scharr(smooth, 0), scharr(smooth, 1)];
  const planes = new Float32Array(3 * dx.length);
  for (let i = 0; i < dx.length; i++) {
    const [x, y] = [dx[i], dy[i]];
    planes[3 * i] = x * x - y * y;
    planes[3 * i + 1] = 2 * x * y;
    planes[3 * i + 2] = x * x + y * y;
  }
  return resizeArea(picture(light.width, light.height, 3, planes), cells, cells);
}

/** (cos, sin) of a tensor at a cell, times its coherence. */
const directionAt = ({ data }, i) => [data[3 * i], data[3 * i + 1]].map((value) => value / (data[3 * i + 2] + NO_EDGE));

/** The direction (two values a cell) of a class given by its shares of the cells: where it hardly has any, that of its
 *  surroundings. */
export function expectedDirection(tensor, shares) {
  const { width: cells, data } = tensor;
  const own = picture(cells, cells, 3, data.map((value, i) => value * shares[Math.floor(i / 3)]));
  const sum = picture(cells, cells, 3, new Float32Array(data.length));
  for (const [sigma, share] of SURROUNDINGS) blurred(own, sigma).data.forEach((value, i) => (sum.data[i] += share * value));
  return (i) => directionAt(sum, i);
}

/** What is compared, five values a cell. */
export function featuresOf(light, image, tensor) {
  const { width: cells } = tensor;
  const colour = resizeArea(image, cells, cells).data;
  const lightness = resizeArea(light, cells, cells).data;
  const smooth = blurred(tensor, 1);
  const data = new Float32Array(FEATURES * cells * cells);
  for (let i = 0; i < cells * cells; i++) {
    const l = lightness[i];
    data.set([LIGHT * l, COLOUR * (colour[3 * i] - l), COLOUR * (colour[3 * i + 2] - l), ...directionAt(smooth, i)], FEATURES * i);
  }
  return boxed(picture(cells, cells, FEATURES, data), AROUND / 2, true);
}

/** Ways to see a grid, as matrices from points of the view to its own: as it is, in a mirror, turned about its middle. */
export function viewsOf(cells) {
  const turned = TURNS.map((angle) => {
    const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    return [cos, -sin, (cells / 2) * (1 - cos + sin), sin, cos, (cells / 2) * (1 - sin - cos)];
  });
  return [[1, 0, 0, 0, 1, 0], [-1, 0, cells, 0, 1, 0], ...turned];
}

/** Features seen in a view, with the directions that they have there. */
export function featuresSeen(features, view) {
  const { data, width: cells } = features;
  const seen = seenThrough(features, view, cells, cells, "zero", false);
  const [a, b, , d, e] = view;
  const double = 2 * Math.atan2(d, a);
  const mirrored = a * e - b * d < 0;
  const [turnCos, turnSin] = mirrored ? [1, 0] : [Math.cos(double), Math.sin(double)];
  for (let i = 3; i < data.length; i += FEATURES) {
    const [cos, sin] = [seen.data[i], seen.data[i + 1]];
    seen.data[i] = cos * turnCos + sin * turnSin;
    seen.data[i + 1] = mirrored ? -sin : sin * turnCos - cos * turnSin;
  }
  return seen.data;
}

/** The numbers below `count` in a scattered order, by multiplicative hashing. */
function scattered(count) {
  const keys = Uint32Array.from({ length: count }, (_, i) => Math.imul(i, 2654435769) >>> 0);
  return Array.from(keys.keys()).sort((i, j) => keys[i] - keys[j]);
}

const some = (list, count) => (list.length <= count ? list : scattered(list.length).slice(0, count).map((i) => list[i]));

/** Places of a class: five features each, and their cells. */
export class Places {
  constructor(features, cells) {
    Object.assign(this, { features, cells });
  }

  /** Those of a region of the grid (bytes of 0 and 1). */
  static where(region, features) {
    const cells = [];
    region.forEach((inside, i) => inside && cells.push(i));
    const own = new Float32Array(FEATURES * cells.length);
    cells.forEach((cell, k) => own.set(features.subarray(FEATURES * cell, FEATURES * (cell + 1)), FEATURES * k));
    return new Places(own, cells);
  }

  get count() {
    return this.cells.length;
  }

  /** At most `count` of them. */
  some(count) {
    if (this.count <= count) return this;
    const chosen = some(Array.from(this.cells.keys()), count);
    const features = new Float32Array(FEATURES * count);
    chosen.forEach((k, i) => features.set(this.features.subarray(FEATURES * k, FEATURES * (k + 1)), FEATURES * i));
    return new Places(features, chosen.map((k) => this.cells[k]));
  }
}

function distance(one, i, other, j) {
  let sum = 0;
  for (let k = 0; k < FEATURES; k++) {
    const off = one[i * FEATURES + k] - other[j * FEATURES + k];
    sum += off * off;
  }
  return sum;
}

/** The cell of a grid of `cells` in a row that a shift leads to, -1 beyond it. */
function shifted(cell, [x, y], cells) {
  const [column, row] = [(cell % cells) + x, Math.floor(cell / cells) + y];
  return column < 0 || row < 0 || column >= cells || row >= cells ? -1 : row * cells + column;
}

/** How unlike the place is from which a shift takes the detail of each target. `sources` and `features`: by view. */
export function costsOf(targets, shift, sources, features, cells) {
  const view = shift[2];
  return Float32Array.from(targets.cells, (cell, k) => {
    const from = shifted(cell, shift, cells);
    if (from < 0 || !sources[view][from]) return UNLIKE;
    return Math.min(distance(features[view], from, targets.features, k), UNLIKE / 2);
  });
}

/** The few shifts [columns, rows, view] that serve the targets best, chosen greedily. */
export function bestShifts(targets, sources, features, cells) {
  const asked = targets.some(POOL);
  const found = new Map(); // by a number that sorts as (columns, rows, view)
  sources.forEach((region, view) => {
    const places = Places.where(region, features[view]).some(2 * POOL);
    if (!places.count) return;
    for (let k = 0; k < asked.count; k++) {
      for (const near of twoNearest(asked, k, places)) {
        const [from, to] = [places.cells[near], asked.cells[k]];
        const shift = [(from % cells) - (to % cells), Math.floor(from / cells) - Math.floor(to / cells), view];
        found.set((shift[0] * 4096 + shift[1]) * 16 + view, shift);
      }
    }
  });
  const sorted = [...found.keys()].sort((a, b) => a - b).map((key) => found.get(key));
  const pool = scattered(sorted.length).slice(0, 2 * POOL).map((i) => sorted[i]);
  const judges = targets.some(4 * POOL);
  const costs = pool.map((shift) => costsOf(judges, shift, sources, features, cells));
  const best = new Float32Array(judges.count).fill(UNLIKE);
  const chosen = [];
  while (chosen.length < SHIFTS) {
    const gains = costs.map((own) => own.reduce((sum, cost, k) => sum + Math.max(best[k] - cost, 0), 0) / judges.count);
    const winner = gains.indexOf(Math.max(...gains));
    if (gains[winner] < WORTH) break;
    chosen.push(pool[winner]);
    costs[winner].forEach((cost, k) => (best[k] = Math.min(best[k], cost)));
  }
  return chosen;
}

function twoNearest(asked, k, places) {
  let [first, second] = [-1, -1];
  let [least, next] = [Infinity, Infinity];
  for (let j = 0; j < places.count; j++) {
    const far = distance(asked.features, k, places.features, j);
    if (far < least) [first, least, second, next] = [j, far, first, least];
    else if (far < next) [second, next] = [j, far];
  }
  return second < 0 ? [first] : [first, second];
}

/** Mean of an energy around each cell over the region or weights `where`; far from them, of them all. */
export function meanAround(energy, where, sigma) {
  const { width: cells, data } = energy;
  const planes = new Float32Array(2 * data.length);
  let [total, count] = [0, 0];
  data.forEach((value, i) => {
    planes[2 * i] = value * where[i];
    planes[2 * i + 1] = where[i];
    total += value * where[i];
    count += where[i];
  });
  const mean = total / (count + 1e-6);
  const near = blurred(picture(cells, cells, 2, planes), sigma).data;
  return data.map((_, i) => (near[2 * i] + 0.02 * mean) / (near[2 * i + 1] + 0.02));
}
