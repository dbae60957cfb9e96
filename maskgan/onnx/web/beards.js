// Beards where hair was painted onto a face, in the colours and the light of that face: the steps of maskgan/editing/beards.py.

import { LABEL } from "./constants.js";
import { ownHairOf } from "./hair_colours.js";
import { fromLab } from "./oklab.js";
import { paintedBeard } from "./painted_beard.js";
import { blurred, picture } from "./pixels.js";
import { quickEdit } from "./quick_edits.js";
import { any, both, distances, smoothstep, where } from "./regions.js";
import { clip, median, percentileOf } from "./samples.js";
import { Scene } from "./scene.js";
import { lumaAt } from "./tones.js";
import { arrivedMask } from "./unknown.js";

const APART = 0.014; // side of the cells (frame units) each of which a hair grows in
const [[SHORTEST, LONGEST], HANGS] = [[0.05, 0.11], 1.8]; // length of hairs (frame units), and how much longer below the chin
const [ASTRAY, BENT] = [0.5, 0.9]; // how far (radians) hairs differ in direction, and bend
// How far (frame units) from skin without a beard one gets full, how much farther on a cheek, and how many hairs grow at the edge.
const [FULL, ON_CHEEKS, SPARSE] = [0.11, 0.14, 0.15];
const [YOUNG, FINE] = [0.4, 0.5]; // how long hairs at that edge are, and how far they cover, in parts of those of a full beard
const [BARE, GROOVE] = [0.85, 0.4]; // how much less grows beside the soul patch and in the groove below the nose
// Side (frame units) of places that differ in how dense hairs are (in parts), where they go (radians) and how light they are
// (natural logarithm), and by how much, to either side.
const [PLACES, THICK, TURNED, TONED] = [0.11, 0.25, 0.5, 0.25];
const [COVERS, SHADE] = [0.45, 0.55]; // how far a hair covers what lies beneath it in the middle of it, and the shade between hairs
const [LIGHTS, BETWEEN] = [0.5, 0.72]; // how much lighter and darker hairs are (natural logarithm), how dark it is between them
// How much of that red, green and blue have, and by how much a beard is warmer than the hair of the head (natural logarithm).
const [HUES, WARMER] = [[1.1, 1, 0.9], [0.03, 0, -0.06]];
const [AROUND, LIT] = [0.14, 0.8]; // within how far (frame units) the light of the face is told, how much of its variation shows
const DARK = [58, 46, 38]; // of a beard below a bald head whose brows are hidden
const STEPS = 1.5; // how many points of a hair are drawn to a pixel of its length

const found = new WeakMap(); // by the photo's own mask: the last {hair, beard}

/** Where a mask has a beard that the photo's own mask does not have; null for nowhere. */
export function beardOf(mask, own, size) {
  const hair = where(mask, LABEL.HAIR);
  if (!hair.some((inside, i) => inside && own[i] !== LABEL.HAIR)) return null;
  const last = found.get(own);
  if (last && hair.every((inside, i) => inside === last.hair[i])) return last.beard;
  let beard = null;
  try {
    const region = paintedBeard(new Scene(own, size), hair);
    if (any(region)) beard = region;
  } catch {
    beard = null; // nothing of a face tells where a beard grows
  }
  found.set(own, { hair, beard });
  return beard;
}

/** A mask without the beard that the photo's own mask does not have: there as that has it. */
export function withoutBeard(mask, own, size) {
  const beard = beardOf(mask, own, size);
  return beard ? mask.map((label, i) => (beard[i] ? own[i] : label)) : mask;
}

/** What a quick edit makes of a mask without its beard, to which that comes along; the arguments are those of `quickEdit`, which
 *  would take a beard for hair of the head, and the photo's own mask. */
export async function editedBeneath(name, mask, own, size, strength, shape) {
  const beard = beardOf(mask, own, size);
  const edited = await quickEdit(name, withoutBeard(mask, own, size), size, strength, shape);
  if (!beard || name === "beard") return edited; // which takes its place
  const flow = picture(size, size, 2, edited.moved.map((value) => (Number.isNaN(value) ? 0 : value)));
  const grows = [edited.mask, own].map((seen) => where(seen, LABEL.SKIN, LABEL.NECK, LABEL.CLOTH));
  const came = grows.reduce(both, arrivedMask(beard, flow));
  return { ...edited, mask: edited.mask.map((label, i) => (came[i] ? LABEL.HAIR : label)) };
}

/** An edited crop with the beard that its mask has, and how far each pixel changed; `photo`: the crop as it was; `colour`: as
 *  `#rrggbb`, that the hair was given, null for the photo's hair's own. */
export function withBeard(crop, mask, own, photo, colour = null) {
  const { width: size } = crop;
  const changed = new Float32Array(mask.length);
  const region = beardOf(mask, own, size);
  if (!region) return { crop, changed };
  const base = colour ? [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) : usualColour(photo, own);
  const scene = new Scene(own, size);
  const { covered, light, full } = drawn(scene, region);
  const luma = Float32Array.from(mask, (_, i) => lumaAt(crop.data, 3 * i));
  const soft = blurred(picture(size, size, 1, luma), AROUND * scene.unit).data;
  const skin = soft.filter((_, i) => own[i] === LABEL.SKIN && !region[i]);
  const usual = Math.max(median(skin.length ? skin : soft.filter((_, i) => region[i])), 1);
  const result = { ...crop, data: crop.data.slice() };
  for (let i = 0; i < mask.length; i++) {
    const [under, alpha] = [SHADE * full[i], 1 - Math.exp(-covered[i])];
    const share = 1 - (1 - under) * (1 - alpha);
    if (share < 1 / 255) continue;
    changed[i] = share;
    const lit = clip(soft[i] / usual, 0.4, 1.5) ** LIT;
    for (let c = 0; c < 3; c++) {
      let value = crop.data[3 * i + c];
      value += under * (base[c] * BETWEEN * lit - value);
      value += alpha * (base[c] * Math.exp(light[i] * HUES[c] + WARMER[c]) * lit - value);
      result.data[3 * i + c] = Math.round(clip(value, 0, 255));
    }
  }
  return { crop: result, changed };
}

/** The colour of a photo's hair, dark where nothing tells it. */
function usualColour(photo, own) {
  const { colours } = ownHairOf(photo, own);
  return !colours ? DARK : fromLab(colours.map((plane) => median(plane.slice()))).map((value) => clip(value, 0, 255));
}

/** A number in 0..1 that stands for chance, of a column and row. */
function hashed(column, row, number) {
  let value = Math.imul(column, 0x9e3779b1) ^ Math.imul(row, 0x85ebca77);
  value ^= Math.imul(number, 0x27d4eb2f);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  value = Math.imul(value ^ (value >>> 12), 0x297a2d39);
  value ^= value >>> 15;
  return (value >>> 8) / 2 ** 24;
}

/** A number in -1..1 that changes smoothly over the frame, and stands for chance. */
function drift(x, y, number) {
  const [left, top] = [Math.floor(x / PLACES), Math.floor(y / PLACES)];
  const [along, down] = [smoothstep(x / PLACES - left), smoothstep(y / PLACES - top)];
  const [upper, lower] = [top, top + 1].map((row) => {
    const first = hashed(left, row, number);
    return first + (hashed(left + 1, row, number) - first) * along;
  });
  return 2 * (upper + (lower - upper) * down) - 1;
}

/** How full a beard is in a scene, the photo's: less towards skin without one, not along the outline of the face. */
function fullnessOf(scene, region) {
  const { size, unit, chin, x, y } = scene;
  const skin = scene.where(LABEL.SKIN, LABEL.NECK, LABEL.NOSE, LABEL.U_LIP, LABEL.L_LIP);
  const deep = distances(skin.map((inside, i) => (inside && !region[i] ? 1 : 0)), size, size).map((value) => value / unit);
  const farther = clip(deep.reduce((most, value, i) => (region[i] ? Math.max(most, value) : most), 0) - FULL, 0, ON_CHEEKS);
  const lips = scene.where(LABEL.U_LIP, LABEL.L_LIP, LABEL.MOUTH);
  const [left, right] = any(lips) ? [0.01, 0.99].map((share) => percentileOf(x, lips, share)) : [];
  const [top, low] = any(lips) ? [0.02, 0.98].map((share) => percentileOf(y, lips, share)) : [];
  const { q } = scene.across;
  return deep.map((value, i) => {
    if (!region[i]) return 0;
    const cheek = smoothstep((Math.abs(q[i]) - 0.45) / 0.3) * (1 - smoothstep((y[i] - 1.2) / 0.3));
    let full = smoothstep(value / (FULL + cheek * farther));
    if (left === undefined) return full;
    const beside = Math.abs(2 * x[i] - left - right) / Math.max(right - left, 1 / unit);
    const below = (y[i] - low) / Math.max(chin - low, 0.2);
    full *= 1 - BARE * Math.exp(-(((beside - 0.6) / 0.36) ** 2) - ((below - 0.12) / 0.3) ** 2);
    return y[i] < top ? full * (1 - GROOVE * Math.exp(-((beside / 0.14) ** 2))) : full;
  });
}

/** How often hairs of a beard cover each pixel, how light they are there, and how full it is: { covered, light, full }. */
function drawn(scene, region) {
  const { size, unit, chin } = scene;
  const full = fullnessOf(scene, region);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  region.forEach((inside, i) => {
    if (!inside) return;
    [left, right] = [Math.min(left, scene.x[i]), Math.max(right, scene.x[i])];
    [top, bottom] = [Math.min(top, scene.y[i]), Math.max(bottom, scene.y[i])];
  });
  const hairs = [];
  const way = waysOf(scene);
  for (let row = Math.floor(top / APART); row <= Math.ceil(bottom / APART); row++) {
    for (let column = Math.floor(left / APART); column <= Math.ceil(right / APART); column++) {
      const chance = (number) => hashed(column, row, number);
      const [x, y] = [(column + chance(0)) * APART, (row + chance(1)) * APART];
      const [[across], [down]] = scene.frame.toPixels(Float64Array.of(x), Float64Array.of(y));
      const [at, line] = [Math.floor(across + 0.5), Math.floor(down + 0.5)];
      if (at < 0 || line < 0 || at >= size || line >= size || !region[line * size + at]) continue;
      const grown = full[line * size + at] * (1 - THICK * (1 + drift(x, y, 7)));
      if (chance(2) >= SPARSE + (1 - SPARSE) * grown) continue;
      let length = (SHORTEST + (LONGEST - SHORTEST) * chance(5)) * (YOUNG + (1 - YOUNG) * grown);
      length *= 1 + (HANGS - 1) * smoothstep((y - chin + 0.2) / 0.4);
      const angle = way(x, y) + ASTRAY * (2 * chance(3) - 1) + TURNED * drift(x, y, 8);
      const light = LIGHTS * (2 * chance(6) - 1) + TONED * drift(x, y, 9);
      hairs.push({ x, y, length, dense: FINE + (1 - FINE) * grown, angle, bend: BENT * (2 * chance(4) - 1), light });
    }
  }
  const [covered, light] = [new Float32Array(region.length), new Float32Array(region.length)];
  const steps = Math.max(2, Math.ceil(STEPS * unit * hairs.reduce((most, { length }) => Math.max(most, length), 0)));
  const [xs, ys] = [new Float64Array(steps), new Float64Array(steps)];
  for (const hair of hairs) {
    for (let step = 0; step < steps; step++) {
      const along = (step + 0.5) / steps;
      const angle = hair.angle + hair.bend * (along - 0.5);
      xs[step] = hair.x + along * hair.length * Math.cos(angle);
      ys[step] = hair.y + along * hair.length * Math.sin(angle);
    }
    const [columns, rows] = scene.frame.toPixels(xs, ys);
    for (let step = 0; step < steps; step++) {
      const covers = (COVERS * hair.dense * (1 - ((step + 0.5) / steps) ** 2) * hair.length * unit) / steps;
      const [column, row] = [Math.floor(columns[step]), Math.floor(rows[step])];
      const [partX, partY] = [columns[step] - column, rows[step] - row];
      for (let k = 0; k < 4; k++) {
        const [x, y] = [column + (k & 1), row + (k >> 1)];
        if (x < 0 || y < 0 || x >= size || y >= size) continue;
        const weight = Math.abs(1 - (k & 1) - partX) * Math.abs(1 - (k >> 1) - partY) * covers;
        covered[y * size + x] += weight;
        light[y * size + x] += weight * hair.light;
      }
    }
  }
  return { covered, light: light.map((sum, i) => sum / Math.max(covered[i], 1e-3)), full };
}

/** The direction that a hair at a frame point grows in: beside the nose outwards, on the cheeks down and a little back, below the
 *  mouth down. */
function waysOf(scene) {
  const { middle, half } = scene.across;
  let [sum, count] = [0, 0];
  scene.where(LABEL.U_LIP, LABEL.L_LIP, LABEL.MOUTH).forEach((inside, i) => inside && ((sum += scene.y[i]), count++));
  const mouth = count ? sum / count : 1;
  return (x, y) => {
    const out = (x - middle) / half;
    const above = smoothstep((mouth - y + 0.05) / 0.2) * (1 - smoothstep((Math.abs(out) - 0.45) / 0.25));
    return Math.atan2(1, 0.35 * out + above * 1.6 * Math.tanh(out / 0.12));
  };
}
