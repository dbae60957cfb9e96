// Where the photo's pixels move when its mask is edited: a dense flow between two masks; see maskgan/editing/warping.py.
// A flow is a picture of two planes, x and y in pixels: pixel p shows the photo at p + flow[p].

import { movedChin } from "./chins.js";
import { LABEL } from "./constants.js";
import { LIPS_AND_MOUTH } from "./frame.js";
import { Kept } from "./kept.js";
import { membrane } from "./membrane.js";
import { matchClass } from "./outlines.js";
import { blurred, cutOut, picture, resizeArea, resizeLinear } from "./pixels.js";
import { any, areaOf, borders, both, dilated, distances, extent, grown, inverted, opened, piecesOf, regionOf, roundEven, smoothstep, square, where, without } from "./regions.js";
import { remapped } from "./samples.js";

export const STILL = 0.02; // displacements below this, in pixels, are none
const MARGIN = 8; // in pixels of a picture of 256 px
const FADE = 2.5; // the flow ends where its change per pixel would stay below about 1 / this
// How far beside hair that grows the background comes with it, as its single hairs do, and from where on it stays as it
// is behind it; in pixels of a picture of 256 px.
const [COMES, STAYS] = [2, 9];
// Background stays behind hair that draws back by so much, and not yet behind hair that hardly does; how far along an outline one
// tells of the other; how wide the edge of hair is, which comes along with it; in pixels of a picture of 256 px.
const [HARDLY, CLEARLY, ALONG] = [3, 5, 12];
export const EDGE = 3;
const FACE = [LABEL.SKIN, LABEL.L_EAR, LABEL.R_EAR, LABEL.NECK, LABEL.CLOTH]; // what is bent with a face
const JACOBIAN = 0.08; // the smallest that a flow may have
const FAR = 0.09; // changes farther apart than twice this share of the picture's side are edits of their own
const SOLVE_SIDE = 144; // of the solver's grid
const SEEN = 0.06; // how far around the change outlines are looked at, as a share of the picture's side
const MATCH_SIDE = 320; // windows from this side on are matched on every second pixel, from twice this side on every third

// Flows of the last changes of masks that no tool told about, for edits that follow.
const FLOWS = new Kept(8);

export const noFlow = (size) => picture(size, size, 2, new Float32Array(2 * size * size));
const lengthAt = (data, i) => Math.hypot(data[2 * i], data[2 * i + 1]);
/** Where a flow moves anything, as a region. */
export function moving({ data }) {
  const region = new Uint8Array(data.length / 2);
  for (let i = 0; i < region.length; i++) if (data[2 * i] || data[2 * i + 1]) region[i] = 1;
  return region;
}

/** The part of a picture of `size` columns, by itself a square one, around a region, as {left, top, width, height}. */
export function windowAround(region, size, margin, rows = size) {
  const { left, top, right, bottom } = extent(region, size);
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return { left: x, top: y, width: Math.min(size, right + 1 + margin) - x, height: Math.min(rows, bottom + 1 + margin) - y };
}

/** That part of a plane of numbers. */
export const partOf = (data, size, { left, top, width, height }) => cutOut(picture(size, size, 1, data), left, top, width, height).data;

/** The flow of an edit from one mask to another; `told`: offsets as far as a tool knows them, NaN elsewhere, or null.
 *  Changes that lie far apart do not know of each other, unless their flows meet. */
export function flowBetween(before, after, size, told = null) {
  const { changed } = changesOf(before, after, told);
  if (!changed.includes(1)) return noFlow(size);
  const { numbers, pieces } = piecesOf(regionOf(distances(changed, size, size), (away) => away <= FAR * size), size, size);
  let places = pieces.slice(1).map((_, k) => regionOf(numbers, (number) => number === k + 1));
  for (;;) {
    const flow = noFlow(size);
    const owner = new Int32Array(changed.length);
    const met = new Set();
    for (let number = 1; number <= places.length && !met.size; number++) {
      const here = places[number - 1];
      const then = before.slice();
      const heard = told && told.slice().fill(NaN);
      for (let i = 0; i < here.length; i++) {
        if (!here[i]) continue;
        then[i] = after[i];
        if (!heard) continue;
        heard[2 * i] = told[2 * i];
        heard[2 * i + 1] = told[2 * i + 1];
      }
      const own = told ? flowOf(before, then, size, heard) : FLOWS.get(() => flowOf(before, then, size, null), then, before);
      const moved = moving(own);
      for (let i = 0; i < moved.length; i++) if (moved[i] && owner[i]) met.add(owner[i]);
      if (met.size) met.add(number); // they know of each other after all
      for (let i = 0; i < moved.length && !met.size; i++) {
        if (!moved[i]) continue;
        flow.data[2 * i] = own.data[2 * i];
        flow.data[2 * i + 1] = own.data[2 * i + 1];
        owner[i] = number;
      }
    }
    if (!met.size) return flow;
    const [together, others] = [true, false].map((with_) => places.filter((_, k) => met.has(k + 1) === with_));
    places = [...others, together[0].map((_, i) => (together.some((place) => place[i]) ? 1 : 0))];
  }
}

/** Which pixels change, and which of them a tool told about. */
function changesOf(before, after, told) {
  const [known, changed] = [new Uint8Array(before.length), new Uint8Array(before.length)];
  for (let i = 0; i < before.length; i++) {
    if (told && !Number.isNaN(told[2 * i])) known[i] = 1;
    if (before[i] !== after[i] || (known[i] && lengthAt(told, i) > STILL)) changed[i] = 1;
  }
  return { known, changed };
}

/** `flowBetween` for changes that belong together. */
function flowOf(before, after, size, told) {
  const flow = noFlow(size);
  const scale = size / 256;
  const { known, changed } = changesOf(before, after, told);
  if (!changed.includes(1)) return flow;
  const seen = windowAround(changed, size, roundEven(SEEN * size));
  const step = 1 + Math.floor(Math.max(seen.width, seen.height) / MATCH_SIDE);
  const free = inverted(told ? grown(known, size, 2 * scale) : known);
  const chin = movedChin(before, after, size);
  const elsewhere = chin ? inverted(chin.zone) : new Uint8Array(before.length).fill(1);
  const [values, fixed] = guessed(before, after, both(free, elsewhere), elsewhere, size, seen, step);
  if (chin) withChin(values, fixed, chin, free, before, changed, size);
  const moved = changed.slice();
  for (let i = 0; i < known.length; i++) {
    if (known[i]) {
      values[2 * i] = told[2 * i];
      values[2 * i + 1] = told[2 * i + 1];
      fixed[i] = 1;
    }
    if ((values[2 * i] || values[2 * i + 1]) && lengthAt(values, i) > STILL) moved[i] = 1;
  }
  let longest = 0;
  for (let y = seen.top; y < seen.top + seen.height; y++) {
    for (let x = seen.left; x < seen.left + seen.width; x++) longest = Math.max(longest, lengthAt(values, y * size + x));
  }
  if (longest <= STILL) return flow;
  const reach = MARGIN * scale + FADE * longest;
  const window = windowAround(moved, size, Math.floor(reach) + 2);
  const { left, top, width, height } = window;
  const inside = cutOut(picture(size, size, 2, values), left, top, width, height);
  const within = (plane) => partOf(plane, size, window);
  const solved = solve(inside, ...[fixed, known, moved].map(within), reach);
  const planes = [before, after, known].map(within);
  const shown = groundBehindHair(hairOverGround(solved, ...planes, scale), ...planes, scale).data;
  for (let y = 0; y < height; y++) flow.data.set(shown.subarray(2 * y * width, 2 * (y + 1) * width), 2 * ((top + y) * size + left));
  return flow;
}

/** What a chin that moved tells of it; lips, collars and what lies at the picture's lower side stay where they are. */
function withChin(values, fixed, { columns, rows, shift }, free, before, changed, size) {
  columns.forEach((x, k) => {
    const at = rows[k] * size + x;
    if (!free[at]) return;
    values[2 * at + 1] = shift[k];
    fixed[at] = 1;
  });
  const still = where(before, ...LIPS_AND_MOUTH, LABEL.CLOTH, LABEL.NECK_L).fill(1, (size - 1) * size);
  for (let i = 0; i < still.length; i++) if (still[i] && !changed[i] && !values[2 * i] && !values[2 * i + 1]) fixed[i] = 1;
}

/** Displacements along outlines where it is free to guess them, and where they hold, from every `step`th pixel.
 *  Where two classes meet, the smaller one says how their border moved. Borders that did not change stay,
 *  `elsewhere` than at a chin that moved. */
function guessed(before, after, free, elsewhere, size, seen, step) {
  const [wide, tall] = [Math.ceil(seen.width / step), Math.ceil(seen.height / step)];
  const place = (i) => (seen.top + Math.floor(i / wide) * step) * size + seen.left + (i % wide) * step;
  const coarse = (plane) => {
    const part = new plane.constructor(wide * tall);
    for (let i = 0; i < part.length; i++) part[i] = plane[place(i)];
    return part;
  };
  const [own, then, open] = [before, after, free].map(coarse);
  const { changed } = changesOf(own, then, null);
  const values = new Float32Array(2 * before.length);
  const fixed = new Uint8Array(before.length);
  const held = new Uint8Array(wide * tall);
  const hold = (i, x, y) => {
    values.set([step * x, step * y], 2 * place(i));
    held[i] = fixed[place(i)] = 1;
  };
  const changing = new Set();
  for (let i = 0; i < changed.length; i++) if (changed[i]) changing.add(own[i]).add(then[i]);
  const labels = [...changing].sort((a, b) => a - b);
  const bySize = labels.map((label) => [label, areaOf(where(then, label))]).sort((a, b) => a[1] - b[1]);
  const known = [];
  for (const [label] of bySize) {
    const matches = matchClass(own, then, label, without(open, held), wide, Math.floor(size / step), known);
    for (const { at, shift } of matches) hold(at, ...shift);
    known.push(...matches);
  }
  const near = dilated(changed, wide, square(1));
  borders(then, wide, 1).forEach((border, i) => border && !near[i] && elsewhere[place(i)] && (fixed[place(i)] = 1)); // 0 unless a piece moves whole
  return [values, fixed];
}

/** The membrane over displacements that are fixed: smooth, free of folds, 0 beyond `reach`. What a tool told is met more
 *  closely than the solver's grid allows. */
function solve(values, fixed, told, moved, reach) {
  const { width, height } = values;
  const distance = distances(moved, width, height, { coarse: true });
  const factor = Math.max(1, Math.max(width, height) / SOLVE_SIDE);
  const size = [width, height].map((length) => Math.max(2, roundEven(length / factor)));
  const weighted = new Float32Array(3 * fixed.length);
  for (let i = 0; i < fixed.length; i++) {
    if (!fixed[i] && distance[i] < reach) continue;
    weighted[3 * i] = values.data[2 * i];
    weighted[3 * i + 1] = values.data[2 * i + 1];
    weighted[3 * i + 2] = 1;
  }
  let flow = resizeLinear(membrane(resizeArea(picture(width, height, 3, weighted), ...size)), width, height);
  const sigma = 0.5 * (1 + factor);
  flow = blurred(flow, sigma);
  for (let round = 0; round < (told.includes(1) ? 2 : 0); round++) {
    const missed = new Float32Array(3 * told.length);
    for (let i = 0; i < told.length; i++) {
      if (!told[i]) continue;
      for (let c = 0; c < 2; c++) missed[3 * i + c] = values.data[2 * i + c] - flow.data[2 * i + c];
      missed[3 * i + 2] = 1;
    }
    const near = blurred(picture(width, height, 3, missed), sigma).data;
    for (let i = 0; i < told.length; i++) {
      for (let c = 0; c < 2; c++) flow.data[2 * i + c] += near[3 * i + c] / Math.max(near[3 * i + 2], 0.5);
    }
  }
  for (let i = 0; i < told.length; i++) {
    const share = smoothstep((reach - distance[i]) / (0.3 * reach));
    flow.data[2 * i] *= share;
    flow.data[2 * i + 1] *= share;
  }
  return stilled(unfolded(flow));
}

/** A flow in which hair that grows covers the background beside it instead of pushing it away. Single hairs beyond its
 *  outline come with it. What a tool told stays. */
function hairOverGround(flow, before, after, told, scale) {
  const { width, height, data } = flow;
  const grows = (label, i) => label === LABEL.HAIR && before[i] === LABEL.BACKGROUND;
  if (!after.some(grows) || !after.includes(LABEL.BACKGROUND)) return flow;
  const away = distances(inverted(where(after, LABEL.BACKGROUND)), width, height);
  const result = picture(width, height, 2, data.slice());
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (told[i] || before[i] !== LABEL.BACKGROUND || after[i] !== LABEL.BACKGROUND) continue;
      const alongX = x > 0 && x + 1 < width ? away[i + 1] - away[i - 1] : 0;
      const alongY = y > 0 && y + 1 < height ? away[i + width] - away[i - width] : 0;
      if (data[2 * i] * alongX + data[2 * i + 1] * alongY > 0) continue;
      const share = smoothstep((away[i] / scale - COMES) / (STAYS - COMES));
      for (let k = 2 * i; k < 2 * i + 2; k++) result.data[k] *= 1 - share;
    }
  }
  return stilled(unfolded(result));
}

/** A flow in which the background stays where it is while hair draws back before it. Close to hair its edge comes along. Between
 *  that and where hair was the map folds: what lies there was covered. */
function groundBehindHair(flow, before, after, told, scale) {
  const { width, height, data } = flow;
  const { BACKGROUND, HAIR } = LABEL;
  const ground = regionOf(after, (label, i) => label === BACKGROUND && (before[i] === BACKGROUND || before[i] === HAIR) && !told[i]);
  if (!ground.some((inside, i) => inside && before[i] === HAIR) || !data.some((value) => value)) return flow;
  const outwards = distances(regionOf(after, (label) => label !== BACKGROUND), width, height);
  const beside = regionOf(outwards, (away, i) => ground[i] && away < 1.5);
  const deep = distances(where(before, BACKGROUND), width, height);
  const bared = deep.map((depth, i) => (beside[i] && before[i] === HAIR ? depth / scale : 0));
  if (!bared.some((depth) => depth > HARDLY)) return flow;
  const reach = (MARGIN + FADE * bared.reduce((a, b) => Math.max(a, b))) * scale;
  const far = distances(regionOf(bared, (depth) => depth > HARDLY), width, height);
  // Where a face is bent the background is, too.
  const changed = regionOf(where(before, ...FACE), (inside, i) => inside && before[i] !== after[i]);
  const bent = grown(opened(changed, width, scale), width, ALONG * scale);
  const outline = [];
  for (let i = 0; i < beside.length; i++) if (beside[i]) outline.push(i);
  const most = mostAlong(bared, outline, width, roundEven(ALONG * scale));
  const [from, along] = [new Int32Array(ground.length), new Int32Array(ground.length)];
  distances(beside, width, height, { nearest: from });
  const hair = where(after, HAIR);
  const away = any(hair) ? distances(hair, width, height, { nearest: along }) : null;
  const result = picture(width, height, 2, data.slice());
  for (let i = 0; i < ground.length; i++) {
    if (!ground[i] || bent[from[i]]) continue;
    const stays = smoothstep((most.get(from[i]) - HARDLY) / (CLEARLY - HARDLY));
    const edge = away !== null && away[i] <= EDGE * scale;
    const [length, least] = [lengthAt(data, i), lengthAt(data, from[i])];
    // Nor does it move more than what it lies beside.
    const slower = far[i] <= reach && length > least ? least / Math.max(length, STILL) : 1;
    for (let c = 0; c < 2; c++) {
      const own = data[2 * i + c];
      result.data[2 * i + c] = edge ? own + stays * (data[2 * along[i] + c] - own) : own * slower * (1 - stays);
    }
  }
  return stilled(result);
}

/** The greatest of values at some places within `reach` rows and columns of each of them, by place. */
function mostAlong(values, places, width, reach) {
  const rows = new Map();
  for (const i of places) {
    const row = Math.floor(i / width);
    if (!rows.has(row)) rows.set(row, []);
    rows.get(row).push(i);
  }
  const most = new Map();
  for (const i of places) {
    const [y, x] = [Math.floor(i / width), i % width];
    let greatest = 0;
    for (let row = y - reach; row <= y + reach; row++) {
      for (const other of rows.get(row) ?? []) {
        if (values[other] > greatest && Math.abs((other % width) - x) <= reach) greatest = values[other];
      }
    }
    most.set(i, greatest);
  }
  return most;
}

/** Displacements too small to count become none, in place. */
function stilled(flow) {
  const { data } = flow;
  for (let i = 0; i < data.length / 2; i++) {
    if ((data[2 * i] || data[2 * i + 1]) && lengthAt(data, i) < STILL) data[2 * i] = data[2 * i + 1] = 0;
  }
  return flow;
}

/** Determinant of the derivative of p -> p + flow[p]: the source's area per pixel, negative in a fold. */
export function jacobian({ width, height, data }) {
  const determinant = new Float32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const right = 2 * (x + 1 < width ? i + 1 : i);
      const below = 2 * (y + 1 < height ? i + width : i);
      const at = 2 * i;
      determinant[i] = (1 + data[right] - data[at]) * (1 + data[below + 1] - data[at + 1]) - (data[right + 1] - data[at + 1]) * (data[below] - data[at]);
    }
  }
  return determinant;
}

/** A flow smoothed and weakened where it would fold, until its map is one-to-one; where it is `torn`, a region or null, it may. */
export function unfolded(flow, torn = null) {
  const { width, height } = flow;
  for (let attempt = 0; attempt < 14; attempt++) {
    const bad = regionOf(jacobian(flow), (value, i) => value < JACOBIAN && !torn?.[i]);
    if (!bad.includes(1)) return flow;
    const sigma = 1.5 + attempt;
    const wide = dilated(bad, width, square(3 + attempt));
    // Nothing changes farther from it than the blur reaches, and that follows from what it reaches once more.
    const { left, top, width: w, height: h } = windowAround(wide, width, 2 * Math.ceil(4 * sigma + 1), height);
    const near = blurred(picture(w, h, 1, new Float32Array(cutOut(picture(width, height, 1, wide), left, top, w, h).data)), sigma).data;
    const smooth = blurred(cutOut(flow, left, top, w, h), sigma).data;
    const weaker = new Float32Array(flow.data);
    for (let y = 0, i = 0; y < h; y++) {
      for (let k = 2 * ((top + y) * width + left), end = k + 2 * w; k < end; k += 2, i++) {
        if (near[i]) for (let c = 0; c < 2; c++) weaker[k + c] += near[i] * (0.95 * smooth[2 * i + c] - weaker[k + c]);
      }
    }
    flow = picture(width, height, 2, weaker);
  }
  while (jacobian(flow).some((value, i) => value < JACOBIAN && !torn?.[i])) flow = picture(width, height, 2, flow.data.map((value) => 0.85 * value));
  return flow;
}

/** What is known of how the photo's pixels move: the mask which the flow leads to. Edits that follow each other add up;
 *  what one of them handed over is not guessed again. */
export class Motion {
  #flow;
  #compute;

  /** `compute()`: gives the flow when it is first asked for; things that are laid over the photo never ask. */
  constructor(mask, size, compute) {
    Object.assign(this, { mask, size });
    this.#compute = compute;
  }

  /** The photo as it is, with its own mask. */
  static none = (mask, size) => new Motion(mask, size, () => noFlow(size));

  get flow() {
    this.#flow ??= this.#compute();
    this.#compute = null; // and what it holds
    return this.#flow;
  }

  /** One edit further: to another mask, with what its tool hands over. */
  to(mask, told = null) {
    if (!told && mask.every((label, i) => label === this.mask[i])) return this;
    return new Motion(mask, this.size, () => this.#flowTo(mask, told));
  }

  #flowTo(mask, told) {
    const { size, flow } = this;
    const step = flowBetween(this.mask, mask, size, told);
    if (!flow.data.some((value) => value)) return step;
    const [columns, rows] = [new Float32Array(mask.length), new Float32Array(mask.length)];
    for (let i = 0; i < mask.length; i++) {
      columns[i] = (i % size) + step.data[2 * i];
      rows[i] = Math.floor(i / size) + step.data[2 * i + 1];
    }
    const both = remapped(flow, columns, rows);
    for (let k = 0; k < both.length; k++) both[k] += step.data[k];
    return unfolded(stilled(picture(size, size, 2, both)), where(mask, LABEL.BACKGROUND));
  }
}
