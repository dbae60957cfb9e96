// Hairpieces laid over a picture, in the colours of the wearer's own hair; see maskgan/editing/hairdressing.py.

import { Window } from "./compositing.js";
import { LABEL, SIZE } from "./constants.js";
import { FACE_PARTS } from "./frame.js";
import { paintedAround } from "./hair_around.js";
import { LITTLE, coloursOfHair, labOf, ownHairOf, recolour } from "./hair_colours.js";
import { coverage, hairpiece } from "./hairpieces.js";
import { mirroredBeyond } from "./mirroring.js";
import { Overlay } from "./overlay.js";
import { paintedOver } from "./painted_fringe.js";
import { blurred, picture, resizeLinear } from "./pixels.js";
import { writeLab } from "./oklab.js";
import { any, areaOf, both, dilated, disc, distances, either, eroded, extent, inverted, regionOf, rolled, roundEven, smoothstep, square, where, without } from "./regions.js";
import { clip, writeCubic } from "./samples.js";
import { Scene } from "./scene.js";
import { downToEars, insteadOfSideburns } from "./sideburns.js";
import { addStrandsInBlack } from "./strands_in_black.js";
import { lumaAt } from "./tones.js";

const { BACKGROUND, SKIN, NECK, HAIR, EYE_G, L_EAR, R_EAR } = LABEL;
const FEATURES = [...FACE_PARTS, EYE_G]; // classes within a face
const JOINED = 0.5; // how far (frame units) beside painted hair other hair is that it has the colours of
const FINEST = 1024; // the largest side of a crop in which hair is laid: the wardrobe has none finer
const IS_THERE = 0.25; // share of what a hairpiece changes in the mask from which on it is there
const STRANDS = 0.03; // how far strands reach beyond the mask's hair, as a share of the crop's side
// Width (frame units) of what is closed between hair and jaw, how light hair is there in the end, and how far in that is.
const [OPEN, IN_SHADE, SHADED] = [0.4, 0.6, 0.25];
// Lightness below which a photo of hair shows no strands, over how much of it they appear, and how far it is made even.
const [BLACK, FADES, EVEN] = [0.17, 0.05, 0.04];
// How much more distinct strands get at most, how fine they are (frame units), how light black counts, and pixels of hair at least.
const [DISTINCT, FINE, DIM, FEW] = [2, 0.03, 12, 200];
const BESIDE = [...FACE_PARTS, L_EAR, R_EAR, NECK]; // classes that hair hangs beside
const [SHADOW, FALL] = [0.3, 0.08]; // how dark a fringe's shadow on the forehead is, and how far it falls
export const PAINTED = { forehead: paintedOver, around: paintedAround }; // what of hair was painted where a part is seen

/** Colours for a hairpiece as it is seen: painted hair joins other hair and has the colours of that. */
function coloursFor({ alpha, scene: { size, unit } }, photo, own, worn) {
  const { hair, share, colours } = ownHairOf(photo, own);
  if (!PAINTED[worn.part]) return colours;
  const away = distances(regionOf(alpha, (share) => share > 0), size, size);
  const near = hair.map((inside, i) => (inside && away[i] <= JOINED * unit ? 1 : 0));
  return areaOf(near) / near.length > LITTLE ? coloursOfHair(photo, own, near, share) : colours;
}

const newest = new Map(); // by hairpiece: {own, from, covered} of the newest edit, `from` a mask that tells where it lies
const MOST = 3; // hairpieces that a face wears

/** Where a face without its hair wears a hairpiece: it hangs from the head, whose outline and whose photo's own features tell
 *  where it lies, so that a smile does not shift it. `quick`: as in the newest edit, if that was of this face. */
async function covering(mask, own, size, worn, quick) {
  const bare = mask.map((label, i) => (label === HAIR || (FEATURES.includes(label) && FEATURES.includes(own[i])) ? own[i] : label));
  const [key, follows] = [`${worn.name} ${worn.part} ${worn.size} ${worn.way}`, PAINTED[worn.part]];
  const from = follows ? mask : bare;
  const known = newest.get(key);
  if (known?.own === own && ((quick && !follows) || from.every((label, i) => label === known.from[i]))) return known.covered;
  const scene = new Scene(bare, size);
  const painted = follows ? follows(scene, where(mask, HAIR)) : null;
  if (follows && !any(painted)) return null;
  let covered = coverage(scene, worn, await hairpiece(worn.name), painted);
  if (size === SIZE.crop) {
    const alike = (plane) => covered[plane].every((value, i) => value === known.covered[plane][i]);
    // What follows from where it lies is at hand for the same object.
    if (known?.own === own && ["columns", "rows", "alpha"].every(alike)) ({ covered } = known);
    newest.delete(key);
    newest.set(key, { own, from, covered });
    if (newest.size > MOST) newest.delete(newest.keys().next().value);
  }
  return covered;
}

/** Where a hairpiece is seen on a face with this mask; null where the mask does not have it. `own`: the photo's mask. Strands
 *  reach a little beyond the mask's hair. */
export async function seenOf(mask, own, size, worn, quick = false) {
  const [hair, before] = [where(mask, HAIR), where(own, HAIR)];
  const covered = await covering(mask, own, size, worn, quick);
  if (!covered) return null;
  const brought = without(regionOf(covered.alpha, (share) => share > 0.5), before);
  const taken = worn.part === "whole" ? both(before, regionOf(covered.alpha, (share) => share < 0.1)) : new Uint8Array(hair.length);
  const agrees = areaOf(both(hair, brought)) + areaOf(without(taken, hair));
  if (agrees <= IS_THERE * (areaOf(brought) + areaOf(taken))) return null;
  const away = distances(hair, size, size);
  return { ...covered, whole: covered, alpha: covered.alpha.map((share, i) => share * clip(2 - (2 * away[i]) / (STRANDS * size), 0, 1)) };
}

/** A picture whose face wears a hairpiece, and how far each pixel changed. `mask`: the edited mask; where it has no hair close
 *  by, none of the piece is seen; `photo` and `own`: the photo and its mask, which tell the colours of the hair. */
async function putOn(crop, mask, photo, own, worn, quick) {
  const { width: size } = crop;
  let seen = await seenOf(mask, own, size, worn, quick);
  if (!seen) return { crop, changed: new Float32Array(mask.length) };
  const { scene: { unit, y } } = seen;
  const { hair: telling } = ownHairOf(photo, own);
  const colours = coloursFor(seen, photo, own, worn);
  const before = coloured.get(seen.whole);
  const isThere = before && (quick || before.alpha.every((share, i) => share === seen.alpha[i]));
  // Locks at both sides of a face are no one mass of hair with the lender's light from one side.
  const left = worn.part === "around" ? regionOf(seen.scene.across.q, (q) => q < 0) : null;
  let hair = isThere ? before.hair : hairOn(seen, colours, left, photo, telling);
  coloured.set(seen.whole, { alpha: isThere ? before.alpha : seen.alpha, hair });
  if (worn.part !== "fringe" && !PAINTED[worn.part]) {
    const strip = insteadOfSideburns(seen, mask, own, worn);
    ({ seen, hair } = behindJaw(seen, hair, mask, own));
    ({ seen, hair } = downToEars(seen, hair, strip));
  }
  const { alpha } = seen;
  const shade = ["length", "around"].includes(worn.part) ? new Float32Array(alpha.length) : shadeOf(alpha, mask, own, size, unit, y);
  const roots = colours && !any(telling) ? where(mask, HAIR) : new Uint8Array(alpha.length);
  const ground = picture(size, size, 3, new Float32Array(crop.data));
  // What was painted for hair beside it has the colours of what the mask wrongly calls hair.
  if (any(roots)) recolour(ground, roots, colours, labOf(ground, roots));
  const result = { ...crop, data: crop.data.slice() };
  const changed = alpha.map((share, i) => Math.max(share, shade[i], roots[i]));
  changed.forEach((share, i) => {
    if (!(share > 0)) return;
    for (let c = 3 * i; c < 3 * i + 3; c++) {
      const below = ground.data[c] * (1 - shade[i]);
      result.data[c] = below + alpha[i] * (hair.data[c] - below);
    }
  });
  return { crop: result, changed };
}

const coloured = new WeakMap(); // hair as it was put on in the newest edit, {alpha, hair}, by where it covers a face

/** The lender's hair as it lies over a face, in these colours, if there are any; also where the mask hides it now. */
function hairOn(seen, colours, left, photo, telling) {
  const covered = regionOf(seen.whole.alpha, (share) => share > 0);
  const hair = lendersHair(seen, covered);
  if (colours && seen.alpha.some((share) => share > 0)) {
    inOtherColours(hair, covered, seen.alpha, colours, seen.scene.unit, left);
    makeDistinct(hair, covered, seen.alpha, photo, telling, seen.scene.unit);
  }
  return hair;
}

/** Makes strands of hair in a region, seen as far as `alpha` says, differ in lightness as much as those of the wearer's, whose
 *  photo and hair are given, in place: grey hair has white strands beside dark ones. */
function makeDistinct(hair, region, alpha, photo, telling, unit) {
  const sure = regionOf(alpha, (share) => share > 0.9);
  const [theirs, wearers] = [strandsOf(hair, region, sure, unit), strandsOf(photo, telling, telling, unit)];
  if (!theirs || !wearers) return;
  const stronger = clip(wearers.varies / Math.max(theirs.varies, 1e-3), 1, DISTINCT);
  theirs.fine.forEach((lighter, i) => {
    const factor = Math.exp((stronger - 1) * lighter);
    for (let c = 3 * i; factor !== 1 && c < 3 * i + 3; c++) hair.data[c] *= factor;
  });
}

/** How much lighter pixels are than the hair around them (natural logarithm), and how much that varies where it is sure; null where
 *  there is hardly any. */
function strandsOf({ width, data }, hair, sure, unit) {
  const count = areaOf(sure);
  if (count < FEW) return null;
  const light = Float32Array.from(hair, (_, i) => Math.log(Math.max(lumaAt(data, 3 * i), 0) + DIM));
  const sums = new Float32Array(2 * hair.length);
  hair.forEach((inside, i) => inside && sums.set([light[i], 1], 2 * i));
  const soft = blurred(picture(width, width, 2, sums), Math.max(0.8, FINE * unit)).data;
  const fine = light.map((value, i) => (hair[i] ? value - soft[2 * i] / Math.max(soft[2 * i + 1], 1e-3) : 0));
  const mean = fine.reduce((sum, value, i) => (sure[i] ? sum + value : sum), 0) / count;
  const varies = Math.sqrt(fine.reduce((sum, value, i) => (sure[i] ? sum + (value - mean) ** 2 : sum), 0) / count);
  return { fine, varies };
}

/** Gives somebody's hair in a region, seen as far as `alpha` says, the colours of other hair (lightness, a and b of its pixels),
 *  in place, and strands also where it was all black. `unit`: of the face's frame, in pixels; `left`: the part whose light is
 *  another than that of the rest, if any. */
export function inOtherColours(hair, region, alpha, colours, unit, left = null) {
  const [solid, there] = [0.9, 0].map((least) => regionOf(alpha, (share) => share > least));
  const black = evenInBlack(hair, region, unit);
  for (const part of left ? [left, inverted(left)] : [null]) {
    const [all, sure, seen] = [region, solid, there].map((each) => (part ? both(each, part) : each));
    if (any(seen)) recolour(hair, all, colours, labOf(hair, any(sure) ? sure : seen));
  }
  addStrandsInBlack(hair, black, alpha, unit);
}

/** The lender's picture as it lies over a face, as far around a region as `evenInBlack` looks. */
function lendersHair({ scene: { size, unit }, piece, columns, rows }, region) {
  const margin = Math.ceil(4 * Math.max(0.8, EVEN * unit)) + 1;
  const hair = picture(size, size, 3, new Float32Array(3 * size * size));
  if (!any(region)) return hair;
  const { left, top, right, bottom } = extent(region, size);
  for (let y = Math.max(0, top - margin); y <= Math.min(size - 1, bottom + margin); y++) {
    for (let x = Math.max(0, left - margin); x <= Math.min(size - 1, right + margin); x++) {
      const i = y * size + x;
      writeCubic(piece.colours, columns[i], rows[i], hair.data, 3 * i);
    }
  }
  return hair;
}

/** How dark the shadow of hair is on the forehead, and below its own soft edge. */
function shadeOf(alpha, mask, own, size, unit, y) {
  const low = picture(size, size, 1, rolled(alpha, size, roundEven(FALL * unit)));
  const isSkin = (i) => mask[i] === SKIN || (mask[i] === HAIR && own[i] === SKIN);
  const soft = blurred(low, Math.max(0.5, 0.6 * FALL * unit)).data.map((share, i) => (isSkin(i) && y[i] < 0.2 ? SHADOW * share : 0));
  return blurred(picture(size, size, 1, soft), Math.max(0.5, 0.01 * unit)).data.map((share) => (share < 0.01 ? 0 : share));
}

/** Makes hair of a region even where it is all black, in place, and tells how far each pixel is: in dark hair's own shadow a photo holds nothing but the blocks of its
 *  compression, which lighter colours would show. */
function evenInBlack({ width, data }, region, unit) {
  const even = blurred(picture(width, width, 3, data), Math.max(0.8, EVEN * unit)).data;
  const black = new Float32Array(region.length);
  const lab = new Float64Array(3);
  for (let i = 0; i < region.length; i++) {
    if (!region[i]) continue;
    writeLab(even[3 * i], even[3 * i + 1], even[3 * i + 2], lab, 0);
    black[i] = smoothstep((BLACK - lab[0]) / FADES);
    if (black[i]) for (let c = 3 * i; c < 3 * i + 3; c++) data[c] += black[i] * (even[c] - data[c]);
  }
  return black;
}

/** Closes what is left open between the hair and the jaw, or the wearer's own hair, with hair that goes on there, in shadow.
 *  The edge of face and hair, which has some of the old ground in it, goes under the hair too. */
function behindJaw(seen, hair, mask, own) {
  const { scene: { size, unit, y } } = seen;
  const solid = regionOf(seen.alpha, (share) => share > 0.85);
  const skin = either(where(mask, ...BESIDE), both(where(mask, HAIR), where(own, HAIR)));
  const reach = Math.max(3, Math.floor(OPEN * unit) | 1);
  const kernel = disc(reach >> 1);
  const closed = eroded(dilated(either(solid, skin), size, kernel), size, kernel);
  const wide = Math.max(2, roundEven(0.006 * size));
  let ground = dilated(where(own, BACKGROUND), size, square(wide));
  const [toSkin, toHair] = [skin, solid].map((region) => distances(region, size, size));
  const gap = where(mask, HAIR).map((inside, i) => {
    const near = toSkin[i] < reach && toHair[i] < reach / 2;
    return inside && closed[i] && near && (own[i] !== HAIR || ground[i]) && !solid[i] && y[i] > -0.5 ? 1 : 0;
  });
  if (!any(gap)) return { seen, hair };
  ground = either(ground, dilated(gap, size, square(wide)));
  const edge = both(both(skin, ground), dilated(gap, size, square(wide + 1)));
  const blurry = blurred(picture(size, size, 1, new Float32Array(either(gap, edge))), Math.max(0.6, wide / 2)).data;
  const soft = blurry.map((share, i) => clip(2 * share, 0, 1) * seen.above[i]);
  const behind = mirroredBeyond(hair, solid, regionOf(soft, (share) => share > 0), reach);
  const alpha = seen.alpha.slice();
  const mixed = { ...hair, data: hair.data.slice() };
  soft.forEach((share, i) => {
    if (!(share > 0)) return;
    const shade = 1 - (1 - IN_SHADE) * smoothstep(toHair[i] / (SHADED * unit));
    const more = share * (1 - seen.alpha[i]);
    alpha[i] += more;
    for (let c = 3 * i; c < 3 * i + 3; c++) {
      mixed.data[c] = (seen.alpha[i] * hair.data[c] + more * behind.data[c] * shade) / Math.max(alpha[i], 1e-3);
    }
  });
  return { seen: { ...seen, alpha }, hair: mixed };
}

/** Hairpieces as a change of a photo, made at the photo's own resolution. `mask`, `own`: the edited and the photo's own mask;
 *  `photo`: the crop as it was. */
export class Hairpieces {
  constructor(worn, mask, own, photo) {
    Object.assign(this, { worn, mask, own, photo });
  }

  /** A square crop of any size with them, and how far each pixel changed; `quick`: the hair lies as in the newest edit. */
  async on(crop, quick = false) {
    const { width: size } = crop;
    const [mask, own] = [this.mask, this.own].map((plane) => (size === SIZE.crop ? plane : Window.whole(size).mask(plane, SIZE.crop)));
    const photo = resizeLinear(this.photo, size, size);
    const changed = new Float32Array(size * size);
    for (const worn of this.worn) {
      const laid = await putOn(crop, mask, photo, own, worn, quick);
      crop = laid.crop;
      laid.changed.forEach((share, i) => (changed[i] = Math.max(changed[i], share)));
    }
    return { crop, changed };
  }

  /** The photo with them, in which the crop lies at `alignment`. */
  async onto(photo, alignment) {
    const size = clip(roundEven(alignment.side), SIZE.crop, FINEST);
    const { crop, changed } = await this.on(alignment.crop(photo, size));
    const region = dilated(regionOf(changed, (share) => share > 0), size, square(2));
    return any(region) ? new Overlay(crop, region, changed).onto(photo, alignment) : photo;
  }
}
