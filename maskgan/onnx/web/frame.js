// The face's own coordinates, fitted to a mask: see maskgan/quick_edits/frame.py. Origin midway between the eyes, x along
// the eye line towards the right of the picture, y towards the chin, both in units of about one eye distance.

import { LABEL } from "./constants.js";
import { areaOf, piecesOf, where } from "./regions.js";

const { SKIN, NOSE, EYE_G, L_EYE, R_EYE, L_BROW, R_BROW, MOUTH, U_LIP, L_LIP } = LABEL;
export const EYES = [L_EYE, R_EYE];
export const BROWS = [L_BROW, R_BROW];
export const LIPS_AND_MOUTH = [MOUTH, U_LIP, L_LIP];
export const FACE_PARTS = [SKIN, NOSE, ...EYES, ...BROWS, ...LIPS_AND_MOUTH];

// Classes of a part, its place in the frame, and its weight when the frame is fitted.
const LANDMARKS = [
  [[R_EYE], [-0.47, 0], 2],
  [[L_EYE], [0.47, 0], 2],
  [[R_BROW], [-0.5, -0.22], 1],
  [[L_BROW], [0.5, -0.22], 1],
  [[EYE_G], [0, 0.07], 1],
  [[NOSE], [0, 0.4], 1],
  [LIPS_AND_MOUTH, [0, 1.06], 3],
];

/** The largest connected piece of a region. */
export function largestPiece(region, size) {
  const { numbers, pieces } = piecesOf(region, size, size);
  let best = 0;
  for (let k = 1; k < pieces.length; k++) if (!best || pieces[k].area > pieces[best].area) best = k;
  const piece = new Uint8Array(region.length);
  for (let i = 0; best && i < piece.length; i++) if (numbers[i] === best) piece[i] = 1;
  return piece;
}

export function centreOf(region, size) {
  let [count, columns, rows] = [0, 0, 0];
  for (let i = region.indexOf(1); i >= 0; i = region.indexOf(1, i + 1)) {
    count++;
    columns += i % size;
    rows += Math.floor(i / size);
  }
  return [columns / count, rows / count];
}

/** Raised brows and slipped glasses do not count when both eyes are visible, and a half hidden brow hardly. */
function trust(labels, mask) {
  if (!labels.every((label) => label === EYE_G || BROWS.includes(label))) return 1;
  const area = (label) => areaOf(where(mask, label));
  if (EYES.every((label) => area(label) >= 6)) return 0;
  if (labels.includes(EYE_G)) return 1;
  const sizes = BROWS.map(area);
  return Math.min(...sizes) > 0.5 * Math.max(...sizes) ? 1 : 0.1;
}

/** A similarity between frame coordinates and pixels: pixel = origin + axis * frame, as complex numbers. */
export class Frame {
  constructor([originX, originY], [axisX, axisY]) {
    Object.assign(this, { originX, originY, axisX, axisY, unit: Math.hypot(axisX, axisY) });
  }

  /** Columns and rows of frame coordinates; each a Float32Array. */
  toPixels(xs, ys) {
    const { originX, originY, axisX, axisY } = this;
    const [columns, rows] = [xs.slice(), xs.slice()];
    for (let i = 0; i < xs.length; i++) {
      columns[i] = originX + axisX * xs[i] - axisY * ys[i];
      rows[i] = originY + axisY * xs[i] + axisX * ys[i];
    }
    return [columns, rows];
  }

  /** Frame coordinates x and y of every pixel of a square picture. */
  coordinates(size) {
    const { originX, originY, axisX, axisY, unit } = this;
    const [a, b] = [axisX / unit ** 2, -axisY / unit ** 2];
    const [x, y] = [new Float32Array(size * size), new Float32Array(size * size)];
    for (let line = 0, i = 0; line < size; line++) {
      const row = line - originY;
      for (let k = 0; k < size; k++, i++) {
        const column = k - originX;
        x[i] = a * column - b * row;
        y[i] = b * column + a * row;
      }
    }
    return [x, y];
  }
}

/** The frame of the face in a mask, by weighted least squares. */
export function fitFrame(mask, size) {
  const found = [];
  for (const [labels, place, weight] of LANDMARKS) {
    const region = where(mask, ...labels);
    if (areaOf(region) < 6) continue;
    const trusted = weight * trust(labels, mask);
    if (trusted) found.push({ place, at: centreOf(largestPiece(region, size), size), weight: trusted });
  }
  const frame = found.length >= 2 ? similarity(found) : bySkin(mask, size, found[0]);
  if (frame.unit < 6) throw new Error("The face in this mask is too small for quick edits; use a larger crop.");
  return frame;
}

function similarity(found) {
  const total = found.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (of) => [0, 1].map((k) => found.reduce((sum, point) => sum + point.weight * of(point)[k], 0) / total);
  const [place, at] = [mean((point) => point.place), mean((point) => point.at)];
  let [real, imaginary, spread] = [0, 0, 0];
  for (const point of found) {
    const [zx, zy] = [point.place[0] - place[0], point.place[1] - place[1]];
    const [px, py] = [point.at[0] - at[0], point.at[1] - at[1]];
    real += point.weight * (zx * px + zy * py);
    imaginary += point.weight * (zx * py - zy * px);
    spread += point.weight * (zx * zx + zy * zy);
  }
  const [axisX, axisY] = [real / spread, imaginary / spread];
  return new Frame([at[0] - axisX * place[0] + axisY * place[1], at[1] - axisY * place[0] - axisX * place[1]], [axisX, axisY]);
}

/** An upright face by its skin, which covers about 4.3 square units. */
function bySkin(mask, size, landmark) {
  const skin = where(mask, SKIN);
  const area = areaOf(skin);
  if (area < 30) throw new Error("This mask shows no face to work on; paint skin, eyes and a mouth first.");
  const axis = Math.sqrt(area / 4.3);
  const [x, y] = centreOf(skin, size);
  const { place, at } = landmark ?? { place: [0, 0.35], at: [x, y] };
  return new Frame([at[0] - axis * place[0], at[1] - axis * place[1]], [axis, 0]);
}
