// Another colour for a part that is there, without a network: colours are moved in OKLab (Ottosson, 2020), the part's mean
// to the wanted one and its shading along with it; see maskgan/editing/recolouring.py.

import { softened } from "./blending.js";
import { browMatte } from "./brows.js";
import { LABEL, TOGETHER } from "./constants.js";
import { BROWS, centreOf } from "./frame.js";
import { hairMatte } from "./matting.js";
import { fromLab, toLab, writeLab, writeRgb } from "./oklab.js";
import { blurred, picture } from "./pixels.js";
import { any, areaOf, dilated, disc, piecesOf, regionOf, roundEven, square, where } from "./regions.js";
import { clip } from "./samples.js";
import { skinShare } from "./skin.js";
import { lumaAt } from "./tones.js";

const { HAIR, L_EYE, R_EYE, SKIN, U_LIP, L_BROW } = LABEL;
const EYES = [L_EYE, R_EYE];
const EDGE = 1.6; // width of the edge of other parts than hair, in pixels of a crop of 256 px
// How much darker and greyer the mean of a part becomes than a lighter colour that is asked for, at most: that is read as the colour
// of hair and skin in full light, and brows have shadows.
const SHADED = [[[HAIR], 0.22, 0.9], [BROWS, 0.4, 0.75], [[SKIN], 0.3, 1]];
// How light lips on light skin are beside it; how much lighter skin counts as such for certain, in parts.
const [LIPS_TO_SKIN, LIGHTER] = [0.82, 0.25];
const IRIS = 0.19; // its diameter, of the distance between the eyes

const rgbAt = (data, i) => [data[3 * i], data[3 * i + 1], data[3 * i + 2]];

/** A picture of greys in 0..255. */
const grey = ({ width, height, data }) =>
  picture(width, height, 1, new Float32Array(width * height).map((_, i) => Math.round(lumaAt(data, 3 * i))));

/** The irises in the eyes; `apart`: pixels between the eyes' centres. */
function irises(photo, eyes, apart) {
  const { width: size } = photo;
  const radius = Math.max(1.5, (IRIS / 2) * apart);
  const dark = blurred(grey(photo), 0.3 * radius).data;
  const { numbers, pieces } = piecesOf(eyes, size, size);
  const reach = (roundEven(2 * radius) | 1) >> 1;
  const rows = disc(reach);
  const share = picture(size, size, 1, new Float32Array(size * size));
  pieces.forEach((piece, number) => {
    if (!piece || piece.area < 0.3 * radius ** 2) return;
    const own = (i) => numbers[i] === number;
    let lightest = 0;
    eyes.forEach((_, i) => own(i) && (lightest = Math.max(lightest, dark[i])));
    // The disc over which the eye is darkest; what of it the lids hide counts neither way.
    let [best, x, y] = [-1, 0, 0];
    for (let i = 0; i < eyes.length; i++) {
      if (!own(i)) continue;
      const [column, row] = [i % size, Math.floor(i / size)];
      let score = 0;
      rows.forEach((half, k) => {
        const line = row + k - reach;
        if (line < 0 || line >= size) return;
        for (let u = Math.max(column - half, 0); u <= column + half && u < size; u++) {
          if (own(line * size + u)) score += lightest - dark[line * size + u];
        }
      });
      if (score > best) [best, x, y] = [score, column, row];
    }
    for (let i = 0; i < eyes.length; i++) {
      if (!own(i)) continue;
      const away = Math.hypot((i % size) - x, Math.floor(i / size) - y);
      share.data[i] = Math.max(share.data[i], clip((radius - away) / (0.25 * radius) + 0.5, 0, 1));
    }
  });
  const near = dilated(eyes, size, square(1));
  return blurred(share, 0.12 * radius + 0.3).data.map((value, i) => value * near[i]);
}

/** The classes that change their colour together with this one. */
export const classesWith = (label) => TOGETHER.find((group) => group.includes(label));

const hasBrows = (labels) => labels.some((label) => BROWS.includes(label));

/** How far each pixel belongs to the classes and their colour in it, {share, part}: hair and brows by their strands, eyes by
 *  their irises alone, skin also behind glasses and between hairs; null for none of them. */
export function partMatte(photo, mask, labels) {
  let matte;
  if (labels.includes(HAIR)) matte = hairMatte(photo, mask);
  else if (hasBrows(labels)) matte = browMatte(photo, mask);
  else matte = { share: labels.includes(SKIN) ? skinShare(photo, mask, EDGE) : partShare(photo, mask, labels), part: photo.data };
  return matte.share?.some((value) => value > 0) ? matte : null;
}

function partShare(photo, mask, labels) {
  const inside = where(mask, ...labels);
  if (!any(inside)) return null;
  const { width: size } = photo;
  if (!labels.some((label) => EYES.includes(label))) return softened(inside, size, (EDGE * size) / 256);
  const centres = EYES.map((label) => where(mask, label)).filter(any).map((eye) => centreOf(eye, size));
  const apart = centres.length === 2 ? Math.hypot(centres[0][0] - centres[1][0], centres[0][1] - centres[1][1]) : 0.245 * size;
  return irises(photo, inside, apart);
}

function meanLab(data, region) {
  const sum = [0, 0, 0];
  region.forEach((inside, i) => inside && toLab(rgbAt(data, i)).forEach((value, c) => (sum[c] += value)));
  return sum.map((value) => value / areaOf(region));
}

/** The mean of classes on a photo in OKLab, without shadows and highlights; null where it shows none of them. */
export function usualColour(photo, mask, labels) {
  const matte = partMatte(photo, mask, labels);
  if (!matte) return null;
  const labs = [];
  const colours = hasBrows(labels) ? matte.part : photo.data;
  coreOf(matte.share).forEach((inside, i) => inside && labs.push(toLab(rgbAt(colours, i))));
  const lights = Float64Array.from(labs, ([light]) => light).sort();
  const quantile = (q) => {
    const at = q * (lights.length - 1);
    const [low, high] = [lights[Math.floor(at)], lights[Math.ceil(at)]];
    return low + (high - low) * (at - Math.floor(at));
  };
  const [low, high] = [quantile(0.3), quantile(0.95)];
  const usual = labs.filter(([light]) => light >= low && light <= high);
  return [0, 1, 2].map((c) => usual.reduce((sum, lab) => sum + lab[c], 0) / usual.length);
}

/** Where a part is not its edge, or all of it where it is nothing else. */
function coreOf(share) {
  const solid = regionOf(share, (value) => value > 0.6);
  return any(solid) ? solid : regionOf(share, (value) => value > 0);
}

/** A crop in which a class, and those that go with it, has another colour, `#rrggbb`. */
export function recolourPart(photo, mask, label, colour) {
  const matte = partMatte(photo, mask, classesWith(label));
  if (!matte) return photo;
  let goal = toLab([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  if (EYES.includes(label)) goal = [0.72 * goal[0], 0.8 * goal[1], 0.8 * goal[2]]; // with its pupil and the lid's shadow
  const shaded = SHADED.find(([group]) => group.includes(label));
  if (shaded) {
    const [light] = meanLab(matte.part, coreOf(matte.share));
    const [, darker, greyer] = shaded;
    if (goal[0] > light) goal = [goal[0] * (1 - darker * (1 - light / goal[0])), greyer * goal[1], greyer * goal[2]];
  }
  return recoloured(photo, matte, goal, 1, classesWith(label).includes(SKIN));
}

/** The colour of lips on other skin, all in OKLab: they differ from it as they do from their own; see `lips_on` of
 *  maskgan/editing/recolouring.py. */
export function lipsOn(lips, skin, onto) {
  const ratio = onto[0] / Math.max(skin[0], 0.05);
  const found = onto.map((value, c) => value + (lips[c] - skin[c]) * Math.min(ratio, 1));
  const light = onto[0] + (lips[0] - skin[0]) * ratio;
  const lighter = clip((ratio - 1) / LIGHTER, 0, 1);
  found[0] = light + lighter * (Math.max(lips[0], LIPS_TO_SKIN * onto[0]) - light);
  return found;
}

/** The colours in OKLab, by group of classes, that lips and brows get when the skin gets the
 *  colour `onto`; `has`: whether a class has a colour of its own. Brows get darker with it, and none are lighter. */
export function goingAlong(photo, mask, onto, has) {
  const found = new Map();
  const skin = usualColour(photo, mask, classesWith(SKIN));
  if (!skin) return found;
  for (const label of onto[0] < skin[0] ? [U_LIP, L_BROW] : [U_LIP]) {
    const group = classesWith(label);
    const own = group.some(has) ? null : usualColour(photo, mask, group);
    if (own) found.set(group, label === U_LIP ? lipsOn(own, skin, onto) : own.map((value) => (value * onto[0]) / Math.max(skin[0], 0.05)));
  }
  return found;
}

/** A crop whose part has another mean, `wanted` in OKLab; `gloss`: what is lighter than the mean is light that a surface reflects
 *  as it is, as skin does. */
export function recoloured(photo, { share, part }, wanted, strength, gloss = false) {
  const core = coreOf(share);
  const places = [];
  for (let i = 0; i < share.length; i++) if (share[i] > 0) places.push(i);
  const lab = new Float64Array(3 * places.length);
  places.forEach((i, k) => writeLab(part[3 * i], part[3 * i + 1], part[3 * i + 2], lab, 3 * k));
  const meanOfCore = (labs) => {
    const sum = [0, 0, 0];
    places.forEach((i, k) => {
      if (core[i]) for (let c = 0; c < 3; c++) sum[c] += labs[3 * k + c];
    });
    return sum.map((value) => value / areaOf(core));
  };
  const mean = meanOfCore(lab);
  const goal = toLab(fromLab(wanted));
  // Light hair is lit as dark hair is, but its shadows are less deep in proportion.
  const contrast = clip((mean[0] / Math.max(goal[0], 0.05)) ** 0.7, 0.35, 1);
  const colouredAs = (target) => {
    const rgb = new Float64Array(lab.length);
    for (let k = 0; k < lab.length; k += 3) {
      let light = target[0] * (Math.max(lab[k], 0.02) / Math.max(mean[0], 0.02)) ** contrast;
      if (gloss && target[0] > mean[0] && lab[k] > mean[0]) light = Math.cbrt(target[0] ** 3 + lab[k] ** 3 - mean[0] ** 3);
      if (light > 0.9) light = 0.9 + 0.1 * Math.tanh((light - 0.9) / 0.1); // so that strands stay apart
      const chroma = clip(light / Math.max(target[0], 0.05), 0.2, 1.1);
      writeRgb(light, target[1] * chroma + 0.5 * (lab[k + 1] - mean[1]), target[2] * chroma + 0.5 * (lab[k + 2] - mean[2]), rgb, k);
    }
    return rgb;
  };
  // Pressing and the screen's gamut move the mean a little: it is met in a second step.
  const first = colouredAs(goal);
  for (let k = 0; k < first.length; k += 3) writeLab(first[k], first[k + 1], first[k + 2], first, k);
  const reached = meanOfCore(first);
  const after = colouredAs(goal.map((value, c) => 2 * value - reached[c]));
  const result = { ...photo, data: photo.data.slice() };
  places.forEach((i, k) => {
    for (let c = 0; c < 3; c++) {
      result.data[3 * i + c] = photo.data[3 * i + c] + strength * share[i] * (after[3 * k + c] - part[3 * i + c]);
    }
  });
  return result;
}
