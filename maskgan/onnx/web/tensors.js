// What networks take and give, as {type, data, dims}: pictures as planes in [-1, 1], masks as class ids.

import { SIZE } from "./constants.js";
import { picture } from "./pixels.js";

/** The side at which whole faces are drawn at most. */
export const drawingSize = ({ manifest }) => Math.min(SIZE.crop, manifest.drawing_size ?? SIZE.crop);

/** A picture as planes. */
export function imageOf({ width, height, data }, channels = 3) {
  const area = width * height;
  const planes = new Float32Array(channels * area);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) planes[c * area + i] = data[3 * i + c] / 127.5 - 1;
  return { type: "float32", data: planes, dims: [1, channels, height, width] };
}

export const maskOf = (mask, width, height = width) => ({ type: "uint8", data: mask, dims: [1, height, width] });

/** image * known, then 2 * known - 1. */
export function keptOf(photo, known) {
  const kept = imageOf(photo, 4);
  known.forEach((value, i) => {
    for (let c = 0; c < 3; c++) kept.data[c * known.length + i] *= value;
    kept.data[3 * known.length + i] = 2 * value - 1;
  });
  return kept;
}

/** `keptOf` where nothing is known. */
export const nothingKept = (side) => ({ type: "float32", data: new Float32Array(4 * side * side).fill(-1, 3 * side * side), dims: [1, 4, side, side] });

/** Planes as a picture in 0..255, not rounded. */
export function fromPlanes(planes, width, height = width) {
  const area = width * height;
  const data = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) data[3 * i + c] = (Math.min(Math.max(planes[c * area + i], -1), 1) + 1) * 127.5;
  }
  return picture(width, height, 3, data);
}
