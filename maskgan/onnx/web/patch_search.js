// Which patches of a picture fill a hole in it, level by level; see maskgan/editing/completion.py.

import { chance } from "./chance.js";
import { picture, resizeLinear } from "./pixels.js";
import { CELLS, STEPS, patches } from "./patches.js";
import { inPieces } from "./pieces.js";
import { dilated, roundEven, square } from "./regions.js";

const FILLED = [4, 5]; // what a cell that was filled from the edge and a known one count
const INSIDE = 1.3; // how much less a patch tells with each cell that it lies further inside the hole

/** The sources that targets look like, and the colours that follow from that; `below`: the search at the level before. */
export class Search {
  constructor(grid, below, level) {
    const { side, targets, sources } = grid;
    Object.assign(this, { grid, level, calls: 0 });
    this.likes = patches(grid.colours, 3, sources, side);
    this.says = patches(new Float32Array(grid.known), 1, sources, side);
    this.counts = Float64Array.from(targets, (_, k) => {
      let sum = 0;
      for (let j = 0; j < CELLS; j++) sum += grid.weights[k * CELLS + j];
      return 3 * sum;
    });
    this.found = Int32Array.from(this.random(targets.length), (share) => Math.floor(share * sources.length));
    if (below) this.takeOver(below);
    else this.colours = fromTheEdge(grid, this.likes);
    this.cost = new Float64Array(targets.length);
    // Patches that lie deep in the hole know little.
    const away = stepsInside(grid.hole, side);
    const powers = new Float64Array(side + 1);
    powers.forEach((_, k) => (powers[k] = k ? powers[k - 1] * (1 / INSIDE) : 1 / INSIDE));
    this.trust = Float64Array.from(targets, (place) => powers[Math.min(away[place], side)]);
  }

  /** Colours and sources of the level with half the cells. */
  takeOver(below) {
    const { grid } = this;
    const { side } = grid;
    const half = side / 2;
    const larger = resizeLinear(picture(half, half, 3, below.colours), side, side).data;
    this.colours = grid.colours.map((value, k) => (grid.hole[Math.floor(k / 3)] ? roundEven(larger[k]) : value));
    grid.targets.forEach((place, k) => {
      const [row, column] = [Math.floor(place / side), place % side];
      const own = below.grid.targetOf[(row >> 1) * half + (column >> 1)];
      let [down, right] = [0, 0];
      if (own >= 0) {
        const [to, from] = [below.grid.sources[below.found[own]], below.grid.targets[own]];
        down = Math.floor(to / half) - Math.floor(from / half);
        right = (to % half) - (from % half);
      }
      const likely = grid.at(grid.sourceOf, row + 2 * down, column + 2 * right);
      if (likely >= 0) this.found[k] = likely;
    });
  }

  /** Better sources for all targets: what serves a neighbour, and chance ever closer to the best. */
  improve(thorough) {
    const { grid } = this;
    const { side, targets, sources } = grid;
    this.wanted = patches(this.colours, 3, targets, side);
    this.cost = Float64Array.from(targets, (_, k) => this.costOf(k, this.found[k]));
    for (const steps of thorough ? [[4, 2, 1], [1]] : [[1]]) {
      for (const step of steps) {
        for (const [down, right] of [[0, step], [0, -step], [step, 0], [-step, 0]]) {
          this.attempt(Int32Array.from(targets, (place) => {
            const beside = grid.at(grid.targetOf, Math.floor(place / side) + down, (place % side) + right);
            if (beside < 0) return -1;
            const source = sources[this.found[beside]];
            return grid.at(grid.sourceOf, Math.floor(source / side) - down, (source % side) - right);
          }));
        }
      }
      for (let radius = side / 2; radius >= 1; radius /= 2) {
        const [rows, columns] = [this.random(targets.length), this.random(targets.length)].map((chance) =>
          chance.map((share) => Math.floor((2 * share - 1) * radius + 0.5)));
        this.attempt(this.found.map((number, k) => {
          const source = sources[number];
          return grid.at(grid.sourceOf, Math.floor(source / side) + rows[k], (source % side) + columns[k]);
        }));
      }
    }
  }

  /** The hole's colours as the mean of what all patches over a cell say of it. */
  vote() {
    const { grid, cost, found, likes, says } = this;
    const { side, targets, hole } = grid;
    const usual = Float64Array.from(cost).sort()[cost.length >> 1] + 1;
    const weight = this.trust.map((trust, k) => trust / (1 + (cost[k] / usual) * (cost[k] / usual)));
    const total = new Float64Array(4 * side * side);
    STEPS.forEach(([dy, dx], number) => {
      targets.forEach((place, k) => {
        const [y, x] = [Math.floor(place / side) + dy, (place % side) + dx];
        if (y < 0 || y >= side || x < 0 || x >= side) return;
        const trusted = says[found[k] * CELLS + number] * weight[k];
        const [to, from] = [4 * (y * side + x), 3 * (found[k] * CELLS + number)];
        for (let c = 0; c < 3; c++) total[to + c] += likes[from + c] * trusted;
        total[to + 3] += trusted;
      });
    });
    this.colours = this.colours.map((value, k) => {
      const [i, c] = [Math.floor(k / 3), k % 3];
      return hole[i] && total[4 * i + 3] > 0 ? Math.floor(total[4 * i + c] / Math.max(total[4 * i + 3], 1e-12) + 0.5) : value;
    });
  }

  /** Shifts of the cells of the hole, x and y, and which cells have one. */
  shifts() {
    const { grid, found } = this;
    const { side, targets, sources, hole } = grid;
    const shifts = [];
    targets.forEach((place, k) => {
      if (!hole[place]) return;
      const source = sources[found[k]];
      shifts.push([Math.floor(source / side) - Math.floor(place / side), (source % side) - (place % side)]);
    });
    return inPieces(grid, this.colours, shifts);
  }

  /** Takes other sources, -1 for none, where they are better. */
  attempt(sources) {
    const { found, cost } = this;
    sources.forEach((number, k) => {
      if (number < 0 || number === found[k]) return;
      const other = this.costOf(k, number);
      if (other < cost[k]) [found[k], cost[k]] = [number, other];
    });
  }

  /** Mean squared difference of the patches of a target and a source, and what being far away costs. */
  costOf(target, source) {
    const { likes, wanted, grid } = this;
    const { side, weights } = grid;
    let sum = 0;
    for (let j = 0, a = 3 * CELLS * source, b = 3 * CELLS * target; j < CELLS; j++, a += 3, b += 3) {
      const weight = weights[target * CELLS + j];
      if (!weight) continue;
      const [r, g, v] = [likes[a] - wanted[b], likes[a + 1] - wanted[b + 1], likes[a + 2] - wanted[b + 2]];
      sum += weight * (r * r + g * g + v * v);
    }
    const [to, from] = [grid.sources[source], grid.targets[target]];
    const rows = Math.floor(to / side) - Math.floor(from / side);
    return sum / this.counts[target] + grid.unlike(to, from) + grid.far(rows, (to % side) - (from % side));
  }

  /** Numbers in [0, 1), others each time. */
  random(count) {
    this.calls += 1;
    return chance(this.level * 1000003 + this.calls * 40503, count);
  }
}

/** Colours with the hole filled ring by ring, by the middles of the patches that look like it. */
function fromTheEdge(grid, likes) {
  const { side, sources } = grid;
  const [filled, whole] = FILLED;
  const colours = grid.colours.slice();
  const known = Float32Array.from(grid.known, (inside) => whole * inside);
  const todo = grid.hole.slice();
  while (todo.includes(1)) {
    const beside = dilated(known.map((value) => (value ? 1 : 0)), side, square(1));
    let places = Array.from(todo.keys()).filter((place) => todo[place] && beside[place]);
    if (!places.length) places = Array.from(todo.keys()).filter((place) => todo[place]);
    const wanted = patches(colours, 3, places, side);
    const weights = patches(known, 1, places, side);
    const best = places.map((place, k) => {
      let sum = 0;
      for (let j = 0; j < CELLS; j++) sum += 3 * weights[k * CELLS + j];
      let [least, chosen] = [Infinity, 0];
      sources.forEach((source, number) => {
        let like = 0;
        for (let j = 0; j < CELLS; j++) {
          const weight = weights[k * CELLS + j];
          if (!weight) continue;
          for (let c = 0; c < 3; c++) {
            const there = likes[3 * (number * CELLS + j) + c];
            like += weight * (there * there - 2 * wanted[3 * (k * CELLS + j) + c] * there);
          }
        }
        const rows = Math.floor(source / side) - Math.floor(place / side);
        const cost = like / Math.max(sum, 1) + (grid.unlike(source, place) + grid.far(rows, (source % side) - (place % side)));
        if (cost < least) [least, chosen] = [cost, source];
      });
      return chosen;
    });
    places.forEach((place, k) => {
      for (let c = 0; c < 3; c++) colours[3 * place + c] = grid.colours[3 * best[k] + c];
      todo[place] = 0;
      known[place] = filled;
    });
  }
  return colours;
}

/** How many steps, diagonal ones too, lead out of a region. */
function stepsInside(region, side) {
  const steps = new Int32Array(side * side);
  let inside = region;
  for (let step = 1; inside.includes(1) && step <= side; step++) {
    inside.forEach((value, i) => value && (steps[i] = step));
    const outside = dilated(inside.map((value) => 1 - value), side, square(1));
    inside = inside.map((value, i) => (value && !outside[i] ? 1 : 0));
  }
  return steps;
}
