// Ears that an edit brings to light, where the photo shows none: somebody's, in the colours of the cheek beside them; see
// maskgan/quick_edits/ears.py and maskgan/editing/ears.py.

import { EAR, LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { fromLab, toLab } from "./oklab.js";
import { areaOf, eroded, filled, roundEven, square, where } from "./regions.js";
import { clip, cubicAt, percentile, percentileOf } from "./samples.js";
import { Scene, line, onLine, smoothCurve, withoutGaps } from "./scene.js";

const { SKIN, L_EAR, R_EAR } = LABEL;
const SHOWS = 0.05; // area (square frame units) from which on an ear shows
const [UPPER, LOWER, ROWS] = [0.1, 0.7, 0.1]; // rows at which the edge of the face is measured, and over how many
const [HEIGHTS, BETWEEN] = [13, 20]; // at which an ear's width is measured, and places of each piece of its outline
const [ASIDE, TALL, WIDE] = [0.4, [0.75, 1.6], [0.6, 2.5]]; // how far elsewhere an ear lies at most, and how it is stretched
const [ALIKE, EDGE] = [0.5, 0.02]; // share of a mask's ear that the wardrobe's covers at least, with an edge around it
const [HUES, LIGHTS] = [0.45, 0.9]; // how much of its own variation of colour and lightness stays
const [HIGHEST, LOWEST, IN, FEW] = [0.1, 0.8, 0.45, 30]; // rows of the cheek, how far in, and its pixels at least
const RIM = 0.15; // how far in from its outer edge the skin tells the light beside an ear

/** The side of the picture on which each ear is. */
export const SIDES = [[-1, R_EAR], [1, L_EAR]];

/** Whether a mask has this ear, and not only specks of it. */
export const earShows = (scene, label) => areaOf(scene.where(label)) > SHOWS * scene.unit ** 2;

/** How far the face reaches to a side at y = 0, and by how much farther at y = 1. */
function edgeOfFace(scene, side) {
  const [upper, lower] = [UPPER, LOWER].map((y) => side * scene.extent(scene.face, y - ROWS, y + ROWS, 1)[side > 0 ? 1 : 0]);
  const slope = (lower - upper) / (LOWER - UPPER);
  return [upper - slope * UPPER, slope];
}

/** The ear at a side, as far as nothing lies before it; its inner part lies behind the face. */
export function earRegion(scene, side) {
  const [at, slope] = edgeOfFace(scene, side);
  const outline = [([u, v]) => side * (u + at + slope * v), ([, v]) => v].map((axis) => Float64Array.from(EAR.outline, axis));
  return filled(scene.size, ...scene.frame.toPixels(...outline).map((axis) => Float32Array.from(axis)));
}

/** The largest of `u` at heights of `v`, smoothed. */
function reaches(u, v, heights) {
  const far = new Array(heights.length).fill(-Infinity);
  u.forEach((value, i) => {
    const number = clip(roundEven((v[i] - heights[0]) / (heights[1] - heights[0])), 0, heights.length - 1);
    far[number] = Math.max(far[number], value);
  });
  return smoothCurve(withoutGaps(far));
}

/** Heights of the wardrobe's ear, and how far out it reaches there. */
function earAlong() {
  const [u, v] = [[], []];
  EAR.outline.forEach(([u0, v0], k) => {
    const [u1, v1] = EAR.outline[(k + 1) % EAR.outline.length];
    for (const share of line(0, 1, BETWEEN)) [u[u.length], v[v.length]] = [(1 - share) * u0 + share * u1, (1 - share) * v0 + share * v1];
  });
  const heights = line(Math.min(...v), Math.max(...v), HEIGHTS);
  return { heights, width: reaches(u, v, heights) };
}

/** Which places of the wardrobe's ear lie where a mask has one, drawn to fill that; null where it lies elsewhere, or has no ear's
 *  shape. `u`, `v`: the places in the mask. */
function fitted(u, v, region) {
  const { heights, width } = earAlong();
  const [low, high] = [0.01, 0.99].map((share) => percentileOf(v, region, share));
  const middle = percentileOf(u, region, 0.5);
  if (Math.abs(low - heights[0]) > ASIDE || middle <= -ASIDE / 2 || middle >= ASIDE) return null;
  const tall = (high - low) / (heights.at(-1) - heights[0]);
  // Else hair covers some of it.
  const down = tall > TALL[0] && tall < TALL[1] ? v.map((value) => heights[0] + (value - low) / tall) : v;
  const inside = [...region.keys()].filter((i) => region[i]);
  const reach = reaches(inside.map((i) => u[i]), inside.map((i) => down[i]), heights);
  const stretch = reach.map((value, k) => clip(value / width[k], ...WIDE));
  const out = u.map((value, i) => (value > 0 ? value / onLine(down[i], heights, stretch) : value));
  const covered = inside.filter((i) => out[i] <= onLine(down[i], heights, width) + EDGE);
  return covered.length >= ALIKE * inside.length ? [out, down] : null;
}

/** The colour of the cheek beside an ear, `u` away from the edge of the face; null where little of it is seen. */
function cheekOf(crop, scene, u) {
  const { size, y } = scene;
  const skin = eroded(scene.where(SKIN), size, square(2));
  const beside = [...skin.keys()].filter((i) => skin[i] && u[i] > -IN && y[i] > HIGHEST && y[i] < LOWEST);
  const edge = beside.length ? percentile(Float32Array.from(beside, (i) => u[i]).sort(), 0.98) : 0;
  const places = beside.filter((i) => u[i] > edge - RIM);
  if (places.length < FEW) return null;
  return [0, 1, 2].map((c) => percentile(Uint8Array.from(places, (i) => crop.data[3 * i + c]).sort(), 0.5));
}

/** An edited crop whose new ears are somebody's, and how far each pixel changed. `stuffOf`: fetches a picture. */
export async function withEars(crop, mask, own, stuffOf) {
  const { width: size } = crop;
  const changed = new Float32Array(mask.length);
  const fresh = SIDES.filter(([, label]) => mask.some((kind, i) => kind === label && own[i] !== label));
  if (!fresh.length) return { crop, changed };
  let scenes;
  try {
    scenes = [mask, own].map((each) => new Scene(each, size));
  } catch {
    return { crop, changed }; // no face beside which an ear could be
  }
  const [scene, before] = scenes;
  const result = { ...crop, data: crop.data.slice() };
  for (const [side, label] of fresh) {
    if (earShows(before, label) || !earShows(scene, label)) continue;
    const region = where(mask, label);
    const [at, slope] = edgeOfFace(scene, side);
    const u = scene.x.map((x, i) => side * x - at - slope * scene.y[i]);
    const cheek = cheekOf(crop, scene, u);
    const places = fitted(u, scene.y, region);
    if (!cheek || !places) continue;
    const [out, down] = places;
    const stuff = await stuffOf("ear");
    const [mine, theirs] = [cheek, EAR.skin].map(toLab);
    const share = mine[0] / Math.max(theirs[0], 1e-3);
    const hues = HUES * Math.min(share, 1) ** 2;
    const kept = [LIGHTS * share, hues, hues];
    const [left, top, right, bottom] = EAR.box;
    const soft = blurred(picture(size, size, 1, new Float32Array(region)), (0.7 * size) / 256).data;
    soft.forEach((value, i) => {
      const alpha = clip((value - 0.15) / 0.7, 0, 1);
      if (!(alpha > 0)) return;
      const column = ((out[i] - left) * stuff.width) / (right - left) - 0.5;
      const row = ((down[i] - top) * stuff.height) / (bottom - top) - 0.5;
      const laid = fromLab(toLab(cubicAt(stuff, column, row)).map((value, c) => mine[c] + kept[c] * (value - theirs[c])));
      for (let c = 0; c < 3; c++) {
        const below = result.data[3 * i + c];
        result.data[3 * i + c] = Math.round(below + alpha * (laid[c] - below));
      }
      changed[i] = Math.max(changed[i], alpha);
    });
  }
  return { crop: result, changed };
}
