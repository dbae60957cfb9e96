// The window that is painted, and the paint laid over the photo; the same steps as in maskgan/editing/compositing.py.

import { makeEdgesEven } from "./bared_edges.js";
import { partOf } from "./flow.js";
import { blurred, cutOut, picture, resizeArea, resizeCubic, resizeLinear } from "./pixels.js";
import { LABEL, SIZE } from "./constants.js";
import { DETAIL, Grain, fineDetail } from "./grain.js";
import { takeColoursOfPhoto } from "./paint_colours.js";
import { completeUnevenGround, letForeheadGoOn, letPlainGroundGoOn, linesOfTheGround } from "./continuing.js";
import { any, borders, both, either, extent, feathered, grown, piecesOf, roundEven, where } from "./regions.js";
import { median } from "./samples.js";
import { lumaAt } from "./tones.js";
import { resample } from "./warp.js";

// The whole crop is painted at twice the network's size from so many pixels of the photo to one of the network's on.
const FINE = 1.25;
// The surroundings that a window shows beside what is unknown, as a share of the crop's side, and relative to it.
const [CONTEXT, RELATIVE_CONTEXT] = [0.06, 0.3];
// The finest window, as a share of the crop's side at the network's size: none of training is finer.
const FINEST = 0.3;
// Sides in painted pixels of windows at twice the network's size to the crop, and of those for small edits.
const [LARGER, SMALL] = [[320, 384, 448], [128, 192]];
// The part of a window that the network draws: what it shows beside what is unknown, relative to that, and its sides in
// painted pixels, where the window has so many, at least; the second is for plain classes.
const [DRAWN_CONTEXT, DRAWN_LEAST, DRAWN_LEAST_PLAIN] = [0.6, 192, 128];
const PLAIN = ["BACKGROUND", "SKIN", "HAIR", "NECK", "CLOTH", "HAT"].map((name) => LABEL[name]);
// Parts of what is unknown that lie nearer than twice this share of the crop's side to each other are one part; how many
// parts there may be; what a window costs beside its area, as the side of a square of painted pixels.
export const APART = 0.02;
const [MOST_PARTS, OVERHEAD] = [12, 96];
// Two parts share a window where that saves at least this share of what the larger one costs; a part with hair and one without.
const [WORTH, WORTH_BESIDE_HAIR] = [0.12, 0.3];
// In painted pixels: how paint fades into its surroundings, how far its colours are corrected by them.
const [FEATHER, COLOUR, BORDER] = [3, 10, 3];
// How much stronger the network's own fine detail is made, and within how many pixels' range it stays.
const [CRISP, NO_HALO] = [1.5, 1.5];

/** A square part of a face crop, in fractions of the crop's side, drawn at `pixels` a side. */
export class Window {
  constructor(left, top, side, pixels) {
    Object.assign(this, { left, top, side, pixels });
  }

  /** Windows around parts of what is unknown that lie far apart: [{ window, part }], whose parts are all of it. Two parts
   *  share a window where that costs clearly less than one for each; the crop's side spans `photoSide` pixels of the photo.
   *  `hair`: where the edited mask has some. */
  static several(unknown, size, photoSide, hair) {
    let radius = APART * size;
    let found;
    do {
      found = piecesOf(grown(unknown, size, radius), size, size);
      radius *= 2;
    } while (found.pieces.length > MOST_PARTS + 1);
    const groups = found.pieces.slice(1).map((_, k) => {
      const part = unknown.map((inside, i) => inside && found.numbers[i] === k + 1 ? 1 : 0);
      const { left, top, right, bottom } = extent(part, size);
      return { part, box: [top, left, bottom + 1, right + 1] };
    });
    const order = (a, b) => a.box.map((value, k) => value - b.box[k]).find((difference) => difference) ?? 0;
    groups.sort(order);
    for (const group of groups) {
      group.window = Window.of(group.box, size, photoSide);
      group.hairy = any(both(group.part, hair));
    }
    for (;;) {
      let best = { more: Infinity };
      for (let i = 0; i < groups.length; i++) {
        for (let j = i + 1; j < groups.length; j++) {
          const [one, other] = [groups[i], groups[j]];
          const box = one.box.map((value, k) => (k < 2 ? Math.min : Math.max)(value, other.box[k]));
          const window = Window.of(box, size, photoSide);
          const worth = one.hairy === other.hairy ? WORTH : WORTH_BESIDE_HAIR;
          const more = window.cost - one.window.cost - other.window.cost + worth * Math.max(one.window.cost, other.window.cost);
          if (more < best.more) best = { more, i, j, group: { box, window } };
        }
      }
      if (best.more > 0) return groups;
      best.group.part = either(groups[best.i].part, groups[best.j].part);
      best.group.hairy = groups[best.i].hairy || groups[best.j].hairy;
      groups[best.i] = best.group;
      groups.splice(best.j, 1);
    }
  }

  get cost() {
    return this.pixels ** 2 + OVERHEAD ** 2;
  }

  /** The smallest useful window around a box [top, left, bottom, right]. */
  static of([top, left, bottom, right], size, photoSide) {
    const length = Math.max(right - left, bottom - top);
    const needed = (length / size) * (1 + RELATIVE_CONTEXT) + 2 * CONTEXT;
    if (photoSide <= FINE * SIZE.network) return Window.whole(SIZE.network);
    const finest = Math.min(photoSide, SIZE.network / FINEST); // painted pixels to the crop's side
    const choices = [
      ...SMALL.map((pixels) => [pixels / finest, pixels]),
      [Math.max(SIZE.network / finest, Math.min(needed, 0.5)), SIZE.network],
      ...LARGER.map((pixels) => [pixels / (2 * SIZE.network), pixels]),
    ];
    const [share, pixels] = choices.find(([side]) => side >= needed) ?? [1, 2 * SIZE.network];
    if (share >= 1) return Window.whole(pixels);
    const side = 2 * roundEven((share * size) / 2);
    const start = (low, high) => Math.min(Math.max(Math.floor((low + high - side) / 2), 0), size - side);
    return new Window(start(left, right) / size, start(top, bottom) / size, side / size, pixels);
  }

  static whole(pixels) {
    return new Window(0, 0, 1, pixels);
  }

  /** The same part, drawn at other pixels. */
  at(pixels) {
    return new Window(this.left, this.top, this.side, pixels);
  }

  /** This part of a square picture or plane, at its own pixels. */
  part(whole) {
    const [left, top, side] = [this.left, this.top, this.side].map((value) => Math.round(value * whole.width));
    return cutOut(whole, left, top, side, side);
  }

  /** This part of a picture at the window's pixels. */
  picture(whole) {
    const part = this.part(whole);
    return (part.width > this.pixels ? resizeArea : resizeCubic)(part, this.pixels, this.pixels);
  }

  /** This part of a mask at the window's pixels: along smooth borders where it grows. */
  mask(mask, size) {
    const part = this.part(picture(size, size, 1, mask));
    const n = this.pixels;
    if (part.width >= n) {
      const nearest = Array.from({ length: n }, (_, i) => Math.floor(((i + 0.5) * part.width) / n));
      const small = new Uint8Array(n * n);
      for (let y = 0, i = 0; y < n; y++) for (let x = 0; x < n; x++, i++) small[i] = part.data[nearest[y] * part.width + nearest[x]];
      return small;
    }
    const result = new Uint8Array(n * n);
    const best = new Float32Array(n * n).fill(-Infinity);
    for (const label of [...new Set(part.data)].sort((a, b) => a - b)) {
      const shares = resizeCubic(picture(part.width, part.width, 1, new Float32Array(where(part.data, label))), n, n).data;
      for (let i = 0; i < shares.length; i++) {
        if (shares[i] <= best[i]) continue;
        best[i] = shares[i];
        result[i] = label;
      }
    }
    return result;
  }

  /** Which of the window's pixels show anything of a region. */
  covers(region, size) {
    const part = this.part(picture(size, size, 1, new Float32Array(region)));
    const seen = (part.width > this.pixels ? resizeArea : resizeLinear)(part, this.pixels, this.pixels);
    return new Uint8Array(seen.data.map((share) => (share > 0 ? 1 : 0)));
  }

  /** The box of the window's pixels that the network draws, which need not be a square: around what is `covered`, one at least,
   *  lie surroundings; farther away the photo is known and nothing is painted. `mask`: the edited one, at the window's
   *  pixels. */
  drawn(covered, mask) {
    const n = this.pixels;
    const plain = !mask.some((label, i) => covered[i] && !PLAIN.includes(label));
    if (!plain && this.side < 1) return { left: 0, top: 0, width: n, height: n };
    const least = plain ? DRAWN_LEAST_PLAIN : DRAWN_LEAST;
    const { left, top, right, bottom } = extent(covered, n);
    const context = DRAWN_CONTEXT * (Math.max(right - left, bottom - top) + 1) + (2 * CONTEXT * n) / this.side;
    const span = (low, high) => {
      const length = Math.min(n, Math.max(least, SIZE.step * Math.ceil((high - low + context) / SIZE.step)));
      const start = Math.min(Math.max(Math.floor((low + high - length) / 2), 0), n - length);
      return { start: start - (start % 4), length };
    };
    const [columns, rows] = [span(left, right + 1), span(top, bottom + 1)];
    return { left: columns.start, top: rows.start, width: columns.length, height: rows.length };
  }

  /** A box of the window's pixels in fractions of the crop's side. */
  share({ left, top, width, height }) {
    const [x, y, w, h] = [left, top, width, height].map((value) => (value * this.side) / this.pixels);
    return { left: this.left + x, top: this.top + y, width: w, height: h };
  }
}

/** What was painted in a window: four planes of n x n pixels, the colours in 0..255 and alpha in 0..1; `grain`: where it
 *  takes fine detail from, in what it is laid over; `ground`: where completed background does. */
export class Patch {
  constructor(layer, window, grain, ground) {
    Object.assign(this, { layer, window, grain, ground });
  }

  /** Painted pixels that fit what they are laid over: `painted` is what the network drew of a box of the window, `photo` a
   *  picture of the window, `unknown` and `mask` are its region to paint and its edited mask; `fine`: with the photo's fine
   *  detail; `hair`: how far hair that came along lies before it, in 0..1, or null. */
  static joined(painted, photo, unknown, mask, window, box, fine, hair = null) {
    const n = window.pixels;
    const alpha = feathered(unknown, n, (FEATHER * n) / SIZE.network);
    hair?.forEach((share, i) => (alpha[i] *= 1 - Math.min(Math.max(share, 0), 1)));
    const [known, region, labels] = [cutOut(photo, box.left, box.top, box.width, box.height), ...[unknown, mask].map((plane) => partOf(plane, n, box))];
    const missing = colourError(painted.data, known.data, region, labels, box.width, n / SIZE.network);
    const colours = picture(n, n, 3, new Float32Array(photo.data));
    for (let y = 0, i = 0; y < box.height; y++) {
      let to = 3 * ((box.top + y) * n + box.left);
      for (let end = i + 3 * box.width; i < end; i++, to++) colours.data[to] = painted.data[i] + missing[i];
    }
    takeColoursOfPhoto(colours.data, photo, unknown, mask, n);
    const lines = linesOfTheGround(photo, unknown, mask, n);
    letPlainGroundGoOn(colours.data, photo, unknown, mask, n, lines);
    letForeheadGoOn(colours.data, photo, unknown, mask, n);
    makeCrisper(colours.data, photo, unknown, n);
    const ground = completeUnevenGround(colours.data, photo, unknown, mask, n, lines);
    makeEdgesEven(colours.data, photo, unknown, mask, n, n / (window.side * SIZE.network));
    const wanting = ground ? unknown.map((inside, i) => (inside && ground.share.data[i] <= 0.5 ? 1 : 0)) : unknown;
    const layer = new Float32Array(4 * n * n);
    for (let i = 0; i < n * n; i++) {
      for (let c = 0; c < 3; c++) layer[4 * i + c] = colours.data[3 * i + c];
      layer[4 * i + 3] = alpha[i];
    }
    const grain = fine ? Grain.planned(colours, photo, unknown, mask, wanting) : null;
    return new Patch(picture(n, n, 4, layer), window, grain, ground);
  }

  /** A photo with it laid over, a new picture; the crop lies in the photo at `alignment`. Fine detail comes from `source`,
   *  the photo without other patches. */
  over(photo, alignment, source = photo) {
    const { layer, window } = this;
    const n = window.pixels;
    const own = alignment.window(window.left, window.top, window.side);
    const opaque = new Uint8Array(n * n);
    for (let i = 0; i < opaque.length; i++) if (layer.data[4 * i + 3] > 0) opaque[i] = 1;
    const shown = extent(opaque, n);
    const box = [shown.left - 1, shown.top - 1, shown.right + 2, shown.bottom + 2];
    const part = own.photoPart(box, n);
    if (!part) return photo;
    const seen = resample(layer, own.fromPart(part, n), part.width, part.height).data;
    for (const grain of [this.grain, this.ground]) if (grain) this.addGrain(grain, seen, source, own, part);
    const result = picture(photo.width, photo.height, 3, photo.data.slice());
    for (let y = 0; y < part.height; y++) {
      let to = ((part.top + y) * photo.width + part.left) * 3;
      for (let i = y * part.width * 4; i < (y + 1) * part.width * 4; i += 4, to += 3) {
        const alpha = Math.min(Math.max(seen[i + 3], 0), 1);
        if (alpha <= 1 / 512) continue;
        for (let c = 0; c < 3; c++) result.data[to + c] += alpha * (seen[i + c] - result.data[to + c]);
      }
    }
    return result;
  }

  /** Adds grain to the layer as it is seen in a part of the photo, in place; the window lies at `own`. */
  addGrain(grain, seen, photo, own, part) {
    const n = this.window.pixels;
    const { cells, share } = grain;
    const wide = own.photoPart([-2, -2, n + 2, n + 2], n);
    const detail = grain.of(cutOut(photo, wide.left, wide.top, wide.width, wide.height), own.fromPart(wide, cells));
    const shares = resample(share, own.fromPart(part, n), part.width, part.height, { border: "zero", cubic: false }).data;
    for (let y = 0; y < part.height; y++) {
      let from = 3 * ((part.top - wide.top + y) * wide.width + part.left - wide.left);
      for (let i = y * part.width; i < (y + 1) * part.width; i++) {
        for (let c = 0; c < 3; c++) seen[4 * i + c] += shares[i] * detail.data[from++];
      }
    }
  }
}

/** What painted pixels, `width` in a row and a multiple of 4, lack of the photo's colours, where they are unknown too: a normalised convolution (Knutsson and
 *  Westin, CVPR 1993) per class over the pixels that are known, borders left out. It fades to the class's mean far
 *  away, and to nothing for a class that the photo does not have; worked out at a quarter of the size. What is missing
 *  is mostly light: a pixel that is painted darker than its class is on average lacks less, in proportion; but strands of hair
 *  keep their contrast. */
function colourError(painted, photo, unknown, mask, width, scale) {
  const error = new Float32Array(painted.length);
  for (let i = 0; i < error.length; i++) error[i] = photo[i] - painted[i];
  const height = mask.length / width;
  const [across, down] = [width / 4, height / 4];
  const result = new Float32Array(error.length);
  const border = borders(mask, width, BORDER);
  const inCells = (cells) => Float64Array.from({ length: 4 * cells }, (_, i) => Math.min(Math.max((i + 0.5) / 4 - 0.5, 0), cells - 1));
  const [rows, columns] = [inCells(down), inCells(across)];
  const places = new Int32Array(mask.length);
  for (const label of new Set(mask.filter((_, i) => unknown[i]))) {
    let count = 0;
    for (let i = 0; i < mask.length; i++) if (mask[i] === label && !unknown[i] && !border[i]) places[count++] = i;
    if (count < 16 * scale ** 2) continue;
    const known = places.subarray(0, count);
    const means = [0, 1, 2].map((c) => {
      const values = new Float32Array(count);
      for (let k = 0; k < count; k++) values[k] = error[3 * known[k] + c];
      return median(values);
    });
    const levels = [0, 1, 2].map((c) => Math.max(known.reduce((sum, i) => sum + painted[3 * i + c], 0) / count, 1));
    const sums = new Float64Array(4 * down * across); // of cells of 4 x 4 pixels
    for (let k = 0; k < count; k++) {
      const i = known[k];
      const cell = 4 * (((i / width) >> 2) * across + ((i % width) >> 2));
      for (let c = 0; c < 3; c++) sums[cell + c] += (error[3 * i + c] - means[c]) / 16;
      sums[cell + 3] += 1 / 16;
    }
    const spread = blurred(picture(across, down, 4, new Float32Array(sums)), (COLOUR * scale) / 4);
    const near = new Float32Array(3 * down * across);
    for (let i = 0; i < down * across; i++) {
      for (let c = 0; c < 3; c++) near[3 * i + c] = spread.data[4 * i + c] / (spread.data[4 * i + 3] + 0.02);
    }
    for (let row = 0, i = 0; row < height; row++) { // linearly between the middles of cells
      const top = Math.floor(rows[row]);
      const v = rows[row] - top;
      const below = top + 1 < down ? 3 * across : 0;
      for (let column = 0; column < width; column++, i++) {
        if (mask[i] !== label) continue;
        const left = Math.floor(columns[column]);
        const u = columns[column] - left;
        const right = left + 1 < across ? 3 : 0;
        for (let c = 0, at = 3 * (top * across + left); c < 3; c++, at++) {
          const upper = near[at] + u * (near[at + right] - near[at]);
          const lower = near[at + below] + u * (near[at + below + right] - near[at + below]);
          const part = label === LABEL.HAIR ? 1 : Math.min(Math.max(painted[3 * i + c] / levels[c], 0), 1);
          result[3 * i + c] = (means[c] + upper + v * (lower - upper)) * part;
        }
      }
    }
  }
  return result;
}

/** Strengthens the fine detail of painted pixels, in lightness only and within what is close by; in place. */
function makeCrisper(colours, photo, unknown, n) {
  const scale = n / SIZE.network;
  const light = new Float32Array(n * n);
  for (let i = 0; i < light.length; i++) light[i] = lumaAt(unknown[i] ? colours : photo.data, 3 * i);
  const detail = fineDetail(picture(n, n, 1, light), DETAIL * scale).data;
  const [darkest, lightest] = extremes(light, n, Math.round(NO_HALO * scale));
  for (let i = 0; i < n * n; i++) {
    if (!unknown[i]) continue;
    const crisp = Math.min(Math.max(light[i] + (CRISP - 1) * detail[i], darkest[i]), lightest[i]);
    for (let c = 0; c < 3; c++) colours[3 * i + c] += crisp - light[i];
  }
}

/** The least and the greatest values in the square of pixels within `reach` of each pixel. */
function extremes(values, n, reach) {
  let [low, high] = [values, values];
  for (const [step, line] of [[1, n], [n, 1]]) { // along rows, then down columns
    const [lower, higher] = [new Float32Array(n * n), new Float32Array(n * n)];
    for (let k = 0; k < n; k++) {
      for (let at = 0, i = k * line; at < n; at++, i += step) {
        let [least, most] = [low[i], high[i]];
        const end = i + Math.min(reach, n - 1 - at) * step;
        for (let other = i - Math.min(reach, at) * step; other <= end; other += step) {
          if (low[other] < least) least = low[other];
          if (high[other] > most) most = high[other];
        }
        lower[i] = least;
        higher[i] = most;
      }
    }
    [low, high] = [lower, higher];
  }
  return [low, high];
}
