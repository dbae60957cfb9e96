// Regions of a square mask: Uint8Arrays of 0 and 1, rows of `size` pixels. What OpenCV's morphology does with discs.

const LONG = 2.1969; // a knight's move, see `chamfer`

/** Half widths of the rows of an ellipse kernel of 2 r + 1 pixels. */
function disc(radius) {
  const r = Math.max(1, roundEven(radius));
  return Array.from({ length: 2 * r + 1 }, (_, i) => roundEven(r * Math.sqrt((r * r - (i - r) ** 2) / (r * r))));
}

/** A square kernel of 2 r + 1 pixels. */
export const square = (radius) => new Array(2 * radius + 1).fill(radius);

/** Python's and C's `round` where both sides are equally near: to the even one. */
export function roundEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Distance of each pixel to the nearest one of the region in its row. */
function alongRows(region, size) {
  const far = 2 * size;
  const distance = new Uint16Array(region.length);
  for (let row = 0; row < region.length; row += size) {
    for (let x = 0, d = far; x < size; x++) {
      d = region[row + x] ? 0 : d + 1;
      distance[row + x] = d;
    }
    for (let x = size - 1, d = far; x >= 0; x--) {
      d = region[row + x] ? 0 : d + 1;
      if (d < distance[row + x]) distance[row + x] = d;
    }
  }
  return distance;
}

export function dilated(region, size, kernel) {
  const near = alongRows(region, size);
  const result = new Uint8Array(region.length);
  const r = kernel.length >> 1;
  for (let from = 0; from < size; from++) {
    if (near[from * size] > size) continue; // nothing in this row
    for (let to = Math.max(0, from - r); to <= from + r && to < size; to++) {
      const reach = kernel[from - to + r];
      for (let x = 0; x < size; x++) if (near[from * size + x] <= reach) result[to * size + x] = 1;
    }
  }
  return result;
}

export const inverted = (region) => region.map((value) => 1 - value);

export function eroded(region, size, kernel) {
  return inverted(dilated(inverted(region), size, kernel));
}

/** Grown by a disc of at least one pixel. */
export const grown = (region, size, radius) => dilated(region, size, disc(radius));

/** Without what no disc of this radius fits into. */
export function opened(region, size, radius) {
  const kernel = disc(radius);
  return dilated(eroded(region, size, kernel), size, kernel);
}

export const both = (a, b) => a.map((value, i) => value & b[i]);
export const either = (a, b) => a.map((value, i) => value | b[i]);
export const without = (a, b) => a.map((value, i) => value & (1 - b[i]));
export const where = (mask, ...labels) => mask.map((label) => (labels.includes(label) ? 1 : 0));
export const any = (region) => region.includes(1);

/** Pixels of a border between two classes or beside one, up to `radius` pixels away. */
export function borders(mask, size, radius) {
  let [low, high] = [mask, mask];
  for (const [step, line] of [[1, size], [size, 1]]) {
    const [lower, higher] = [low.slice(), high.slice()];
    for (let i = 0; i < size; i++) {
      for (let at = 0; at < size; at++) {
        const to = i * line + at * step;
        for (let k = Math.max(-radius, -at); k <= radius && at + k < size; k++) {
          if (low[to + k * step] < lower[to]) lower[to] = low[to + k * step];
          if (high[to + k * step] > higher[to]) higher[to] = high[to + k * step];
        }
      }
    }
    [low, high] = [lower, higher];
  }
  return mask.map((_, i) => (low[i] !== high[i] ? 1 : 0));
}

/** First and last row and column of a region, or null. */
export function extent(region, size) {
  let [left, top, right, bottom] = [size, size, -1, -1];
  for (let y = 0; y < size; y++) {
    const first = region.subarray(y * size, (y + 1) * size).indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, region.subarray(y * size, (y + 1) * size).lastIndexOf(1));
    top = Math.min(top, y);
    bottom = y;
  }
  return right < 0 ? null : { left, top, right, bottom };
}

/** Weight (Float32Array): 1 in the region, falling smoothly to 0 over `reach` pixels around it. */
export function feathered(region, size, reach) {
  const distance = chamfer(region, size);
  return distance.map((d) => {
    const t = Math.min(Math.max(1 - d / reach, 0), 1);
    return t * t * (3 - 2 * t);
  });
}

/** Distance to the region in pixels by steps of 1, 1.4 and 2.1969 (Borgefors, 1986): two sweeps over 5 x 5 pixels. */
function chamfer(region, size) {
  const row = size + 4; // two pixels of margin all around
  const steps = [[-1, 1], [-row, 1], [-row - 1, 1.4], [-row + 1, 1.4], [-row - 2, LONG], [-row + 2, LONG], [-2 * row - 1, LONG], [-2 * row + 1, LONG]];
  const offsets = Int32Array.from(steps, ([offset]) => offset);
  const lengths = Float32Array.from(steps, ([, length]) => length);
  const wide = new Float32Array(row * row).fill(4 * size);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (region[y * size + x]) wide[(y + 2) * row + x + 2] = 0;
  const sweep = (at, way) => {
    let best = wide[at];
    if (best === 0) return;
    for (let k = 0; k < offsets.length; k++) {
      const other = wide[at + way * offsets[k]] + lengths[k];
      if (other < best) best = other;
    }
    wide[at] = best;
  };
  for (let y = 2; y < size + 2; y++) for (let x = 2; x < size + 2; x++) sweep(y * row + x, 1);
  for (let y = size + 1; y >= 2; y--) for (let x = size + 1; x >= 2; x--) sweep(y * row + x, -1);
  const distance = new Float32Array(region.length);
  for (let y = 0; y < size; y++) distance.set(wide.subarray((y + 2) * row + 2, (y + 2) * row + 2 + size), y * size);
  return distance;
}
