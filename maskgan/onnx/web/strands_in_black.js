// Strands for hair that was all black on its photo, copied from beside; see maskgan/editing/hairdressing.py.

import { blurred, picture, resizeArea } from "./pixels.js";
import { any, areaOf, regionOf, without } from "./regions.js";
import { clip } from "./samples.js";
import { lumaAt } from "./tones.js";

const STRAND = 0.12; // how coarse strands are that go on in black
// Copies of strands are looked for in so many cells along the side; how often at most; how much of a cell shows strands that can be
// copied, and lacks some.
const [CELLS, MOST_COPIES, MOSTLY, PARTLY] = [64, 6, 0.6, 0.2];
const WORDS = CELLS / 32; // of bits in a row of cells

/** Gives hair strands also where the lender's was black, in place: copies of those beside. In a lighter colour an even place would
 *  be a plate; what is so much darker than light hair is in shade, where strands differ in lightness in parts of it. */
export function addStrandsInBlack({ width: size, data }, black, alpha, unit) {
  const [known, bare] = [new Uint8Array(black.length), new Uint8Array(black.length)];
  for (let i = 0; i < black.length; i++) {
    if (black[i] < 0.05 && alpha[i] > 0.9) known[i] = 1;
    if (black[i] > 0.05 && alpha[i] > 0) bare[i] = 1;
  }
  if (!any(bare) || areaOf(known) < 0.1 * areaOf(bare)) return;
  const sums = new Float32Array(2 * known.length); // of lightness, and how many
  for (let i = 0; i < known.length; i++) {
    if (!known[i]) continue;
    sums[2 * i] = Math.max(lumaAt(data, 3 * i), 1);
    sums[2 * i + 1] = 1;
  }
  const soft = blurred(picture(size, size, 2, sums), Math.max(0.8, STRAND * unit)).data;
  const strands = new Float32Array(known.length);
  for (let i = 0; i < known.length; i++) {
    if (known[i]) strands[i] = Math.log(clip((sums[2 * i] * soft[2 * i + 1]) / Math.max(soft[2 * i], 1e-3), 0.5, 2));
  }
  addCopies(strands, known, bare, size);
  for (let i = 0; i < black.length; i++) {
    const factor = black[i] && strands[i] ? Math.exp(strands[i] * black[i]) : 1;
    if (factor !== 1) for (let c = 3 * i; c < 3 * i + 3; c++) data[c] *= factor;
  }
}

/** Adds to a plane, in place, what is known of it, shifted so that it covers as much as it can of what is bare, and again for what
 *  is left. A shift turns no strand, as a mirror would; near ones count more. */
function addCopies(plane, known, bare, size) {
  const left = without(bare, known);
  const cell = Math.max(1, Math.floor(size / CELLS));
  const few = regionOf(inCells(known, size), (share) => share > MOSTLY);
  for (let round = 0; round < MOST_COPIES; round++) {
    const wanted = regionOf(inCells(left, size), (share) => share > PARTLY);
    if (!any(wanted)) return;
    const [down, right] = bestShift(few, wanted).map((cells) => cells * cell);
    let copied = 0;
    for (let y = Math.max(0, -down); y < Math.min(size, size - down); y++) {
      for (let x = Math.max(0, -right); x < Math.min(size, size - right); x++) {
        const [to, from] = [y * size + x, (y + down) * size + x + right];
        if (!left[to] || !known[from]) continue;
        plane[to] = plane[from];
        left[to] = 0;
        copied++;
      }
    }
    if (!copied) return;
  }
}

/** How much of each of CELLS by CELLS cells a region covers. */
const inCells = (region, size) => resizeArea(picture(size, size, 1, new Float32Array(region)), CELLS, CELLS).data;

/** The cells of a region as bits, WORDS numbers a row, of which each shows what lies so many columns to its right. */
function bitsOf(region, right = 0) {
  const bits = new Int32Array(WORDS * CELLS);
  for (let y = 0; y < CELLS; y++) {
    for (let x = Math.max(0, -right); x < Math.min(CELLS, CELLS - right); x++) {
      if (region[y * CELLS + x + right]) bits[WORDS * y + (x >> 5)] |= 1 << (x & 31);
    }
  }
  return bits;
}

/** How many bits of a number are set. */
function ones(bits) {
  bits -= (bits >>> 1) & 0x55555555;
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The shift, rows and columns of cells, that brings most of the wanted cells onto those that there are. */
function bestShift(few, wanted) {
  const asked = bitsOf(wanted);
  const there = Array.from({ length: 2 * CELLS + 1 }, (_, k) => bitsOf(few, k - CELLS));
  const count = areaOf(wanted);
  let [best, most] = [[0, 0], -1];
  for (let down = -CELLS; down <= CELLS; down++) {
    const [first, end] = [WORDS * Math.max(0, -down), WORDS * Math.min(CELLS, CELLS - down)];
    for (let right = -CELLS; right <= CELLS; right++) {
      const nearness = 1 - Math.hypot(down, right) / (2 * CELLS);
      if (count * nearness <= most) continue;
      const bits = there[right + CELLS];
      let overlap = 0;
      for (let k = first; k < end; k++) if (asked[k]) overlap += ones(asked[k] & bits[k + WORDS * down]);
      if (overlap * nearness > most) [best, most] = [[down, right], overlap * nearness];
    }
  }
  return best;
}
