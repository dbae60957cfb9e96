// Regions of a square mask: Uint8Arrays of 0 and 1, rows of `size` pixels. What OpenCV's morphology does with discs.

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
  for (let y = 0; y < size; y++) {
    for (let dy = Math.max(-r, -y); dy <= r && y + dy < size; dy++) {
      const from = (y + dy) * size;
      const reach = kernel[dy + r];
      for (let x = 0; x < size; x++) if (near[from + x] <= reach) result[y * size + x] = 1;
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
  let low = mask;
  let high = mask;
  const pass = (from, step, count, pick) => {
    const to = from.slice();
    for (let i = 0; i < from.length; i++) {
      const at = step === 1 ? i % size : Math.floor(i / size);
      for (let k = Math.max(-radius, -at); k <= radius && at + k < count; k++) to[i] = pick(to[i], from[i + k * step]);
    }
    return to;
  };
  for (const step of [1, size]) {
    low = pass(low, step, size, Math.min);
    high = pass(high, step, size, Math.max);
  }
  return mask.map((_, i) => (low[i] !== high[i] ? 1 : 0));
}

/** First and last row and column of a region, or null. */
export function extent(region, size) {
  let [left, top, right, bottom] = [size, size, -1, -1];
  for (let i = 0; i < region.length; i++) {
    if (!region[i]) continue;
    const [x, y] = [i % size, Math.floor(i / size)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = y;
  }
  return right < 0 ? null : { left, top: Math.min(top, bottom), right, bottom };
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
  const steps = [[-1, 0, 1], [0, -1, 1], [-1, -1, 1.4], [1, -1, 1.4], [-2, -1, 2.1969], [2, -1, 2.1969], [-1, -2, 2.1969], [1, -2, 2.1969]];
  const distance = Float32Array.from(region, (inside) => (inside ? 0 : 4 * size));
  for (const way of [1, -1]) {
    for (let i = 0; i < region.length; i++) {
      const at = way > 0 ? i : region.length - 1 - i;
      const [x, y] = [at % size, Math.floor(at / size)];
      for (const [dx, dy, length] of steps) {
        const [nx, ny] = [x + way * dx, y + way * dy];
        if (nx < 0 || ny < 0 || nx >= size || ny >= size) continue;
        const d = distance[ny * size + nx] + length;
        if (d < distance[at]) distance[at] = d;
      }
    }
  }
  return distance;
}
