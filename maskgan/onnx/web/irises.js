// Irises: where they lie in the eyes of a photo, and how light is spread within one of another colour; see
// maskgan/editing/irises.py.

import { LABEL } from "./constants.js";
import { centreOf } from "./frame.js";
import { toLab } from "./oklab.js";
import { blurred, picture } from "./pixels.js";
import { any, dilated, disc, piecesOf, roundEven, smoothstep, square, where } from "./regions.js";
import { clip, percentile } from "./samples.js";
import { lumaAt } from "./tones.js";

const EYES = [LABEL.L_EYE, LABEL.R_EYE];
// Of an iris, in parts of its radius: how far the pupil reaches, how much darker it is, and over how much it ends; the same of the
// rim, from where on; over how much below the upper lid it is in shadow, and how much darker; how much fibres differ.
const [PUPIL, RIM, LID, FIBRES] = [[0.38, 0.8, 0.16], [0.72, 0.45, 0.3], [0.45, 0.5], 0.07];
const [WHITE, FEW_WHITE] = [0.8, 20]; // lightness of the white of eyes in full light, and pixels of it at least
const IRIS = 0.19; // its diameter, of the distance between the eyes

/** A picture of greys in 0..255. */
const grey = ({ width, height, data }) =>
  picture(width, height, 1, new Float32Array(width * height).map((_, i) => Math.round(lumaAt(data, 3 * i))));

/** The irises in the eyes: for each a test whether a pixel is of its eye, its centre and its radius; `apart`: pixels between the
 *  eyes' centres. */
function findIrises(photo, eyes, apart) {
  const { width: size } = photo;
  const radius = Math.max(1.5, (IRIS / 2) * apart);
  const dark = blurred(grey(photo), 0.3 * radius).data;
  const { numbers, pieces } = piecesOf(eyes, size, size);
  const reach = (roundEven(2 * radius) | 1) >> 1;
  const rows = disc(reach);
  const found = [];
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
    found.push({ own, x, y, radius });
  });
  return found;
}

/** How far each pixel is an iris; the arguments are those of `findIrises`. */
export function irises(photo, eyes, apart) {
  const { width: size } = photo;
  const radius = Math.max(1.5, (IRIS / 2) * apart);
  const share = picture(size, size, 1, new Float32Array(size * size));
  for (const { own, x, y } of findIrises(photo, eyes, apart)) {
    for (let i = 0; i < eyes.length; i++) {
      if (!own(i)) continue;
      const away = Math.hypot((i % size) - x, Math.floor(i / size) - y);
      share.data[i] = Math.max(share.data[i], clip((radius - away) / (0.25 * radius) + 0.5, 0, 1));
    }
  }
  const near = dilated(eyes, size, square(1));
  return blurred(share, 0.12 * radius + 0.3).data.map((value, i) => value * near[i]);
}

/** How much darker than its colour an iris is, in parts: at its pupil, its rim, below the lid, and between its fibres. */
export function withinIrises(photo, eyes, apart) {
  const { width: size } = photo;
  const darker = new Float32Array(eyes.length);
  for (const { own, x, y, radius } of findIrises(photo, eyes, apart)) {
    const below = new Float32Array(size); // from the upper lid down, in each column
    for (let i = 0; i < eyes.length; i++) {
      if (!own(i)) continue;
      const [right, down] = [((i % size) - x) / radius, (Math.floor(i / size) - y) / radius];
      below[i % size] += 1 / radius;
      const [out, angle] = [Math.hypot(right, down), Math.atan2(down, right)];
      if (out >= 1.5) continue;
      let light = 1 - PUPIL[1] * smoothstep((PUPIL[0] - out) / PUPIL[2] + 0.5);
      light *= 1 - RIM[1] * smoothstep((out - RIM[0]) / RIM[2]);
      light *= 1 - LID[1] * Math.exp(-below[i % size] / LID[0]);
      const fibres = Math.sin(13 * angle + 4 * out) + 0.6 * Math.sin(29 * angle - 7 * out + 1);
      light *= 1 + FIBRES * fibres * smoothstep((out - PUPIL[0]) / 0.2) * (1 - smoothstep((out - 0.8) / 0.2));
      darker[i] = 1 - light;
    }
  }
  return darker;
}

/** How light the white of the eyes is, in parts of that in full light. */
export function lightOfEyes(photo, eyes, share) {
  const lights = [];
  eyes.forEach((inside, i) => inside && share[i] < 0.1 && lights.push(toLab([0, 1, 2].map((c) => photo.data[3 * i + c]))[0]));
  if (lights.length < FEW_WHITE) return 1;
  return clip(percentile(Float64Array.from(lights).sort(), 0.75) / WHITE, 0.5, 1);
}

/** Pixels between the centres of a mask's eyes. */
export function apartOf(mask, size) {
  const centres = EYES.map((label) => where(mask, label)).filter(any).map((eye) => centreOf(eye, size));
  return centres.length === 2 ? Math.hypot(centres[0][0] - centres[1][0], centres[0][1] - centres[1][1]) : 0.245 * size;
}
