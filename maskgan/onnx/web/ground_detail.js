// How fine a background is drawn around each place of it; see maskgan/editing/ground_detail.py.

import { fineDetail } from "./grain.js";
import { luminance } from "./likeness.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { SIZE } from "./constants.js";

// Cells to a window's side: what is smaller than one is texture.
export const CELLS = 64;
// Within how many painted pixels light differs, and how much it does at least.
const [FOCUS, LEAST] = [1, 0.5];

/** How much light differs close by in what is known of a photo: `energy`, the mean square of that in each cell, and how
 *  much of the cell is known, one after the other. */
export class Detail {
  constructor(photo, known, n) {
    const light = luminance(picture(n, n, 3, new Float32Array(photo.data))).data;
    const planes = new Float32Array(2 * n * n);
    known.forEach((inside, i) => inside && planes.set([light[i], 1], 2 * i));
    const detail = fineDetail(picture(n, n, 2, planes), (FOCUS * n) / SIZE.network).data;
    const energy = new Float32Array(2 * n * n);
    known.forEach((inside, i) => {
      if (!inside) return;
      const [soft, share] = [planes[2 * i] - detail[2 * i], 1 - detail[2 * i + 1]];
      energy.set([(light[i] - soft / Math.max(share, 1e-3)) ** 2, 1], 2 * i);
    });
    this.energy = resizeArea(picture(n, n, 2, energy), CELLS, CELLS).data;
    for (let i = 0; i < this.energy.length; i += 2) {
      this.energy[i] = this.energy[i] / Math.max(this.energy[i + 1], 1e-6) + LEAST ** 2;
    }
  }

  /** How much light usually differs around each cell; `reach`: sigma, in cells. A geometric mean tells: what is out of focus
   *  has edges here and there, too, and a texture has detail all over. */
  usual(reach) {
    return this.around(Math.log, reach).map((value) => Math.exp(value / 2));
  }

  /** A mean in which what differs most counts most, that of the squares. */
  strongest(reach) {
    return this.around((value) => value, reach).map(Math.sqrt);
  }

  around(of, reach) {
    return around(this.energy.map((value, i, all) => (i % 2 ? value : all[i + 1] * of(value))), 2, reach);
  }
}

/** Means around each cell of planes times a share, the last of `channels`; far from all that is known, of all. */
export function around(planes, channels, reach) {
  const count = CELLS * CELLS;
  const far = sumsOf(planes, channels).map((sum) => (1e-3 * sum) / count);
  const near = blurred(picture(CELLS, CELLS, channels, planes), reach).data;
  return Float32Array.from({ length: (channels - 1) * count }, (_, k) => {
    const [i, c] = [Math.floor(k / (channels - 1)) * channels, k % (channels - 1)];
    return (near[i + c] + far[c]) / (near[i + channels - 1] + far[channels - 1]);
  });
}

export function sumsOf(planes, channels) {
  const sums = new Array(channels).fill(0);
  planes.forEach((value, i) => (sums[i % channels] += value));
  return sums;
}

/** A plane of cells in n x n pixels. */
export const wideOf = (plane, n) => resizeLinear(picture(CELLS, CELLS, 1, plane), n, n).data;
