// What is known of a picture with a hole, in cells, and the patches that serve to fill it; see maskgan/editing/completion.py.

import { farOff } from "./pieces.js";
import { boxed, picture, resizeArea } from "./pixels.js";
import { dilated, distances, regionOf, roundEven, square } from "./regions.js";

const REACH = 2; // how far patches reach from their middle, in cells
// Cells that are known to so much are known, and belong to the hole from so much on; a source's patch is known to more
// than so much.
const [KNOWN, HOLE, SEEN] = [0.9, 0.02, 0.5];
// What it counts that the network's paint of two places differs, and within how many cells that is averaged.
const [GUIDED, WITHIN] = [0.3, 5];
const OWN = [1, 2]; // what a cell of the hole and a known one count

export const STEPS = []; // from a patch's middle to its cells: [rows, columns]
for (let y = -REACH; y <= REACH; y++) for (let x = -REACH; x <= REACH; x++) STEPS.push([y, x]);
export const CELLS = STEPS.length;

/** A level: what is known of its cells, and the middles of patches as places row * side + column. */
export class Grid {
  constructor(image, painted, known, hole, side) {
    const n = image.width;
    this.side = side;
    const planes = new Float32Array(4 * n * n);
    known.forEach((inside, i) => {
      if (!inside) return;
      for (let c = 0; c < 3; c++) planes[4 * i + c] = image.data[3 * i + c];
      planes[4 * i + 3] = 1;
    });
    const seen = resizeArea(picture(n, n, 4, planes), side, side).data;
    this.hole = regionOf(resizeArea(picture(n, n, 1, new Float32Array(hole)), side, side).data, (share) => share > HOLE);
    this.known = this.hole.map((missing, i) => (!missing && seen[4 * i + 3] > KNOWN ? 1 : 0));
    const colours = new Float32Array(3 * side * side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) colours[3 * i + c] = roundEven(Math.fround(seen[4 * i + c] / Math.max(seen[4 * i + 3], 1e-6)));
    }
    this.colours = fromNearest(colours, this.known, side);
    this.guide = boxed(resizeArea(painted, side, side), (WITHIN - 1) / 2, true).data.map(roundEven);
    const isSource = (place) => {
      const [y, x] = [Math.floor(place / side), place % side];
      const inside = STEPS.filter(([dy, dx]) => y + dy >= 0 && y + dy < side && x + dx >= 0 && x + dx < side
        && this.known[(y + dy) * side + x + dx]).length;
      return inside > SEEN * CELLS;
    };
    const near = dilated(this.hole, side, square(REACH));
    const all = Array.from(this.hole.keys());
    this.sources = Int32Array.from(all.filter((place) => this.known[place] && isSource(place)));
    this.targets = Int32Array.from(all.filter((place) => near[place] && (this.hole[place] || this.known[place])));
    [this.sourceOf, this.targetOf] = [this.sources, this.targets].map((places) => {
      const numbers = new Int32Array(side * side).fill(-1);
      places.forEach((place, k) => (numbers[place] = k));
      return numbers;
    });
    const weights = Float32Array.from(this.hole, (missing, i) => OWN[1] * this.known[i] + OWN[0] * missing);
    this.weights = patches(weights, 1, this.targets, side);
  }

  /** The number of the place at a row and column in a table of numbers, -1 beyond the edges. */
  at(numbers, row, column) {
    const { side } = this;
    return row >= 0 && row < side && column >= 0 && column < side ? numbers[row * side + column] : -1;
  }

  /** What a shift of rows and columns costs. */
  far(rows, columns) {
    return farOff(rows, columns, this.side);
  }

  /** How differently the network painted two places. */
  unlike(one, other) {
    let sum = 0;
    for (let c = 0; c < 3; c++) sum += (this.guide[3 * one + c] - this.guide[3 * other + c]) ** 2;
    return (GUIDED * sum) / 3;
  }
}

/** Colours whose cells that are not known are those of the nearest known ones. */
function fromNearest(colours, known, side) {
  if (!known.includes(1)) return colours;
  const nearest = new Int32Array(side * side);
  distances(known, side, side, { nearest });
  return colours.map((_, k) => colours[3 * nearest[Math.floor(k / 3)] + (k % 3)]);
}

/** Patches around places of planes, one after the other, mirrored beyond their edges. */
export function patches(planes, channels, places, side) {
  const result = new Float32Array(places.length * CELLS * channels);
  const mirrored = (value) => (value < 0 ? -1 - value : value >= side ? 2 * side - 1 - value : value);
  let to = 0;
  for (const place of places) {
    const [y, x] = [Math.floor(place / side), place % side];
    for (const [dy, dx] of STEPS) {
      const from = channels * (mirrored(y + dy) * side + mirrored(x + dx));
      for (let c = 0; c < channels; c++) result[to++] = planes[from + c];
    }
  }
  return result;
}
