// How the border of a face and its neck moved, where a chin was painted longer or shorter; see maskgan/editing/chins.py.

import { LABEL } from "./constants.js";
import { EYES } from "./frame.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, both, either, grown, inverted, piecesOf, roundEven, where, without } from "./regions.js";

export const ONE_SKIN = [LABEL.SKIN, LABEL.NECK]; // classes that are one skin
// As shares of the picture's side: how far a border moves at most, the sigma that it is smoothed by, and from how far on it has moved.
const [FARTHEST, SMOOTH, MOVED] = [0.09, 0.022, 0.006];
const WHOLE = 0.2; // share of eyes and nose that changes from which on a face moved as a whole
const FEATURES = [...EYES, LABEL.NOSE];
// How far above and below the border's two places nothing else tells how it moved, and how far from what is no skin that does.
const [AROUND, BESIDE] = [0.012, 0.006];

/** The border of face and neck, where an edit moved it: its {columns, rows} after the edit, how many pixels lower each place came
 *  from as `shift`, and the `zone` between where it was and where it is; null when it stayed, when it moved
 *  very far, and when the face moved as a whole or became another one. */
export function movedChin(before, after, size) {
  const skins = where(after, ...ONE_SKIN);
  const swapped = both(where(before, ...ONE_SKIN), skins).map((skin, i) => skin & (before[i] !== after[i]));
  if (areaOf(swapped) < (SMOOTH * size) ** 2 || anotherFace(before, after)) return null;
  const { numbers, pieces } = piecesOf(where(before, LABEL.SKIN), size, size);
  const areas = pieces.map((piece) => (piece ? piece.area : 0));
  const largest = areas.indexOf(Math.max(...areas));
  const far = FARTHEST * size;
  const [own, came, told, bordered] = [new Int32Array(size), new Int32Array(size), new Float32Array(size), new Uint8Array(size)];
  let [first, last] = [size, -1];
  for (let x = 0; x < size; x++) {
    let [row, changes] = [-1, false];
    for (let y = 0; y < size; y++) {
      if (largest > 0 && numbers[y * size + x] === largest) row = y;
      changes ||= swapped[y * size + x] > 0;
    }
    if (row < 0) continue;
    own[x] = came[x] = row;
    bordered[x] = before[Math.min(row + 1, size - 1) * size + x] === LABEL.NECK ? 1 : 0;
    let moved = far + 1;
    for (let y = 0; y < size; y++) {
      if (after[y * size + x] === LABEL.SKIN && Math.abs(y - row) <= far) [moved, came[x]] = [y - row, y];
    }
    if (!bordered[x] || !changes || Math.abs(moved) <= MOVED * size) continue;
    if (moved > far) return null;
    told[x] = moved;
    [first, last] = [Math.min(first, x), x];
  }
  if (last < 0) return null;
  const sigma = SMOOTH * size;
  const margin = Math.floor(2 * sigma) + 1;
  const columns = [];
  for (let x = Math.max(0, first - margin); x <= Math.min(size - 1, last + margin); x++) if (bordered[x]) columns.push(x);
  if (columns.at(-1) - columns[0] >= columns.length) return null; // hair or a hand lies between
  const smooth = smoothed(columns.map((x) => told[x]), sigma);
  const zone = new Uint8Array(before.length);
  for (const x of columns) {
    const places = [own[x], came[x], own[x] + told[x]];
    const [top, bottom] = [Math.min(...places) - AROUND * size, Math.max(...places) + AROUND * size];
    for (let y = Math.max(0, Math.ceil(top)); y <= Math.min(size - 1, bottom); y++) zone[y * size + x] = 1;
  }
  return {
    columns,
    rows: columns.map((x, i) => Math.min(Math.max(roundEven(own[x] + smooth[i]), 0), size - 1)),
    shift: smooth.map((value) => -value),
    zone: without(zone, grown(inverted(skins), size, BESIDE * size)),
  };
}

/** Whether so much of eyes and nose changed that more than a chin moved. */
function anotherFace(before, after) {
  const features = either(where(before, ...FEATURES), where(after, ...FEATURES));
  return areaOf(features.map((feature, i) => feature & (before[i] !== after[i]))) > WHOLE * areaOf(features);
}

/** A Gaussian mean of values in a row, of those that there are. */
function smoothed(values, sigma) {
  const reach = Math.round(sigma * 8 + 1) >> 1;
  const padded = (line) => {
    const data = new Float32Array(line.length + 2 * reach);
    data.set(line, reach);
    return blurred(picture(data.length, 1, 1, data), sigma).data.subarray(reach, reach + line.length);
  };
  const weights = padded(values.map(() => 1));
  return Array.from(padded(values), (value, i) => value / weights[i]);
}
