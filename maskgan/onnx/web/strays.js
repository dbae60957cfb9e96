// Single hairs that lie over the forehead beside hair that is taken away, and its shadow there, which no mask holds: the
// steps of maskgan/editing/strays.py.

import { LABEL } from "./constants.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { any, areaOf, both, either, grown, opened, piecesOf, regionOf, where, without } from "./regions.js";
import { median } from "./samples.js";

// Side of the grid on which strays are looked for.
const CELLS = 128;
// In cells: how small a part of hair leaves none, how far from it they are looked for, how far from hair skin shows its own
// colour, how far from features none are looked for, what is a speck, and how far beyond them paint reaches.
const [LARGE, FAR, BARE, BESIDE, SPECK, PAINTED] = [2, 14, 7, 1.5, 1, 1];
const ROUND = 1.2; // sigma in cells of the smoothing of their outline
// Within how many cells the colour of the skin is told, which part of the way from it to the colour of the hair is some of
// it, which colours are too near to tell anything, and what bare skin there is at least, in parts of where is looked.
const [AROUND, SOME, ALIKE, ENOUGH] = [6, 0.16, 40, 0.125];

const { HAIR, SKIN, L_EYE, R_EYE, EYE_G, L_BROW, R_BROW } = LABEL;

/** Where strays of hair that is taken away lie over a forehead. `photo`: a picture; `before`, `after`: its mask, and the
 *  edited one. */
export function strayHair(photo, before, after) {
  const { width: size } = photo;
  const nothing = new Uint8Array(before.length);
  const first = before.findIndex((label) => label === L_EYE || label === R_EYE || label === EYE_G);
  if (first < 0) return nothing;
  const eyes = Math.floor(first / size);
  const skin = both(where(before, SKIN), where(after, SKIN));
  const gone = both(where(before, HAIR), where(after, SKIN)).fill(0, eyes * size);
  if (!any(gone)) return nothing;
  const onGrid = (region) => regionOf(resizeArea(picture(size, size, 1, new Float32Array(region)), CELLS, CELLS).data, (share) => share > 0.5);
  const lost = opened(onGrid(gone), CELLS, LARGE);
  if (!any(lost)) return nothing;
  const bareSkin = without(onGrid(skin), grown(onGrid(where(before, L_BROW, R_BROW, L_EYE, R_EYE, EYE_G)), CELLS, BESIDE));
  const near = both(grown(lost, CELLS, FAR), bareSkin).fill(0, Math.floor((eyes * CELLS) / size) * CELLS);
  const bare = without(bareSkin, grown(onGrid(where(before, HAIR)), CELLS, BARE));
  if (areaOf(bare) <= ENOUGH * areaOf(near)) return nothing;
  const colours = resizeArea({ ...photo, data: new Float32Array(photo.data) }, CELLS, CELLS).data;
  const planes = new Float32Array(4 * CELLS * CELLS);
  const mean = [0, 0, 0];
  bare.forEach((inside, i) => {
    if (!inside) return;
    for (let c = 0; c < 3; c++) mean[c] += planes[4 * i + c] = colours[3 * i + c];
    planes[4 * i + 3] = 1;
  });
  const count = areaOf(bare);
  const around = blurred(picture(CELLS, CELLS, 4, planes), AROUND).data;
  const hair = [0, 1, 2].map((c) => median(colours.filter((_, k) => k % 3 === c && lost[(k - c) / 3])));
  let some = near.map((inside, i) => {
    if (!inside) return 0;
    let [along, length] = [0, 0];
    for (let c = 0; c < 3; c++) {
      const own = (around[4 * i + c] + (0.02 * mean[c]) / count) / (around[4 * i + 3] + 0.02);
      along += (colours[3 * i + c] - own) * (hair[c] - own);
      length += (hair[c] - own) ** 2;
    }
    return length > ALIKE ** 2 && along > SOME * length ? 1 : 0;
  });
  some = opened(some, CELLS, SPECK);
  const outline = grown(lost, CELLS, 1); // cells on it belong to neither
  const { numbers } = piecesOf(either(some, outline), CELLS, CELLS);
  const beside = new Set(numbers.filter((_, i) => outline[i]));
  some = some.map((inside, i) => (inside && beside.has(numbers[i]) ? 1 : 0));
  if (!any(some)) return nothing;
  const found = blurred(picture(CELLS, CELLS, 1, new Float32Array(both(grown(some, CELLS, PAINTED), near))), ROUND);
  return both(regionOf(resizeLinear(found, size, size).data, (share) => share > 0.5), skin);
}
