// The edge of hair that draws back before a background that stays where it is; see maskgan/editing/drawn_back.py.

import { LABEL } from "./constants.js";
import { EDGE, moving } from "./flow.js";
import { hairMatte } from "./matting.js";
import { picture } from "./pixels.js";
import { any, both, distances, either, grown, regionOf, where, without } from "./regions.js";
import { remapped } from "./samples.js";

// In pixels of a picture of 256 px: how far inside of the outline of hair something else may show.
const INSIDE = 3;
// Around hair that is gone, so much is painted; what moves otherwise by more than that than hair beside it was behind it.
const [LOST, TORN] = [4, 1];
const THINS_OUT = 2; // over so much the edge thins out: what is as dark as hair, beside it, is none
const HAIR = 0.9; // what is hair to less than this shows something else

/** What lies beside hair that drew back, {bared, behind, share}: where hair was and the background stays; where something is painted
 *  behind the edge, and in place of what is bared and its surroundings; and how much of each pixel of the edge is hair that came
 *  along, in 0..1. `arrived`: the photo's mask `before` as its pixels have moved by the flow; `after`: the edited one. */
export function drawnBack(photo, before, after, arrived, flow) {
  const { width: size, data } = flow;
  const scale = size / 256;
  const there = where(arrived, LABEL.HAIR);
  const ground = where(after, LABEL.BACKGROUND);
  const [hair, gone] = [both(where(after, LABEL.HAIR), there), both(ground, there)];
  const nothing = { bared: new Uint8Array(ground.length), behind: new Uint8Array(ground.length), share: new Float32Array(ground.length) };
  if (!any(hair) || !any(gone)) return nothing;
  const nearest = new Int32Array(ground.length);
  const outside = distances(hair, size, size, { nearest });
  const otherwise = (i) => Math.hypot(data[2 * i] - data[2 * nearest[i]], data[2 * i + 1] - data[2 * nearest[i] + 1]) > TORN * scale;
  const bared = regionOf(gone, (inside, i) => inside && otherwise(i));
  const moved = moving(flow);
  const close = both(grown(hair, size, EDGE * scale), grown(bared, size, EDGE * scale));
  const edge = both(both(both(ground, where(arrived, LABEL.BACKGROUND)), moved), close);
  if (!any(edge)) return nothing;
  const inner = both(both(hair, moved), grown(edge, size, INSIDE * scale));
  const [columns, rows] = [0, 1].map((k) => new Float32Array(ground.length).map((_, i) => (k ? Math.floor(i / size) : i % size) + data[2 * i + k]));
  const matte = remapped(picture(size, size, 1, hairMatte(photo, before).share), columns, rows);
  const thin = (i) => Math.min(Math.max((EDGE - outside[i] / scale) / THINS_OUT, 0), 1);
  const share = matte.map((value, i) => (edge[i] || inner[i] ? value * thin(i) : 0));
  const lost = without(both(grown(bared, size, LOST * scale), ground), grown(hair, size, scale));
  const shows = regionOf(inner, (inside, i) => inside && share[i] < HAIR);
  return { bared, behind: either(either(edge, lost), shows), share };
}
