// Quick edits of the hair that the photo shows, and of the forehead; see hair.py, uncovering.py and fringe.py in
// maskgan/quick_edits. Those that put on somebody else's hair are in hairstyles.js.

import { drawIn, drawInSides } from "./closer.js";
import { LABEL, TIPS } from "./constants.js";
import { SIDES, earRegion, earShows } from "./ears.js";
import { isBald } from "./hairpieces.js";
import { cutOut, picture } from "./pixels.js";
import { any, areaOf, both, dilated, disc, either, eroded, piecesOf, regionOf, signedDistance, square, without } from "./regions.js";
import { clip, interpolated, percentileOf } from "./samples.js";
import { needOpenHair } from "./scarves.js";
import { line, onLine, places, ramp, smoothCurve } from "./scene.js";
import { locks } from "./tips.js";

const { BACKGROUND, SKIN, NOSE, HAIR, HAT, CLOTH, NECK, EAR_R, L_EAR, R_EAR } = LABEL;
const EARS = [L_EAR, R_EAR];
const SHIRT = 0.006; // share of the picture below which clothes do not tell where the shoulders go on
const SLOPE = 0.5; // how steeply shoulders slope down that no clothes show
const WAVY = 0.04; // how far the side of hair that was cut goes in and out
const DRAWN = 0.3; // how far below the ends of hair that is cut it is drawn in
const STRAY = 0.12; // how far strands of hair that was drawn in stand out from it
const THIN = 0.5; // hair up to this area, a bald head's with a rim or a seam of it, has no volume to gain
// How wide hair is at least that gains volume, and how far from the middle, in parts of half the face's width, a bald head has a
// rim of it.
const [FULL, RIM] = [0.1, 0.6];
const TEMPLES = 0.55; // how far down beside the eyes a higher forehead goes
const [FOREHEAD, JAW] = [-0.4, 0.5]; // down to which row a forehead reaches, and from which on the face gets narrower
const EAR_STEPS = 17; // at how many heights the edge of an ear is measured
const BESIDE = 0.35; // how far strands that a parser takes for something else lie from hair

/** Two steps with a disc of this width in frame units, in a wider picture: beyond the edge there is nothing, or (`goesOn`)
 *  what is at it. */
function inWider(scene, region, width, goesOn, steps) {
  const { size } = scene;
  const margin = Math.max(3, Math.floor(width * scene.unit) | 1);
  const kernel = disc(margin >> 1);
  const wide = size + 2 * margin;
  const within = (at) => (goesOn ? Math.min(Math.max(at - margin, 0), size - 1) : at - margin);
  let plane = new Uint8Array(wide * wide);
  for (let v = 0; v < wide; v++) {
    const row = within(v);
    if (row < 0 || row >= size) continue;
    const line = region.subarray(row * size, (row + 1) * size);
    plane.set(line, v * wide + margin);
    if (!goesOn) continue;
    plane.fill(line[0], v * wide, v * wide + margin);
    plane.fill(line[size - 1], v * wide + margin + size, (v + 1) * wide);
  }
  for (const step of steps) plane = step(plane, wide, kernel);
  return cutOut(picture(wide, wide, 1, plane), margin, margin, size, size).data;
}

export const closed = (scene, region, width) => inWider(scene, region, width, false, [dilated, eroded]);
export const opened = (scene, region, width) => inWider(scene, region, width, true, [eroded, dilated]);

export function needHair(scene) {
  const hair = scene.where(HAIR);
  if (areaOf(hair) > 0.15 * scene.unit ** 2) return hair;
  throw new Error("This mask has hardly any hair; paint some first.");
}

/** Hair that is `removed` with the specks of clothes beside it, for which a parser takes loose strands. */
export function withSpecks(scene, removed) {
  if (!any(removed)) return removed;
  const { numbers, pieces } = piecesOf(scene.where(CLOTH), scene.size, scene.size);
  const around = scene.around(removed, BESIDE);
  const near = new Set(numbers.filter((number, i) => around[i] && number && pieces[number].area < SHIRT * removed.length));
  return either(removed, regionOf(numbers, (number) => near.has(number)));
}

/** Nothing but hair moves: hair that covers a cheek does not push it in. */
export function holdFace(scene) {
  scene.tell(regionOf(scene.mask, (label) => label !== HAIR && label !== BACKGROUND), scene.x, scene.y);
}

/** Gives pieces of background that skin, ears and hair enclose where hair was removed the class around; above the brows, skin. */
export function fillHoles(scene, removed) {
  const { size } = scene;
  const { numbers, pieces } = piecesOf(scene.where(BACKGROUND), size, size, { corners: false });
  const enclosed = pieces.map((piece) => piece && piece.left > 0 && piece.top > 0 && piece.right < size - 1 && piece.bottom < size - 1);
  const fresh = new Set(numbers.filter((number, i) => removed[i] && enclosed[number]));
  const { q } = scene.across;
  const [forehead, upper, lower] = [new Uint8Array(numbers.length), new Uint8Array(numbers.length), new Uint8Array(numbers.length)];
  numbers.forEach((number, i) => {
    if (!fresh.has(number)) return;
    const y = scene.y[i];
    (y < FOREHEAD && Math.abs(q[i]) < 0.8 ? forehead : y < JAW ? upper : lower)[i] = 1;
  });
  scene.uncover(forehead, [SKIN]);
  scene.uncover(upper, [SKIN, HAIR, ...EARS]);
  scene.uncover(lower, [HAIR, NECK]);
}

/** y of the shoulders at each distance from the middle: alike on both sides, sloping down outwards, also where they were
 *  not seen. */
function collarOf(scene, shirt, middle, half) {
  const bins = 24;
  const out = (i) => Math.abs(scene.x[i] - middle);
  let [near, far] = [Infinity, -Infinity];
  shirt.forEach((inside, i) => inside && ([near, far] = [Math.min(near, out(i)), Math.max(far, out(i))]));
  far += 1e-3;
  const step = (far - near) / bins;
  const top = new Array(bins).fill(Infinity);
  shirt.forEach((inside, i) => {
    if (!inside) return;
    const bin = clip(Math.floor((out(i) - near) / step), 0, bins - 1);
    top[bin] = Math.min(top[bin], scene.y[i]);
  });
  for (let k = bins - 2; k >= 0; k--) top[k] = Math.min(top[k], top[k + 1]);
  const grid = line(near, far - step, bins);
  const smooth = smoothCurve(top, 1.5);
  // Up to the neck.
  return (i) => onLine(out(i), grid, smooth) + 0.5 * Math.max(0, out(i) - far) - 0.25 * clip(1.4 - out(i) / half, 0, 1) ** 2;
}

/** What lies between the middle of the face and an ear that is seen at a side. */
function beforeEar(scene, side, label) {
  const { x, y } = scene;
  const ear = scene.where(label);
  let [low, high] = [Infinity, -Infinity];
  ear.forEach((inside, i) => inside && ([low, high] = [Math.min(low, y[i]), Math.max(high, y[i])]));
  const steps = Array.from({ length: EAR_STEPS }, (_, k) => low + ((high - low) * k) / (EAR_STEPS - 1));
  const inner = new Array(EAR_STEPS).fill(Infinity);
  ear.forEach((inside, i) => {
    if (!inside) return;
    const place = Math.floor(((y[i] - low) / (high - low)) * (EAR_STEPS - 1) + 0.5);
    inner[place] = Math.min(inner[place], side * x[i]);
  });
  const seen = steps.map((_, k) => k).filter((k) => Number.isFinite(inner[k]));
  const [rows, edge] = [steps, inner].map((values) => seen.map((k) => values[k]));
  return places(scene, (u, v) => v > low && v < high && side * u > 0 && side * u < interpolated(v, rows, edge));
}

/** Fills where hair was cut away with what lies behind it: face, ears, neck, clothes, background. */
export function reveal(scene, removed, earsFrom) {
  const { mask, x, y, chin } = scene;
  const { q, middle, half } = scene.across;
  const [shirt, neck] = [scene.where(CLOTH), scene.where(NECK)];
  const [low, high] = scene.extent(neck, chin, chin + 0.2, 0);
  const give = (label, test) => removed.forEach((gone, i) => gone && test(i) && (mask[i] = label));
  give(BACKGROUND, () => true);
  if (areaOf(shirt) > SHIRT * shirt.length) {
    const collar = collarOf(scene, shirt, middle, half);
    give(CLOTH, (i) => {
      const beside = Math.max(0, Math.abs(x[i] - middle) - 0.6 * half); // no shoulder is higher than beside a short neck
      return y[i] > Math.max(collar(i), chin - 0.1 + (SLOPE * beside ** 2) / (beside + 0.4));
    });
  }
  if (any(neck)) {
    // The neck comes out from behind the jaw and widens into the shoulders.
    const behind = 0.6 * half;
    const inside = (i) => {
      const wider = 0.9 * Math.max(0, y[i] - chin - 0.1) ** 1.3;
      const seen = ramp(y[i], chin - 0.3, chin + 0.25);
      const left = middle - behind - wider + seen * Math.min(0, low - middle + behind);
      const right = middle + behind + wider + seen * Math.max(0, high - middle - behind);
      return x[i] > left && x[i] < right;
    };
    give(NECK, (i) => mask[i] === BACKGROUND && y[i] > chin - 0.4 && inside(i));
  }
  give(SKIN, (i) => scene.face[i] && y[i] > -1.2);
  const nose = scene.part(NOSE);
  const turned = nose ? q.reduce((sum, value, i) => sum + (nose[i] ? value : 0), 0) / areaOf(nose) : 0;
  for (const [side, label] of SIDES) {
    if (earShows(scene, label)) {
      scene.paint(both(beforeEar(scene, side, label), removed), SKIN, [BACKGROUND]);
      continue;
    }
    if (side * turned > 0.3) continue; // it lies behind a turned face
    const ear = both(earRegion(scene, side), removed);
    scene.paint(both(ear, places(scene, (_, v) => v > earsFrom)), label, [BACKGROUND, NECK]);
  }
  scene.smooth(removed);
}

/** Long hair to the jaw, half-long hair to the ears, short hair closer to the head. */
function shorterHair(scene, strength) {
  let hair = needHair(scene);
  const { middle, half } = scene.across;
  const [top, bottom] = [0.005, 0.98].map((share) => percentileOf(scene.y, hair, share));
  if (bottom <= 0.5) {
    drawIn(scene, strength);
    return;
  }
  strength = Math.min(strength, 1.3);
  const goal = bottom > 1.5 ? 1.05 : 0.12;
  let width = half + (bottom > 1.5 ? 0.42 : 0.2);
  const cut = bottom + strength * (goal - bottom);
  const ceiling = top - 0.5; // the crown stays as it is, a bun above it too
  drawInSides(scene, width - half, strength, cut + DRAWN);
  hair = scene.where(HAIR);
  width += STRAY;
  const shoulder = -0.55; // above this row the kept hair is a dome
  const kept = (x, y) => {
    const out = Math.abs(x - middle);
    // Locks end at heights of their own, and no ruler draws their outline.
    if (!(y < cut - 0.35 * (out / width) ** 5 + 0.5 * TIPS.lock * locks(x))) return false;
    const wave = WAVY * ramp(y, shoulder, shoulder + 0.4) * locks(0.35 * y);
    if (y >= shoulder) return out < width - (bottom > 1.5 ? 0.25 : 0.1) * ramp(y, cut - 0.5, cut) ** 2 + wave;
    return (out / width) ** 2.4 + ((shoulder - y) / Math.max(shoulder - ceiling, 0.3)) ** 2.4 < 1;
  };
  // Slits of background between strands go with the hair, and so do earrings that showed through it.
  const kernel = square(Math.max(3, Math.floor(0.15 * scene.unit) | 1) >> 1);
  const solid = eroded(dilated(hair, scene.size, kernel), scene.size, kernel);
  let removed = without(either(hair, both(solid, scene.where(BACKGROUND))), places(scene, kept));
  for (const [side, label] of SIDES) {
    if (earShows(scene, label)) continue;
    removed = either(removed, both(scene.where(EAR_R), places(scene, (x) => side * (x - middle) > 0)));
  }
  removed = withSpecks(scene, removed);
  reveal(scene, removed, cut - 0.3);
  fillHoles(scene, removed);
  holdFace(scene);
  scene.forget(scene.where(BACKGROUND));
}

/** Hair stands out further all around. */
function moreVolume(scene, strength) {
  needOpenHair(scene);
  const hair = needHair(scene);
  const { q, middle, half } = scene.across;
  let full = opened(scene, hair, FULL);
  // Nothing grows on the top of a bald head.
  if (isBald(scene)) full = both(full, places(scene, (_, __, i) => Math.abs(q[i]) > RIM));
  if (areaOf(full) <= THIN * scene.unit ** 2) throw new Error("This hair is too thin to stand out; choose a Hairstyle.");
  const bottom = percentileOf(scene.y, hair, 0.98);
  const wide = half + (any(scene.where(HAT)) ? 0.5 : 0.8); // no wings beside a hat
  const distance = signedDistance(full, scene.size);
  const near = places(scene, (x, y, i) => {
    // Less at the tips, so that short hair does not end in wings.
    const grow = 0.2 * strength * scene.unit * (1 - 0.9 * ramp(y, bottom - 0.8, bottom));
    // A limit around the head: hair never fills the whole picture, however often it grows.
    const limit = ((x - middle) / wide) ** 2 + ((y + 0.45) / (y > -0.45 ? bottom + 0.7 : 2)) ** 2 < 1;
    return distance[i] > -grow && limit;
  });
  // Hair grows away from the head, not down over the neck.
  const outside = places(scene, (x, y) => Math.abs(x - middle) > 0.85 * half || y < -0.5);
  scene.paint(both(near, outside), HAIR, [BACKGROUND, ...EARS, CLOTH]);
  scene.smooth(both(without(near, hair), scene.where(HAIR, BACKGROUND)));
  holdFace(scene);
}

/** Fringe away, hairline further up. */
function higherForehead(scene, strength) {
  const hair = needHair(scene);
  const { q, middle } = scene.across;
  const before = (x) => Math.abs(x - middle) < 0.35;
  const crown = both(hair, places(scene, (x, y) => before(x) && y < -0.3));
  if (!any(crown)) throw new Error("There is no hair above the forehead to move back.");
  const top = percentileOf(scene.y, crown, 0.01);
  const skin = both(scene.where(SKIN), places(scene, (x, y) => before(x) && y < -0.2));
  const hairline = any(skin) ? percentileOf(scene.y, skin, 0.02) : -0.3;
  const highest = Math.max(Math.min(hairline, -0.95) - 0.26, top + 0.16, -1.6);
  const goal = Math.min(hairline, hairline + strength * (highest - hairline));
  const base = -0.25;
  const bare = (_, y, i) => {
    const oval = clip(1 - Math.abs(q[i] / 0.97) ** 2.4, 0, 1) ** (1 / 2.4);
    // Hair that sweeps over a temple is not cut level, but along a line that comes round to it.
    const lower = base + TEMPLES * Math.min(strength, 1) * oval;
    return y > base - (base - goal) * oval && (y < base || y < lower);
  };
  scene.paint(places(scene, bare), SKIN, [HAIR]);
}

export const HAIR_EDITS = { shorter_hair: shorterHair, more_volume: moreVolume, higher_forehead: higherForehead };
