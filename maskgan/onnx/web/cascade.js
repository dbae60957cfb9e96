// The cascade of three small networks that finds faces (MTCNN), the same steps as in maskgan/editing/cascade.py.
// Boxes are {x0, y0, x1, y1, score}, points [x, y], in pixels of the picture with its corner at (0, 0).

import { cutOut, picture, resizeArea, resizeLinear, turnedOnce } from "./pixels.js";
import { roundEven } from "./regions.js";

const CELL = 12; // P-Net's window in pixels
const STRIDE = 2;
const STEP = 0.709; // between scales of the pyramid
const PASS = [0.6, 0.7, 0.7]; // scores that candidates need to get past each network
const TILE = 1024;
const BATCH = 512;

// Looks of O-Net at a face that was found: scale of its box and shifts in shares of its side.
const LOOKS = [0.9, 1.12].flatMap((scale) => [[0, 0], [0.06, -0.06], [-0.06, 0.06]].map(([x, y]) => [scale, x, y]));
const MIN_LOG_ODDS = 4.0; // their mean
const MAX_SPREAD = 0.0235; // how far their points may lie apart, in shares of the box

/** A picture, halved again and again as far as somebody asks. */
export class Octaves {
  constructor(first) {
    this.list = [first];
    this.width = first.width;
    this.height = first.height;
  }

  /** The octave that is at least `scale` times the picture's size. */
  at(scale) {
    const wanted = Math.floor(-Math.log2(Math.min(scale, 1)) + 1e-9);
    while (this.list.length <= wanted) {
      const last = this.list.at(-1);
      this.list.push(resizeArea(last, Math.max(1, last.width >> 1), Math.max(1, last.height >> 1)));
    }
    return this.list[wanted];
  }

  scaled(scale) {
    const size = [this.width, this.height].map((n) => Math.max(1, roundEven(n * scale)));
    return resizeArea(this.at(scale), ...size);
  }

  /** The picture at a long side of at most `side`, turned by quarter turns counterclockwise. */
  turned(quarters, side) {
    let small = this.scaled(Math.min(1, side / Math.max(this.width, this.height)));
    for (let i = 0; i < quarters; i++) small = turnedOnce(small);
    return new Octaves(small);
  }
}

/** Faces whose box has a side from about `smallest` pixels on: boxes with `points`. */
export async function findFaces(run, octaves, smallest) {
  let boxes = [];
  for (let size = smallest; size <= Math.max(octaves.height, octaves.width) * 1.2; size /= STEP) {
    boxes.push(...(await propose(run, octaves, CELL / size)));
  }
  boxes = suppressed(boxes, 0.7).map(squared);
  boxes = await refined(run, octaves, boxes, "rnet", 24, { shifts: "dense_2", scores: "softmax_1", pass: PASS[1] });
  boxes = suppressed(boxes, 0.7).map(squared);
  boxes = await refined(run, octaves, boxes, "onet", 48, { shifts: "dense_5", scores: "softmax_2", pass: PASS[2] });
  return lookAgain(run, octaves, suppressed(boxes, 0.7, true));
}

/** Pictures of one size as a network's input, whose weights are of transposed pictures. */
function blob(pictures) {
  const { width, height } = pictures[0];
  const data = new Float32Array(pictures.length * width * height * 3);
  let at = 0;
  for (const { data: pixels } of pictures) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) {
        for (let c = 0; c < 3; c++) data[at++] = (pixels[(y * width + x) * 3 + c] - 127.5) / 128;
      }
    }
  }
  return { type: "float32", data, dims: [pictures.length, width, height, 3] };
}

/** P-Net at one scale. */
async function propose(run, octaves, scale) {
  const level = octaves.scaled(scale);
  const overlap = CELL - STRIDE;
  const found = [];
  for (let top = 0; top < Math.max(1, level.height - overlap); top += TILE) {
    for (let left = 0; left < Math.max(1, level.width - overlap); left += TILE) {
      const width = Math.min(TILE + overlap, level.width - left);
      const height = Math.min(TILE + overlap, level.height - top);
      if (Math.min(width, height) < CELL) continue;
      const answer = await run("pnet", { input_1: blob([cutOut(level, left, top, width, height)]) });
      const { conv2d_4: shifts, softmax: scores } = answer;
      const rows = scores.dims[2];
      for (let i = 0; i < scores.data.length / 2; i++) {
        const score = scores.data[2 * i + 1];
        if (score < PASS[0]) continue;
        const [x, y] = [left + STRIDE * Math.floor(i / rows), top + STRIDE * (i % rows)];
        const [a, b, c, d] = shifts.data.subarray(4 * i, 4 * i + 4);
        found.push({ x0: x + CELL * a, y0: y + CELL * b, x1: x + CELL + CELL * c, y1: y + CELL + CELL * d, score });
      }
    }
  }
  const [sx, sy] = [octaves.width / level.width, octaves.height / level.height];
  return suppressed(found, 0.5).map(({ x0, y0, x1, y1, score }) => ({ x0: x0 * sx, y0: y0 * sy, x1: x1 * sx, y1: y1 * sy, score }));
}

/** R-Net or O-Net: throws most candidates out and moves the others. */
async function refined(run, octaves, boxes, network, side, { shifts, scores, pass }) {
  const kept = [];
  for (let start = 0; start < boxes.length; start += BATCH) {
    const part = boxes.slice(start, start + BATCH);
    const answer = await run(network, { [network === "rnet" ? "input_2" : "input_3"]: blob(part.map((box) => cut(octaves, box, side))) });
    part.forEach((box, i) => {
      const score = answer[scores].data[2 * i + 1];
      if (score <= pass) return;
      const [a, b, c, d] = answer[shifts].data.subarray(4 * i, 4 * i + 4);
      const [w, h] = [box.x1 - box.x0, box.y1 - box.y0];
      kept.push({ x0: box.x0 + w * a, y0: box.y0 + h * b, x1: box.x1 + w * c, y1: box.y1 + h * d, score });
    });
  }
  return kept;
}

/** Those of the faces that O-Net also finds with its window moved, widened and mirrored, at one place. */
async function lookAgain(run, octaves, boxes) {
  const faces = [];
  for (const box of boxes) {
    const side = Math.max(box.x1 - box.x0, box.y1 - box.y0);
    const [mx, my] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
    const windows = LOOKS.map(([scale, x, y]) => {
      const [x0, y0] = [mx + side * (x - scale / 2), my + side * (y - scale / 2)];
      return { x0, y0, x1: x0 + side * scale, y1: y0 + side * scale, size: side * scale };
    });
    const cuts = windows.map((window) => cut(octaves, window, 48));
    const answer = await run("onet", { input_3: blob([...cuts, ...cuts.map(mirrored)]) });
    const looks = [...windows, ...windows].map((window, i) => {
      const [no, yes] = answer.softmax_2.data.subarray(2 * i, 2 * i + 2);
      const places = answer.dense_6.data.subarray(10 * i, 10 * i + 10);
      const flipped = i >= windows.length;
      const points = (flipped ? [1, 0, 2, 4, 3] : [0, 1, 2, 3, 4]).map((k) => [
        window.x0 + window.size * (flipped ? 1 - places[k] : places[k]),
        window.y0 + window.size * places[k + 5],
      ]);
      return { odds: Math.log(Math.max(yes, 1e-6)) - Math.log(Math.max(no, 1e-6)), points };
    });
    const mean = (values) => values.reduce((a, b) => a + b) / values.length;
    const coordinates = [0, 1, 2, 3, 4].flatMap((k) => [0, 1].map((axis) => looks.map((look) => look.points[k][axis])));
    const means = coordinates.map(mean);
    const spread = mean(coordinates.map((values, i) => Math.sqrt(mean(values.map((v) => (v - means[i]) ** 2))))) / side;
    if (mean(looks.map((look) => look.odds)) < MIN_LOG_ODDS || spread > MAX_SPREAD) continue;
    faces.push({ ...box, points: [0, 1, 2, 3, 4].map((k) => [means[2 * k], means[2 * k + 1]]) });
  }
  return faces;
}

function mirrored({ width, height, channels, data }) {
  const result = new Uint8ClampedArray(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * channels;
      result.set(data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return picture(width, height, channels, result);
}

/** A box's picture of side x side pixels; what lies outside the photo is black. */
function cut(octaves, box, side) {
  const source = octaves.at(side / Math.max(box.x1 - box.x0, 1));
  const [sx, sy] = [source.width / octaves.width, source.height / octaves.height];
  const [left, top] = [roundEven(box.x0 * sx), roundEven(box.y0 * sy)];
  const right = Math.max(roundEven(box.x1 * sx), left + 1);
  const bottom = Math.max(roundEven(box.y1 * sy), top + 1);
  const whole = picture(right - left, bottom - top, 3, new Uint8ClampedArray((right - left) * (bottom - top) * 3));
  const from = Math.max(left, 0);
  const to = Math.min(right, source.width);
  for (let y = Math.max(top, 0); y < Math.min(bottom, source.height) && from < to; y++) {
    const row = source.data.subarray((y * source.width + from) * 3, (y * source.width + to) * 3);
    whole.data.set(row, ((y - top) * whole.width + from - left) * 3);
  }
  return (whole.width < side ? resizeLinear : resizeArea)(whole, side, side);
}

/** The square around the middle of a box, as large as its longer side. */
function squared({ x0, y0, x1, y1, score }) {
  const [mx, my, half] = [(x0 + x1) / 2, (y0 + y1) / 2, Math.max(x1 - x0, y1 - y0) / 2];
  return { x0: mx - half, y0: my - half, x1: mx + half, y1: my + half, score };
}

/** Non-maximum suppression, best first: a box goes where a better one shares more than `overlap` of their union, or
 *  of the smaller one's area. */
function suppressed(boxes, overlap, ofSmaller = false) {
  const area = ({ x0, y0, x1, y1 }) => Math.max(x1 - x0, 0) * Math.max(y1 - y0, 0);
  const kept = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    const crowded = kept.some((other) => {
      const shared = area({
        x0: Math.max(box.x0, other.x0), y0: Math.max(box.y0, other.y0),
        x1: Math.min(box.x1, other.x1), y1: Math.min(box.y1, other.y1),
      });
      const all = ofSmaller ? Math.min(area(box), area(other)) : area(box) + area(other) - shared;
      return shared > overlap * all;
    });
    if (!crowded) kept.push(box);
  }
  return kept;
}
