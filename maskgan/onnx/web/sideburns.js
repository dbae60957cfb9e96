// Short hair that goes on down to the ears, where long hair of the wearer hung before them: maskgan/editing/sideburns.py.

import { averagedWithin, nearestOf } from "./blending.js";
import { LABEL } from "./constants.js";
import { SHORT, beforeEars, hangsBeforeFace } from "./hairstyles.js";
import { blurred, picture } from "./pixels.js";
import { any, both, dilated, either, regionOf, roundEven, smoothstep, square, where, without } from "./regions.js";
import { percentileOf } from "./samples.js";
import { addStrandsInBlack } from "./strands_in_black.js";
import { tips } from "./tips.js";

const { HAIR } = LABEL;
const SOLID = 0.85; // share of a hairpiece in a pixel from which on that shows its colours
// How soft the edges of what goes on are, between which rows it ends, and within how much its colour is told (frame units).
const [THIN, ENDS, EVENLY] = [0.03, [0, 0.3], 0.12];

/** Where a short hairpiece, seen as `seenOf` tells with the same masks, goes on down to the ears, in place of long hair of the
 *  wearer that hung there. */
export function insteadOfSideburns({ scene, alpha }, mask, own, worn) {
  const [hair, there] = [where(own, HAIR), regionOf(alpha, (share) => share > 0.5)];
  const short = worn.part === "whole" && any(there) && percentileOf(scene.y, there, 0.97) < SHORT;
  if (!short || !any(hair) || !hangsBeforeFace(scene, hair)) return new Uint8Array(mask.length);
  return both(both(hair, where(mask, HAIR)), beforeEars(scene, true));
}

/** A short hairpiece, where it is `seen` and its pixels in the wearer's colours, both anew, that goes on down a strip, thinner
 *  and thinner. */
export function downToEars(seen, hair, strip) {
  const { scene: { size, unit, x, y } } = seen;
  const solid = regionOf(seen.alpha, (share) => share > SOLID);
  if (!any(without(strip, solid)) || !any(solid)) return { seen, hair };
  const soft = blurred(picture(size, size, 1, new Float32Array(either(strip, solid))), Math.max(0.6, THIN * unit)).data;
  const near = dilated(strip, size, square(Math.max(1, roundEven(2 * THIN * unit))));
  const share = seen.alpha.map((there, i) => {
    if (!near[i]) return 0;
    const ends = 1 - smoothstep((y[i] + tips(x[i]) / 2 - ENDS[0]) / (ENDS[1] - ENDS[0]));
    const more = smoothstep((soft[i] - 0.2) / 0.6) * ends * (1 - there);
    return more < 0.01 ? 0 : more;
  });
  const bare = share.map((more, i) => (more > 0 && !solid[i] ? 1 : 0));
  const even = blurred(nearestOf(averagedWithin(hair, solid, EVENLY * unit), solid), EVENLY * unit).data;
  const further = { ...hair, data: hair.data.map((value, k) => (bare[Math.floor(k / 3)] ? even[k] : value)) };
  addStrandsInBlack(further, bare, bare.map((there, i) => Math.max(there, solid[i])), unit);
  const alpha = seen.alpha.map((there, i) => there + share[i]);
  const mixed = { ...hair, data: hair.data.slice() };
  share.forEach((more, i) => {
    if (!(more > 0)) return;
    for (let c = 3 * i; c < 3 * i + 3; c++) {
      mixed.data[c] = (seen.alpha[i] * hair.data[c] + more * further.data[c]) / Math.max(alpha[i], 1e-3);
    }
  });
  return { seen: { ...seen, alpha }, hair: mixed };
}
