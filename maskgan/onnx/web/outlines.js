// Where the outlines of a mask come from in the mask before an edit; see maskgan/editing/outlines.py. A piece that changed
// as a whole is fitted first; then each point of an outline goes to the nearest point of the outline before, where the two
// find each other. Points are [x, y] in pixels of a window whose rows have `width` pixels.

import { LABEL } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, both, dilated, distances, extent, inverted, piecesOf, regionOf, roundEven, square, where, without } from "./regions.js";
import { fitted } from "./rigid.js";
import { median, remapped } from "./samples.js";

const REACH = 0.05; // how far a point is looked for beyond the fitted motion, as a share of the picture's side
const STANDING = 0.35; // share of an outline that stands still from which on a piece does not move as a whole

// How many times as long or as short hair can get as a whole, and how far a face can move as a whole from where its features
// say, as a share of the picture's side.
const [STRETCHED, ASTRAY] = [1.5, 0.035];

/** Signed distance to the outline of a region, positive inside; `band`: the pixels on both sides of the outline. */
export class DistanceField {
  constructor(region, width) {
    const height = region.length / width;
    const inner = distances(inverted(region), width, height);
    const outer = distances(region, width, height);
    const raw = new Float32Array(region.length);
    this.band = new Uint8Array(region.length);
    for (let i = 0; i < region.length; i++) {
      raw[i] = region[i] ? Math.min(inner[i], 1e4) - 0.5 : 0.5 - Math.min(outer[i], 1e4);
      if (inner[i] < 1.5 && outer[i] < 1.5) this.band[i] = 1;
    }
    this.plane = blurred(picture(width, height, 1, raw), 1); // a staircase of pixels becomes the line that it stands for
  }

  get values() {
    return this.plane.data;
  }

  /** Distance and its slopes at points, linearly: [distance, alongX, alongY] each. */
  at(points) {
    const columns = new Float64Array(5 * points.length);
    const rows = new Float64Array(5 * points.length);
    points.forEach(([x, y], i) => {
      columns.set([x, x + 0.5, x - 0.5, x, x], 5 * i);
      rows.set([y, y, y, y + 0.5, y - 0.5], 5 * i);
    });
    const found = remapped(this.plane, columns, rows);
    return points.map((_, i) => [found[5 * i], found[5 * i + 1] - found[5 * i + 2], found[5 * i + 3] - found[5 * i + 4]]);
  }

  /** The points of given signed distance that lie nearest. */
  nearest(points, levels) {
    for (let round = 0; round < 3; round++) {
      const found = this.at(points);
      points = points.map(([x, y], i) => {
        const [distance, alongX, alongY] = found[i];
        const step = (distance - levels[i]) / Math.max(alongX ** 2 + alongY ** 2, 0.25);
        return [x - step * alongX, y - step * alongY];
      });
    }
    return points;
  }
}

const apart = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);
const near = (region, width) => dilated(region, width, square(1));

function pointsOf(region, width) {
  const points = [];
  region.forEach((inside, i) => inside && points.push([i % width, Math.floor(i / width)]));
  return points;
}

/** Matches for the outline of one class as {at, shift}: a pixel of the window, and where it comes from relative to it.
 *  `wanted`: the pixels that they are wanted for; `side`: of the whole picture; `known`: matches of other classes. */
export function matchClass(maskBefore, maskAfter, label, wanted, width, side, known) {
  const [before, after] = [where(maskBefore, label), where(maskAfter, label)];
  if (!before.includes(1) || !after.includes(1)) return [];
  const fields = [new DistanceField(before, width), new DistanceField(after, width)];
  let outline = both(fields[1].band, wanted);
  const still = outline.slice();
  for (let i = 0; i < still.length; i++) if (still[i] && !(Math.abs(fields[0].values[i] - fields[1].values[i]) < 0.5)) still[i] = 0;
  const matches = [];
  for (const [piece, origin] of pairs(before, after, width, side)) {
    const own = both(outline, near(piece, width));
    // The outline may belong to parts that lie in it, and may stand still.
    if (areaOf(own) < 6 || areaOf(both(own, still)) >= STANDING * areaOf(own)) continue;
    const match = matchPiece(piece, origin, own, width, side, label, known);
    if (!match) continue;
    matches.push(match);
    outline = without(outline, own);
  }
  const points = pointsOf(outline, width);
  const levels = points.map(([x, y]) => fields[1].values[y * width + x]);
  const found = fields[0].nearest(points, levels);
  const returned = fields[1].nearest(found, levels);
  const reached = fields[0].at(found);
  matches.push(points.flatMap((point, i) => {
    const far = apart(found[i], point);
    const good = far <= REACH * side && Math.abs(reached[i][0] - levels[i]) < 0.75 && apart(returned[i], point) <= 1.5 + 0.75 * far;
    return good ? [{ at: point[1] * width + point[0], shift: [found[i][0] - point[0], found[i][1] - point[1]] }] : [];
  }));
  return matches.flatMap((match) => withSameNeighbour(match, maskBefore, maskAfter, label, width));
}

/** The matches at whose other side the class is the same before and after. */
function withSameNeighbour(match, before, after, label, width) {
  const height = after.length / width;
  const good = new Uint8Array(after.length);
  const within = (value, limit) => Math.min(Math.max(roundEven(value), 0), limit - 1);
  for (const neighbour of new Set(match.map(({ at }) => after[at]))) {
    if (neighbour === label) continue;
    const there = dilated(where(before, neighbour), width, square(2));
    for (const { at, shift } of match) {
      if (after[at] !== neighbour) continue;
      const [x, y] = [within((at % width) + shift[0], width), within(Math.floor(at / width) + shift[1], height)];
      good[at] = there[y * width + x];
    }
  }
  const beside = near(good, width);
  return match.filter(({ at }) => good[at] || (after[at] === label && beside[at]));
}

/** The singular values of the linear part of a motion of points. */
function stretches(motion) {
  const [[x, y], [a, c], [b, d]] = [[0, 0], [1, 0], [0, 1]].map(motion);
  const turned = Math.hypot(a - x + d - y, c - y - b + x) / 2;
  const mirrored = Math.hypot(a - x - d + y, b - x + c - y) / 2;
  return [turned + mirrored, Math.abs(turned - mirrored)];
}

/** Matches for the outline `own` of a piece that came from `origin` as a whole, or null; `known`: of other classes. */
function matchPiece(piece, origin, own, width, side, label, known) {
  const all = extent(piece.map((inside, i) => inside | origin[i]), width);
  const [left, top] = [Math.max(0, all.left - 4), Math.max(0, all.top - 4)];
  const [wide, tall] = [Math.min(width, all.right + 5) - left, Math.min(piece.length / width, all.bottom + 5) - top];
  const cut = (region) => new Uint8Array(wide * tall).map((_, i) => region[(top + Math.floor(i / wide)) * width + left + (i % wide)]);
  const [small, source, edge] = [piece, origin, own].map(cut);
  const [target, field] = [new DistanceField(source, wide), new DistanceField(small, wide)];
  const points = pointsOf(edge, wide);
  const levels = points.map(([x, y]) => field.values[y * wide + x]);
  const motion = fitted(pointsOf(small, wide), pointsOf(source, wide), points, levels, target);
  if (!motion) return null;
  if (label === LABEL.HAIR && stretches(motion).some((value) => Math.abs(Math.log(value)) > Math.log(STRETCHED))) return null;
  if (label === LABEL.SKIN && known.length) {
    const away = known.map(({ at, shift }) => {
      const feature = [(at % width) - left, Math.floor(at / width) - top];
      return apart(motion(feature), [feature[0] + shift[0], feature[1] + shift[1]]);
    });
    if (median(new Float32Array(away)) > ASTRAY * side) return null;
  }
  const placed = points.map(motion);
  const found = target.nearest(placed, levels);
  const reached = target.at(found);
  return points.flatMap(([x, y], i) => {
    const good = apart(found[i], placed[i]) <= REACH * side && Math.abs(reached[i][0] - levels[i]) < 0.75;
    return good ? [{ at: (top + y) * width + left + x, shift: [found[i][0] - x, found[i][1] - y] }] : [];
  });
}

/** The connected pieces of a region that the change touches and that lie whole in the window, largest first. */
function changedPieces(region, changed, width, smallest) {
  const height = region.length / width;
  const { numbers, pieces } = piecesOf(region, width, height);
  const touched = new Set();
  near(changed, width).forEach((inside, i) => inside && numbers[i] && touched.add(numbers[i]));
  return [...touched]
    .filter((k) => {
      const { left, top, right, bottom, area } = pieces[k];
      return left > 0 && top > 0 && right < width - 1 && bottom < height - 1 && area >= smallest;
    })
    .sort((a, b) => pieces[b].area - pieces[a].area)
    .slice(0, 8)
    .map((k) => regionOf(numbers, (number) => number === k));
}

/** Each changed piece after the edit with the piece that it was before, where that is clear. */
function pairs(before, after, width, side) {
  const changed = before.map((inside, i) => inside ^ after[i]);
  const smallest = Math.max(6, 2e-5 * side ** 2);
  const origins = changedPieces(before, changed, width, smallest);
  if (!origins.length) return [];
  return changedPieces(after, changed, width, smallest).flatMap((piece) => {
    const shared = origins.map((origin) => areaOf(both(piece, origin)));
    if (Math.max(...shared) === 0 && origins.length > 1) return [];
    const best = origins[shared.indexOf(Math.max(...shared))];
    const share = areaOf(piece) / areaOf(best);
    return share > 0.3 && share < 3.5 ? [[piece, best]] : [];
  });
}
