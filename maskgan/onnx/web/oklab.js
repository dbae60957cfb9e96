// OKLab (Ottosson, 2020), a space of colours whose lightness is about what people see; see maskgan/editing/oklab.py.

import { clip } from "./samples.js";

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
