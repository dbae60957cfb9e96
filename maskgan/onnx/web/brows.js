// How far each pixel is the hair of brows, and which colour that has: skin shows between their hairs, see
// maskgan/editing/brows.py.

import { LABEL } from "./constants.js";
import { BROWS, EYES } from "./frame.js";
import { blurred, picture } from "./pixels.js";
import { any, areaOf, feathered, grown, smoothstep, where, without } from "./regions.js";
import { clip, percentile } from "./samples.js";
import { lumaAt } from "./tones.js";

// In pixels of a crop of 256 px: how far hairs lie beyond a mask's brows, how far from these and from eyes skin shows its own
// colour, and sigma within which that is told.
const [EDGE, CLEAR, AROUND] = [3, 2, 6];
const DARKEST = 0.25; // share of brows, the darkest, that tells the colour of their hairs
const [NONE, ALL] = [0.12, 0.85]; // a share below the first is none, above the second all
// Difference of hairs and skin, in parts of the skin's colour, up to which it tells nothing, and from which on it tells the
// share; and the share without it.
const [ALIKE, CLEARLY, UNTOLD] = [0.2, 0.6, 0.5];

/** {share, part} of the brows of a photo with its mask. */
export function browMatte(photo, mask) {
  const { width: size, data } = photo;
  const scale = size / 256;
  const brows = where(mask, ...BROWS);
  const skin = without(where(mask, LABEL.SKIN, LABEL.NOSE), grown(where(mask, ...BROWS, ...EYES), size, CLEAR * scale));
  const part = new Float32Array(data);
  if (!any(brows) || !any(skin)) return { share: new Float32Array(brows), part };
  const planes = new Float32Array(4 * mask.length);
  const sums = [0, 0, 0];
  skin.forEach((inside, i) => {
    if (!inside) return;
    for (let c = 0; c < 3; c++) sums[c] += planes[4 * i + c] = data[3 * i + c];
    planes[4 * i + 3] = 1;
  });
  const mean = sums.map((sum) => sum / areaOf(skin));
  const around = blurred(picture(size, size, 4, planes), AROUND * scale).data;
  const lights = Float32Array.from(mask, (_, i) => (brows[i] ? lumaAt(data, 3 * i) : 0));
  const darkest = percentile(lights.filter((_, i) => brows[i]).sort(), DARKEST);
  const hairs = [0, 0, 0];
  let count = 0;
  brows.forEach((inside, i) => {
    if (!inside || lights[i] > darkest) return;
    for (let c = 0; c < 3; c++) hairs[c] += data[3 * i + c];
    count++;
  });
  for (let c = 0; c < 3; c++) hairs[c] /= count;
  const share = feathered(brows, size, EDGE * scale);
  for (let i = 0; i < share.length; i++) {
    if (!share[i]) continue;
    const behind = mean.map((value, c) => (around[4 * i + c] + 1e-3 * value) / (around[4 * i + 3] + 1e-3));
    const way = behind.map((value, c) => hairs[c] - value);
    const length = Math.max(way.reduce((sum, value) => sum + value ** 2, 0), 1);
    const told = way.reduce((sum, value, c) => sum + (data[3 * i + c] - behind[c]) * value, 0) / length;
    const unlike = Math.sqrt(length / Math.max(behind.reduce((sum, value) => sum + value ** 2, 0), 1));
    const clear = smoothstep((unlike - ALIKE) / (CLEARLY - ALIKE));
    share[i] *= clear * clip((told - NONE) / (ALL - NONE), 0, 1) + (1 - clear) * UNTOLD;
    if (!share[i]) continue;
    // With what no mixture of both explains.
    for (let c = 0; c < 3; c++) part[3 * i + c] = clip(hairs[c] + data[3 * i + c] - (behind[c] + share[i] * way[c]), 0, 255);
  }
  return { share, part };
}
