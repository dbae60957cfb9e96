// Which hairpiece a fringe that somebody painted shows; see maskgan/editing/fringes.py.

import { FRINGE_OF, LABEL } from "./constants.js";
import { facing, hairpiece } from "./hairpieces.js";
import { ownHair } from "./matting.js";
import { isFringe, paintedOver } from "./painted_hair.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, both, eroded, roundEven, square, where } from "./regions.js";
import { Scene } from "./scene.js";
import { lumaAt } from "./tones.js";

const { SKIN, HAIR } = LABEL;
const LITTLE = 0.003; // share of a photo below which hair that was painted over skin is no fringe
const [STRAND, AROUND] = [0.012, 0.12]; // width (frame units) of the finest strands, and around how far directions are compared
const [COHERENT, WITHIN] = [0.5, 0.1]; // coherence below which hair is curly, and how far within its outline they tell

/** How much strands of hair lie side by side: 0 where they go every way, 1 where all are parallel close by; the coherence of the
 *  structure tensor. `unit`: of the face's frame, in pixels. */
export function coherence({ width: size, data }, hair, unit) {
  const inner = eroded(hair, size, square(Math.max(1, roundEven(WITHIN * unit))));
  const grey = Float32Array.from(hair, (_, i) => lumaAt(data, 3 * i));
  const light = blurred(picture(size, size, 1, grey), Math.max(0.5, STRAND * unit)).data;
  const slope = (i, at, step) => {
    const [before, after] = [at > 0 ? i - step : i, at < size - 1 ? i + step : i];
    return (light[after] - light[before]) / ((after - before) / step);
  };
  const slopes = new Float32Array(3 * light.length);
  for (let i = 0; i < light.length; i++) {
    if (!inner[i]) continue;
    const [across, down] = [slope(i, i % size, 1), slope(i, Math.floor(i / size), size)];
    slopes.set([across ** 2, down ** 2, across * down], 3 * i);
  }
  const tensor = blurred(picture(size, size, 3, slopes), AROUND * unit).data;
  let [parallel, all] = [0, 0];
  inner.forEach((inside, i) => {
    if (!inside) return;
    const [xx, yy, xy] = tensor.subarray(3 * i, 3 * i + 3);
    parallel += Math.hypot(xx - yy, 2 * xy);
    all += xx + yy;
  });
  return parallel / Math.max(all, 1e-6);
}

/** The hairpiece for hair that a mask has over the forehead of a face, null where that is hardly any. */
export async function fringeFor({ crop, mask: own }, mask) {
  const { width: size } = crop;
  const hair = where(mask, HAIR);
  if (areaOf(both(hair, where(own, SKIN))) < LITTLE * mask.length) return null;
  const scene = new Scene(own, size);
  if (!isFringe(scene, paintedOver(scene, hair))) return null;
  const name = coherence(crop, ownHair(crop, own), scene.unit) > COHERENT ? FRINGE_OF.straight : FRINGE_OF.curly;
  return facing({ name, part: "painted", size: 1 }, scene, await hairpiece(name));
}
