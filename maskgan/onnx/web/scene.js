// The mask that a quick edit works on: measuring its parts, painting, and filling in what was covered; the same steps as
// in maskgan/quick_edits/scene.py. Coordinates and lengths are those of the face's frame.

import { LABEL } from "./constants.js";
import { FACE_PARTS, fitFrame, largestPiece } from "./frame.js";
import { blurred, picture } from "./pixels.js";
import { any, areaOf, dilated, distances, eroded, extent, regionOf, roundEven, signedDistance, smoothstep, square, where } from "./regions.js";
import { percentile, remapped } from "./samples.js";

const CLASSES = Object.keys(LABEL).length;

/** One mask under edit: `mask` is a copy that the edit paints on; `moved` says where the photo's pixels come from, as
 *  offsets (x, y) of each pixel, NaN where the edit does not know; `worn`: hairpieces that it puts on. */
export class Scene {
  /** `frame`: the face's, to measure by one of another mask. */
  constructor(mask, size, frame = fitFrame(mask, size)) {
    Object.assign(this, { mask: mask.slice(), size, moved: new Float32Array(2 * mask.length).fill(NaN), worn: [] });
    this.frame = frame;
    [this.x, this.y] = this.frame.coordinates(size);
    this.face = this.outline();
    const [left, right] = this.extent(this.face, 0, 0.6, 1);
    this.cheeks = [Math.min(left, -0.55), Math.max(right, 0.55)];
    this.chin = this.lowest();
  }

  get unit() {
    return this.frame.unit;
  }

  /** Whether each pixel is of any of these classes. */
  where(...labels) {
    return where(this.mask, ...labels);
  }

  /** The classes' main piece, or null when the mask has hardly a trace of them. */
  part(...labels) {
    const region = this.where(...labels);
    return areaOf(region) < Math.max(6, 0.002 * this.unit ** 2) ? null : largestPiece(region, this.size);
  }

  /** The convex outline of the face, without ears and neck. */
  outline() {
    const region = this.where(...FACE_PARTS, LABEL.EYE_G);
    // Opening drops the arms of glasses and threads of skin between strands of hair.
    const kernel = square(Math.max(3, Math.floor(this.unit / 10) | 1) >> 1);
    const opened = dilated(eroded(region, this.size, kernel), this.size, kernel);
    return convexHull(largestPiece(any(opened) ? opened : region, this.size), this.size);
  }

  /** Smallest and largest x of a region between the rows y = low..high, stray pixels left out. */
  extent(region, low, high, otherwise) {
    const found = new Float32Array(region.length);
    let count = 0;
    for (let i = 0; i < region.length; i++) if (region[i] && this.y[i] > low && this.y[i] < high) found[count++] = this.x[i];
    const x = found.subarray(0, count).sort();
    return x.length > 8 ? [percentile(x, 0.015), percentile(x, 0.985)] : [-otherwise, otherwise];
  }

  lowest() {
    const middle = (this.cheeks[0] + this.cheeks[1]) / 2;
    let y = -Infinity;
    this.face.forEach((inside, i) => inside && Math.abs(this.x[i] - middle) < 0.3 && (y = Math.max(y, this.y[i])));
    return y === -Infinity ? 1.75 : Math.min(Math.max(y, 1.3), 2.1);
  }

  /** x seen from the middle of the face in half faces, that middle, and half the face's width. */
  get across() {
    const [left, right] = this.cheeks;
    const [middle, half] = [(left + right) / 2, (right - left) / 2];
    const q = new Float32Array(this.x.length);
    for (let i = 0; i < q.length; i++) q[i] = (this.x[i] - middle) / half;
    return { q, middle, half };
  }

  /** Gives a region one class, only where the present class is in `over`, if that is given. */
  paint(region, label, over = null) {
    region.forEach((inside, i) => inside && (!over || over.includes(this.mask[i])) && (this.mask[i] = label));
  }

  /** Fills a region with the nearest class around it out of `beneath`, along a smooth border. */
  uncover(region, beneath) {
    if (!any(region)) return;
    const { places, width, height } = this.window(region);
    const shown = where(this.mask, ...beneath);
    const source = new Uint8Array(places.length);
    for (let k = 0; k < places.length; k++) if (!region[places[k]]) source[k] = shown[places[k]];
    const known = any(source);
    const nearest = new Int32Array(source.length);
    if (known) distances(source, width, height, { nearest });
    // What lies beneath is outside of the region, and is not changed on the way.
    for (let k = 0; k < places.length; k++) {
      if (region[places[k]]) this.mask[places[k]] = known ? this.mask[places[nearest[k]]] : beneath[0];
    }
    if (known) this.smooth(region);
  }

  /** The part of the picture around a region that decides what it is filled with. */
  window(region) {
    const margin = Math.max(4, Math.floor(0.3 * this.unit));
    const { left, top, right, bottom } = extent(region, this.size);
    const [x0, y0] = [Math.max(0, left - margin), Math.max(0, top - margin)];
    const width = Math.min(this.size, right + margin + 1) - x0;
    const height = Math.min(this.size, bottom + margin + 1) - y0;
    const places = new Int32Array(width * height);
    for (let row = 0, k = 0; row < height; row++) {
      for (let column = 0; column < width; column++, k++) places[k] = (y0 + row) * this.size + x0 + column;
    }
    return { places, width, height };
  }

  /** Rounds the borders between classes within a region: majority under a small Gaussian. */
  smooth(region) {
    const counts = new Uint32Array(CLASSES);
    for (let i = 0; i < region.length; i++) if (region[i]) counts[this.mask[i]]++;
    const present = [...counts.keys()].filter((label) => counts[label]);
    if (present.length < 2) return;
    const { places, width, height } = this.window(region);
    const best = new Float32Array(places.length).fill(-1);
    const winner = new Uint8Array(places.length);
    for (const label of present) {
      const own = new Float32Array(places.length);
      for (let k = 0; k < own.length; k++) own[k] = this.mask[places[k]] === label ? 1 : 0;
      const votes = blurred(picture(width, height, 1, own), 0.03 * this.unit).data;
      for (let k = 0; k < votes.length; k++) {
        if (votes[k] <= best[k]) continue;
        best[k] = votes[k];
        winner[k] = label;
      }
    }
    for (let k = 0; k < places.length; k++) if (region[places[k]]) this.mask[places[k]] = winner[k];
  }

  /** A region that is a function of x, as {x, top, bottom} over `steps` places. */
  band(region, steps = 41) {
    let [low, high] = [Infinity, -Infinity];
    region.forEach((inside, i) => inside && ([low, high] = [Math.min(low, this.x[i]), Math.max(high, this.x[i])]));
    const x = line(low, high, steps);
    return { x, ...this.envelope(region, x) };
  }

  /** Smoothed smallest and largest y of a region at each x of an even grid, gaps filled in. */
  envelope(region, grid) {
    const step = grid[1] - grid[0];
    const half = 0.5 / this.unit;
    const top = new Array(grid.length).fill(Infinity);
    const bottom = new Array(grid.length).fill(-Infinity);
    region.forEach((inside, i) => {
      if (!inside) return;
      const bin = Math.min(Math.max(roundEven((this.x[i] - grid[0]) / step), 0), grid.length - 1);
      top[bin] = Math.min(top[bin], this.y[i] - half);
      bottom[bin] = Math.max(bottom[bin], this.y[i] + half);
    });
    return { top: smoothCurve(withoutGaps(top)), bottom: smoothCurve(withoutGaps(bottom)) };
  }

  /** The pixels with top(x) <= y < bottom(x), none outside the range of x. */
  between(x, top, bottom) {
    return this.mask.map((_, i) => {
      const at = this.x[i];
      return at >= x[0] && at <= x.at(-1) && this.y[i] >= onLine(at, x, top) && this.y[i] < onLine(at, x, bottom) ? 1 : 0;
    });
  }

  /** The region pulled through a map: each pixel looks up a frame point. */
  reshaped(region, xSource, ySource) {
    const distance = picture(this.size, this.size, 1, signedDistance(region, this.size));
    const smooth = blurred(distance, Math.max(0.5, 0.012 * this.unit));
    return regionOf(remapped(smooth, ...this.frame.toPixels(xSource, ySource)), (value) => value > 0);
  }

  /** The photo's pixels in a region come from these frame points. */
  tell(region, xSource, ySource) {
    const [columns, rows] = this.frame.toPixels(xSource, ySource);
    region.forEach((inside, i) => {
      if (inside) this.moved.set([columns[i] - (i % this.size), rows[i] - Math.floor(i / this.size)], 2 * i);
    });
  }

  /** It is not known where the photo's pixels in a region come from. */
  forget(region) {
    region.forEach((inside, i) => inside && this.moved.fill(NaN, 2 * i, 2 * i + 2));
  }

  /** The region and what lies within `reach` frame units of it. */
  around(region, reach) {
    const far = Math.max(1, reach * this.unit);
    return regionOf(distances(region, this.size, this.size), (distance) => distance <= far);
  }

  /** The whole mask pulled through a map, by the heaviest class. */
  warped(xSource, ySource) {
    const places = this.frame.toPixels(xSource, ySource);
    const best = new Float32Array(this.mask.length).fill(-1);
    const result = this.mask.slice();
    for (let label = 0; label < CLASSES; label++) {
      if (!this.mask.includes(label)) continue;
      const plane = blurred(picture(this.size, this.size, 1, new Float32Array(this.where(label))), 0.7);
      remapped(plane, ...places).forEach((share, i) => share > best[i] && ([best[i], result[i]] = [share, label]));
    }
    return result;
  }
}

/** The pixels whose frame coordinates pass a test. */
export const places = (scene, test) => scene.mask.map((_, i) => (test(scene.x[i], scene.y[i], i) ? 1 : 0));

/** `steps` even places from `low` to `high`. */
export const line = (low, high, steps) => Array.from({ length: steps }, (_, i) => low + ((high - low) * i) / (steps - 1));

/** Where x lies between the samples of a line over an even grid; level beyond its ends. */
export function onLine(x, grid, values) {
  const last = grid.length - 1;
  const place = Math.min(Math.max(((x - grid[0]) / (grid[last] - grid[0])) * last, 0), last);
  const low = Math.min(Math.floor(place), last - 1);
  return values[low] + (place - low) * (values[low + 1] - values[low]);
}

/** Values with those that are not finite filled in linearly. */
export function withoutGaps(values) {
  const seen = [...values.keys()].filter((i) => Number.isFinite(values[i]));
  return values.map((value, i) => {
    if (Number.isFinite(value)) return value;
    const below = seen.findLast((k) => k < i);
    const above = seen.find((k) => k > i);
    if (below === undefined || above === undefined) return values[below ?? above];
    return values[below] + ((i - below) / (above - below)) * (values[above] - values[below]);
  });
}

/** Gaussian smoothing of samples, straight on beyond both ends so that the ends stay in place. */
export function smoothCurve(values, sigma = 1.3) {
  const reach = Math.floor(3 * sigma) + 1;
  const last = values.length - 1;
  const at = (i) => (i < 0 ? 2 * values[0] - values[-i] : i > last ? 2 * values[last] - values[2 * last - i] : values[i]);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const total = kernel.reduce((a, b) => a + b);
  return values.map((_, i) => kernel.reduce((sum, weight, k) => sum + (weight / total) * at(i + k - reach), 0));
}

/** y where a pixel comes from when lines that run from top to bottom went from `before` to `after`: between two lines
 *  linearly, beyond the outer ones by a shift. */
export function betweenLines(y, after, before) {
  const last = after.length - 1;
  if (y >= after[last]) return y + before[last] - after[last];
  for (let k = last - 1; k >= 0; k--) {
    if (y < after[k]) continue;
    const share = Math.min(Math.max((y - after[k]) / Math.max(after[k + 1] - after[k], 1e-3), 0), 1);
    return before[k] + share * (before[k + 1] - before[k]);
  }
  return y + before[0] - after[0];
}

/** 0 before `start`, 1 after `end`, smoothly between. */
export const ramp = (value, start, end) => smoothstep((value - start) / (end - start));

/** The convex hull of a region's pixels, filled. */
export function convexHull(region, size) {
  const points = [];
  for (let y = 0; y < size; y++) {
    const row = region.subarray(y * size, (y + 1) * size);
    const first = row.indexOf(1);
    if (first >= 0) points.push([first, y], [row.lastIndexOf(1), y]);
  }
  const hull = new Uint8Array(region.length);
  if (!points.length) return hull;
  const sides = [1, -1].map((side) => { // its left and its right side, from top to bottom (Andrew's monotone chain)
    const chain = [];
    for (const [x, y] of points.filter((_, i) => i % 2 === (side > 0 ? 0 : 1))) {
      const turns = ([ax, ay], [bx, by]) => side * ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) >= 0;
      while (chain.length > 1 && turns(chain.at(-2), chain.at(-1))) chain.pop();
      chain.push([x, y]);
    }
    return chain;
  });
  const [left, right] = [new Array(size).fill(size), new Array(size).fill(-1)];
  for (const chain of sides) {
    chain.forEach((point, k) => { // each of its lines as it is drawn in pixels, from the left (Bresenham)
      const [[x0, y0], [x1, y1]] = [point, chain[k + 1] ?? point].sort((a, b) => a[0] - b[0]);
      const [dx, dy] = [x1 - x0, y1 - y0];
      const steps = Math.max(dx, Math.abs(dy), 1);
      for (let i = 0; i <= steps; i++) {
        const [x, y] = [x0 + Math.ceil((dx * i) / steps - 0.5), y0 + Math.sign(dy) * Math.ceil((Math.abs(dy) * i) / steps - 0.5)];
        left[y] = Math.min(left[y], x);
        right[y] = Math.max(right[y], dx === steps ? x : Math.floor(x0 + (dx * i) / steps + 0.5));
      }
    });
  }
  for (let y = 0; y < size; y++) if (right[y] >= 0) hull.fill(1, y * size + left[y], y * size + right[y] + 1);
  return hull;
}
