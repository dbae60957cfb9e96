// An uneven background goes on in pieces of itself where hair was taken away: the steps of maskgan/editing/completion.py, whose
// patches are sought in patch_search.js.

import { DETAIL, fineDetail } from "./grain.js";
import { cubicWeights, picture } from "./pixels.js";
import { Grid } from "./patches.js";
import { Search } from "./patch_search.js";
import { dilated, square } from "./regions.js";
import { putCubic } from "./samples.js";
import { SIZE } from "./constants.js";
import { inverse, reflected, thenShift } from "./warp.js";

// Levels, each with twice the cells of the one before, and how often patches are sought at each.
const SEARCHES = [8, 3, 1];
const FEWEST = 30; // fewer patches are no source

/** Where a hole takes its pixels from, at any resolution: `shift` (x and y, in cells) and `found` of each cell, `share`
 *  a plane of how much of it is wanted. */
export class Completion {
  constructor(cells, shift, found, share) {
    Object.assign(this, { cells, shift, found, share });
  }

  /** For a hole in a picture of n x n pixels, of which only what is known counts; `painted`: what a network made of it.
   *  Null where too little is known. */
  static planned(image, painted, known, hole) {
    const n = image.width;
    const cells = n > SIZE.network ? n / 4 : n / 2;
    let below = null;
    for (const [level, searches] of SEARCHES.entries()) {
      const grid = new Grid(image, painted, known, hole, cells >> (SEARCHES.length - 1 - level));
      if (grid.sources.length < FEWEST) return null;
      const search = new Search(grid, below, level);
      for (let number = 0; number < searches; number++) {
        search.improve(number === 0);
        search.vote();
      }
      below = search;
    }
    return new Completion(cells, ...below.shifts(), picture(n, n, 1, new Float32Array(hole)));
  }

  /** The cells close to which others take their pixels from elsewhere, a region. */
  seams() {
    const { cells, shift, found } = this;
    const meet = new Uint8Array(cells * cells);
    const differ = (i, j) => found[i] !== found[j] || shift[2 * i] !== shift[2 * j] || shift[2 * i + 1] !== shift[2 * j + 1];
    for (let i = 0; i < meet.length; i++) {
      for (const [other, there] of [[i - 1, i % cells > 0], [i - cells, i >= cells]]) {
        if (there && differ(i, other)) meet[i] = meet[other] = 1;
      }
    }
    return dilated(meet, cells, square(1));
  }

  /** The detail to add, times `share`, to a picture whose known pixels have it. */
  of(image, toCells) {
    const scale = Math.sqrt(Math.abs(toCells[0] * toCells[4] - toCells[1] * toCells[3]));
    const sigma = (DETAIL * this.cells) / this.share.width / scale;
    return this.moved(fineDetail({ ...image, data: new Float32Array(image.data) }, sigma), toCells).picture;
  }

  /** What the hole shows of a picture of floats, and where it shows something, in 0..1: { picture, there }. `toCells`: a
   *  matrix from its pixels to the grid's cells. Each pixel is told by the four cells around it. */
  moved(image, toCells) {
    const { width, height } = image;
    const { cells, shift, found } = this;
    const result = picture(width, height, 3, new Float32Array(3 * width * height));
    const there = new Float32Array(width * height);
    const [a, b, , d, e] = inverse(toCells);
    const [p, q, r, s, t, u] = thenShift(toCells, (toCells[0] + toCells[1]) / 2 - 0.5, (toCells[3] + toCells[4]) / 2 - 0.5);
    const told = new Float32Array(3);
    const near = new Int32Array(4);
    const weights = new Float64Array(4);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const [across, down] = [p * x + q * y + r, s * x + t * y + u];
        const [left, top] = [Math.floor(across), Math.floor(down)];
        let total = 0;
        for (let k = 0; k < 4; k++) {
          const [row, column] = [top + (k >> 1), left + (k & 1)];
          near[k] = Math.min(Math.max(row, 0), cells - 1) * cells + Math.min(Math.max(column, 0), cells - 1);
          weights[k] = found[near[k]] ? (1 - Math.abs(column - across)) * (1 - Math.abs(row - down)) : 0;
          total += weights[k];
        }
        if (!total) continue;
        there[i] = total;
        for (let k = 0; k < 4; k++) {
          let weight = weights[k];
          if (!weight) continue;
          const [right, lower] = [shift[2 * near[k]], shift[2 * near[k] + 1]];
          for (let other = k + 1; other < 4; other++) { // most cells beside each other have one shift
            if (shift[2 * near[other]] !== right || shift[2 * near[other] + 1] !== lower) continue;
            weight += weights[other];
            weights[other] = 0;
          }
          sample(image, x + a * right + b * lower, y + d * right + e * lower, told);
          for (let c = 0; c < 3; c++) result.data[3 * i + c] += (weight / Math.max(total, 1e-3)) * told[c];
        }
      }
    }
    return { picture: result, there };
  }
}

const [ACROSS, DOWN] = [new Float64Array(4), new Float64Array(4)];

/** The colours of a picture between its pixels, by cubic convolution, put into an array. */
function sample(image, x, y, told) {
  const [left, top] = [Math.floor(x + 1 / 64), Math.floor(y + 1 / 64)];
  const exact = Math.abs(x - left) < 1 / 64 && Math.abs(y - top) < 1 / 64;
  if (exact) {
    const from = 3 * (reflected(top, image.height) * image.width + reflected(left, image.width));
    for (let c = 0; c < 3; c++) told[c] = image.data[from + c];
    return;
  }
  putCubic(image, left, top, cubicWeights(x - left, ACROSS), cubicWeights(y - top, DOWN), reflected, told, 0);
}
