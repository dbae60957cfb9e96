// The edge of a face, a neck or clothes that comes to light before a background that does, too, even and soft: the same
// steps as in maskgan/editing/bared_edges.py.

import { averagedWithin, nearestOf } from "./blending.js";
import { LABEL } from "./constants.js";
import { partOf, windowAround } from "./flow.js";
import { blurred, cutOut, picture } from "./pixels.js";
import { any, both, distances, either, grown, inverted, regionOf, smoothstep, where, without } from "./regions.js";

// Classes that keep their colours up to their edge, each its own; and those whose edge is soft.
const EVEN = [LABEL.SKIN, LABEL.NECK];
const SOFT = [...EVEN, LABEL.L_EAR, LABEL.R_EAR, LABEL.CLOTH];
// How far from the background skin has the colours from farther inside, and within how far these are averaged.
const [RIM, NEAR] = [6, 1.5];
const DRAWN = 0.15; // how much of what a network draws there stays
const FEATHER = 3; // how far beyond what is unknown paint is laid over
// How far beside an edge its colours are those farther from it, how far the stair is smoothed, and how wide the edge is.
const [BESIDE, SMOOTH, WIDE] = [1.25, 1.5, 0.9];

/** Makes the edge of painted skin and clothes before painted background even, in place: floats of n x n pixels. `scale`:
 *  painted pixels to a pixel of a crop of 256 px. */
export function makeEdgesEven(colours, photo, unknown, mask, n, scale) {
  const all = both(where(mask, LABEL.BACKGROUND), unknown);
  if (!any(all)) return;
  const reach = Math.max(RIM, 2 * BESIDE);
  const edge = both(both(grown(all, n, reach * scale), unknown), where(mask, ...SOFT));
  if (!any(edge)) return;
  const box = windowAround(edge, n, Math.round((reach + 3 * NEAR) * scale) + 1);
  const { left, top, width, height } = box;
  const [bared, missing, own] = [all, unknown, mask].map((plane) => partOf(plane, n, box));
  const painted = cutOut(picture(n, n, 3, colours), left, top, width, height);
  const seen = picture(width, height, 3, painted.data.slice());
  const known = cutOut(photo, left, top, width, height).data;
  missing.forEach((inside, i) => {
    if (!inside) for (let k = 3 * i; k < 3 * i + 3; k++) seen.data[k] = known[k];
  });
  const touched = grown(missing, width, FEATHER * scale);
  keepColours(painted, seen, bared, touched, own, scale);
  softenEdge(painted, bared, touched, own, scale);
  for (let y = 0; y < height; y++) {
    colours.set(painted.data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((top + y) * n + left));
  }
}

/** Gives skin where it is `touched` and close to `bared` background the colours that are `seen` farther inside, in place. */
function keepColours(painted, seen, bared, touched, mask, scale) {
  const { width, height, data } = painted;
  const away = distances(bared, width, height).map((distance) => distance / scale);
  const rim = regionOf(away, (distance) => distance < RIM);
  for (const label of EVEN) {
    const region = where(mask, label);
    const [wanted, inside] = [both(both(region, rim), touched), without(region, rim)];
    if (!any(wanted) || !any(inside)) continue;
    const smooth = blurred(nearestOf(averagedWithin(seen, inside, NEAR * scale), inside), NEAR * scale).data;
    wanted.forEach((here, i) => {
      if (!here) return;
      const weight = (1 - DRAWN) * (1 - smoothstep((away[i] / RIM - 0.6) / 0.4));
      for (let k = 3 * i; k < 3 * i + 3; k++) data[k] += weight * (smooth[k] - data[k]);
    });
  }
}

/** Makes the edge between `bared` background and what is before it no stair, in place. */
function softenEdge(painted, bared, touched, mask, scale) {
  const { width, height, data } = painted;
  const [before, ground] = [where(mask, ...SOFT), where(mask, LABEL.BACKGROUND)];
  const reach = BESIDE * scale;
  const near = both(grown(both(before, touched), width, 2 * reach), grown(bared, width, 2 * reach));
  const others = grown(inverted(either(before, ground)), width, reach);
  const band = without(both(both(near, either(before, bared)), touched), others);
  const [back, front] = [bared, before].map((region) => without(region, grown(inverted(region), width, reach)));
  if (!any(band) || !any(back) || !any(front)) return;
  const [behind, inFront] = [back, front].map((region) => nearestOf(painted, region).data);
  const soft = blurred(picture(width, height, 1, new Float32Array(ground)), SMOOTH * scale).data;
  band.forEach((here, i) => {
    if (!here) return;
    const rise = ((soft[i] - 0.5) * Math.sqrt(2 * Math.PI) * SMOOTH) / WIDE + 0.5;
    const share = Math.min(Math.max(rise, 0), 1);
    for (let k = 3 * i; k < 3 * i + 3; k++) data[k] = share * behind[k] + (1 - share) * inFront[k];
  });
}
