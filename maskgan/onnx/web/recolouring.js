// Another colour for a part that is there, without a network: colours are moved in OKLab (Ottosson, 2020), the part's mean
// to the wanted one and its shading along with it; see maskgan/editing/recolouring.py.

import { LABEL, TOGETHER } from "./constants.js";
import { centreOf } from "./frame.js";
import { blurred, boxed, picture } from "./pixels.js";
import { any, areaOf, dilated, disc, distances, inverted, piecesOf, regionOf, roundEven, square, where } from "./regions.js";
import { clip } from "./samples.js";
import { lumaAt } from "./tones.js";

const { HAIR, L_EYE, R_EYE } = LABEL;
const EYES = [L_EYE, R_EYE];
const [STRANDS, EDGE] = [5, 1.6]; // widths of the edge of hair and of other parts, in pixels of a crop of 256 px
const IRIS = 0.19; // its diameter, of the distance between the eyes

const TO_LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]];
const TO_LAB = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]];
const FROM_LMS = inverse(TO_LMS);
const FROM_LAB = inverse(TO_LAB);

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [[e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f], [d * h - e * g, b * g - a * h, a * e - b * d]]
    .map((row) => row.map((value) => value / det));
}

const linearOf = (value) => (value / 255 > 0.04045 ? ((value / 255 + 0.055) / 1.055) ** 2.4 : value / 255 / 12.92);
const LINEAR = Float64Array.from({ length: 256 }, (_, value) => linearOf(value));
const toLinear = (value) => (Number.isInteger(value) && value >= 0 && value < 256 ? LINEAR[value] : linearOf(value));
const fromLinear = (value) => clip(255 * (value > 0.0031308 ? 1.055 * Math.max(value, 0) ** (1 / 2.4) - 0.055 : 12.92 * value), 0, 255);

/** As `toLab`, for many pixels: into an array at a place, without arrays in between. */
export function writeLab(red, green, blue, lab, at) {
  const [r, g, b] = [toLinear(red), toLinear(green), toLinear(blue)];
  const l = Math.cbrt(TO_LMS[0][0] * r + TO_LMS[0][1] * g + TO_LMS[0][2] * b);
  const m = Math.cbrt(TO_LMS[1][0] * r + TO_LMS[1][1] * g + TO_LMS[1][2] * b);
  const s = Math.cbrt(TO_LMS[2][0] * r + TO_LMS[2][1] * g + TO_LMS[2][2] * b);
  for (let c = 0; c < 3; c++) lab[at + c] = TO_LAB[c][0] * l + TO_LAB[c][1] * m + TO_LAB[c][2] * s;
}

/** As `fromLab`, for many pixels. */
export function writeRgb(light, a, b, rgb, at) {
  const l = (FROM_LAB[0][0] * light + FROM_LAB[0][1] * a + FROM_LAB[0][2] * b) ** 3;
  const m = (FROM_LAB[1][0] * light + FROM_LAB[1][1] * a + FROM_LAB[1][2] * b) ** 3;
  const s = (FROM_LAB[2][0] * light + FROM_LAB[2][1] * a + FROM_LAB[2][2] * b) ** 3;
  for (let c = 0; c < 3; c++) rgb[at + c] = fromLinear(FROM_LMS[c][0] * l + FROM_LMS[c][1] * m + FROM_LMS[c][2] * s);
}

/** sRGB in 0..255 -> OKLab: lightness 0..1, a and b about -0.4..0.4. */
export function toLab([red, green, blue]) {
  const lab = [0, 0, 0];
  writeLab(red, green, blue, lab, 0);
  return lab;
}

/** OKLab -> sRGB in 0..255. */
export function fromLab([light, a, b]) {
  const rgb = [0, 0, 0];
  writeRgb(light, a, b, rgb, 0);
  return rgb;
}

const rgbAt = (data, i) => [data[3 * i], data[3 * i + 1], data[3 * i + 2]];

/** A picture of greys in 0..255. */
const grey = ({ width, height, data }) =>
  picture(width, height, 1, new Float32Array(width * height).map((_, i) => Math.round(lumaAt(data, 3 * i))));

/** Guided filter (He et al., TPAMI 2013) of a plane by a grey guide, both in 0..1. */
function guided(guide, plane, radius, smoothness) {
  const { width, height } = guide;
  const mean = (of) => boxed(picture(width, height, 1, guide.data.map((_, i) => of(i))), radius, true).data;
  const [g, p] = [guide.data, plane];
  const [meanG, meanP, meanGP, meanGG] = [(i) => g[i], (i) => p[i], (i) => g[i] * p[i], (i) => g[i] * g[i]].map(mean);
  const slope = g.map((_, i) => (meanGP[i] - meanG[i] * meanP[i]) / (meanGG[i] - meanG[i] ** 2 + smoothness));
  const [slopes, rests] = [(i) => slope[i], (i) => meanP[i] - slope[i] * meanG[i]].map(mean);
  return g.map((value, i) => slopes[i] * value + rests[i]);
}

/** How far each pixel belongs to a part; `strands`: its edge follows the photo's own, as that of hair does. */
function matte(photo, inside, strands) {
  const { width: size } = photo;
  const reach = ((strands ? STRANDS : EDGE) * size) / 256;
  const near = distances(inside, size, size).map((away) => clip(1 - away / reach, 0, 1));
  if (!strands) {
    const solid = picture(size, size, 1, new Float32Array(inside));
    return blurred(solid, Math.max(0.6, reach / 3)).data.map((share, i) => (near[i] > 0 ? share : 0));
  }
  const guide = grey(photo);
  guide.data.forEach((value, i) => (guide.data[i] = value / 255));
  const soft = guided(guide, new Float32Array(inside), Math.max(2, roundEven(reach)), 2e-3);
  const deep = distances(inverted(inside), size, size);
  return soft.map((share, i) => (deep[i] > reach ? 1 : clip(share, 0, 1) * near[i]));
}

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

/** How far each pixel belongs to the classes: hair by its strands, eyes by their irises alone; null for none of them. */
function partShare(photo, mask, labels) {
  const inside = where(mask, ...labels);
  if (!any(inside)) return null;
  if (!labels.some((label) => EYES.includes(label))) return matte(photo, inside, labels.includes(HAIR));
  const { width: size } = photo;
  const centres = EYES.map((label) => where(mask, label)).filter(any).map((eye) => centreOf(eye, size));
  const apart = centres.length === 2 ? Math.hypot(centres[0][0] - centres[1][0], centres[0][1] - centres[1][1]) : 0.245 * size;
  return irises(photo, inside, apart);
}

function meanLab(photo, region) {
  const sum = [0, 0, 0];
  region.forEach((inside, i) => inside && toLab(rgbAt(photo.data, i)).forEach((value, c) => (sum[c] += value)));
  return sum.map((value) => value / areaOf(region));
}

/** The mean of classes on a photo in OKLab, without shadows and highlights; null where it shows none of them. */
export function usualColour(photo, mask, labels) {
  const share = partShare(photo, mask, labels);
  if (!share?.some((value) => value > 0)) return null;
  const labs = [];
  coreOf(share).forEach((inside, i) => inside && labs.push(toLab(rgbAt(photo.data, i))));
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
  const share = partShare(photo, mask, classesWith(label));
  if (!share?.some((value) => value > 0)) return photo;
  let goal = toLab([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  if (EYES.includes(label)) goal = [0.72 * goal[0], 0.8 * goal[1], 0.8 * goal[2]]; // with its pupil and the lid's shadow
  else if (label === HAIR) { // a swatch is read as the colour of lit hair
    const [light] = meanLab(photo, coreOf(share));
    if (goal[0] > light) goal = [goal[0] * (1 - 0.22 * (1 - light / goal[0])), 0.9 * goal[1], 0.9 * goal[2]];
  }
  return recoloured(photo, share, goal, 1);
}

/** A crop in which classes have the colour that is measured on another photo, in OKLab, and how far each pixel belongs to them;
 *  null where there are none. */
export function withColour(photo, mask, labels, colour, strength) {
  const share = partShare(photo, mask, labels);
  return share?.some((value) => value > 0) ? { crop: recoloured(photo, share, colour, strength), share } : null;
}

/** A crop whose part has another mean, `wanted` in OKLab. */
function recoloured(photo, share, wanted, strength) {
  const core = coreOf(share);
  const mean = meanLab(photo, core);
  const goal = toLab(fromLab(wanted));
  // Light hair is lit as dark hair is, but its shadows are less deep in proportion.
  const contrast = clip((mean[0] / Math.max(goal[0], 0.05)) ** 0.7, 0.35, 1);
  const colouredAs = (target, lab) => {
    let light = target[0] * (Math.max(lab[0], 0.02) / Math.max(mean[0], 0.02)) ** contrast;
    if (light > 0.9) light = 0.9 + 0.1 * Math.tanh((light - 0.9) / 0.1); // so that strands stay apart
    const chroma = clip(light / Math.max(target[0], 0.05), 0.2, 1.1);
    return fromLab([light, target[1] * chroma + 0.5 * (lab[1] - mean[1]), target[2] * chroma + 0.5 * (lab[2] - mean[2])]);
  };
  // Pressing and the screen's gamut move the mean a little: it is met in a second step.
  const first = picture(photo.width, photo.height, 3, new Float32Array(photo.data.length));
  core.forEach((inside, i) => inside && first.data.set(colouredAs(goal, toLab(rgbAt(photo.data, i))), 3 * i));
  const reached = meanLab(first, core);
  const target = goal.map((value, c) => 2 * value - reached[c]);
  const result = { ...photo, data: photo.data.slice() };
  share.forEach((weight, i) => {
    if (!(weight > 0)) return;
    const own = rgbAt(photo.data, i);
    const after = colouredAs(target, toLab(own));
    result.data.set(own.map((value, c) => value + strength * weight * (after[c] - value)), 3 * i);
  });
  return result;
}
