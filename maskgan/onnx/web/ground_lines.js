// Straight edges of a background go on in a hole of it: the steps of maskgan/editing/ground_lines.py.

import { SIZE } from "./constants.js";
import { membrane } from "./membrane.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { distances, regionOf, smoothstep } from "./regions.js";
import { clip, remapped } from "./samples.js";
import { SHORT, edgesOf, linesOf, seenCells } from "./straight_lines.js";

const [OTHER, KNOWN, HOLE] = [0, 1, 2]; // what cells are
const [BEGINS, GAP] = [5, 4]; // cells within which a line that begins at a hole is seen, and gaps that it may have
// Both ends of what is joined are seen at least so far; how far a cross-section is looked at, and from where on.
const [JOINED, LOOKED, FROM] = [6, 24, 2];
// Half the width of what is drawn, that within which it differs from its sides, and where it goes over into them.
const [WIDTH, CORE, SOFT] = [8, 4, 4];
// The contrast of an edge at least; how many times what it is uneven by along its way that is, and how many times what either
// side deviates by there, as bricks do; and the first of these times the length that is seen.
const [CONTRAST, EVEN, ALONE, CLEAR] = [20, 8, 5, 450];
// How far beyond a hole, and beside a line, its sides go on; colours that differ by more are another thing's.
const [PAST, ASIDE, OTHERS] = [4, 5, 40];
// How far beside a line what is known tells of what lies on its side, and along how many cells another thing does.
const [BEYOND, LONG] = [24, 6];
// How few cells of its sides may be known, and how far from a line others are the same one, as part of the width.
const [SIDES, SAME] = [2, 0.9];
// What its two sides differ by, as part of the contrast, where it is a stripe, such as a lock of hair, and how far a stripe is
// seen that is not joined.
const [ALIKE, STRIPE] = [0.3, 28];
const ALONG = 0.125; // the sine of the largest angle at which a line runs along another
// How far from a line, in cells, a background is taken for one that has lines, and beyond which it is not.
const REACH = [32, 96];
const HALVES = 4 * WIDTH + 1; // the half cells of a cross-section

/** What cells are of which such shares are known and belong to a hole; one that is half of both is the hole's. */
const statesOf = (known, hole) => Uint8Array.from(known, (share, i) => (share + hole[i] > 0.5 ? (hole[i] >= share ? HOLE : KNOWN) : OTHER));

/** What lines show in a hole: `colours` by `weight`, the colours `between` them, and where the background has lines, `near`;
 *  arrays of n x n pixels. */
export class GroundLines {
  constructor(colours, weight, between, near) {
    Object.assign(this, { colours, weight, between, near });
  }

  /** The lines of a background that go on in a hole of it, in a photo of n x n pixels; null where none does. */
  static carriedOn(photo, known, hole, n) {
    const cells = n > SIZE.network ? n / 2 : n;
    const [share, missing] = [known, hole].map((region) => resizeArea(picture(n, n, 1, new Float32Array(region)), cells, cells).data);
    const state = statesOf(share, missing);
    const grid = { cells, state, seen: seenCells(photo, known, cells) };
    const wide = { photo, known: picture(n, n, 1, new Float32Array(known)), unit: n / cells };
    const found = linesOf(edgesOf(grid.seen, share, missing, cells), cells).flatMap((line) => runsOf(line, grid, wide));
    const runs = chosen(found.map((run) => agreeing(run, found, grid)));
    if (!runs.length) return null;
    const { colours, weight } = drawn(runs, hole, n, cells);
    const away = distances(regionOf(weight, (value) => value >= 0.5), n, n);
    const near = away.map((value) => smoothstep((REACH[1] - (value * SIZE.network) / n) / (REACH[1] - REACH[0])));
    const all = known.slice();
    const shown = new Float32Array(photo.data);
    for (let i = 0; i < n * n; i++) {
      if (weight[i] <= 0.9) continue;
      all[i] = 1;
      for (let k = 3 * i; k < 3 * i + 3; k++) shown[k] = colours[k];
    }
    return new GroundLines(colours, weight, coloursBetween(shown, all, n, cells / 2), near);
  }

  /** Gives colours of a hole the lines, and what is between them, where it has lines, in place. */
  over(shown) {
    const { colours, weight, between, near } = this;
    for (let i = 0, k = 0; i < near.length; i++) {
      for (let c = 0; c < 3; c++, k++) {
        shown[k] += near[i] * (between[k] - shown[k]);
        shown[k] += weight[i] * (colours[k] - shown[k]);
      }
    }
  }
}

/** The line's ways through the hole: { line, start, end, before, behind, length, loose }. */
function runsOf(line, grid, wide) {
  const { cells, state } = grid;
  const half = Math.floor(1.5 * cells);
  const kinds = Uint8Array.from({ length: 2 * half + 1 }, (_, k) => {
    const [x, y] = line.at(k - half).map((value) => Math.round(value));
    return x >= 0 && x < cells && y >= 0 && y < cells ? state[y * cells + x] : OTHER;
  });
  const result = [];
  for (let start = 0, stop; start < kinds.length; start = stop) {
    stop = start + 1;
    if (kinds[start] !== HOLE) continue;
    while (stop < kinds.length && kinds[stop] === HOLE) stop++;
    if (stop - start < 3) continue;
    const sides = [[start - 1, -1], [stop, 1]];
    const ways = sides.map(([place, step]) => seenFrom(line, kinds, place - half, step, half));
    const lengths = ways.map(([, length]) => length);
    const sections = ways.map(([begins, length], k) => (length >= JOINED ? sectionOf(line, begins, sides[k][1], length, wide) : null));
    if (!sections[0] || !sections[1] || sections[0].clear + sections[1].clear < CLEAR) {
      const best = lengths[1] > lengths[0] ? 1 : 0;
      const own = sections[best];
      if (!own || own.clear < CLEAR || lengths[best] < (own.stripe ? STRIPE : SHORT)) continue;
      [sections[1 - best], lengths[1 - best]] = [null, 0];
    }
    let loose = false;
    sides.forEach(([place, step], k) => {
      if (!sections[k] && kinds[place] === KNOWN) loose = goesOn(line, place - half + PAST * step, sections[1 - k], grid);
    });
    const [before, behind] = sections;
    result.push({ line, start: start - half, end: stop - 1 - half, before, behind, length: lengths[0] + lengths[1], loose });
  }
  return result;
}

/** Whether cells show at a place of a line what lies on one of its sides, and not another thing before both. */
function goesOn(line, place, section, { cells, seen }) {
  const mean = [0, 0, 0];
  const sides = [-ASIDE, ASIDE].map((beside) => {
    const [x, y] = line.at(place, beside).map((value) => clip(Math.round(value), 0, cells - 1));
    for (let c = 0; c < 3; c++) mean[c] += seen[3 * (y * cells + x) + c] / 2;
    return Math.floor(2 * (clip(beside, section.low, section.high) + WIDTH));
  });
  const unlike = sides.map((at) => Math.max(...mean.map((value, c) => Math.abs(value - section.colours[3 * at + c]))));
  return Math.min(...unlike) < OTHERS;
}

/** A run that ends where what is known beside it is not what lies on that side of its line: another thing is before it there.
 *  Both sides tell on which no other line runs along it. */
function agreeing(run, runs, { cells, state, seen }) {
  const own = { ...run };
  if (own.before && own.behind) return own;
  const section = own.before ?? own.behind;
  for (const side of [-1, 1]) {
    if (runs.some((other) => other.line !== own.line && along(own, other, side))) continue;
    const wanted = section.colours.subarray(side < 0 ? 0 : 3 * HALVES - 3);
    const count = Math.floor(own.end - own.start) + 1;
    for (let k = 0, off = 0; k < count; k++) {
      const place = own.start + (own.before ? k : count - 1 - k);
      off = differsBeside(own.line, place, side, wanted, { cells, state, seen }) ? off + 1 : 0;
      if (off < LONG) continue;
      if (own.before) own.end = place - LONG;
      else own.start = place + LONG;
      break;
    }
  }
  return own;
}

/** Whether the nearest known cell on a side of a line has not the colour that is wanted. */
function differsBeside(line, place, side, wanted, { cells, state, seen }) {
  for (let beside = WIDTH; beside <= BEYOND; beside++) {
    const [x, y] = line.at(place, side * beside).map((value) => Math.round(value));
    if (x < 0 || x >= cells || y < 0 || y >= cells || state[y * cells + x] !== KNOWN) continue;
    return [0, 1, 2].some((c) => Math.abs(seen[3 * (y * cells + x) + c] - wanted[c]) > OTHERS);
  }
  return false;
}

/** Whether another one runs along a run on that side of it. */
function along(run, other, side) {
  const sine = run.line.cos * other.line.sin - run.line.sin * other.line.cos;
  const [x, y] = other.line.at((other.start + other.end) / 2);
  const beside = side * (x * run.line.cos + y * run.line.sin - run.line.away);
  return Math.abs(sine) < ALONG && beside >= 0 && beside < BEYOND;
}

/** The place from which on a line that begins beside a hole is seen, and how far, in cells. */
function seenFrom(line, kinds, place, step, half) {
  let [begins, length, gap] = [place, 0, 0];
  for (; kinds[place + half] === KNOWN; place += step) {
    if (line.has(place)) {
      if (!length) begins = place;
      length++;
      gap = 0;
    } else if (++gap > (length ? GAP : BEGINS)) break;
  }
  return [begins, length];
}

/** What lies across a line that is seen from a place on, so far: { colours, low, high, clear, stripe }; null without enough of it, or
 *  where it is no edge. */
function sectionOf(line, begins, step, length, { photo, known, unit }) {
  const wide = Math.min(length, LOOKED);
  const [columns, rows] = [new Float64Array(HALVES * wide), new Float64Array(HALVES * wide)];
  for (let k = 0, i = 0; k < HALVES; k++) {
    for (let j = 0; j < wide; j++, i++) {
      [columns[i], rows[i]] = line.at(begins + step * (FROM + j), k / 2 - WIDTH).map((value) => (value + 0.5) * unit - 0.5);
    }
  }
  const colours = remapped(photo, columns, rows);
  const last = photo.width - 0.5;
  const there = remapped(known, columns, rows).map((value, i) => {
    const inside = columns[i] > -0.5 && columns[i] < last && rows[i] > -0.5 && rows[i] < last;
    return inside && value > 0.9 ? 1 : 0;
  });
  const own = Array.from({ length: HALVES }, (_, k) => Array.from({ length: wide }, (_, j) => k * wide + j).filter((i) => there[i]));
  const enough = (k) => k >= 0 && k < HALVES && own[k].length >= Math.max(3, Math.floor(wide / 3));
  const middle = 2 * WIDTH;
  if (!enough(middle)) return null;
  let [low, high] = [middle, middle];
  while (enough(low - 1)) low--;
  while (enough(high + 1)) high++;
  const section = new Float32Array(3 * HALVES);
  const off = [];
  const deviates = [[], []];
  for (let k = low; k <= high; k++) {
    const half = own[k].length >> 1;
    for (let c = 0; c < 3; c++) section[3 * k + c] = Float32Array.from(own[k], (i) => colours[3 * i + c]).sort()[half];
    if (Math.abs(k - middle) > 2 * CORE) continue;
    if (Math.abs(k - middle) >= 2) deviates[k > middle ? 1 : 0].push(deviation(colours, own[k]));
    for (const i of own[k]) off.push(Math.max(...[0, 1, 2].map((c) => Math.abs(colours[3 * i + c] - section[3 * k + c]))));
  }
  for (let k = 0; k < low; k++) section.copyWithin(3 * k, 3 * low, 3 * low + 3);
  for (let k = high + 1; k < HALVES; k++) section.copyWithin(3 * k, 3 * high, 3 * high + 3);
  let contrast = 0;
  for (let c = 0; c < 3; c++) {
    let [least, most] = [255, 0];
    for (let k = Math.max(low, middle - 2 * CORE); k <= Math.min(high, middle + 2 * CORE); k++) {
      least = Math.min(least, section[3 * k + c]);
      most = Math.max(most, section[3 * k + c]);
    }
    contrast = Math.max(contrast, most - least);
  }
  const clear = contrast / Math.max(Float32Array.from(off).sort()[off.length >> 1], 0.1);
  if (Math.min(middle - low, high - middle) / 2 < SIDES || contrast < CONTRAST || clear < EVEN) return null;
  if (deviates.some((side) => contrast < (ALONE * side.reduce((a, b) => a + b)) / side.length)) return null;
  const unlike = [0, 1, 2].map((c) => Math.abs(section[3 * low + c] - section[3 * high + c]));
  const stripe = Math.max(...unlike) < ALIKE * contrast;
  return { colours: section, low: (low - middle) / 2, high: (high - middle) / 2, clear: clear * wide, stripe };
}

/** The standard deviation of some places' colours, of the channel where it is largest. */
function deviation(colours, places) {
  return Math.max(...[0, 1, 2].map((c) => {
    const mean = places.reduce((sum, i) => sum + colours[3 * i + c], 0) / places.length;
    return Math.sqrt(places.reduce((sum, i) => sum + (colours[3 * i + c] - mean) ** 2, 0) / places.length);
  }));
}

/** Those of the runs that are drawn, and how far, the clearest first. */
function chosen(runs) {
  const sorted = runs.slice().sort((a, b) => b.length - a.length);
  const isJoined = (run) => run.before && run.behind;
  const result = [];
  for (const run of sorted) if (isJoined(run) && !covered(run, result)) result.push(run);
  const single = sorted.filter((run) => !isJoined(run));
  for (const run of single) {
    const places = (others, beyond) => others.map((other) => meeting(run, other, beyond)).filter((place) => place !== null);
    let ends = places(result, 2);
    if (!ends.length && run.loose) {
      ends = places(single, 0);
      if (!ends.length) continue;
    }
    const own = { ...run };
    if (ends.length && !run.behind) own.end = Math.min(...ends);
    else if (ends.length) own.start = Math.max(...ends);
    if (own.end - own.start >= 3 && !covered(own, result)) result.push(own);
  }
  return result;
}

/** The place on a run at which it meets another, or would so far beyond its ends; null for none. */
function meeting(run, other, beyond) {
  const places = run.line === other.line ? null : run.line.crossing(other.line);
  if (!places || places[0] < run.start || places[0] > run.end) return null;
  return places[1] >= other.start - beyond && places[1] <= other.end + beyond ? places[0] : null;
}

/** Whether one of the others shows a run beside it. */
function covered(run, others) {
  const [x, y] = run.line.at((run.start + run.end) / 2);
  return others.some(({ line, start, end }) => {
    const sine = line.cos * run.line.sin - line.sin * run.line.cos;
    const place = y * line.cos - x * line.sin;
    const beside = Math.abs(x * line.cos + y * line.sin - line.away);
    return Math.abs(sine) < ALONG && beside < SAME * WIDTH && start <= place && place <= end;
  });
}

/** Colours and weights of what runs show in a hole of n x n pixels: { colours, weight }; the first ones lie above. */
function drawn(runs, hole, n, cells) {
  const [colours, weight] = [new Float32Array(3 * n * n), new Float32Array(n * n)];
  for (const run of runs.slice().reverse()) {
    const { line, start, end, before, behind } = run;
    for (let i = 0; i < n * n; i++) {
      if (!hole[i]) continue;
      const x = ((i % n) + 0.5) * (cells / n) - 0.5;
      const y = (Math.floor(i / n) + 0.5) * (cells / n) - 0.5;
      const beside = x * line.cos + y * line.sin - line.away;
      if (Math.abs(beside) >= WIDTH) continue;
      const place = y * line.cos - x * line.sin;
      if (place <= start - 4 || place >= end + 4) continue;
      const along = before && behind ? clip((place - start) / Math.max(end - start, 1), 0, 1) : before ? 0 : 1;
      const at = 2 * (beside + WIDTH);
      const low = Math.min(Math.floor(at), HALVES - 2);
      const told = [0, 0, 0];
      let there = 0;
      for (const [section, share] of [[before, 1 - along], [behind, along]]) {
        if (!section) continue;
        for (let c = 0, k = 3 * low; c < 3; c++, k++) {
          told[c] += share * (section.colours[k] * (1 - at + low) + section.colours[k + 3] * (at - low));
        }
        const softly = smoothstep((beside - section.low) / Math.min(SOFT, -section.low));
        there += share * softly * smoothstep((section.high - beside) / Math.min(SOFT, section.high));
      }
      // What is seen goes on seamlessly; an end in a hole is cut off.
      there *= clip(place - start + (before ? 4 : 1), 0, 1) * clip(end - place + (behind ? 4 : 1), 0, 1);
      for (let c = 0; c < 3; c++) colours[3 * i + c] += there * (told[c] - colours[3 * i + c]);
      weight[i] += there * (1 - weight[i]);
    }
  }
  for (let k = 0; k < colours.length; k++) colours[k] /= Math.max(weight[Math.floor(k / 3)], 1e-3); // each its own, over nothing
  return { colours, weight };
}

/** The colours of a picture where they are known, and elsewhere those of its borders: a membrane, on a grid of cells, in which
 *  no colour crosses a line. */
function coloursBetween(colours, known, n, cells) {
  const planes = new Float32Array(4 * n * n);
  known.forEach((inside, i) => inside && planes.set([colours[3 * i], colours[3 * i + 1], colours[3 * i + 2], 1], 4 * i));
  const coarse = resizeArea(picture(n, n, 4, planes), cells, cells);
  const soft = blurred(coarse, 1);
  for (let i = 0; i < cells * cells; i++) if (coarse.data[4 * i + 3] <= 0.5) soft.data.fill(0, 4 * i, 4 * i + 4);
  return resizeLinear(blurred(membrane(soft), 1), n, n).data;
}
