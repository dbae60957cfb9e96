// Quick edits that put on somebody else's hair: hairstyles, longer hair, fringes; see hairstyles.py and fringe.py in
// maskgan/quick_edits.

import { FRINGES, HAIRPIECES, LABEL } from "./constants.js";
import { EYES } from "./frame.js";
import { closed, fillHoles, holdFace, needHair, opened, reveal, withSpecks } from "./hair.js";
import { STEEPLY, brimOf, coverage, dome, facing, hairpiece, headTop, isBald, loweredTo } from "./hairpieces.js";
import { any, areaOf, both, dilated, distances, either, inverted, regionOf, signedDistance, square, without } from "./regions.js";
import { clip, percentileOf } from "./samples.js";
import { needOpenHair } from "./scarves.js";
import { onLine, places, ramp } from "./scene.js";
import { UNTOUCHED, silhouette } from "./silhouettes.js";

const { BACKGROUND, SKIN, HAIR, HAT, CLOTH, NECK, NECK_L, EAR_R, L_EAR, R_EAR } = LABEL;
const EARS = [L_EAR, R_EAR];
const TO_THE_EARS = 0.3; // y to which hair has to hang for more of it to be added below, instead of other hair in its place
// Between which rows, how far out, in parts of half the face's width, and how wide (frame units) hair is that falls beside an ear.
const [AT_EARS, BESIDE_FACE, WIDE_ENOUGH] = [[0, 0.3], 0.9, 0.2];
const LEAST = 0.35; // hair that ends nearer than this to the picture's lower edge cannot be seen to be longer
// How far above the line of a hairpiece's fringe the head is covered where it has a gap, and how wide gaps are between it and
// the face.
const [ROOTS, TEMPLES] = [0.12, 0.6];
const FRINGE = -0.9; // y of the hairline from which on down it is a fringe's, which another hairstyle need not have
// How wide the ends of hair are at least that is drawn, and of a hairpiece, which brings its own.
const [RAGS, TIPS] = [0.3, 0.12];
const SLIVER = 0.14; // how wide is what is seen of an ear at least
// How far hair lies before the lower face, in from its edge: by parts of half the face's width between these rows, less and less,
// and by so much along the jaw.
const [BEFORE, LOWER, RIM] = [0.2, [0.1, 0.8], 0.05];
// y above whose value a hairpiece ends that is short, from where to where sideburns grow, which it brings not, and, in parts of
// half the face's width, from where on and how far out; y of the brows' ends, above which their edge slants outwards, by how much.
export const SHORT = 0.45;
const [SIDEBURNS, WIDE] = [[-0.75, 0.35], [0.8, 1.15]];
const [BROWS, SLANTS] = [-0.28, 0.3];
const ROUNDED = 0.4; // over how much the upper outer corner of such hair is round
// y of the lower end of hair from which on down it has no sideburns; from where on in there is a strip instead at the eyes and at
// the temples' points, how far out at its upper end, and y of those points; between which parts of half the face's width the
// temples lie, and how much of them a fringe covers at least.
const [LONG, STRIP, POINT] = [0.5, [0.95, 0.87, 1.15], -0.4];
const [TEMPLE, COVERED] = [[0.5, 0.75], 0.3];

/** Hair down both sides of the face, behind it and over the shoulders: hair that falls beside the ears stays, and the lower part of
 *  the other is added to it; shorter hair, and hair that is tied back, gives way to all of it. */
async function longerHair(scene, strength, style) {
  needOpenHair(scene);
  const { middle, half } = scene.across;
  const hair = scene.where(HAIR);
  const outer = both(hair, places(scene, (x) => Math.abs(x - middle) > 0.45 * half));
  const bottom = any(outer) ? percentileOf(scene.y, outer, 0.98) : -0.5;
  const longest = silhouette(style).length;
  const size = Math.min(bottom + strength * Math.max(0.7, longest - bottom), 3);
  if (bottom > scene.y.reduce((most, y) => Math.max(most, y)) - LEAST) {
    throw new Error("This hair already hangs to the edge of the picture; try another Hairstyle.");
  }
  if ((bottom < TO_THE_EARS || !hangs(scene, hair)) && !any(scene.where(HAT))) return wearHair(scene, strength, style, true);
  const piece = await hairpiece(style);
  const worn = facing({ name: style, part: "length", size }, scene, piece);
  const covered = regionOf(coverage(scene, worn, piece).alpha, (share) => share > 0.5);
  const ears = both(scene.where(...EARS), places(scene, (_, y) => y < size)); // no ear peeps out
  scene.paint(either(covered, ears), HAIR, [BACKGROUND, CLOTH, NECK, NECK_L, EAR_R, ...EARS]);
  closeBesideJaw(scene, size);
  scene.worn.push(worn);
  holdFace(scene);
}

/** Nothing shines through between the jaw and hair that hangs down to `end`. */
function closeBesideJaw(scene, end) {
  const { middle, half } = scene.across;
  const body = either(scene.where(HAIR, NECK, ...EARS), scene.face);
  const beside = places(scene, (x, y) => Math.abs(x - middle) < 1.6 * half && y > -0.5 && y < end);
  scene.paint(both(closed(scene, body, 0.35), beside), HAIR, [BACKGROUND]);
}

/** The upper head under hair of this thickness, down to below the eyes, as a test of pixels. */
function head(scene, hair) {
  const { q, half } = scene.across;
  const [base, top] = [0.05, headTop(scene) - hair];
  const width = 1 + (0.65 * hair) / half;
  return (i) => {
    const y = scene.y[i];
    return y < base && (Math.abs(q[i]) / width) ** 2.3 + (Math.max(base - y, 0) / (base - top)) ** 2.3 < 1;
  };
}

/** What lies above the lower edge of a hat, which presses hair down, and beside it above a line that falls from there. */
function besideHat(scene) {
  const hat = brimOf(scene);
  if (!hat) return new Uint8Array(scene.mask.length);
  return places(scene, (_, y, i) => y < hat.brim[i] + STEEPLY * hat.beside[i]);
}

/** Whether hair falls at a side of the face, where more of it can be added below, and is not cropped or tied back there. */
function hangs(scene, hair) {
  const { q } = scene.across;
  const [low, high] = AT_EARS;
  const widths = [-1, 1].map((side) => {
    const beside = places(scene, (_, y, i) => hair[i] && y > low && y < high && side * q[i] > BESIDE_FACE);
    return areaOf(beside) / (scene.unit ** 2 * (high - low));
  });
  return Math.max(...widths) > WIDE_ENOUGH;
}

/** Whether hair at the sides of the face is long, or a fringe, and no sideburns. */
export function hangsBeforeFace(scene, hair) {
  const { q } = scene.across;
  const out = (i) => Math.abs(q[i]);
  const temples = places(scene, (_, y, i) => out(i) > TEMPLE[0] && out(i) < TEMPLE[1] && y > 2 * BROWS && y < BROWS);
  return areaOf(both(temples, hair)) > COVERED * areaOf(temples) || percentileOf(scene.y, hair, 0.98) > LONG;
}

/** Where a wearer's own hair stays before and above the ears; of hair that is `long` a strip beside the face, narrower
 *  downwards. */
export function beforeEars(scene, long) {
  const { q } = scene.across;
  const [top, bottom] = SIDEBURNS;
  const between = (low, high, share) => low + (high - low) * clip(share, 0, 1);
  return places(scene, (_, y, i) => {
    const out = Math.abs(q[i]);
    const [inner, outer] = long
      ? [onLine(y, [top, POINT, 0], [1, STRIP[1], STRIP[0]]), between(STRIP[0], STRIP[2], (bottom - y) / (bottom - top))]
      : [WIDE[0] + SLANTS * Math.max(0, BROWS - y), WIDE[1]];
    const round = (outer - 1) * (1 - clip((y - top) / ROUNDED, 0, 1)) ** 2;
    return y > top && y < bottom && out > inner && out < outer - round;
  });
}

/** The whole hair in the shape of somebody else's, hairline and fringe with it; below strength 1 part of the way.
 *  `keepsHairline`: the forehead does not become higher. */
export async function wearHair(scene, strength, style, keepsHairline = false) {
  needOpenHair(scene);
  const { x, y, face, size, unit } = scene;
  const hair = scene.where(HAIR);
  const shape = silhouette(style).facing(scene);
  const way = Math.min(strength, 1);
  const piece = HAIRPIECES.includes(style) ? await hairpiece(style) : null;
  const lower = loweredTo(scene, shape, keepsHairline ? 0 : FRINGE);
  const worn = piece && facing({ name: style, part: "whole", size: 1 + lower }, scene, piece);
  if (!worn && isBald(scene)) throw new Error("There is too little hair here for this; choose another Hairstyle.");
  let fitted;
  if (worn) {
    const covered = regionOf(coverage(scene, worn, piece).alpha, (share) => share > 0.5);
    fitted = signedDistance(covered, size).map((distance) => distance / unit);
  } else {
    fitted = shape.fitted(scene);
    if (shape.cutOff) dome(scene, shape).forEach((inside, i) => inside > 0.5 || (fitted[i] = -1));
  }
  const { q, half } = scene.across;
  const [thick, thin] = [head(scene, 0.14), head(scene, 0.08)];
  const [across, , front] = shape.edgesOn(scene);
  const own = signedDistance(hair, size);
  const beside = new Uint8Array(hair.length);
  let wanted = fitted.map((distance, i) => {
    const hairline = onLine(q[i], across, front) + lower;
    const out = Math.abs(q[i]);
    const above = y[i] < (out > 0.8 ? -0.1 : Math.min(-0.1, hairline));
    beside[i] = above || (out > 0.8 && y[i] < 0) ? 1 : 0;
    if (way * distance + ((1 - way) * own[i]) / unit > 0) return 1;
    // Nowhere above the hairline does the bare head come out, nor between the hair and the temples; but beside a hairpiece,
    // which has strands of its own there, the temples themselves do.
    if (thick(i) && y[i] < hairline - (worn ? ROOTS : 0) && out < 1.1) return 1;
    return !worn && thin(i) && hair[i] && !face[i] && above ? 1 : 0;
  });
  wanted = Uint8Array.from(wanted);
  if (!worn) wanted = either(wanted, both(both(without(closed(scene, either(wanted, face), 0.35), face), hair), beside));
  // What lies before the lower face belongs to no hairstyle: it comes from a cheek that is wider than the lender's.
  const depth = distances(inverted(face), scene.size, scene.size);
  const before = (v) => RIM + BEFORE * half * (1 - ramp(v, ...LOWER));
  wanted = without(wanted, places(scene, (_, v, i) => v > LOWER[0] && depth[i] / unit > before(v)));
  const solid = opened(scene, wanted, worn ? TIPS : RAGS); // no rags at the tips
  wanted = wanted.map((inside, i) => (inside && (y[i] < 0.3 || solid[i]) ? 1 : 0));
  // No notches in a fringe (those of a hairpiece are its own, and show skin), and no lock in an eye.
  if (!worn) wanted = either(wanted, both(both(closed(scene, wanted, 0.3), face), places(scene, (_, v) => v < -0.2)));
  const eyes = scene.where(...EYES);
  if (any(eyes)) wanted = without(wanted, both(scene.around(eyes, 0.15), face));
  wanted = without(wanted, besideHat(scene));
  const lowest = any(wanted) ? percentileOf(y, wanted, 0.97) : 0;
  for (const label of EARS) { // no ear peeps out
    const ear = scene.where(label);
    if (areaOf(both(wanted, ear)) > 0.5 * areaOf(ear)) wanted = either(wanted, ear);
  }
  if (worn && lowest < SHORT && any(hair)) wanted = either(wanted, both(hair, beforeEars(scene, hangsBeforeFace(scene, hair))));
  const gaps = worn ? without(closed(scene, either(wanted, face), TEMPLES), face) : new Uint8Array(hair.length);
  const temples = both(gaps, places(scene, (_, v, i) => v < 0 && Math.abs(q[i]) < 1));
  const removed = without(withSpecks(scene, without(hair, wanted)), wanted);
  const hidden = EARS.filter((label) => !any(scene.where(label)));
  if (any(removed)) reveal(scene, removed, Math.min(lowest, 0.1) - 0.3);
  scene.paint(both(removed, temples), SKIN);
  scene.paint(without(wanted, scene.where(...UNTOUCHED, HAT)), HAIR);
  for (const label of hidden) { // nor does a sliver of one that was hidden
    const ear = scene.where(label);
    if (!any(opened(scene, ear, SLIVER))) scene.uncover(ear, [HAIR, SKIN, BACKGROUND, NECK]);
  }
  closeBesideJaw(scene, lowest);
  if (worn) scene.worn.push(worn);
  scene.smooth(dilated(without(wanted, hair), size, square(1)));
  fillHoles(scene, removed);
  if (worn) scene.tell(new Uint8Array(hair.length).fill(1), x, y); // it lies over the photo, of which nothing moves
  else holdFace(scene);
}

/** Hair over the forehead down to the brows: somebody's fringe. */
async function fringe(scene, strength, style) {
  needOpenHair(scene);
  if (!any(scene.where(HAT))) needHair(scene);
  const { q, middle } = scene.across;
  const skin = both(scene.where(SKIN), places(scene, (_, __, i) => Math.abs(q[i]) < 1.15));
  if (!any(both(skin, places(scene, (x, y) => Math.abs(x - middle) < 0.3 && y < -0.2)))) {
    throw new Error("The forehead is covered already.");
  }
  if (isBald(scene)) throw new Error("There is no hair above this forehead to hang over it; choose a Hairstyle.");
  const piece = await hairpiece(FRINGES[style]);
  const worn = facing({ name: FRINGES[style], part: "fringe", size: Math.min(strength, 1.3) }, scene, piece);
  const { alpha } = coverage(scene, worn, piece);
  scene.paint(both(skin, regionOf(alpha, (share) => share > 0.5)), HAIR);
  scene.worn.push(worn);
}

export const HAIRSTYLE_EDITS = { hairstyle: wearHair, longer_hair: longerHair, fringe };
