// Another colour for a part that is there, without a network: colours are moved in OKLab (Ottosson, 2020), the part's mean
// to the wanted one and its shading along with it; see maskgan/editing/recolouring.py.

import { softened } from "./blending.js";
import { browMatte } from "./brows.js";
import { HAIR_CONTRAST, LABEL, TOGETHER } from "./constants.js";
import { BROWS } from "./frame.js";
import { apartOf, irises, lightOfEyes, withinIrises } from "./irises.js";
import { hairMatte } from "./matting.js";
import { fromLab, toLab, writeLab, writeRgb } from "./oklab.js";
import { any, areaOf, distances, regionOf, smoothstep, where } from "./regions.js";
import { clip, interpolated, median } from "./samples.js";
import { skinShare } from "./skin.js";

const { HAIR, L_EYE, R_EYE, SKIN, U_LIP, L_LIP, L_BROW } = LABEL;
const [EYES, LIPS] = [[L_EYE, R_EYE], [U_LIP, L_LIP]];
const EDGE = 1.6; // width of the edge of other parts than hair, in pixels of a crop of 256 px
// How much darker and greyer the mean of a part becomes than a lighter colour that is asked for, at most: that is read as the colour
// of hair and skin in full light, and brows have shadows.
const SHADED = [[[HAIR], 0.22, 0.9], [BROWS, 0.4, 0.75], [[SKIN], 0.3, 1]];
// How light lips on light skin are beside it; how much lighter skin counts as such for certain, in parts.
const [LIPS_TO_SKIN, LIGHTER] = [0.82, 0.25];
// How much of its chroma hair loses with its lightness; chroma below which it is grey.
const [CHROMA_FADES, GREY] = [0.35, 0.01];
// How much darker hair that is made lighter is at its roots, how far those reach (share of the side), and from how much lighter on.
const [DARK_ROOTS, ROOTS, LIGHTER_HAIR] = [0.25, 0.012, 0.2];
const LETS_THROUGH = 0.35; // which part of the way to a lighter colour lips go: lipstick lets them through
const [BROWS_TO_SKIN, TINTED] = [0.88, 0.75]; // how light brows are at most beside the skin, and how far to a darker colour they go
const GLINT = [0.25, 0.15]; // how much lighter than an iris what it mirrors is, which stays, and over how much more it does

const rgbAt = (data, i) => [data[3 * i], data[3 * i + 1], data[3 * i + 2]];

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
  return irises(photo, inside, apartOf(mask, size));
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
  if (EYES.includes(label)) {
    // With its pupil and the lid's shadow, in the light that the white is in.
    const light = lightOfEyes(photo, where(mask, ...EYES), matte.share);
    goal = [0.72, 0.68, 0.68].map((part, c) => part * light * goal[c]);
  }
  if (BROWS.includes(label)) {
    const skin = usualColour(photo, mask, classesWith(SKIN));
    if (skin) {
      const [own] = meanLab(matte.part, coreOf(matte.share));
      goal = goal.map((value) => value * Math.min(1, (BROWS_TO_SKIN * skin[0]) / Math.max(goal[0], 0.05))); // or they would be plates
      goal[0] += (1 - TINTED) * Math.max(0, own - goal[0]);
    }
  }
  const shaded = SHADED.find(([group]) => group.includes(label));
  if (shaded) {
    const [light] = meanLab(matte.part, coreOf(matte.share));
    const [, darker, greyer] = shaded;
    if (goal[0] > light) goal = [goal[0] * (1 - darker * (1 - light / goal[0])), greyer * goal[1], greyer * goal[2]];
  }
  if (LIPS.includes(label)) {
    const [light] = meanLab(matte.part, coreOf(matte.share));
    if (goal[0] > light) goal = goal.map((value) => (value * (light + LETS_THROUGH * (goal[0] - light))) / goal[0]);
  }
  return groupRecoloured(photo, mask, matte, classesWith(label), goal, 1);
}

/** A crop in which classes of a group have another mean colour, in OKLab. */
export function groupRecoloured(photo, mask, matte, group, wanted, strength) {
  const { width: size } = photo;
  if (group.some((label) => EYES.includes(label))) {
    const core = coreOf(matte.share);
    const [mean] = meanLab(photo.data, core);
    const share = matte.share.map((value, i) =>
      (value > 0 ? value * (1 - smoothstep((toLab(rgbAt(photo.data, i))[0] - mean - GLINT[0]) / GLINT[1])) : 0));
    const shade = withinIrises(photo, where(mask, ...EYES), apartOf(mask, size));
    return recoloured(photo, { share, part: matte.part }, wanted, strength, { shade });
  }
  if (!group.includes(HAIR)) return recoloured(photo, matte, wanted, strength, { gloss: group.includes(SKIN) });
  const [light] = meanLab(matte.part, coreOf(matte.share));
  const lighter = DARK_ROOTS * clip((toLab(fromLab(wanted))[0] - light) / LIGHTER_HAIR, 0, 1);
  // Hair is darker the nearer it is to the skin that it grows from.
  const shade = distances(where(mask, SKIN), size, size).map((away) => lighter * Math.exp(-away / (ROOTS * size)));
  return recoloured(photo, matte, wanted, strength, { strands: true, shade });
}

/** A function of the lightness of hair whose median was `middle`, with the contrast of hair whose median is `wanted`. */
function ofStrands(middle, wanted) {
  const { lights, spreads } = HAIR_CONTRAST;
  const [before, after] = [middle, wanted].map((light) => spreads[0].map((_, k) => interpolated(light, lights, spreads.map((row) => row[k]))));
  const [low, high] = [after[0] / before[0], after.at(-1) / before.at(-1)];
  return (light) => {
    const away = light - middle;
    // Straight on beyond both ends.
    const beyond = low * Math.min(away - before[0], 0) + high * Math.max(away - before.at(-1), 0);
    return Math.max(wanted + interpolated(away, before, after) + beyond, 0.02);
  };
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
 *  as it is, as skin does; `strands`: it is hair, which has the contrast of hair that is as light; `shade`: how much darker each
 *  pixel gets, in parts, if any; `variety`: how much of its differences in hue and chroma stay. */
export function recoloured(photo, { share, part }, wanted, strength, { gloss = false, strands = false, shade = null, variety = 0.5 } = {}) {
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
  const middle = median(Float64Array.from(places.flatMap((i, k) => (core[i] ? [lab[3 * k]] : []))));
  // Strands of grey hair hardly differ in hue.
  const alike = strands ? Math.min(1, (Math.hypot(goal[1], goal[2]) + GREY) / (Math.hypot(mean[1], mean[2]) + GREY)) : 1;
  const colouredAs = (target) => {
    const lightOf = strands
      ? ofStrands(middle, target[0])
      : (light) => target[0] * (Math.max(light, 0.02) / Math.max(mean[0], 0.02)) ** contrast;
    const rgb = new Float64Array(lab.length);
    for (let k = 0; k < lab.length; k += 3) {
      let light = lightOf(lab[k]);
      if (shade) light *= 1 - shade[places[k / 3]];
      if (gloss && target[0] > mean[0] && lab[k] > mean[0]) light = Math.cbrt(target[0] ** 3 + lab[k] ** 3 - mean[0] ** 3);
      if (light > 0.9) light = 0.9 + 0.1 * Math.tanh((light - 0.9) / 0.1); // so that strands stay apart
      const ratio = light / Math.max(target[0], 0.05);
      const chroma = strands ? clip(1 + CHROMA_FADES * (ratio - 1), 0.5, 1.1) : clip(ratio, 0.2, 1.1);
      const hues = [1, 2].map((c) => target[c] * chroma + variety * alike * (lab[k + c] - mean[c]));
      writeRgb(light, hues[0], hues[1], rgb, k);
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
