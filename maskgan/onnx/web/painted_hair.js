// Which hairpieces hair that somebody painted shows; see maskgan/editing/painted_hair.py.

import { withoutBeard } from "./beards.js";
import { LABEL, PAINTED_HAIR } from "./constants.js";
import { jacobian } from "./flow.js";
import { isMuch, paintedAround } from "./hair_around.js";
import { facing, hairpiece } from "./hairpieces.js";
import { ownHair } from "./matting.js";
import { isFringe, paintedOver } from "./painted_fringe.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, eroded, roundEven, square, where, without } from "./regions.js";
import { Scene } from "./scene.js";
import { lumaAt } from "./tones.js";
import { arrivedMask } from "./unknown.js";

const { HAIR } = LABEL;
const LITTLE = 0.003; // share of a photo below which hair that was painted is little
const DRAWN_OUT = 4; // what is drawn out to more than this many times its area shows no strands of the photo's hair
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
  return all ? parallel / all : 1;
}

/** The hairpieces for hair that a mask has where a face has none, {name, part, size, way} each; none where that is little. `flow`: how
 *  the photo's pixels move; where they show hair nothing was painted. */
export async function hairpiecesFor({ crop, mask: own }, mask, flow) {
  const hair = where(withoutBeard(mask, own, crop.width), HAIR);
  if (areaOf(without(hair, where(own, HAIR))) < LITTLE * mask.length) return [];
  const scene = new Scene(own, crop.width);
  if (!partsOf(scene, hair).length) return [];
  const [arrived, areas] = [arrivedMask(own, flow), jacobian(flow)];
  const parts = partsOf(scene, hair.map((inside, i) => (inside && !(arrived[i] === HAIR && areas[i] > 1 / DRAWN_OUT) ? 1 : 0)));
  if (!parts.length) return [];
  const names = PAINTED_HAIR[coherence(crop, ownHair(crop, own), scene.unit) > COHERENT ? "straight" : "curly"];
  return Promise.all(parts.map(async (part) => facing({ name: names[part], part, size: 1 }, scene, await hairpiece(names[part]))));
}

/** Where hair is much more than a scene without it has, what lies below first. */
function partsOf(scene, hair) {
  const parts = isMuch(scene, paintedAround(scene, hair)) ? ["around"] : [];
  return isFringe(scene, paintedOver(scene, hair)) ? [...parts, "forehead"] : parts;
}
