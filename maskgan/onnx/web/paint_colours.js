// Painted pixels held to the colours that the photo has: maskgan/editing/paint_colours.py.

import { averagedWithin, nearestOf } from "./blending.js";
import { LABEL, SIZE } from "./constants.js";
import { picture } from "./pixels.js";
import { any, areaOf, both, distances, either, grown, inverted, smoothstep, where, without } from "./regions.js";
import { median, percentile } from "./samples.js";
import { lumaAt, withChroma } from "./tones.js";

// Share of a window that known hair has to fill to say which colours hair has.
const ENOUGH_HAIR = 0.004;
// Share of a window that known clothes have to fill to tell their colours, how far from their edges, within how many pixels
// folds are lighter and darker, and between which distances from them they tell ever more; in painted pixels.
const [ENOUGH_CLOTH, HEM, FOLD, SEES] = [0.002, 3, 8, [4, 16]];
// Share of a window that known skin has to fill to tell the light, and how coloured teeth may be in parts of the skin.
const [ENOUGH_SKIN, TEETH] = [0.02, 0.5];
// How light ears are beside the cheek, how far in painted pixels that goes, and which share of what is painted of an ear
// has to be known for its own colours to hold.
const [EAR, BESIDE, KNOWN_EAR] = [0.88, 20, 0.6];

/** Gives painted hair, clothes, teeth and ears colours that fit the photo, in place: floats of n x n pixels. */
export function takeColoursOfPhoto(colours, photo, unknown, mask, n) {
  giveColoursOfHair(colours, photo, unknown, mask);
  letClothesGoOn(colours, photo, unknown, mask, n);
  putTeethInItsLight(colours, photo, unknown, mask);
  putEarsInLightOfSkin(colours, photo, unknown, mask, n);
}

/** Takes colours from painted hair that the photo's hair lacks, such as a seam of the background's; in place. */
function giveColoursOfHair(colours, photo, unknown, mask) {
  const hair = (i, painted) => mask[i] === LABEL.HAIR && unknown[i] === painted;
  const chroma = [[], []]; // R - Y and B - Y of known hair
  for (let i = 0; i < mask.length; i++) {
    if (!hair(i, 0)) continue;
    const luma = lumaAt(photo.data, 3 * i);
    chroma[0].push(photo.data[3 * i] - luma);
    chroma[1].push(photo.data[3 * i + 2] - luma);
  }
  if (chroma[0].length < ENOUGH_HAIR * mask.length) return;
  const [reds, blues] = chroma.map((values) => {
    const sorted = new Float32Array(values).sort();
    return [0.02, 0.98].map((share) => percentile(sorted, share));
  });
  const within = (value, [low, high]) => Math.min(Math.max(value, low), high);
  for (let i = 0; i < mask.length; i++) {
    if (!hair(i, 1)) continue;
    const at = 3 * i;
    const luma = lumaAt(colours, at);
    colours.set(withChroma(luma, within(colours[at] - luma, reds), within(colours[at + 2] - luma, blues)), at);
  }
}

/** Gives painted clothes the colours of those that are nearest to them, with the folds that are painted, in place. */
function letClothesGoOn(colours, photo, unknown, mask, n) {
  const [cloth, scale] = [where(mask, LABEL.CLOTH), n / SIZE.network];
  const painted = both(cloth, unknown);
  const known = without(cloth, grown(either(inverted(cloth), unknown), n, HEM * scale));
  if (areaOf(known) < ENOUGH_CLOTH * mask.length || !any(painted)) return;
  const nearest = nearestOf(averagedWithin(photo, known, FOLD * scale), known);
  const wanted = averagedWithin(nearest, cloth, FOLD * scale).data;
  const drawn = averagedWithin(picture(n, n, 3, colours), painted, FOLD * scale).data;
  // Close to what is known the network sees how it goes on.
  const away = distances(known, n, n);
  painted.forEach((inside, i) => {
    if (!inside) return;
    const weight = smoothstep((away[i] / scale - SEES[0]) / (SEES[1] - SEES[0]));
    for (let k = 3 * i; k < 3 * i + 3; k++) colours[k] += weight * (wanted[k] - drawn[k]);
  });
}

/** Painted teeth become no more coloured than the photo's light makes them, told from its skin; in place. Differences of
 *  red and blue from the luma are in parts of it. */
function putTeethInItsLight(colours, photo, unknown, mask) {
  if (!any(both(where(mask, LABEL.MOUTH), unknown))) return;
  const skin = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] === LABEL.SKIN && !unknown[i]) skin.push(byLuma(photo.data, 3 * i));
  if (skin.length < ENOUGH_SKIN * mask.length) return;
  const most = (name) => TEETH * Math.max(median(new Float32Array(skin.map((parts) => parts[name]))), 0);
  const limits = { red: most("red"), yellow: most("yellow") };
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== LABEL.MOUTH || !unknown[i]) continue;
    const { luma, red, yellow } = byLuma(colours, 3 * i);
    const share = smoothstep((yellow - 0.6 * red) / Math.max(0.4 * red, 0.01)); // gums and the tongue are redder
    const limited = (value, limit) => value + share * (Math.min(value, limit) - value);
    colours.set(withChroma(luma, luma * limited(red, limits.red), -luma * limited(yellow, limits.yellow)), 3 * i);
  }
}

/** A pixel's luma, and how much more red and less blue it is than it, in parts of it. */
function byLuma(data, at) {
  const luma = Math.max(lumaAt(data, at), 1);
  return { luma, red: data[at] / luma - 1, yellow: 1 - data[at + 2] / luma };
}

/** Gives painted ears that hair had covered the colours and the light of the cheek beside them, in place. */
function putEarsInLightOfSkin(colours, photo, unknown, mask, n) {
  for (const label of [LABEL.L_EAR, LABEL.R_EAR]) {
    const painted = both(where(mask, label), unknown);
    const places = [];
    for (let i = 0; i < painted.length; i++) if (painted[i]) places.push(i);
    if (!places.length) continue;
    const beside = grown(painted, n, (BESIDE * n) / SIZE.network);
    const skin = [];
    let known = 0;
    for (let i = 0; i < mask.length; i++) {
      if (unknown[i]) continue;
      if (mask[i] === label) known += 1;
      if (mask[i] === LABEL.SKIN && beside[i]) skin.push(byLuma(photo.data, 3 * i));
    }
    const share = 1 - known / (KNOWN_EAR * places.length);
    if (share <= 0 || skin.length < 0.1 * places.length) continue;
    const drawn = places.map((i) => byLuma(colours, 3 * i));
    const middle = (pixels, name) => median(new Float32Array(pixels.map((pixel) => pixel[name])));
    const gain = 1 + share * ((EAR * middle(skin, "luma")) / middle(drawn, "luma") - 1);
    const [redder, yellower] = ["red", "yellow"].map((name) => share * (middle(skin, name) - middle(drawn, name)));
    places.forEach((i, k) => {
      const luma = drawn[k].luma * gain;
      colours.set(withChroma(luma, luma * (drawn[k].red + redder), -luma * (drawn[k].yellow + yellower)), 3 * i);
    });
  }
}
