// Hair that an edit cuts ends in single strands, and not in a line; see maskgan/editing/strands.py.

import { LABEL, TIPS } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { any, both, dilated, eroded, grown, square, where } from "./regions.js";
import { clip, interpolated } from "./samples.js";

const { BACKGROUND, CLOTH, NECK, HAIR, L_EAR, R_EAR } = LABEL;
// In pixels of a picture of 256 px: how long strands are at most, over how much each fades, how far into the hair that stays
// paint reaches, and how small a part of hair is that was not cut.
const [LONGEST, FADES, PAINTED, SMALL] = [11, 7, 3, 4];
// Steps along the table of strands for each of these pixels; how long strands are in the middle and how much longer and shorter
// they can be, and how long they are at least, in parts of the longest.
const [STEP, LONG, LONGER, AT_LEAST] = [0.034, 0.6, 0.5, 0.35];
// How far strands lean towards the middle, in parts of their length, at the sides of the picture and up to which part of its width
// from its middle.
const [LEAN, WITHIN] = [0.35, 1 / 6];

/** How far hair is seen below and beside what was `lost` of it, where hair was `kept`. */
function strands(lost, kept, size) {
  const scale = size / 256;
  const kernel = square(Math.round(SMALL * scale));
  const large = dilated(eroded(lost, size, kernel), size, kernel);
  lost = both(lost, grown(large, size, 2 * SMALL * scale));
  const alpha = Float32Array.from(both(kept, grown(large, size, PAINTED * scale)));
  for (let x = 0; x < size; x++) {
    const out = x / scale - 128;
    const lean = LEAN * clip(out / (256 * WITHIN), -1, 1);
    for (let y = 0, row = Infinity; y < size; y++) {
      const i = y * size + x;
      row = kept[i] ? 0 : lost[i] ? row + 1 : Infinity; // below hair that stays
      if (!(row > 0 && row <= LONGEST * scale)) continue;
      const long = LONG + LONGER * interpolated(STEP * (out + (lean * row) / scale), TIPS.at, TIPS.ends);
      alpha[i] = Math.max(alpha[i], clip((LONGEST * clip(long, AT_LEAST, 1) - row / scale) / FADES, 0, 1));
    }
  }
  // Strands are soft across too.
  return blurred(picture(size, size, 1, alpha), 0.35 * scale).data.map((share, i) => (alpha[i] > 0 ? share : 0));
}

/** An edited crop whose cut hair ends in strands, and how far each pixel changed. `moved`, `arrived`: the photo and its mask
 *  as they moved. */
export function withEnds(crop, mask, moved, arrived) {
  const { width: size } = crop;
  const hair = where(arrived, HAIR);
  const lost = both(hair, where(mask, BACKGROUND, CLOTH, NECK, L_EAR, R_EAR));
  if (!any(lost)) return { crop, changed: new Float32Array(mask.length) };
  const changed = strands(lost, both(hair, where(mask, HAIR)), size);
  const result = { ...crop, data: crop.data.slice() };
  changed.forEach((share, i) => {
    if (!(share > 0)) return;
    for (let k = 3 * i; k < 3 * i + 3; k++) {
      result.data[k] = clip(Math.round(crop.data[k] + share * (moved.data[k] - crop.data[k])), 0, 255);
    }
  });
  return { crop: result, changed };
}
