// The style of another face in chosen regions of this one, whose shapes stay; see maskgan/editing/style_copy.py. Of hair, skin,
// lips, irises, clothes and the background the colour is measured on that face. Elsewhere the picture is changed by the difference between what
// the network draws in the mixed style and in its own, smoothed within each class, so that it keeps its own texture and light.

import { Window } from "./compositing.js";
import { COLOURED, LABEL, LEAST_HAIR, MIRRORED, REGIONS, SIZE, SKIN_TONE } from "./constants.js";
import { hairMatte } from "./matting.js";
import { toLab } from "./oklab.js";
import { blurred, cutOut, picture, resizeCubic } from "./pixels.js";
import { goingAlong, groupRecoloured, lipsOn, partMatte, recoloured, usualColour } from "./recolouring.js";
import { any, areaOf, distances, extent, feathered, where } from "./regions.js";
import { drawingSize, fromPlanes, maskOf, nothingKept } from "./tensors.js";

const { BACKGROUND, HAIR, SKIN, U_LIP, L_BROW } = LABEL;
const CLASSES = Object.keys(LABEL).length;
// In pixels of a crop of 256 px: the feather around a copied region, and how far the change of colour is smoothed.
const [FEATHER, SMOOTH] = [3, 5];
const DARK = 20; // added to numerator and denominator of a ratio of colours, against division by zero

/** The classes that a mask shows enough of to tell their style. */
function presentIn(mask) {
  const found = new Set(mask);
  if (areaOf(where(mask, HAIR)) < LEAST_HAIR * mask.length) found.delete(HAIR);
  return found;
}

/** For each class that a face with this mask can lend, the class whose style it gives: the class itself, or its mirror image
 *  where the face lacks it (one ear is often hidden). */
export function lendersOf(mask) {
  const present = presentIn(mask);
  const lenders = new Map([...present].map((label) => [label, label]));
  for (const [one, two] of MIRRORED) {
    for (const [wanted, other] of [[one, two], [two, one]]) {
      if (!present.has(wanted) && present.has(other)) lenders.set(wanted, other);
    }
  }
  return lenders;
}

const between = (one, other, t) => (t < 0.5 ? one + t * (other - one) : other - (1 - t) * (other - one));
const moved = (tensor, change) => ({ ...tensor, data: tensor.data.map(change) });

/** A face's style without its residue in some classes, and the same moved by `strength` towards another's in them. */
function ownAndMixed(style, theirs, lenders, strength) {
  if (!style.codes) { // one vector tells no classes apart
    const { vector } = style;
    return [style, { ...style, vector: moved(vector, (value, i) => between(value, theirs.vector.data[i], strength)) }];
  }
  const { codes, residue } = style;
  const [length, cells] = [codes, residue].map(({ data }) => data.length / CLASSES);
  const own = { ...style, residue: moved(residue, (value, i) => (lenders.has(Math.floor(i / cells)) ? 0 : value)) };
  const mixed = moved(codes, (value, i) => {
    const lender = lenders.get(Math.floor(i / length));
    return lender === undefined ? value : between(value, theirs.codes.data[lender * length + (i % length)], strength);
  });
  return [own, { ...own, codes: mixed }];
}

/** What the network draws for a mask in a style when it is shown nothing of the photo; at `side` pixels. */
async function drawn(networks, mask, style, side) {
  const input = { mask: maskOf(Window.whole(side).mask(mask, SIZE.crop), side), kept: nothingKept(side), ...style };
  const { image } = await networks.run(networks.generator, input);
  return resizeCubic(fromPlanes(image.data, side), SIZE.crop, SIZE.crop);
}

/** Two pictures smoothed within each class, skin and its parts as one: across borders it would leave halos. */
function smoothed(pictures, mask, copied, { left, top, width, height }) {
  const scale = SIZE.crop / 256;
  const cut = (whole) => cutOut(whole, left, top, width, height).data;
  const labels = cut(picture(SIZE.crop, SIZE.crop, 1, mask));
  const tone = copied.filter((label) => SKIN_TONE.includes(label));
  const groups = [copied, tone, ...copied.filter((label) => !tone.includes(label)).map((label) => [label])];
  return pictures.map(cut).map((data) => {
    const result = data.slice();
    groups.forEach((group, number) => { // the first, with all classes, covers the feathered border
      const inside = where(labels, ...group);
      if (!any(inside)) return;
      const shares = new Float32Array(4 * inside.length);
      inside.forEach((yes, i) => yes && shares.set([...data.subarray(3 * i, 3 * i + 3), 1], 4 * i));
      const near = blurred(picture(width, height, 4, shares), SMOOTH * scale).data;
      for (let i = 0; i < inside.length; i++) {
        if (inside[i] || !number) for (let c = 0; c < 3; c++) result[3 * i + c] = near[4 * i + c] / (near[4 * i + 3] + 1e-3);
      }
    });
    return blurred(picture(width, height, 3, result), scale).data;
  });
}

let last = null; // the newest change of colours, and what it was made from

/** Own and mixed colours in a window of the crop around the copied classes. */
async function colours(networks, mask, style, source, lenders, strength, quick) {
  const asked = { style, source, strength, quick, mask, copied: [...lenders.keys()] };
  const same = (key) => (asked[key]?.length ? last[key].length === asked[key].length && asked[key].every((value, i) => value === last[key][i]) : asked[key] === last[key]);
  if (last && Object.keys(asked).every(same)) return last;
  const margin = Math.ceil(((FEATHER + 4 * (SMOOTH + 1)) * SIZE.crop) / 256) + 2;
  const box = extent(where(mask, ...asked.copied), SIZE.crop);
  const [left, top] = [Math.max(box.left - margin, 0), Math.max(box.top - margin, 0)];
  const width = Math.min(box.right + 1 + margin, SIZE.crop) - left;
  const height = Math.min(box.bottom + 1 + margin, SIZE.crop) - top;
  const side = quick ? Math.min(SIZE.network, drawingSize(networks)) : drawingSize(networks);
  const pictures = [];
  for (const each of ownAndMixed(style, source.style, lenders, strength)) pictures.push(await drawn(networks, mask, each, side));
  const window = { left, top, width, height };
  const [own, mixed] = smoothed(pictures, mask, asked.copied, window);
  last = { ...asked, window, own, mixed };
  return last;
}

/** A crop with the style of another face in chosen regions, and which pixels take it; null where the two faces have none of them
 *  in common. `style`: of the face; `source`: {crop, mask, style} of the other; `strength`: 0 to 1; `quick`: drawn at the
 *  network's own size. */
export async function copyStyle(networks, crop, mask, style, { source, regions, strength }, quick) {
  const lending = lendersOf(source.mask);
  const present = presentIn(mask);
  const wanted = new Set(regions.flatMap((name) => REGIONS.find((region) => region.name === name).classes));
  const lenders = new Map([...wanted].sort((a, b) => a - b).filter((label) => present.has(label) && lending.has(label)).map((label) => [label, lending.get(label)]));
  if (!lenders.size || !strength) return null;
  const measured = style.codes ? coloursOf({ crop, mask }, source, lenders) : [];
  for (const { group } of measured) group.forEach((label) => lenders.delete(label));
  let result = crop;
  let weight = new Float32Array(mask.length);
  const grounds = style.codes && lenders.delete(BACKGROUND);
  if (lenders.size) {
    weight = weightOf(crop, mask, [...lenders.keys()]);
    result = inStyle(crop, await colours(networks, mask, style, source, lenders, strength, quick), weight);
  }
  if (grounds) {
    const share = weightOf(crop, mask, [BACKGROUND]);
    result = withGround(result, share, { crop, mask }, source, strength);
    share.forEach((value, i) => (weight[i] = Math.max(weight[i], value)));
  }
  for (const { group, colour } of measured) {
    // Before skin and a background in other colours single hairs are told no more.
    const matte = partMatte(group.includes(L_BROW) || group.includes(HAIR) ? crop : result, mask, group);
    if (!matte) continue;
    result = groupRecoloured(result, mask, matte, group, colour, strength);
    matte.share.forEach((share, i) => (weight[i] = Math.max(weight[i], share)));
  }
  return { crop: result, weight: weight.map((value) => (value > 0 ? 1 : 0)) };
}

/** How far each pixel takes the style of its class. */
function weightOf(crop, mask, labels) {
  const weight = feathered(where(mask, ...labels), SIZE.crop, (FEATHER * SIZE.crop) / 256);
  return labels.includes(BACKGROUND) ? behindHair(weight, crop, mask) : weight;
}

/** A crop with a background in the colours of another's: their mean and their variety. */
function withGround(crop, share, target, source, strength) {
  const [own, other] = [target, source].map(({ crop: { data }, mask }) => {
    const labs = [];
    mask.forEach((label, i) => label === BACKGROUND && labs.push(toLab([data[3 * i], data[3 * i + 1], data[3 * i + 2]])));
    const mean = [0, 1, 2].map((c) => labs.reduce((sum, lab) => sum + lab[c], 0) / labs.length);
    const variance = labs.reduce((sum, lab) => sum + (lab[1] - mean[1]) ** 2 + (lab[2] - mean[2]) ** 2, 0) / labs.length;
    return { mean, spread: Math.sqrt(variance) };
  });
  const variety = Math.min(1, other.spread / Math.max(own.spread, 1e-6));
  return recoloured(crop, { share, part: crop.data }, other.mean, strength, { variety });
}

/** Weights of a background, which is seen between the strands at the edge of hair, too. */
function behindHair(weight, photo, mask) {
  if (!mask.includes(HAIR)) return weight;
  const hairs = hairMatte(photo, mask).share;
  const nearest = new Int32Array(mask.length);
  distances(mask.map((label) => (label === HAIR ? 0 : 1)), SIZE.crop, SIZE.crop, { nearest });
  return weight.map((value, i) => {
    if (mask[i] === HAIR) return mask[nearest[i]] === BACKGROUND ? 1 - hairs[i] : value;
    return mask[i] === BACKGROUND ? value * (1 - hairs[i]) : value;
  });
}

/** The colours in OKLab, {group, colour}, that groups of classes get: those of the other face. Lips are made to fit the skin that
 *  they are copied to, and go along with skin that gets another tone, as brows do with a darker one. */
function coloursOf(target, source, lenders) {
  const colourOf = (face, group) => usualColour(face.crop, face.mask, group);
  const found = new Map();
  for (const group of COLOURED.filter((each) => each.some((label) => lenders.has(label)))) {
    const colour = colourOf(source, group);
    if (colour) found.set(group, colour);
  }
  const [toned, lips] = [SKIN, U_LIP].map((label) => COLOURED.find((group) => group.includes(label)));
  if (found.has(lips) && !found.has(toned)) {
    const [red, skin, onto] = [colourOf(source, lips), colourOf(source, toned), colourOf(target, toned)];
    if (red && skin && onto) found.set(lips, lipsOn(red, skin, onto));
  }
  if (found.has(toned)) {
    const copied = [...found.keys()].flat();
    for (const [group, colour] of goingAlong(target.crop, target.mask, found.get(toned), (label) => copied.includes(label))) found.set(group, colour);
  }
  return [...found].map(([group, colour]) => ({ group, colour }));
}

/** A crop with a change of colours in a window of it, by weights. */
function inStyle(crop, { window, own, mixed }, weight) {
  const result = { ...crop, data: crop.data.slice() };
  for (let k = 0; k < window.width * window.height; k++) {
    const i = (window.top + Math.floor(k / window.width)) * SIZE.crop + window.left + (k % window.width);
    if (!(weight[i] > 0)) continue;
    for (let c = 0; c < 3; c++) {
      const [photo, before, after] = [crop.data[3 * i + c], own[3 * k + c], mixed[3 * k + c]];
      // Darkening multiplies, since a highlight on something dark is darker than on something light; lightening adds.
      const changed = after < before ? (photo * (after + DARK)) / (before + DARK) : photo + after - before;
      result.data[3 * i + c] = photo + weight[i] * (changed - photo);
    }
  }
  return result;
}
