// Fine detail of the photo for painted pixels, such as strands of this person's hair: maskgan/editing/texture.py.
// Where each piece of paint takes its detail from is decided on a coarse grid; the detail is moved at full resolution.

import { LABEL, SIZE } from "./constants.js";
import {
  AROUND, LIGHT, Places, UNLIKE, bestShifts, costsOf, expectedDirection, featuresOf, featuresSeen, luminance,
  meanAround, tensorOf, viewsOf,
} from "./likeness.js";
import { blurred, boxed, picture, resizeArea, resizeLinear } from "./pixels.js";
import { both, extent, grown, inverted, where, without } from "./regions.js";
import { clip } from "./samples.js";
import { apply, compose, inverse, seenThrough, thenShift } from "./warp.js";

// Classes whose detail is a texture; of the others (eyes, brows, jewellery) it is their drawing.
const TEXTURED = ["SKIN", "HAIR", "NECK", "CLOTH", "HAT", "BACKGROUND", "NOSE"].map((name) => LABEL[name]);
export const DETAIL = 1.5; // what a Gaussian of so many pixels takes away, in pixels of a picture of the network's size
// A background has neither strands nor pores: what makes it this photo's is coarser. How many times, by class.
const COARSER = new Map([[LABEL.BACKGROUND, 4]]);
const STRAY = 16; // around hair single hairs lie in the background so far, which belong to no other place of it
// A quarter of a class has less energy than some; what has so many times that is no texture: a thing in a background, a
// wrinkle in skin.
const THING = new Map([[LABEL.BACKGROUND, 4], [LABEL.SKIN, 4]]);
const CELL = 4; // side of a cell, in the same pixels
const FEWEST = 24; // fewer cells are no source
const STRENGTH = [0.75, 1.15]; // how much weaker or stronger detail gets with the light
const [MOST, NEAR] = [1.5, 5]; // how much it may be strengthened, by what is usual within so many cells

/** What a Gaussian blur takes away from a picture of floats; sigma in pixels. */
export function fineDetail(image, sigma) {
  const { width, height, channels, data } = image;
  const shrink = Math.floor(sigma / 2);
  let smooth;
  if (shrink < 2) smooth = blurred(image, sigma);
  else {
    const small = resizeArea(image, Math.ceil(width / shrink), Math.ceil(height / shrink));
    smooth = resizeLinear(blurred(small, sigma / shrink), width, height);
  }
  const detail = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) detail[i] = data[i] - smooth.data[i];
  return picture(width, height, channels, detail);
}

const plane = (size, data) => picture(size, size, 1, data);

/** Mean squares of lightness in cells. */
function energyOf({ width, data }, cells) {
  return resizeArea(plane(width, data.map((value) => value * value)), cells, cells);
}

/** The detail of a class, a region, of a lightness, whatever is beside it. */
function detailWithin({ width, data }, own, sigma) {
  const planes = new Float32Array(2 * own.length);
  own.forEach((inside, i) => inside && planes.set([data[i], 1], 2 * i));
  const detail = fineDetail(picture(width, width, 2, planes), sigma).data;
  return plane(width, data.map((value, i) => {
    const share = own[i] - detail[2 * i + 1];
    return own[i] ? value - (value - detail[2 * i]) / Math.max(share, 1e-3) : 0;
  }));
}

/** Where painted pixels take their detail from, at any resolution. */
export class Grain {
  constructor(cells, pieces, share) {
    Object.assign(this, { cells, pieces, share });
  }

  /** For painted pixels, that of known pixels of their class; null where there is nothing to take it from.
   *  `painted` and `photo`: pictures, `unknown` and `mask`: of the same n x n pixels; `wanting`: what of it needs some. */
  static planned(painted, photo, unknown, mask, wanting = unknown) {
    const n = painted.width;
    const cells = Math.floor(n / CELL);
    const fine = (DETAIL * n) / SIZE.network;
    const seen = picture(n, n, 3, new Float32Array(photo.data));
    for (let i = 0; i < n * n; i++) {
      if (unknown[i]) for (let k = 3 * i; k < 3 * i + 3; k++) seen.data[k] = painted.data[k];
    }
    const light = luminance(seen);
    const tensor = tensorOf(light, cells);
    const features = featuresOf(light, seen, tensor);
    // Only hair has a direction to follow; of the others the picture and its mirror image are enough.
    const waysOf = (label) => viewsOf(cells).slice(0, label === LABEL.HAIR ? undefined : 2);
    const views = waysOf(mask.some((label, i) => label === LABEL.HAIR && unknown[i]) ? LABEL.HAIR : null);
    const featuresIn = views.map((view) => featuresSeen(features, view));
    const shrunk = (region) => resizeArea(plane(n, new Float32Array(region)), cells, cells);
    const known = inverted(grown(unknown, n, 2 * fine));
    const share = new Float32Array(n * n);
    const pieces = [];
    for (const label of TEXTURED) {
      const own = where(mask, label);
      const wanted = both(own, wanting);
      const targets = Places.where(shrunk(wanted).data.map((value) => (value > 0 ? 1 : 0)), features.data);
      if (targets.count < FEWEST) continue;
      const inner = without(own, grown(inverted(own), n, 2 * fine)); // where detail is the class's own, not its outline's
      const places = plane(cells, shrunk(both(inner, known)).data.map((value) => (value > 0.9 ? 1 : 0)));
      if (label === LABEL.BACKGROUND) {
        const airy = shrunk(grown(where(mask, LABEL.HAIR), n, (STRAY * fine) / DETAIL)).data;
        const clear = places.data.map((value, i) => (airy[i] > 0 ? 0 : value));
        if (clear.reduce((a, b) => a + b) >= FEWEST) places.data.set(clear);
      }
      if (places.data.reduce((a, b) => a + b) < FEWEST) continue;
      const coarser = COARSER.get(label) ?? 1;
      const detail = fineDetail(seen, fine * coarser);
      // Where it is so coarse that outlines reach far into it, what is beside them is left out.
      const brought = energyOf(luminance(detail), cells);
      const energy = coarser > 1 ? energyOf(detailWithin(light, own, fine * coarser), cells) : brought;
      const [telling, rough] = [places.data.slice(), plane(cells, energy.data.slice())];
      if (THING.has(label)) {
        const energies = brought.data.filter((_, i) => places.data[i]).sort();
        const most = THING.get(label) * energies[energies.length >> 2];
        const calm = places.data.map((value, i) => (brought.data[i] <= most ? value : 0));
        if (calm.reduce((a, b) => a + b) >= FEWEST) places.data.set(calm);
        rough.data.forEach((value, i) => (rough.data[i] = Math.min(value, most)));
      }
      // Skin is as rough beside wrinkles as they may be; far from its things a background is even.
      const usual = meanAround(rough, coarser === 1 ? telling : places.data, NEAR);
      const direction = expectedDirection(tensor, shrunk(own).data);
      targets.cells.forEach((cell, k) => targets.features.set(direction(cell), 5 * k + 3));
      const sources = waysOf(label).map((view) => seenThrough(places, view, cells, cells, "zero", false).data.map((value) => (value > 0.9 ? 1 : 0)));
      const shifts = bestShifts(targets, sources, featuresIn, cells);
      const found = shifts.length ? piecesOf(targets, shifts, sources, featuresIn, cells) : [];
      if (!found.length) continue;
      const moved = movedDetail(detail, [cells / n, 0, 0, 0, cells / n, 0], cells, found);
      const there = shrunk(both(inner, unknown)).data;
      const has = meanAround(energy, there, 1.5);
      const gets = meanAround(energyOf(luminance(moved), cells), there, 1.5);
      // A strip that is all outline gets none: nothing says how much would be right.
      const solid = blurred(plane(cells, there), 1.5).data;
      const more = usual.map((value, i) =>
        Math.sqrt(clip((value - has[i]) / (gets[i] + 1e-3), 0, MOST ** 2)) * clip(solid[i] / 0.15, 0, 1));
      resizeLinear(plane(cells, more), n, n).data.forEach((value, i) => wanted[i] && (share[i] = value));
      pieces.push(...found.map((piece) => ({ ...piece, coarser })));
    }
    return pieces.length ? new Grain(cells, pieces, plane(n, share)) : null;
  }

  /** The detail to add, times `share`, to a picture whose known pixels have it. `toCells`: a matrix from its pixels to
   *  the grid's cells. */
  of(image, toCells) {
    const cell = 1 / Math.sqrt(Math.abs(toCells[0] * toCells[4] - toCells[1] * toCells[3])); // in pixels of the picture
    const floats = { ...image, data: new Float32Array(image.data) };
    const result = picture(image.width, image.height, 3, new Float32Array(image.data.length));
    for (const coarser of new Set(this.pieces.map((piece) => piece.coarser))) {
      const pieces = this.pieces.filter((piece) => piece.coarser === coarser);
      const moved = movedDetail(fineDetail(floats, (coarser * DETAIL * cell) / CELL), toCells, this.cells, pieces);
      for (let i = 0; i < result.data.length; i++) result.data[i] += moved.data[i];
    }
    return result;
  }
}

/** The targets in pieces, each by the best of the shifts: {left, top, weight, shift} with a plane of weights. */
function piecesOf(targets, shifts, sources, features, cells) {
  const costs = shifts.map((shift) => costsOf(targets, shift, sources, features, cells));
  const smooth = costs.map((own) => { // one place takes after its surroundings
    const around = new Float32Array(cells * cells);
    targets.cells.forEach((cell, k) => (around[cell] = own[k]));
    const sums = boxed(plane(cells, around), AROUND, false).data;
    return targets.cells.map((cell) => sums[cell]);
  });
  const chosen = targets.cells.map((_, k) => {
    let best = 0;
    for (let s = 1; s < shifts.length; s++) if (smooth[s][k] < smooth[best][k]) best = s;
    return best;
  });
  const strength = new Float32Array(cells * cells).fill(1);
  const weights = new Map();
  targets.cells.forEach((cell, k) => {
    // Dark paint has weaker detail than a light source.
    const [x, y, view] = shifts[chosen[k]];
    const [column, row] = [(cell % cells) + x, Math.floor(cell / cells) + y].map((at) => clip(at, 0, cells - 1));
    const source = features[view][5 * (row * cells + column)];
    strength[cell] = clip((targets.features[5 * k] + 16 * LIGHT) / (source + 16 * LIGHT), ...STRENGTH);
    if (costs[chosen[k]][k] >= UNLIKE) return;
    if (!weights.has(chosen[k])) weights.set(chosen[k], new Float32Array(cells * cells));
    weights.get(chosen[k])[cell] = 1;
  });
  const total = new Float32Array(cells * cells);
  for (const [number, weight] of weights) {
    weights.set(number, blurred(plane(cells, weight), 0.6).data);
    weights.get(number).forEach((value, i) => (total[i] += value * value));
  }
  // Where two pieces meet, their mean would be weaker than either.
  total.forEach((value, i) => (strength[i] /= Math.sqrt(Math.max(value, 0.1))));
  return [...weights.keys()].sort((a, b) => a - b).map((number) => {
    const weight = weights.get(number);
    const { left, top, right, bottom } = extent(weight.map((value) => (value > 0 ? 1 : 0)), cells);
    const [wide, tall] = [right - left + 1, bottom - top + 1];
    const part = new Float32Array(wide * tall).map((_, i) => {
      const at = (top + Math.floor(i / wide)) * cells + left + (i % wide);
      return weight[at] * strength[at];
    });
    return { left, top, weight: picture(wide, tall, 1, part), shift: shifts[number] };
  });
}

/** The sum of the pieces, each of the detail at its source; `toCells` as for `Grain.of`. */
function movedDetail(detail, toCells, cells, pieces) {
  const { width, height } = detail;
  const result = picture(width, height, 3, new Float32Array(detail.data.length));
  const views = viewsOf(cells);
  const toPixels = inverse(toCells);
  for (const { left, top, weight, shift: [x, y, view] } of pieces) {
    const ends = [-1, weight.width + 1].flatMap((dx) => [-1, weight.height + 1].map((dy) => apply(toPixels, left + dx, top + dy)));
    const low = [0, 1].map((k) => Math.max(Math.floor(Math.min(...ends.map((end) => end[k]))), 0));
    const high = [width, height].map((limit, k) => Math.min(Math.ceil(Math.max(...ends.map((end) => end[k]))), limit));
    const [wide, tall] = [high[0] - low[0], high[1] - low[1]];
    if (wide <= 0 || tall <= 0) continue;
    const here = compose(toCells, [1, 0, low[0], 0, 1, low[1]]); // from the box's pixels to cells
    const weights = seenThrough(weight, thenShift(here, -left, -top), wide, tall, "zero", false);
    const source = compose(toPixels, compose(views[view], thenShift(here, x, y)));
    const moved = seenThrough(detail, source, wide, tall, "reflect", true, weights.data).data;
    for (let row = 0; row < tall; row++) {
      let to = 3 * ((low[1] + row) * width + low[0]);
      for (let i = row * wide; i < (row + 1) * wide; i++, to += 3) {
        const share = weights.data[i];
        if (share) for (let c = 0; c < 3; c++) result.data[to + c] += share * moved[3 * i + c];
      }
    }
  }
  return result;
}
