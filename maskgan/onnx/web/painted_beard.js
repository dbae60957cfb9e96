// Where hair that was painted onto a face is a beard: the steps of maskgan/quick_edits/painted_beard.py.

import { LABEL } from "./constants.js";
import { any, both, dilated, either, eroded, piecesOf, regionOf, square, where, without } from "./regions.js";
import { median } from "./samples.js";

// y in the frame from which on down hair on a face is a beard's; area (square units) below which it is a speck.
const [BELOW, SPECK] = [0.12, 0.004];
// How near (half faces) to the middle of the face a piece lies at least, or with how little of its edge it joins other hair or an
// ear.
const [MIDDLE, JOINS] = [0.65, 0.25];
// How far (half faces) beside the middle a beard hangs before the neck, and below which row.
const [HANGS, CHIN] = [0.8, 1.2];
// What a beard grows on, and what it hangs before.
const SKIN = [LABEL.SKIN, LABEL.U_LIP, LABEL.L_LIP, LABEL.MOUTH];
const BEFORE = [LABEL.NECK, LABEL.CLOTH];

/** What of hair is a beard that a scene, the photo's, does not have. */
export function paintedBeard(scene, hair) {
  const { size, y, across: { q } } = scene;
  const painted = without(hair, scene.where(LABEL.HAIR));
  const grown = both(painted, scene.where(...SKIN)).map((inside, i) => (inside && y[i] > BELOW ? 1 : 0));
  if (!any(grown)) return grown;
  const before = both(painted, scene.where(...BEFORE));
  const hanging = before.map((inside, i) => (inside && Math.abs(q[i]) < HANGS && y[i] > CHIN ? 1 : 0));
  const other = without(either(without(hair, grown), where(scene.mask, LABEL.HAIR, LABEL.L_EAR, LABEL.R_EAR)), hanging);
  const joined = both(grown, dilated(other, size, square(1)));
  const { numbers, pieces } = piecesOf(grown, size, size);
  const joins = new Int32Array(pieces.length);
  numbers.forEach((number, i) => number && joined[i] && joins[number]++);
  let result = new Uint8Array(hair.length);
  pieces.forEach((piece, number) => {
    if (!piece || piece.area < SPECK * scene.unit ** 2) return;
    const own = regionOf(numbers, (other) => other === number);
    const inner = eroded(own, size, square(1));
    const out = [];
    let edge = 0;
    own.forEach((inside, i) => {
      if (!inside) return;
      edge += inner[i] ? 0 : 1;
      out.push(Math.abs(q[i]));
    });
    if (median(new Float32Array(out)) < MIDDLE || joins[number] < JOINS * edge) result = either(result, own);
  });
  if (!any(result)) return result;
  const all = piecesOf(either(result, hanging), size, size).numbers;
  const grownOn = new Set(all.filter((_, i) => result[i]));
  return regionOf(all, (number) => number && grownOn.has(number));
}
