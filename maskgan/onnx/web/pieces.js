// Which pieces of what is known a hole is filled with, few and large, that meet where it is not seen; see
// maskgan/editing/pieces.py.

import { picture, resizeArea } from "./pixels.js";
import { roundEven } from "./regions.js";

// Scenes change from top to bottom: how much less a step to the side counts for how far off a source is, how far costs
// nothing, and what the square of more costs.
const [SIDEWAYS, CLOSE, FAR] = [0.5, 0.15, 10000];
// How many shifts are tried of those that many places have, and for parts that none of these serves.
const [SHIFTS, MORE] = [24, 12];
// What two parts may differ by at most, and a cell; what a cell costs that is known, but not where the shift leads.
const [SEAM, DIFFERENT, GAP] = [20000, 6000, 600];
const LIKELY = 0.15; // what the colours that patches told count beside what is known
const [SERVED, UNLIKE] = [6000, 0.5]; // what serving a cell is worth, and what its difference from those takes of that
const ROUNDS = 7; // how often messages are passed
const NEVER = 1e7; // what is more than any cost

/** What a shift of rows and columns costs on a grid of that side. */
export function farOff(rows, columns, side) {
  const [y, x] = [rows / side, columns / side];
  return FAR * Math.max(Math.sqrt(y * y + (SIDEWAYS * x) ** 2) - CLOSE, 0) ** 2;
}

/** Shifts of the cells of a hole, x and y, and which cells have one: [shift, found]. `likely`: what its colours may be;
 *  `shifts`: [rows, columns] of places in it that found something like them. */
export function inPieces({ side, colours, known, hole }, likely, shifts) {
  const parts = new Parts(side, colours, known, hole, likely);
  for (const way of commonest(shifts, side)) parts.offer(way);
  for (const way of parts.serving()) parts.offer(way);
  const shift = new Float32Array(2 * side * side);
  const found = new Uint8Array(side * side);
  const chosen = parts.ways.length ? parts.chosen() : [];
  chosen.forEach((way, k) => {
    if (parts.costs[way][k] >= NEVER) return;
    const [down, right] = parts.ways[way];
    for (const cell of parts.cellsOf(parts.places[k], 0, 2)) {
      shift.set([right, down], 2 * cell);
      found[cell] = hole[cell];
    }
  });
  return [shift, found];
}

/** The parts of a hole, squares of four cells, and what they may take. */
class Parts {
  constructor(side, colours, known, hole, likely) {
    Object.assign(this, { side, half: side / 2, colours, known, hole, likely, ways: [], tells: [], costs: [] });
    this.places = squares(hole, side, (four) => four.some(Boolean));
    this.edges = this.places.map((place) => this.cellsOf(place, -1, 3).filter((cell) => cell >= 0 && known[cell]));
    this.lost = this.places.map(() => true);
  }

  /** Cells of a part from `low` rows and columns beside its first to before `high`; -1 beyond the picture. */
  cellsOf(place, low, high) {
    const [y, x] = [2 * Math.floor(place / this.half), 2 * (place % this.half)];
    const cells = [];
    for (let row = y + low; row < y + high; row++) {
      for (let column = x + low; column < x + high; column++) {
        cells.push(row < 0 || column < 0 || row >= this.side || column >= this.side ? -1 : row * this.side + column);
      }
    }
    return cells;
  }

  /** The cell that a shift leads to, -1 beyond the picture. */
  from(cell, [down, right]) {
    const [row, column] = [Math.floor(cell / this.side) + down, (cell % this.side) + right];
    return row < 0 || column < 0 || row >= this.side || column >= this.side ? -1 : row * this.side + column;
  }

  /** A shift, unless it serves nothing that none serves yet. */
  offer(way) {
    const { places, edges, colours, known, hole, likely, side } = this;
    if (this.ways.some(([down, right]) => down === way[0] && right === way[1])) return;
    const inner = places.map((place) => this.cellsOf(place, 0, 2));
    const serves = inner.map((cells) => cells.every((cell) => !hole[cell] || known[this.from(cell, way)]));
    if (!serves.some((served, k) => served && this.lost[k])) return;
    const tells = new Float32Array(12 * places.length);
    const far = 4 * farOff(way[0], way[1], side);
    const costs = new Float32Array(places.length);
    inner.forEach((cells, k) => {
      let unlike = 0;
      cells.forEach((cell, j) => {
        const other = this.from(cell, way);
        let square = 0;
        for (let c = 0; c < 3; c++) {
          const told = other < 0 ? 0 : colours[3 * other + c];
          tells[12 * k + 3 * j + c] = told;
          square += (told - likely[3 * cell + c]) ** 2;
        }
        unlike += Math.min(square, DIFFERENT);
      });
      let beside = 0;
      for (const cell of edges[k]) {
        const other = this.from(cell, way);
        beside += other >= 0 && known[other] ? Math.min(unlikeness(colours, other, colours, cell), DIFFERENT) : GAP;
      }
      costs[k] = serves[k] ? roundEven(LIKELY * unlike + far + beside) : NEVER;
    });
    this.ways.push(way);
    this.tells.push(tells);
    this.costs.push(costs);
  }

  /** Shifts that serve most of what none of those offered serves, on a coarser grid. */
  serving() {
    const { half } = this;
    if (this.ways.length) this.lost = this.places.map((_, k) => this.costs.every((costs) => costs[k] >= NEVER));
    const missing = new Uint8Array(half * half);
    this.places.forEach((place, k) => (missing[place] = this.lost[k] ? 1 : 0));
    const side = half / 2;
    const lost = squares(missing, half, (four) => four.some(Boolean));
    if (!lost.length) return [];
    const whole = new Uint8Array(half * half);
    for (const place of squares(this.known, this.side, (four) => four.every(Boolean))) whole[place] = 1;
    const known = new Uint8Array(side * side);
    for (const place of squares(whole, half, (four) => four.every(Boolean))) known[place] = 1;
    const [colours, likely] = [this.colours, this.likely].map((plane) => halved(halved(plane, this.side), half));
    const ways = [];
    const worth = [];
    for (let down = 1 - side; down < side; down++) {
      for (let right = 1 - side; right < side; right++) {
        const far = farOff(down, right, side);
        const own = new Float64Array(lost.length);
        for (let k = 0; k < lost.length; k++) {
          const [row, column] = [Math.floor(lost[k] / side) + down, (lost[k] % side) + right];
          if (row < 0 || column < 0 || row >= side || column >= side || !known[row * side + column]) continue;
          own[k] = Math.max(SERVED - UNLIKE * unlikeness(colours, row * side + column, likely, lost[k]) - far, 1);
        }
        ways.push([4 * down, 4 * right]);
        worth.push(own);
      }
    }
    const result = [];
    for (let number = 0; number < MORE; number++) {
      let [best, most] = [-1, 0];
      worth.forEach((own, k) => {
        let total = 0;
        for (let j = 0; j < own.length; j++) total += own[j];
        if (total > most) [best, most] = [k, total];
      });
      if (best < 0) break;
      result.push(ways[best]);
      const served = Array.from(lost.keys()).filter((k) => worth[best][k] > 0);
      for (const own of worth) for (const k of served) own[k] = 0;
    }
    return result;
  }

  /** The number of the shift of each part. */
  chosen() {
    const { places, half } = this;
    const numbers = new Int32Array(half * half).fill(-1);
    places.forEach((place, k) => (numbers[place] = k));
    const pairs = [1, half].map((step) => {
      const beside = places.map((place) => (step === 1 && place % half === half - 1 ? -1 : numbers[place + step] ?? -1));
      const one = Array.from(places.keys()).filter((k) => beside[k] >= 0);
      return [one, one.map((k) => beside[k])];
    });
    const many = this.ways.length;
    const believed = new Float32Array(places.length * many);
    this.costs.forEach((costs, way) => costs.forEach((cost, k) => (believed[k * many + way] = cost)));
    const messages = pairs.map(([one]) => [0, 1].map(() => new Float32Array(one.length * many)));
    const seams = this.seams(pairs);
    for (let round = 0; round < ROUNDS; round++) {
      pairs.forEach((pair, direction) => {
        const both = messages[direction];
        for (const way of [0, 1]) pass(believed, pair[way], pair[1 - way], both[way], both[1 - way], seams[direction], many);
      });
    }
    return places.map((_, k) => least(believed.subarray(k * many, (k + 1) * many)));
  }

  /** What each two shifts cost side by side, for pairs of parts, one table after the other. */
  seams(pairs) {
    const many = this.ways.length;
    const table = many * many;
    const unlike = new Float32Array(this.places.length * table);
    for (let a = 0; a < many; a++) {
      for (let b = 0; b < a; b++) {
        const [one, other] = [this.tells[a], this.tells[b]];
        for (let j = 0, to = 0; j < one.length; to += table) {
          let sum = 0;
          for (const end = j + 12; j < end; j++) sum += (one[j] - other[j]) * (one[j] - other[j]);
          unlike[to + a * many + b] = unlike[to + b * many + a] = sum;
        }
      }
    }
    return pairs.map(([one, other]) => {
      const result = new Float32Array(one.length * table);
      for (let m = 0, to = 0; m < one.length; m++) {
        for (let i = one[m] * table, j = other[m] * table, end = i + table; i < end; i++, j++, to++) {
          result[to] = Math.min(unlike[i] + unlike[j], SEAM);
        }
      }
      return result;
    });
  }
}

/** Senders tell receivers how much more each of `many` shifts costs there, at least: what they are known to have `sent` before
 *  goes half the way to that. `back`: what they were told themselves. A part gets one message at most. */
function pass(believed, senders, receivers, sent, back, seams, many) {
  const told = new Float32Array(many);
  const news = new Float32Array(sent.length);
  for (let m = 0; m < senders.length; m++) {
    told.fill(Infinity);
    let lowest = Infinity;
    for (let a = 0, seam = m * many * many; a < many; a++) {
      const own = believed[senders[m] * many + a] - back[m * many + a];
      for (let b = 0; b < many; b++, seam++) {
        const cost = own + seams[seam];
        if (cost < told[b]) told[b] = cost;
        if (cost < lowest) lowest = cost;
      }
    }
    for (let b = 0; b < many; b++) news[m * many + b] = Math.floor((told[b] - lowest + sent[m * many + b]) / 2);
  }
  for (let m = 0; m < receivers.length; m++) { // after all have told: a part may be both
    for (let k = m * many, to = receivers[m] * many, end = k + many; k < end; k++, to++) {
      believed[to] += news[k] - sent[k];
      sent[k] = news[k];
    }
  }
}

/** The number of the smallest of some values, the first of equal ones. */
function least(values) {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] < values[best]) best = k;
  return best;
}

/** Squares of four cells of a plane of that side that pass a test, by their places on a grid of half the side. */
function squares(plane, side, test) {
  const result = [];
  for (let y = 0; y < side; y += 2) {
    for (let x = 0; x < side; x += 2) {
      const i = y * side + x;
      if (test([plane[i], plane[i + 1], plane[i + side], plane[i + side + 1]])) result.push((y / 2) * (side / 2) + x / 2);
    }
  }
  return result;
}

/** Colours on a grid of half the side, in whole numbers. */
function halved(colours, side) {
  return resizeArea(picture(side, side, 3, Float32Array.from(colours)), side / 2, side / 2).data.map(roundEven);
}

/** The squared difference of two places' colours. */
function unlikeness(colours, place, others, other) {
  let sum = 0;
  for (let c = 0; c < 3; c++) sum += (colours[3 * place + c] - others[3 * other + c]) ** 2;
  return sum;
}

/** Shifts that most have, or nearly; no two of them are neighbours. */
function commonest(shifts, side) {
  const wide = 2 * side;
  const count = new Float32Array(wide * wide);
  for (const [down, right] of shifts) count[(down + side) * wide + right + side] += 1;
  const near = new Float32Array(wide * wide);
  const around = (place) => {
    const [row, column] = [Math.floor(place / wide), place % wide];
    const cells = [];
    for (let y = Math.max(row - 1, 0); y < Math.min(row + 2, wide); y++) {
      for (let x = Math.max(column - 1, 0); x < Math.min(column + 2, wide); x++) cells.push(y * wide + x);
    }
    return cells;
  };
  count.forEach((value, place) => value && around(place).forEach((cell) => (near[cell] += value)));
  const result = [];
  for (let number = 0; number < SHIFTS; number++) {
    const place = least(near.map((value) => -value));
    if (near[place] <= 0) break;
    const cells = around(place);
    const best = cells[least(cells.map((cell) => -count[cell]))];
    result.push([Math.floor(best / wide) - side, (best % wide) - side]);
    for (const cell of cells) near[cell] = 0;
  }
  return result;
}
