// Straight edges close to a hole of a picture, and the lines that they lie on: maskgan/editing/straight_lines.py.

import { blurred, picture, resizeArea, scharr } from "./pixels.js";
import { dilated, eroded, regionOf, square } from "./regions.js";

// Within how many cells of a hole edges are sought, at which scale, and how many grey levels a cell they differ by.
const [AROUND, FINE, LEAST] = [64, 1.6, 2];
// How many directions of lines there are, by how many of them an edge's own may be off, and what its vote counts at most.
const [WAYS, OFF, STRONG] = [180, 3, 25];
// How far from a line its edges lie, in cells, at first and then, by what angle they are off, and how few they may be.
export const [BESIDE, TURNED, SHORT] = [[2.5, 1.5, 1.5], (8 * Math.PI) / 180, 14];
const [MOST, TRIED] = [14, 42]; // how many lines there are at most, and among how many
const CROSSING = 0.25; // the sine of the least angle at which lines cross

// So that what is equally strong is so wherever it is worked out.
const inSteps = (strength) => Math.round(64 * strength) / 64;

/** The points with x cos + y sin = away, in cells; a place on it is y cos - x sin. `seen`: places, from the first on, that
 *  have an edge. */
class Line {
  constructor(angle, away, first, seen) {
    Object.assign(this, { cos: Math.cos(angle), sin: Math.sin(angle), away, first, seen });
  }

  has(place) {
    return this.seen[place - this.first] === 1;
  }

  /** x and y of a place, and of what lies so far beside it. */
  at(place, beside = 0) {
    const { cos, sin } = this;
    const away = this.away + beside;
    return [away * cos - place * sin, away * sin + place * cos];
  }

  /** The place on this line and on another at which they cross; null for lines with almost the same direction. */
  crossing(other) {
    const sine = this.cos * other.sin - this.sin * other.cos;
    if (Math.abs(sine) < CROSSING) return null;
    const x = (this.away * other.sin - other.away * this.sin) / sine;
    const y = (this.cos * other.away - other.cos * this.away) / sine;
    return [y * this.cos - x * this.sin, y * other.cos - x * other.sin];
  }
}

/** The colours of a photo's cells, as far as it is known. */
export function seenCells(photo, known, cells) {
  const n = photo.width;
  const planes = new Float32Array(4 * n * n);
  known.forEach((inside, i) => inside && planes.set([photo.data[3 * i], photo.data[3 * i + 1], photo.data[3 * i + 2], 1], 4 * i));
  const soft = blurred(resizeArea(picture(n, n, 4, planes), cells, cells), FINE).data;
  const count = cells * cells;
  const colours = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) colours[3 * i + c] = soft[4 * i + c] / Math.max(soft[4 * i + 3], 1e-3);
  }
  return colours;
}

/** The edges close to a hole: { x, y, angle, strength } each, row by row. The strongest change of colours counts (Di Zenzo,
 *  CVGIP 1986), where it is stronger than on both sides. */
export function edgesOf(seen, share, missing, cells) {
  const count = cells * cells;
  const [across, down, both] = [0, 1, 2].map(() => new Float32Array(count));
  for (let c = 0; c < 3; c++) {
    const plane = picture(cells, cells, 1, Float32Array.from({ length: count }, (_, i) => seen[3 * i + c]));
    const [x, y] = [scharr(plane, 0), scharr(plane, 1)];
    for (let i = 0; i < count; i++) {
      across[i] += x[i] * x[i];
      down[i] += y[i] * y[i];
      both[i] += x[i] * y[i];
    }
  }
  const strength = across.map((value, i) => inSteps(Math.sqrt((value + down[i]) / 2 + Math.hypot((value - down[i]) / 2, both[i])) / 32));
  const near = dilated(regionOf(missing, (value) => value > 0.5), cells, square(AROUND));
  const inner = eroded(regionOf(share, (value) => value > 0.9), cells, square(1));
  const result = [];
  for (let y = 1; y < cells - 1; y++) {
    for (let x = 1; x < cells - 1; x++) {
      const i = y * cells + x;
      if (!near[i] || !inner[i] || strength[i] <= LEAST) continue;
      const angle = 0.5 * Math.atan2(2 * both[i], across[i] - down[i]);
      const step = Math.round(Math.sin(angle)) * cells + Math.round(Math.cos(angle));
      if (strength[i] < strength[i + step] || strength[i] <= strength[i - step]) continue;
      result.push({ x, y, angle: angle < 0 ? angle + Math.PI : angle, strength: strength[i] });
    }
  }
  return result;
}

/** Lines that edges lie on, those first that most do; no edge lies on two. */
export function linesOf(edges, cells) {
  const half = Math.floor(1.5 * cells);
  const room = new Float64Array(WAYS * 2 * half);
  for (const edge of edges) {
    edge.worth = inSteps(Math.sqrt(Math.min(edge.strength, STRONG)));
    edge.votes = Array.from({ length: 2 * OFF + 1 }, (_, k) => {
      const way = (Math.round((edge.angle * WAYS) / Math.PI) + k - OFF + WAYS) % WAYS;
      const angle = (way * Math.PI) / WAYS;
      return Math.round(edge.x * Math.cos(angle) + edge.y * Math.sin(angle)) + half + way * 2 * half;
    });
    for (const vote of edge.votes) room[vote] += edge.worth;
  }
  const result = [];
  let left = edges;
  for (let tried = 0; tried < TRIED; tried++) {
    let best = 0;
    for (let i = 1; i < room.length; i++) if (room[i] > room[best]) best = i;
    if (room[best] < SHORT || result.length === MOST) break;
    let [angle, away] = [(Math.floor(best / (2 * half)) * Math.PI) / WAYS, (best % (2 * half)) - half];
    let own = [];
    for (const reach of BESIDE) {
      own = left.filter((edge) => {
        const turned = Math.abs(((edge.angle - angle + 2.5 * Math.PI) % Math.PI) - Math.PI / 2);
        return turned < TURNED && Math.abs(edge.x * Math.cos(angle) + edge.y * Math.sin(angle) - away) <= reach;
      });
      if (own.length < SHORT) break;
      [angle, away] = fitted(own);
    }
    const members = new Set(own);
    left = left.filter((edge) => {
      if (!members.has(edge) && !edge.votes.includes(best)) return true;
      for (const vote of edge.votes) room[vote] -= edge.worth;
      return false;
    });
    room[best] = 0;
    if (own.length >= SHORT) result.push(lineOf(own, angle, away));
  }
  return result;
}

function lineOf(edges, angle, away) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const places = edges.map((edge) => Math.round(edge.y * cos - edge.x * sin));
  const first = Math.min(...places) - 1;
  const seen = new Uint8Array(Math.max(...places) - first + 2);
  for (const place of places) seen.fill(1, place - first - 1, place - first + 2);
  return new Line(angle, away, first, seen);
}

/** The angle across and distance from the origin of the line that edges lie on, by total least squares. */
function fitted(edges) {
  const sum = (value) => edges.reduce((total, edge) => total + edge.worth * value(edge), 0);
  const total = sum(() => 1);
  const [left, top] = [sum((edge) => edge.x) / total, sum((edge) => edge.y) / total];
  const both = sum((edge) => (edge.x - left) * (edge.y - top));
  const apart = sum((edge) => (edge.x - left) ** 2 - (edge.y - top) ** 2);
  const turned = Math.atan2(2 * both, apart) / 2 + Math.PI / 2;
  const angle = turned % Math.PI;
  return [angle, left * Math.cos(angle) + top * Math.sin(angle)];
}
