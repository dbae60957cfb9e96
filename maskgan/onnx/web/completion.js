// An uneven background goes on in pieces of itself where hair was taken away: the steps of maskgan/editing/completion.py.

import { DETAIL, fineDetail } from "./grain.js";
import { boxed, cubicWeights, picture, resizeArea, resizeLinear } from "./pixels.js";
import { dilated, distances, regionOf, roundEven, square } from "./regions.js";
import { SIZE } from "./constants.js";
import { putCubic } from "./samples.js";
import { inverse, reflected, thenShift } from "./warp.js";

// How far patches reach from their middle, in cells.
const REACH = 2;
// Levels, each with twice the cells of the one before, and how often patches are sought at each.
const SEARCHES = [10, 5, 3];
// Cells that are known to so much are known, and belong to the hole from so much on; a source's patch is known to more
// than so much; fewer patches are no source.
const [KNOWN, HOLE, SEEN, FEWEST] = [0.9, 0.02, 0.5, 30];
// Scenes change from top to bottom: how much less a step to the side counts for how far off a source is, how far costs
// nothing, and what the square of more costs.
const [SIDEWAYS, CLOSE, FAR] = [0.5, 0.15, 10000];
// What it counts that the network's paint of two places differs, and within how many cells that is averaged.
const [GUIDED, WITHIN] = [0.3, 5];
// What a cell of the hole counts beside a known one, and one that was filled from the edge.
const [OWN, FILLED] = [[1, 2], [4, 5]];
// How much less a patch tells with each cell that it lies further inside the hole.
const INSIDE = 1.3;
// How many shifts are tried at most, and what is more than any cost.
const [SHIFTS, MORE, NEVER] = [60, 30, 1e9];

const STEPS = [];
for (let y = -REACH; y <= REACH; y++) for (let x = -REACH; x <= REACH; x++) STEPS.push([y, x]);
const CELLS = STEPS.length;

/** Where a hole takes its pixels from, at any resolution: `shift` (x and y, in cells) and `found` of each cell, `share`
 *  a plane of how much of it is wanted. */
export class Completion {
  constructor(cells, shift, found, share) {
    Object.assign(this, { cells, shift, found, share });
  }

  /** For a hole in a picture of n x n pixels, of which only what is known counts; `painted`: what a network made of it.
   *  Null where too little is known. */
  static planned(image, painted, known, hole) {
    const n = image.width;
    const cells = n > SIZE.network ? n / 4 : n / 2;
    let below = null;
    for (const [level, searches] of SEARCHES.entries()) {
      const grid = new Grid(image, painted, known, hole, cells >> (SEARCHES.length - 1 - level));
      if (grid.sources.length < FEWEST) return null;
      const search = new Search(grid, below, level);
      for (let number = 0; number < searches; number++) {
        search.improve(number === 0);
        search.vote();
      }
      below = search;
    }
    return new Completion(cells, ...below.shifts(), picture(n, n, 1, new Float32Array(hole)));
  }

  /** The detail to add, times `share`, to a picture whose known pixels have it. */
  of(image, toCells) {
    const scale = Math.sqrt(Math.abs(toCells[0] * toCells[4] - toCells[1] * toCells[3]));
    const sigma = (DETAIL * this.cells) / this.share.width / scale;
    return this.moved(fineDetail({ ...image, data: new Float32Array(image.data) }, sigma), toCells).picture;
  }

  /** What the hole shows of a picture of floats, and where it shows something, in 0..1: { picture, there }. `toCells`: a
   *  matrix from its pixels to the grid's cells. Each pixel is told by the four cells around it. */
  moved(image, toCells) {
    const { width, height } = image;
    const { cells, shift, found } = this;
    const result = picture(width, height, 3, new Float32Array(3 * width * height));
    const there = new Float32Array(width * height);
    const [a, b, , d, e] = inverse(toCells);
    const [p, q, r, s, t, u] = thenShift(toCells, (toCells[0] + toCells[1]) / 2 - 0.5, (toCells[3] + toCells[4]) / 2 - 0.5);
    const told = new Float32Array(3);
    const near = new Int32Array(4);
    const weights = new Float64Array(4);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const [across, down] = [p * x + q * y + r, s * x + t * y + u];
        const [left, top] = [Math.floor(across), Math.floor(down)];
        let total = 0;
        for (let k = 0; k < 4; k++) {
          const [row, column] = [top + (k >> 1), left + (k & 1)];
          near[k] = Math.min(Math.max(row, 0), cells - 1) * cells + Math.min(Math.max(column, 0), cells - 1);
          weights[k] = found[near[k]] ? (1 - Math.abs(column - across)) * (1 - Math.abs(row - down)) : 0;
          total += weights[k];
        }
        if (!total) continue;
        there[i] = total;
        for (let k = 0; k < 4; k++) {
          let weight = weights[k];
          if (!weight) continue;
          const [right, lower] = [shift[2 * near[k]], shift[2 * near[k] + 1]];
          for (let other = k + 1; other < 4; other++) { // most cells beside each other have one shift
            if (shift[2 * near[other]] !== right || shift[2 * near[other] + 1] !== lower) continue;
            weight += weights[other];
            weights[other] = 0;
          }
          sample(image, x + a * right + b * lower, y + d * right + e * lower, told);
          for (let c = 0; c < 3; c++) result.data[3 * i + c] += (weight / Math.max(total, 1e-3)) * told[c];
        }
      }
    }
    return { picture: result, there };
  }
}

const [ACROSS, DOWN] = [new Float64Array(4), new Float64Array(4)];

/** The colours of a picture between its pixels, by cubic convolution, put into an array. */
function sample(image, x, y, told) {
  const [left, top] = [Math.floor(x + 1 / 64), Math.floor(y + 1 / 64)];
  const exact = Math.abs(x - left) < 1 / 64 && Math.abs(y - top) < 1 / 64;
  if (exact) {
    const from = 3 * (reflected(top, image.height) * image.width + reflected(left, image.width));
    for (let c = 0; c < 3; c++) told[c] = image.data[from + c];
    return;
  }
  putCubic(image, left, top, cubicWeights(x - left, ACROSS), cubicWeights(y - top, DOWN), reflected, told, 0);
}

/** A level: what is known of its cells, and the middles of patches as places row * side + column. */
class Grid {
  constructor(image, painted, known, hole, side) {
    const n = image.width;
    this.side = side;
    const planes = new Float32Array(4 * n * n);
    known.forEach((inside, i) => {
      if (!inside) return;
      for (let c = 0; c < 3; c++) planes[4 * i + c] = image.data[3 * i + c];
      planes[4 * i + 3] = 1;
    });
    const seen = resizeArea(picture(n, n, 4, planes), side, side).data;
    this.hole = regionOf(resizeArea(picture(n, n, 1, new Float32Array(hole)), side, side).data, (share) => share > HOLE);
    this.known = this.hole.map((missing, i) => (!missing && seen[4 * i + 3] > KNOWN ? 1 : 0));
    const colours = new Float32Array(3 * side * side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) colours[3 * i + c] = roundEven(Math.fround(seen[4 * i + c] / Math.max(seen[4 * i + 3], 1e-6)));
    }
    this.colours = fromNearest(colours, this.known, side);
    this.guide = boxed(resizeArea(painted, side, side), (WITHIN - 1) / 2, true).data.map(roundEven);
    const isSource = (place) => {
      const [y, x] = [Math.floor(place / side), place % side];
      const inside = STEPS.filter(([dy, dx]) => y + dy >= 0 && y + dy < side && x + dx >= 0 && x + dx < side
        && this.known[(y + dy) * side + x + dx]).length;
      return inside > SEEN * CELLS;
    };
    const near = dilated(this.hole, side, square(REACH));
    const all = Array.from(this.hole.keys());
    this.sources = Int32Array.from(all.filter((place) => this.known[place] && isSource(place)));
    this.targets = Int32Array.from(all.filter((place) => near[place] && (this.hole[place] || this.known[place])));
    [this.sourceOf, this.targetOf] = [this.sources, this.targets].map((places) => {
      const numbers = new Int32Array(side * side).fill(-1);
      places.forEach((place, k) => (numbers[place] = k));
      return numbers;
    });
    const weights = Float32Array.from(this.hole, (missing, i) => OWN[1] * this.known[i] + OWN[0] * missing);
    this.weights = patches(weights, 1, this.targets, side);
  }

  /** The number of the place at a row and column in a table of numbers, -1 beyond the edges. */
  at(numbers, row, column) {
    const { side } = this;
    return row >= 0 && row < side && column >= 0 && column < side ? numbers[row * side + column] : -1;
  }

  /** What a shift of rows and columns costs. */
  far(rows, columns) {
    const [y, x] = [rows / this.side, columns / this.side];
    return FAR * Math.max(Math.sqrt(y * y + (SIDEWAYS * x) ** 2) - CLOSE, 0) ** 2;
  }

  /** How differently the network painted two places. */
  unlike(one, other) {
    let sum = 0;
    for (let c = 0; c < 3; c++) sum += (this.guide[3 * one + c] - this.guide[3 * other + c]) ** 2;
    return (GUIDED * sum) / 3;
  }
}

/** The sources that targets look like, and the colours that follow from that; `below`: the search at the level before. */
class Search {
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

  /** The shift of each cell of the hole, x and y, one that many share, and which cells have one. */
  shifts() {
    const { grid, found } = this;
    const { side, targets, sources } = grid;
    this.wanted = patches(this.colours, 3, targets, side);
    const codes = Int32Array.from(targets, (place, k) => {
      const source = sources[found[k]];
      const down = Math.floor(source / side) - Math.floor(place / side);
      return (down + side) * 4 * side + (source % side) - (place % side) + side;
    });
    const [ways, costs] = [[], []];
    const least = new Float32Array(targets.length).fill(NEVER);
    for (const most of [SHIFTS, MORE, MORE]) {
      const counts = new Map();
      codes.forEach((code, k) => least[k] >= NEVER && counts.set(code, (counts.get(code) ?? 0) + 1));
      if (!counts.size) break;
      const chosen = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most);
      for (const [code] of chosen) {
        const way = [Math.floor(code / (4 * side)) - side, (code % (4 * side)) - side];
        const cost = Float32Array.from(targets, (place, k) => {
          const number = grid.at(grid.sourceOf, Math.floor(place / side) + way[0], (place % side) + way[1]);
          return number < 0 ? NEVER : this.costOf(k, number);
        });
        cost.forEach((value, k) => (least[k] = Math.min(least[k], value)));
        ways.push(way);
        costs.push(cost);
      }
    }
    const plane = new Float32Array(side * side);
    const best = new Float32Array(targets.length).fill(Infinity);
    const shift = new Float32Array(2 * side * side);
    const has = new Uint8Array(side * side);
    ways.forEach(([down, right], number) => {
      const own = costs[number];
      targets.forEach((place, k) => (plane[place] = Math.min(own[k], NEVER / 1e3)));
      const smooth = boxed(picture(side, side, 1, plane), 1, true).data; // one cell takes after its surroundings
      targets.forEach((place, k) => {
        const cost = own[k] < NEVER ? smooth[place] : NEVER;
        if (cost >= best[k]) return;
        best[k] = cost;
        shift.set([right, down], 2 * place);
        has[place] = grid.hole[place] && least[k] < NEVER ? 1 : 0;
      });
    });
    return [shift, has];
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

  /** Numbers in [0, 1), the same whenever the same things are done: mulberry32 (Ettinger, public domain). */
  random(count) {
    this.calls += 1;
    const start = this.level * 1000003 + this.calls * 40503;
    return Float64Array.from({ length: count }, (_, i) => {
      let mixed = (start + Math.imul(i + 1, 0x6d2b79f5)) | 0;
      mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    });
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

/** Colours whose cells that are not known are those of the nearest known ones. */
function fromNearest(colours, known, side) {
  if (!known.includes(1)) return colours;
  const nearest = new Int32Array(side * side);
  distances(known, side, side, { nearest });
  return colours.map((_, k) => colours[3 * nearest[Math.floor(k / 3)] + (k % 3)]);
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

/** Patches around places of planes, one after the other, mirrored beyond their edges. */
function patches(planes, channels, places, side) {
  const result = new Float32Array(places.length * CELLS * channels);
  const mirrored = (value) => (value < 0 ? -1 - value : value >= side ? 2 * side - 1 - value : value);
  let to = 0;
  for (const place of places) {
    const [y, x] = [Math.floor(place / side), place % side];
    for (const [dy, dx] of STEPS) {
      const from = channels * (mirrored(y + dy) * side + mirrored(x + dx));
      for (let c = 0; c < channels; c++) result[to++] = planes[from + c];
    }
  }
  return result;
}
