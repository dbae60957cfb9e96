// The quick edit that lets a beard grow; see maskgan/quick_edits/beard.py.

import { LABEL } from "./constants.js";
import { LIPS_AND_MOUTH } from "./frame.js";
import { holdFace } from "./hair.js";
import { areaOf, both, distances, where } from "./regions.js";
import { clip, percentileOf } from "./samples.js";

const { HAIR, NECK, NOSE, SKIN } = LABEL;
// How far (frame units) a moustache reaches beside the mouth and below its corners, and how far below the nose it begins, in parts
// of the upper lip, in the middle and at its ends.
const [BESIDE, CORNERS, UNDER_NOSE] = [0.1, 0.06, [0.15, 0.95]];
const UPPER_LIP = 0.08; // upper lips are taken for at least so high
const [BELOW_LIP, ON_NECK] = [0.06, 0.09]; // how far below the lower lip a beard begins, and how far before the neck it hangs
const JOINED = 0.07; // how much (frame units) of a moustache beside the mouth goes on down to a full beard
const [GOATEE, DOWN] = [0.34, 1.2]; // half the width of a goatee, and how much of the way from the lip to the chin it covers
const [EARS, HOLLOW] = [0.15, 1.7]; // y where a full beard begins before the ears, and how hollow its upper edge is
const WORN = 0.02; // how much of hair around a mouth is a beard

/** A full beard, a goatee or a moustache, on skin alone. */
function beard(scene, strength, style) {
  const mouth = scene.part(...LIPS_AND_MOUTH);
  if (!mouth) throw new Error("This mask has no mouth; paint lips first.");
  const { x, y, unit, chin, mask } = scene;
  const [left, right] = [0.01, 0.99].map((share) => percentileOf(x, mouth, share));
  const [top, low] = [0.02, 0.98].map((share) => percentileOf(y, mouth, share));
  const corners = y.reduce((sum, value, i) => sum + (mouth[i] ? value : 0), 0) / areaOf(mouth);
  const [middle, wide] = [(left + right) / 2, (right - left) / 2 + BESIDE];
  const nose = scene.part(NOSE);
  const nostrils = nose ? Math.min(percentileOf(y, nose, 0.97), top - UPPER_LIP) : top - 3 * UPPER_LIP;
  const around = (i) => Math.abs(x[i] - middle) < wide && y[i] > nostrils && y[i] < chin;
  if (mask.filter((label, i) => label === HAIR && around(i)).length > WORN * unit ** 2) {
    throw new Error("This face wears a beard already; paint skin over it to take it off.");
  }
  holdFace(scene);
  const size = 0.6 + 0.4 * strength;
  const { q, half } = scene.across;
  const [beside, skin] = [wide / half, where(mask, SKIN)];
  const away = distances(skin.map((inside, i) => (inside && y[i] > corners ? 1 : 0)), scene.size, scene.size);
  const grows = (i) => {
    const out = Math.abs(x[i] - middle) / wide;
    const first = nostrils + (top - nostrils) * (UNDER_NOSE[0] + (UNDER_NOSE[1] - UNDER_NOSE[0]) * out ** 2);
    if (out < 1 && y[i] > first && y[i] < corners + CORNERS) return true;
    const below = y[i] > low + BELOW_LIP;
    if (style === "goatee") {
      return below && ((x[i] - middle) / (GOATEE * half * size)) ** 2 + ((y[i] - low) / (DOWN * (chin - low))) ** 2 < 1;
    }
    if (style !== "full") return false;
    const rises = clip((Math.abs(q[i]) - beside) / Math.max(1 - beside, 0.1), 0, 1.3);
    const line = corners - (corners - EARS) * rises ** HOLLOW + 0.3 * (1 - Math.min(size, 1));
    if (out > 1 - JOINED / wide && y[i] > corners) return true;
    return below || (Math.abs(q[i]) > beside && y[i] > line);
  };
  const on = (i) => skin[i] || (mask[i] === NECK && away[i] < ON_NECK * size * unit && y[i] > low);
  scene.paint(mask.map((_, i) => (on(i) && grows(i) ? 1 : 0)), HAIR);
}

export const BEARD_EDITS = { beard };
