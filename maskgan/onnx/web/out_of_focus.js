// The middle of a wide hole in a background is shown out of focus; see maskgan/editing/out_of_focus.py.

import { CELLS, wideOf } from "./ground_detail.js";
import { luminance } from "./likeness.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { roundEven, smoothstep } from "./regions.js";
import { clip } from "./samples.js";
import { SIZE } from "./constants.js";

// How far from what is known, in painted pixels, a hole begins to get out of focus, and from where on it is.
const [FROM, WHOLLY] = [2, 12];
// Side in cells of what the median is taken of, and sigma of the blur that follows it.
const [MEDIAN, BLUR] = [7, 1];
// Within how many cells a texture is told, and within how many it goes over into what is none.
const [AROUND, SOFTLY] = [2, 2];
// How many times what light usually differs by its strongest differences are in a texture, and beyond which there are single
// things; how much it usually differs up to which nothing is lost, and from which on it is a texture.
const [TEXTURE, THINGS, FAINT, CLEAR] = [1.3, 1.8, 3, 7];
// Sigma in cells of a completion of what is larger than a pattern's detail; which correlation of that is chance, and which a
// pattern's.
const [LARGER, CHANCE, PATTERN] = [4, 0.2, 0.4];
// A cell of a completion is known to so much at least, and so many tell of a pattern.
const [KNOWN, FEWEST] = [0.9, 50];

/** How far a completed hole is out of focus, a plane, and the colours of that: { calm, soft }. `photo`: a picture of floats;
 *  `behind`: the completed background, behind people too; `away`: how far each pixel is from what is known. */
export function middleOutOfFocus(completion, photo, behind, known, away, detail) {
  const n = photo.width;
  const repeats = smoothstep((repeating(completion, photo, known) - CHANCE) / (PATTERN - CHANCE));
  const textured = wideOf(texturedCells(completion, detail), n);
  const calm = away.map((distance, i) =>
    smoothstep((distance * (SIZE.network / n) - FROM) / (WHOLLY - FROM)) * (1 - Math.max(textured[i], repeats)));
  const cells = resizeArea(picture(n, n, 3, behind), CELLS, CELLS).data.map((value) => clip(roundEven(value), 0, 255));
  const soft = blurred(picture(CELLS, CELLS, 3, medians(cells)), BLUR);
  return { calm, soft: resizeLinear(soft, n, n).data };
}

/** The medians of squares of cells, at the edges of the nearest ones. */
function medians(cells) {
  const values = new Uint8Array(MEDIAN * MEDIAN);
  const half = (MEDIAN - 1) / 2;
  return cells.map((_, k) => {
    const [row, column, c] = [Math.floor(k / (3 * CELLS)), Math.floor(k / 3) % CELLS, k % 3];
    for (let y = -half, to = 0; y <= half; y++) {
      const start = clip(row + y, 0, CELLS - 1) * CELLS;
      for (let x = -half; x <= half; x++) values[to++] = cells[3 * (start + clip(column + x, 0, CELLS - 1)) + c];
    }
    return values.sort()[values.length >> 1];
  });
}

/** Whether the pieces of a completion show a texture, 0..1 for each cell. */
function texturedCells(completion, detail) {
  const [usual, strongest] = [detail.usual(AROUND), detail.strongest(AROUND)];
  const own = new Float32Array(3 * CELLS * CELLS);
  usual.forEach((value, i) => {
    const even = smoothstep((THINGS - strongest[i] / value) / (THINGS - TEXTURE));
    own.fill(even * smoothstep((value - FAINT) / (CLEAR - FAINT)), 3 * i, 3 * i + 3);
  });
  const scale = completion.cells / CELLS;
  const moved = completion.moved(picture(CELLS, CELLS, 3, own), [scale, 0, 0, 0, scale, 0]);
  const both = new Float32Array(2 * CELLS * CELLS);
  moved.there.forEach((there, i) => both.set([moved.picture.data[3 * i] * there, there], 2 * i));
  const { data } = blurred(picture(CELLS, CELLS, 2, both), SOFTLY);
  return Float32Array.from(usual, (_, i) => data[2 * i] / Math.max(data[2 * i + 1], 1e-3));
}

/** The correlation, -1..1, of a photo's detail where it is known and as far off as the pieces of a completion are from where
 *  they are shown, on average. */
function repeating({ cells, shift, found }, photo, known) {
  const n = photo.width;
  const light = luminance(photo).data;
  const planes = new Float32Array(2 * n * n);
  known.forEach((inside, i) => inside && planes.set([light[i], 1], 2 * i));
  const seen = resizeArea(picture(n, n, 2, planes), cells, cells).data;
  const there = new Float32Array(2 * cells * cells);
  for (let i = 0; i < there.length; i += 2) if (seen[i + 1] > KNOWN) there.set([seen[i] / seen[i + 1], 1], i);
  const near = blurred(picture(cells, cells, 2, there), LARGER).data;
  const detail = Float32Array.from({ length: cells * cells }, (_, i) =>
    there[2 * i + 1] ? there[2 * i] - near[2 * i] / Math.max(near[2 * i + 1], 1e-3) : 0);
  const counts = new Map();
  found.forEach((inside, i) => {
    if (!inside) return;
    const key = shift[2 * i + 1] * 4 * cells + shift[2 * i];
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  let [total, number] = [0, 0];
  for (const [key, count] of counts) {
    const down = Math.round(key / (4 * cells));
    const right = key - down * 4 * cells;
    let [both, product, squares] = [0, 0, 0];
    for (let y = Math.max(0, -down); y < cells - Math.max(0, down); y++) {
      for (let x = Math.max(0, -right); x < cells - Math.max(0, right); x++) {
        const [i, j] = [y * cells + x, (y + down) * cells + x + right];
        if (!there[2 * i + 1] || !there[2 * j + 1]) continue;
        both++;
        product += detail[i] * detail[j];
        squares += detail[i] ** 2 + detail[j] ** 2;
      }
    }
    if (both < FEWEST) continue;
    total += (count * 2 * product) / (squares + 1e-3);
    number += count;
  }
  return total / Math.max(number, 1);
}
