// Glasses of the photo whose shapes another one takes: those of the wardrobe that are most like them; see
// maskgan/editing/borrowed_glasses.py.

import { LABEL, QUICK_EDITS } from "./constants.js";
import { HARDLY } from "./dressing.js";
import { fitFrame } from "./frame.js";
import { areDark, lenses } from "./ornaments.js";
import { quickEdit } from "./quick_edits.js";
import { areaOf, both, either, where } from "./regions.js";

const { EYE_G } = LABEL;

/** The lenses of a mask and all between them. */
function paneOf(mask, size) {
  const { glass } = lenses(mask, size);
  for (let start = 0; start < glass.length; start += size) {
    const row = glass.subarray(start, start + size);
    if (row.includes(1)) row.fill(1, row.indexOf(1), row.lastIndexOf(1) + 1);
  }
  return glass;
}

/** The shapes of a mask for the face whose mask is `own`, with glasses of the wardrobe where that has none: the mask, and what
 *  lies beneath what is drawn over it. */
export async function lentShapes(mask, own, size) {
  if (!mask.includes(EYE_G) || areaOf(where(own, EYE_G)) > HARDLY * own.length) return { mask, beneath: mask };
  try {
    fitFrame(mask, size);
  } catch {
    return { mask, beneath: mask }; // no face on which glasses could sit
  }
  const { mask: bare } = await quickEdit("remove_glasses", mask, size);
  const name = areDark(mask, size) ? "sunglasses" : "glasses";
  const worn = [];
  for (const { name: shape } of QUICK_EDITS.find((edit) => edit.name === name).shapes) worn.push((await quickEdit(name, bare, size, 1, shape)).mask);
  const pane = paneOf(mask, size);
  const alike = worn.map((other) => paneOf(other, size)).map((other) => areaOf(both(pane, other)) / Math.max(1, areaOf(either(pane, other))));
  return { mask: worn[alike.indexOf(Math.max(...alike))], beneath: bare };
}
