// Hair, clothes and hats of the photo whose shapes another one takes, in the colours that the other has; see
// maskgan/editing/borrowing.py.

import { LABEL } from "./constants.js";
import { ownHairOf } from "./hair_colours.js";
import { inOtherColours } from "./hairdressing.js";
import { picture } from "./pixels.js";
import { partMatte, recoloured, usualColour } from "./recolouring.js";
import { areaOf, both, distances, either, regionOf, where } from "./regions.js";
import { clip } from "./samples.js";
import { applyTone } from "./tones.js";
import { unknownAfter } from "./unknown.js";

const { CLOTH, HAT, HAIR } = LABEL;
const BORROWED = [CLOTH, HAT, HAIR]; // what lies below first
const [NEW, LEAST] = [0.15, 0.004]; // share of a class that the photo cannot show; of the picture that it has at least
const [ITS_SHAPE, STRANDS] = [0.7, 0.03]; // least likeness to the source's shape; how far strands reach beyond the mask
const UNIT = 0.25; // of a face's frame in aligned crops, as a share of the side; masks need show no face

/** The classes in the shapes of another face of which an edit would paint much, in the order in which they are laid. */
export function borrowed(face, { mask, flow }, source) {
  const unknown = unknownAfter(face.mask, mask, flow);
  return BORROWED.filter((label) => {
    const inside = where(mask, label);
    if (!isItsShape(mask, source, label) || areaOf(inside) <= LEAST * mask.length) return false;
    return areaOf(both(unknown, inside)) > NEW * areaOf(inside);
  });
}

/** Whether a class of a mask has the shape that it has in another face. */
export function isItsShape(mask, source, label) {
  const [inside, theirs] = [where(mask, label), where(source.mask, label)];
  return areaOf(both(inside, theirs)) > ITS_SHAPE * areaOf(either(inside, theirs));
}

/** A part of the source in the colours that the face's has, or its own where the face has none, and how far each pixel is of it. */
function inOwnColours(source, face, label) {
  const matte = partMatte(source.crop, source.mask, [label]);
  if (!matte) return null;
  const { width: size } = source.crop;
  if (label === HAIR) {
    const part = picture(size, size, 3, Float32Array.from(matte.part));
    const { colours } = ownHairOf(face.crop, face.mask);
    const seen = regionOf(matte.share, (share) => share > 0);
    if (colours) inOtherColours(part, seen, matte.share, colours, UNIT * size);
    return { part, share: matte.share };
  }
  const colour = usualColour(face.crop, face.mask, [label]);
  return { part: colour ? recoloured(source.crop, matte, colour, 1) : source.crop, share: matte.share };
}

/** An edited crop that shows the hair, clothes or hat (`labels`, see `borrowed`) of another face, {crop, mask}, and how far each
 *  pixel does. `mask`: the edited one. */
export function withBorrowed(crop, face, mask, source, labels) {
  const { width: size } = crop;
  const result = picture(size, size, 3, new Float32Array(crop.data));
  const laid = new Float32Array(mask.length);
  for (const label of labels) {
    const found = inOwnColours(source, face, label);
    if (!found) continue;
    const away = distances(where(mask, label), size, size);
    found.share.forEach((whole, i) => {
      const share = whole * clip(2 - (2 * away[i]) / (STRANDS * size), 0, 1);
      for (let c = 3 * i; c < 3 * i + 3; c++) result.data[c] += share * (found.part.data[c] - result.data[c]);
      laid[i] = Math.max(laid[i], share);
    });
  }
  if (face.tone) applyTone(face.tone, result);
  const shown = { ...crop, data: crop.data.slice() };
  laid.forEach((share, i) => {
    if (share > 0) for (let c = 3 * i; c < 3 * i + 3; c++) shown.data[c] = Math.round(result.data[c]);
  });
  return { crop: shown, laid };
}
