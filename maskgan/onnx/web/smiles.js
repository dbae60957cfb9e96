// What smiles do to faces, measured on people; see maskgan/quick_edits/smiles.py.

import { SMILE } from "./constants.js";
import { clip, interpolated } from "./samples.js";

const { lines, step, shift, light } = SMILE; // rows of columns, in thousandths

/** By how much wider the mouth gets, in parts. */
export const WIDER = SMILE.wider;

/** By how much (frame units) the corners of the mouth rise. */
export const RISE = -(lines[1].at(-1) + lines[2].at(-1)) / 2;

const places = lines[0].map((_, k) => k / (lines[0].length - 1));

/** How far a line of the lips (from 0 on, from above) moves down at t, from -1 at one corner of the mouth to 1 at the other. */
export const lineAt = (number, t) => interpolated(Math.abs(t), places, lines[number]);

/** A function of the place of a pixel in the smile's grid, [u, v]; `centre`, `row`: the middle of the mouth in the frame. */
export function placesOf(scene, centre, row) {
  const [left, right] = scene.cheeks;
  const [one, other] = [centre - left, right - centre].map((half) => clip(half, 0.2, (right - left) / 2));
  return (i) => {
    const v = scene.y[i] / row;
    const across = scene.x[i] - centre * clip(v, 0, 1.5);
    return [across / (across < 0 ? one : other), v];
  };
}

function at(valueOf, u, v) {
  const [column, line] = [Math.abs(u) / step, Math.abs(v) / step];
  const [left, top] = [Math.floor(column), Math.floor(line)];
  if (left >= light[0].length || top >= light.length) return 0;
  const value = (row, at) => (row < light.length && at < light[0].length ? valueOf(row, at) / 1000 : 0);
  const [upper, lower] = [top, top + 1].map((row) => {
    const first = value(row, left);
    return first + (column - left) * (value(row, left + 1) - first);
  });
  return upper + (line - top) * (lower - upper);
}

/** Where skin comes from at a place, in frame units outwards and down. */
export const shiftAt = (u, v) => [0, 1].map((axis) => at((row, column) => shift[row][column][axis], u, v));

/** How much lighter it gets there, natural logarithm. */
export const lightAt = (u, v) => at((row, column) => light[row][column], u, v);
