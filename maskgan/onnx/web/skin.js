// How far each pixel of a photo is skin: also through glasses, and between the hairs of brows and of a hairline; see
// maskgan/editing/skin.py.

import { softened } from "./blending.js";
import { browMatte } from "./brows.js";
import { LABEL, SKIN_TONE } from "./constants.js";
import { BROWS } from "./frame.js";
import { hairMatte } from "./matting.js";
import { writeLab } from "./oklab.js";
import { blurred, picture } from "./pixels.js";
import { any, distances, eroded, square, where } from "./regions.js";
import { clip } from "./samples.js";

const { EYE_G, HAIR } = LABEL;
// In pixels of a crop of 256 px: sigma within which the skin's own colour is told, its edges left out by so much; how far hair is
// looked through beyond the skin's edge; where that ends.
const [AROUND, EDGE, DEEP, END] = [10, 2, 8, 12];
// Difference from the skin around (in OKLab, hues twice) that is behind glass for certain, and from which on it is not.
const [ALIKE, UNLIKE] = [0.12, 0.2];

/** How far each pixel of a crop is skin; `edge`: how soft its edge is, in pixels of a crop of 256 px. */
export function skinShare(photo, mask, edge) {
  const { width: size } = photo;
  const scale = size / 256;
  const skin = where(mask, ...SKIN_TONE);
  if (!any(skin)) return new Float32Array(mask.length);
  const brows = where(mask, ...BROWS);
  const away = distances(skin, size, size).map((far) => far / scale);
  // Where brows and hair begin skin does not end: an edge there would keep a rim of the old tone.
  const whole = skin.map((inside, i) => (inside || brows[i] || (mask[i] === HAIR && away[i] < END) ? 1 : 0));
  const share = softened(whole, size, edge * scale);
  if (mask.includes(EYE_G)) behindGlass(photo, mask, skin, scale).forEach((value, i) => (share[i] = Math.max(share[i], value)));
  if (any(brows)) browMatte(photo, mask).share.forEach((hairs, i) => (share[i] *= 1 - hairs));
  if (mask.includes(HAIR)) {
    const hair = hairMatte(photo, mask).share;
    mask.forEach((label, i) => {
      if (label === HAIR) share[i] *= clip((END - away[i]) / (END - DEEP), 0, 1);
      if (away[i] < END) share[i] *= 1 - hair[i];
    });
  }
  return share;
}

/** How far each pixel is skin behind glasses: what looks like the skin around them. */
function behindGlass({ width: size, data }, mask, skin, scale) {
  const sure = eroded(skin, size, square(EDGE));
  const lab = new Float64Array(3 * mask.length);
  const planes = new Float32Array(4 * mask.length);
  for (let i = 0; i < mask.length; i++) {
    writeLab(data[3 * i], data[3 * i + 1], data[3 * i + 2], lab, 3 * i);
    if (sure[i]) planes.set([lab[3 * i], lab[3 * i + 1], lab[3 * i + 2], 1], 4 * i);
  }
  const sums = blurred(picture(size, size, 4, planes), AROUND * scale).data;
  const share = Float32Array.from(mask, (label, i) => {
    if (label !== EYE_G) return 0;
    const [light, a, b] = [0, 1, 2].map((c) => (lab[3 * i + c] - sums[4 * i + c] / (sums[4 * i + 3] + 1e-4)) * (c ? 2 : 1));
    return clip((UNLIKE - Math.hypot(light, a, b)) / (UNLIKE - ALIKE), 0, 1);
  });
  return blurred(picture(size, size, 1, share), 0.7 * scale).data.map((value, i) => (mask[i] === EYE_G ? value : 0));
}
