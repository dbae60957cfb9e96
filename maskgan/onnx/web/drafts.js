// A quick draft of an edit that goes on from another one: only what differs between their masks is painted, on the picture of
// the edit before, so that a stroke costs what it costs on an unedited face; see maskgan/editing/drafts.py.

import { SIZE } from "./constants.js";
import { edit } from "./editor.js";
import { Alignment } from "./faces.js";
import { Motion } from "./flow.js";

/** Whether a draft does for a mask, and is quicker: `before` is {mask, crop, edit} of the edit before, of a face with this mask.
 *  Not where some of the photo comes back, which a draft would paint. */
export function draftDoes(own, before, mask) {
  const { patches, layers } = before.edit;
  const area = patches.reduce((sum, { window }) => sum + window.pixels ** 2, 0);
  if (area <= SIZE.network ** 2 && !layers.length) return false;
  return !mask.some((label, i) => label === own[i] && before.mask[i] !== label);
}

/** The crop of a face in the shapes of a mask, from that of an edit before. */
export async function draft(networks, face, before, mask) {
  const { mask: own, crop } = before;
  const asPhoto = { ...face, photo: crop, crop, mask: own, alignment: Alignment.wholePicture(crop) };
  return (await edit(networks, asPhoto, Motion.none(own, SIZE.crop).to(mask), { quick: true })).crop;
}
