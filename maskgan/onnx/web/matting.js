// How far each pixel of a photo is hair, and which colour the hair in it has: by means and covariances of the colours of hair and
// of what is beside it (as in Bayesian matting, Chuang et al., CVPR 2001) and Fisher's discriminant between them. Walls, hands and
// clothes that a mask takes for hair are told by their colours and texture; see maskgan/editing/matting.py.

import { LABEL, SKIN_TONE } from "./constants.js";
import { Kept } from "./kept.js";
import { writeLab } from "./oklab.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { any, both, distances, either, inverted, piecesOf, regionOf, where, without } from "./regions.js";
import { clip } from "./samples.js";

const { CLOTH, HAIR, NOSE, SKIN } = LABEL;
const BESIDE = [SKIN_TONE, [CLOTH]]; // classes that mostly have one colour close by; all others are one more group
// In pixels of a crop of 256 px: how far inside and outside of the mask's edge colours decide, sigmas within which they are
// measured for that and to find what is no hair further inside, and how far away something counts as beside.
const [INSIDE, OUTSIDE, AROUND, WIDE, NEAR] = [6, 7, 9, 28, 5];
const [NOISE, OUTLINE] = [4e-4, 3]; // variance of colours (0..1) taken for noise; weight of the mask's outline beside colours
const [NONE, ALL] = [0.2, 0.8]; // a share below the first is none, above the second all
const [STRANGE, TIMES] = [14, 4]; // squared distance to hair's colours of what is none, when so many times that to others'
const CELLS = 64; // along a side, in which colours of hair and others are compared
const SURE = 0.12; // hair so near to the face's skin is hair, in parts of a side
const [OWN, UNLIKE, PART, LIKE] = [0.05, 0.05, 0.33, 0.1]; // see matting.py
const [FARTHER, ROUNDS, FEW] = [0.15, 5, 3];
const PAIRS = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

/** What share of each pixel of a picture half as wide a region covers. */
const halved = (region, size, width) => resizeArea(picture(size, size, 1, new Float32Array(region)), width, width).data;

/** A plane's means in cells. */
const inCells = (data, width, side) => resizeArea(picture(width, width, 1, data), side, side).data;

/** Numbers of square cells, `channels` each, seen at places of a picture `width` pixels wide: in between linearly. */
class Cells {
  constructor(side, channels, data, width) {
    Object.assign(this, { side, channels, data, width, values: new Float64Array(channels) });
  }

  /** The numbers at pixel i, in an array that the next call writes again. */
  at(i) {
    const { side, channels, data, width, values } = this;
    const place = (n) => Math.min(Math.max(((n + 0.5) * side) / width - 0.5, 0), side - 1);
    const [x, y] = [place(i % width), place(Math.floor(i / width))];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, below] = [Math.min(left + 1, side - 1), Math.min(top + 1, side - 1)];
    const [u, v] = [x - left, y - top];
    const [a, b] = [(top * side + left) * channels, (top * side + right) * channels];
    const [c, d] = [(below * side + left) * channels, (below * side + right) * channels];
    for (let k = 0; k < channels; k++) {
      values[k] = (1 - v) * ((1 - u) * data[a + k] + u * data[b + k]) + v * ((1 - u) * data[c + k] + u * data[d + k]);
    }
    return values;
  }
}

// ---------------------------------------------------------------- what masks wrongly call hair

const halfOf = (colours) => resizeArea(colours, Math.max(16, colours.width >> 1), Math.max(16, colours.width >> 1));

/** A photo's colours in 0..1. */
function inUnits({ width, height, data }) {
  const colours = new Float32Array(data);
  for (let i = 0; i < colours.length; i++) colours[i] /= 255;
  return picture(width, height, 3, colours);
}

/** Where a photo has hair of what its mask calls so. */
export const ownHair = (photo, mask) => hairAlone(halfOf(inUnits(photo)), mask, photo.width);

function hairAlone(half, mask, size) {
  const hair = where(mask, HAIR);
  const wrong = noHair(half, mask, size);
  const side = Math.sqrt(wrong.length);
  for (let i = 0; i < hair.length; i++) {
    if (hair[i]) hair[i] = 1 - wrong[Math.floor(((i % size) * side) / size) + side * Math.floor((Math.floor(i / size) * side) / size)];
  }
  return hair;
}

/** Cells that a mask takes for hair and that are something else; `half`: the photo at half its size, 0..1. */
function noHair(half, mask, size) {
  const side = Math.min(CELLS, half.width >> 2);
  const inside = halved(where(mask, HAIR), size, half.width);
  const share = inCells(inside, half.width, side);
  const skin = regionOf(inCells(halved(where(mask, SKIN, NOSE), size, half.width), half.width, side), (value) => value > 0.5);
  const hair = regionOf(share, (value) => value > 0.5);
  const nothing = new Uint8Array(hair.length);
  if (!any(hair) || !hair.includes(0) || !any(skin)) return nothing;
  const away = distances(skin, side, side);
  let sure = hair.map((value, i) => (value && away[i] < SURE * side ? 1 : 0));
  const rows = Array.from({ length: side }, (_, y) => y).filter((y) => any(skin.subarray(y * side, (y + 1) * side)));
  const lowest = rows[0] + 0.6 * (rows.at(-1) - rows[0]);
  const above = sure.map((value, i) => (value && Math.floor(i / side) < lowest ? 1 : 0));
  if (any(above)) sure = above;
  if (!any(sure)) return hair;
  const looks = looksOf(half, inside, hair, side);
  const difference = (i, j) => {
    const [light, a] = [looks[4 * i] - looks[4 * j], looks[4 * i + 1] - looks[4 * j + 1]];
    const [b, texture] = [looks[4 * i + 2] - looks[4 * j + 2], looks[4 * i + 3] - looks[4 * j + 3]];
    return Math.sqrt(light * light + a * a + b * b + texture * texture);
  };
  const own = placesIn(sure);
  const least = Math.max(1, Math.floor(OWN * own.length));
  let maybe = placesIn(hair).map((cell) => {
    const smallest = new Float64Array(least).fill(9);
    for (const one of own) insert(smallest, difference(cell, one));
    return { cell, unlike: smallest.reduce((a, b) => a + b, 0) / least, nearest: new Float64Array(FEW).fill(9) };
  });
  maybe = maybe.filter(({ unlike }) => unlike > UNLIKE);
  let told = placesIn(inverted(hair));
  for (let round = 0; round < ROUNDS && maybe.length && told.length; round++) {
    const others = new Set();
    for (const { cell, unlike, nearest } of maybe) {
      for (const one of told) {
        const [x, y] = [(cell % side) - (one % side), Math.floor(cell / side) - Math.floor(one / side)];
        insert(nearest, difference(cell, one) + (FARTHER / side) * Math.sqrt(x * x + y * y));
      }
      const mean = nearest.reduce((a, b) => a + b) / FEW;
      if (mean < PART * unlike && mean < LIKE) others.add(cell);
    }
    told = [...others];
    for (const cell of told) nothing[cell] = 1;
    maybe = maybe.filter(({ cell }) => !others.has(cell));
  }
  // Not what lies amid hair, such as its lights.
  const { numbers } = piecesOf(either(nothing, inverted(hair)), side, side);
  const outer = new Set(placesIn(inverted(hair)).map((i) => numbers[i]));
  return nothing.map((value, i) => (value && outer.has(numbers[i]) ? 1 : 0));
}

/** The places in a region. */
function placesIn(region) {
  const places = [];
  for (let i = 0; i < region.length; i++) if (region[i]) places.push(i);
  return places;
}

/** A value put where it belongs among the smallest, in ascending order. */
function insert(smallest, value) {
  let at = smallest.length - 1;
  if (smallest[at] <= value) return;
  for (; at && smallest[at - 1] > value; at--) smallest[at] = smallest[at - 1];
  smallest[at] = value;
}

/** Means of colours in OKLab, hues twice, in each cell, and how their lightness varies: of hair in cells of hair, else of others. */
function looksOf({ width, data }, inside, hair, side) {
  const sums = new Float64Array(5 * hair.length); // weight, colours, square of lightness
  const lab = [0, 0, 0];
  for (let i = 0; i < width * width; i++) {
    const cell = Math.floor(((i % width) * side) / width) + side * Math.floor((Math.floor(i / width) * side) / width);
    const weight = hair[cell] ? inside[i] : 1 - inside[i];
    if (!weight) continue;
    writeLab(255 * data[3 * i], 255 * data[3 * i + 1], 255 * data[3 * i + 2], lab, 0);
    const at = 5 * cell;
    sums[at] += weight;
    sums[at + 1] += weight * lab[0];
    sums[at + 2] += weight * 2 * lab[1];
    sums[at + 3] += weight * 2 * lab[2];
    sums[at + 4] += weight * lab[0] * lab[0];
  }
  const looks = new Float32Array(4 * hair.length);
  for (let i = 0; i < hair.length; i++) {
    const [light, a, b, square] = [1, 2, 3, 4].map((c) => sums[5 * i + c] / Math.max(sums[5 * i], 1e-6));
    looks.set([light, a, b, Math.sqrt(Math.max(square - light * light, 0))], 4 * i);
  }
  return looks;
}

// ---------------------------------------------------------------- matte

/** Means and covariances near each cell of moments (weight, colours, products): nine numbers a cell. */
function meansOf(moments, sigma) {
  const near = blurred(moments, sigma).data;
  const all = new Float64Array(10);
  const cells = near.length / 10;
  for (let i = 0; i < near.length; i++) all[i % 10] += moments.data[i] / cells;
  const result = new Float32Array(9 * cells);
  for (let i = 0; i < cells; i++) {
    const value = (c) => near[10 * i + c] + 1e-4 * all[c] + 1e-9; // where there is none near, those of all
    const weight = value(0);
    for (let c = 0; c < 9; c++) result[9 * i + c] = value(c + 1) / weight;
    PAIRS.forEach(([j, k], c) => (result[9 * i + 3 + c] -= result[9 * i + j] * result[9 * i + k]));
  }
  return result;
}

/** The inverse of a symmetric matrix by PAIRS, with some noise on its diagonal. */
function inverseOf(a, b, c, d, e, f) {
  [a, d, f] = [a + NOISE, d + NOISE, f + NOISE];
  const [ofA, ofB, ofC] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const determinant = a * ofA + b * ofB + c * ofC;
  return [ofA, ofB, ofC, a * f - c * c, b * c - a * e, a * d - b * b].map((minor) => minor / determinant);
}

/** Of what is near each pixel of a picture: means of colours and inverse of their covariances. */
function nearby(means, side, width) {
  const cells = new Float32Array(means.length);
  for (let i = 0; i < means.length; i += 9) {
    cells.set(means.subarray(i, i + 3), i);
    cells.set(inverseOf(...means.subarray(i + 3, i + 9)), i + 3);
  }
  return new Cells(side, 9, cells, width);
}

/** Squared Mahalanobis distance of the colour of pixel i from what is near it. */
function strangeness(data, near, i) {
  const values = near.at(i);
  const [red, green, blue] = [data[3 * i] - values[0], data[3 * i + 1] - values[1], data[3 * i + 2] - values[2]];
  const across = values[4] * red * green + values[5] * red * blue + values[7] * green * blue;
  return values[3] * red * red + values[6] * green * green + values[8] * blue * blue + 2 * across;
}

/** How much of something lies beside each cell: so often its share of the cells near, at most 1. */
function besides(there, side, sigma, often) {
  return blurred(picture(side, side, 1, there), sigma).data.map((value) => clip(often * value, 0, 1));
}

/** What tells hair from something else in each cell (factors of red, green, blue, 1 and of the outline, whose sum is the hair's
 *  share), the difference between the two, and how much of that lies beside it: nine numbers. */
function linesOf(own, theirs, near) {
  const lines = new Float32Array(own.length);
  for (let i = 0; i < own.length; i += 9) {
    const apart = [0, 1, 2].map((c) => own[i + c] - theirs[i + c]);
    const [a, b, c, d, e, f] = inverseOf(...[3, 4, 5, 6, 7, 8].map((k) => own[i + k] + theirs[i + k]));
    const [red, green, blue] = apart;
    const way = [a * red + b * green + c * blue, b * red + d * green + e * blue, c * red + e * green + f * blue];
    const [clear, rest] = [apart, theirs.subarray(i, i + 3)].map((colour) => way.reduce((sum, value, k) => sum + value * colour[k], 0));
    lines.set([...way, -rest, OUTLINE].map((value) => value / (clear + OUTLINE)), i);
    lines.set([...apart, near[i / 9]], i + 5);
  }
  return lines;
}

/** Sums of weights, colours and their products in cells, as means. */
function momentsOf({ width, data }, weights, side) {
  const moments = new Float64Array(10 * side * side);
  const share = (side / width) ** 2;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] * share;
    if (!weight) continue;
    const at = 10 * (Math.floor(((i % width) * side) / width) + side * Math.floor((Math.floor(i / width) * side) / width));
    const [red, green, blue] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]];
    moments[at] += weight;
    moments[at + 1] += weight * red;
    moments[at + 2] += weight * green;
    moments[at + 3] += weight * blue;
    moments[at + 4] += weight * red * red;
    moments[at + 5] += weight * red * green;
    moments[at + 6] += weight * red * blue;
    moments[at + 7] += weight * green * green;
    moments[at + 8] += weight * green * blue;
    moments[at + 9] += weight * blue * blue;
  }
  return picture(side, side, 10, Float32Array.from(moments));
}

const MATTES = new Kept(4); // one colour after another is tried on the same hair

/** The matte of the hair of a photo by its mask: {share, part}, how far each pixel is hair and the hair's own colour in it;
 *  neither is to be changed. */
export function hairMatte(photo, mask) {
  return MATTES.find(mask, photo.data) ?? MATTES.keep(matteOf(photo, mask), mask.slice(), photo.data.slice());
}

function matteOf(photo, mask) {
  const { width: size } = photo;
  const colours = inUnits(photo);
  const half = halfOf(colours);
  const { data, width } = half;
  const side = Math.min(CELLS, width >> 2);
  const hair = hairAlone(half, mask, size);
  const part = new Float32Array(photo.data);
  if (!any(hair)) return { share: new Float32Array(mask.length), part };
  const inner = distances(inverted(hair), size, size);
  const depth = distances(hair, size, size).map((outer, i) => ((clip(inner[i], 0, size) - clip(outer, 0, size)) * 256) / size);
  const surest = (region, sure) => momentsOf(half, halved(any(sure) ? sure : region, size, width), side);
  const scale = side / 256; // of sigmas
  const own = surest(hair, regionOf(depth, (value) => value > INSIDE));
  const means = meansOf(own, AROUND * scale);
  // What its colours tell further inside is told by half the pixels in a row.
  const wide = nearby(meansOf(own, WIDE * scale), side, width);
  const strange = new Map();
  halved(hair, size, width).forEach((weight, i) => {
    const far = weight > 0 ? strangeness(data, wide, i) : 0;
    if (far > STRANGE) strange.set(i, far);
  });
  const foreign = new Float32Array(width * width);
  const share = new Float32Array(hair);
  const ground = new Float32Array(part.length);
  const edge = placesIn(regionOf(depth, (value) => value > -OUTSIDE && value < INSIDE));
  for (const i of edge) share[i] = 1;
  const groups = BESIDE.map((labels) => without(where(mask, ...labels), hair));
  for (const group of [...groups, inverted(groups.reduce(either, hair))]) {
    if (!any(group)) continue;
    const there = inCells(halved(group, size, width), width, side);
    const theirs = surest(group, both(group, regionOf(depth, (value) => value < -OUTSIDE)));
    const lines = linesOf(means, meansOf(theirs, AROUND * scale), besides(there, side, NEAR * scale, 4));
    const line = new Cells(side, 9, lines, size);
    for (const i of edge) {
      const values = line.at(i);
      let told = values[3] + values[4] * (0.5 + depth[i] / (INSIDE + OUTSIDE));
      for (let c = 0; c < 3; c++) told += values[c] * colours.data[3 * i + c];
      told = 1 - values[8] * (1 - clip((told - NONE) / (ALL - NONE), 0, 1));
      if (told >= share[i]) continue;
      share[i] = told;
      for (let c = 0; c < 3; c++) ground[3 * i + c] = values[5 + c];
    }
    const familiar = nearby(meansOf(theirs, (WIDE / 2) * scale), side, width);
    const around = new Cells(side, 1, besides(there, side, (WIDE / 2) * scale, 8), width);
    for (const [i, far] of strange) {
      const [unlike, like] = [STRANGE, TIMES * strangeness(data, familiar, i)].map((other) => clip((far - other) / STRANGE, 0, 1));
      foreign[i] = Math.max(foreign[i], unlike * like * around.at(i)[0]);
    }
  }
  for (const i of edge) share[i] = clip(share[i], clip((2 * depth[i]) / INSIDE - 1, 0, 1), clip(2 + (2 * depth[i]) / OUTSIDE, 0, 1));
  const strangers = resizeLinear(picture(width, width, 1, foreign), size, size).data;
  for (let i = 0; i < share.length; i++) share[i] *= 1 - strangers[i];
  for (const i of edge) {
    for (let c = 3 * i; c < 3 * i + 3; c++) part[c] = clip(part[c] + 255 * (1 - share[i]) * ground[c], 0, 255);
  }
  return { share, part };
}
