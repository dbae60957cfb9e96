// The colours of a photo's hair, and other hair in them; see maskgan/editing/hair_colours.py. Lightness is moved from the lender's
// hair to the wearer's by matching their distributions, colours are those that the wearer's hair has at that lightness, with some
// of the lender's own variation.

import { LABEL } from "./constants.js";
import { BROWS } from "./frame.js";
import { ownHair } from "./matting.js";
import { writeLab, writeRgb } from "./oklab.js";
import { any, areaOf, both, eroded, grown, square, where } from "./regions.js";
import { clip, interpolated, percentile } from "./samples.js";
import { lumaAt } from "./tones.js";

const { BACKGROUND, SKIN, HAIR, HAT } = LABEL;
const MEET = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98]; // shares at which the two distributions of lightness are made to meet
const CONTRAST = [0.45, 1.25]; // the least and the greatest that this gives hair, in parts of its own
const VARIATION = 0.4; // how much of the lender's variation of colour at a lightness stays
// Shares of the picture below which the wearer's hair, and brows, are too little to tell its colours.
const [HARDLY, FEW_BROWS] = [0.0015, 0.0005];
// Share of the picture below which hair in the colour of the skin, nearer than this in OKLab, is none.
export const LITTLE = 0.01;
const [ALIKE, GROUND] = [0.06, 0.06];
const UNDER_HAT = 0.0004; // share of the picture from which on thin hair that a hat lets be seen tells its colours
// Share of the picture below which hair shows the scalp, over how much more it does less, and how much redder than yellow such
// hair is at most; lightness of brows below which hair is black, over how much it is, and which part of the way to it cropped
// hair is less light.
const [CROPPED, SOFT, REDDER] = [0.03, 0.005, 0.005];
const [BLACK_BROWS, FADES, SCALP] = [0.35, 0.05, 0.5];
const THROUGH = [0.25, 0.45]; // how much of the colour of brows (OKLab's a and b) is theirs, and not the skin's beneath
const BLUE = -0.02; // yellowness (OKLab's b) below which a pixel is blue
const BINS = 8; // of lightness, in which hair's colours are measured

/** Lightness, a and b of the pixels of a region, one Float32Array each. */
export function labOf({ data }, region) {
  const count = areaOf(region);
  const planes = [0, 1, 2].map(() => new Float32Array(count));
  const lab = new Float64Array(3);
  for (let i = 0, at = 0; i < region.length; i++) {
    if (!region[i]) continue;
    writeLab(data[3 * i], data[3 * i + 1], data[3 * i + 2], lab, 0);
    for (let c = 0; c < 3; c++) planes[c][at] = lab[c];
    at++;
  }
  return planes;
}

/** Points of the lightness's way from theirs to own, rising, of limited steepness; straight on beyond both ends. */
function lightnessWay(own, theirs) {
  const [before, after] = [theirs, own].map((values) => MEET.map((share) => percentile(values, share)));
  const steps = before.slice(1).map((value, k) => Math.max(value - before[k], 1e-3));
  const slopes = steps.map((step, k) => clip((after[k + 1] - after[k]) / step, ...CONTRAST));
  const middle = MEET.length >> 1;
  const moved = [0];
  slopes.forEach((slope, k) => moved.push(moved[k] + slope * steps[k]));
  const shift = after[middle] - moved[middle];
  const ends = moved.map((value) => value + shift);
  return [
    [before[0] - 0.2, ...before, before.at(-1) + 0.4],
    [ends[0] - 0.2 * slopes[0], ...ends, ends.at(-1) + 0.4 * slopes.at(-1)],
  ];
}

/** Mean lightness, a and b of hair by its lightness: three arrays. */
function hues([light, a, b], sorted) {
  const edges = [...new Set(Array.from({ length: BINS + 1 }, (_, k) => percentile(sorted, k / BINS)))].slice(1, -1);
  const sums = Array.from({ length: edges.length + 1 }, () => [0, 0, 0, 0]);
  light.forEach((value, i) => {
    const bin = sums[edges.findLastIndex((edge) => value >= edge) + 1];
    [value, a[i], b[i], 1].forEach((part, c) => (bin[c] += part));
  });
  const means = sums.filter(([, , , count]) => count).map(([x, y, z, count]) => [x / count, y / count, z / count]);
  return [0, 1, 2].map((c) => means.map((mean) => mean[c]));
}

function deviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Gives pixels of a region other colours, in place. `own`: lightness, a and b of pixels whose colours are wanted; `theirs`: of the
 *  hair that they are part of. */
export function recolour({ data }, region, own, theirs) {
  const [ownSorted, theirSorted] = [own, theirs].map(([light]) => light.slice().sort());
  const [before, after] = lightnessWay(ownSorted, theirSorted);
  const [ownHues, theirHues] = [hues(own, ownSorted), hues(theirs, theirSorted)];
  const kept = [0, 1, 2].map((c) => (c ? Math.min(VARIATION, deviation(own[c]) / Math.max(deviation(theirs[c]), 1e-3)) : 0));
  const lab = new Float64Array(3);
  for (let i = 0; i < region.length; i++) {
    if (!region[i]) continue;
    writeLab(data[3 * i], data[3 * i + 1], data[3 * i + 2], lab, 0);
    const light = clip(interpolated(lab[0], before, after), 0, 1);
    for (let c = 1; c < 3; c++) {
      const beside = clip(lab[c] - interpolated(lab[0], theirHues[0], theirHues[c]), -0.05, 0.05);
      lab[c] = interpolated(light, ownHues[0], ownHues[c]) + kept[c] * beside;
    }
    writeRgb(light, lab[1], lab[2], data, 3 * i);
  }
}

const told = new WeakMap(); // by photo: {own, hair, colours} of the newest mask

/** What a photo tells of its hair: `hair`, see `tellingHair`; `colours`: lightness, a and b of it, its edges left out, of a bald
 *  head those of its brows, null without either. */
export function ownHairOf(photo, own) {
  const known = told.get(photo);
  if (known?.own === own) return known;
  const hair = tellingHair(photo, own);
  const share = areaOf(hair) / hair.length;
  const found = { own, hair, share, colours: coloursOfHair(photo, own, hair, share) };
  told.set(photo, found);
  return found;
}

/** The colours of `hair`, or without any of a bald head's brows; `share`: of the picture that all its hair is. */
export function coloursOfHair(photo, own, hair, share) {
  const brows = hairsOfBrows(photo, own);
  if (any(hair) && own.includes(HAT)) return withoutSky(labOf(photo, hair)); // the rest of it is hidden, it is not cropped
  if (any(hair)) return withoutScalp(withoutSky(labOf(photo, hair)), photo, own, brows, share);
  if (!brows) return null;
  const [lightness, ...hues] = brows;
  return [lightness, ...hues.map((plane, k) => plane.map((value) => THROUGH[k] * value))];
}

/** Lightness, a and b of the darkest pixels of a photo's brows, not the skin between their hairs; null for hardly any. */
function hairsOfBrows(photo, own) {
  const brows = where(own, ...BROWS);
  if (areaOf(brows) < FEW_BROWS * own.length) return null;
  const light = Float64Array.from(brows, (_, i) => lumaAt(photo.data, 3 * i));
  const darkest = percentile(light.filter((_, i) => brows[i]).sort(), 0.25);
  return labOf(photo, brows.map((inside, i) => (inside && light[i] <= darkest ? 1 : 0)));
}

/** Hair without the scalp that is seen through cropped hair, or through the rim of a bald head's: it makes grey hair red, and
 *  black hair as grey as it is light. `share`: of the picture that the hair is. */
function withoutScalp([light, red, yellow], photo, own, brows, share) {
  const cropped = clip((CROPPED - share) / SOFT, 0, 1);
  if (!cropped) return [light, red, yellow];
  const less = red.map((a, i) => a - cropped * Math.max(0, a - Math.max(yellow[i], 0) - REDDER));
  const skin = where(own, SKIN);
  let darker = 0;
  if (brows && any(skin)) {
    const [own, dark, bare] = [light, brows[0], labOf(photo, skin)[0]].map((plane) => percentile(plane.slice().sort(), 0.5));
    const black = clip((BLACK_BROWS - dark) / FADES, 0, 1) * clip((bare - own) / FADES, 0, 1);
    darker = SCALP * cropped * black * Math.max(0, own - dark);
  }
  return [light.map((value) => value - darker), less, yellow];
}

/** Hair without its edges; none where it is too little to tell its colours. What is all edge is none, and so is a little that
 *  looks like what is beside it: a parser gives a bald head a seam of hair, which is the wall behind, and takes the shadow of
 *  a shaved scalp for hair. */
function tellingHair(photo, own) {
  const { width: size } = photo;
  const whole = ownHair(photo, own);
  const within = (edge) => eroded(whole, size, square(Math.floor(size / edge)));
  const shareOf = (region) => areaOf(region) / region.length;
  let inner = within(85);
  if (shareOf(inner) <= HARDLY) {
    if (!own.includes(HAT)) return inner.fill(0);
    inner = within(256);
    if (shareOf(inner) <= UNDER_HAT) return inner.fill(0);
  }
  if (shareOf(inner) >= LITTLE) return inner;
  const behind = both(where(own, BACKGROUND), grown(where(own, HAIR), size, GROUND * size));
  const [mine, ...others] = [inner, where(own, SKIN), behind].filter(any).map((region) =>
    labOf(photo, region).map((plane) => percentile(plane.slice().sort(), 0.5)));
  return others.some((theirs) => Math.hypot(...mine.map((value, c) => value - theirs[c])) < ALIKE) ? inner.fill(0) : inner;
}

/** Pixels of hair without blue ones, unless most of it is blue: masks reach into the sky, and hair shines in its colour. */
function withoutSky(lab) {
  const yellow = lab[2];
  if (percentile(yellow.slice().sort(), 0.5) < BLUE) return lab;
  return lab.map((plane) => plane.filter((_, i) => yellow[i] > BLUE));
}
