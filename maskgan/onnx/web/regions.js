// Regions of a mask: Uint8Arrays of 0 and 1, rows of `size` pixels. What OpenCV's morphology does with discs.

const LONG = 2.1969; // a knight's move, see `distances`
const UNIT = 65536; // of distances while they are whole numbers

/** Half widths of the rows of an ellipse kernel of 2 r + 1 pixels. */
export function disc(radius) {
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

/** A region grown by a kernel, the half widths of whose rows are given: run by run. */
export function dilated(region, size, kernel) {
  const result = new Uint8Array(region.length);
  const rows = region.length / size;
  const r = kernel.length >> 1;
  for (let from = 0; from < rows; from++) {
    const end = (from + 1) * size;
    for (let at = end - size; at < end; ) {
      while (at < end && !region[at]) at++;
      if (at === end) break;
      const left = at - from * size;
      while (at < end && region[at]) at++;
      const right = at - from * size;
      for (let to = Math.max(0, from - r); to <= from + r && to < rows; to++) {
        const reach = kernel[from - to + r];
        result.fill(1, to * size + Math.max(left - reach, 0), to * size + Math.min(right + reach, size));
      }
    }
  }
  return result;
}

// Loops, for they run several times as fast as `map`, and an edit runs hundreds of them.

export function inverted(region) {
  const result = new Uint8Array(region.length);
  for (let i = 0; i < region.length; i++) result[i] = 1 - region[i];
  return result;
}

export function both(a, b) {
  const result = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] & b[i];
  return result;
}

export function either(a, b) {
  const result = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] | b[i];
  return result;
}

export function without(a, b) {
  const result = new Uint8Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] & (1 - b[i]);
  return result;
}

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

/** The pixels of a mask that are of any of these classes. */
export function where(mask, ...labels) {
  const table = new Uint8Array(256);
  for (const label of labels) table[label] = 1;
  const region = new Uint8Array(mask.length);
  for (let i = 0; i < mask.length; i++) region[i] = table[mask[i]];
  return region;
}

/** The pixels of a plane of numbers whose value (and place) passes a test. */
export function regionOf(plane, test) {
  const region = new Uint8Array(plane.length);
  for (let i = 0; i < plane.length; i++) if (test(plane[i], i)) region[i] = 1;
  return region;
}
export const any = (region) => region.includes(1);

export function areaOf(region) {
  let area = 0;
  for (let i = 0; i < region.length; i++) area += region[i];
  return area;
}

/** Pixels of a border between two classes or beside one, up to `radius` pixels away: where the square around a pixel holds two
 *  neighbours that differ. */
export function borders(mask, size, radius) {
  const result = new Uint8Array(mask.length);
  const rows = mask.length / size;
  const mark = (left, top, right, bottom) => {
    for (let y = Math.max(top, 0); y <= bottom && y < rows; y++) {
      result.fill(1, y * size + Math.max(left, 0), y * size + Math.min(right, size - 1) + 1);
    }
  };
  for (let y = 0, i = 0; y < rows; y++) {
    for (let x = 0; x < size; x++, i++) {
      if (x + 1 < size && mask[i] !== mask[i + 1]) mark(x + 1 - radius, y - radius, x + radius, y + radius);
      if (y + 1 < rows && mask[i] !== mask[i + size]) mark(x - radius, y + 1 - radius, x + radius, y + radius);
    }
  }
  return result;
}

/** First and last row and column of a region, or null. */
export function extent(region, size) {
  let [left, top, right, bottom] = [size, 0, -1, -1];
  for (let y = 0; y < region.length / size; y++) {
    const first = region.subarray(y * size, (y + 1) * size).indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, region.subarray(y * size, (y + 1) * size).lastIndexOf(1));
    if (bottom < 0) top = y;
    bottom = y;
  }
  return right < 0 ? null : { left, top, right, bottom };
}

/** Weight (Float32Array): 1 in the region, falling smoothly to 0 over `reach` pixels around it. */
export function feathered(region, size, reach) {
  const weights = distances(region, size, size);
  for (let i = 0; i < weights.length; i++) weights[i] = smoothstep(1 - weights[i] / reach);
  return weights;
}

/** 3 t^2 - 2 t^3 between 0 and 1, level beyond. */
export function smoothstep(t) {
  t = Math.min(Math.max(t, 0), 1);
  return t * t * (3 - 2 * t);
}

/** Distance to the region in pixels by two sweeps (Borgefors, 1986) of whole numbers, as OpenCV does it: by steps of 1,
 *  1.4 and 2.1969 over 5 x 5 pixels, or (`coarse`) of 0.955 and 1.3693 over 3 x 3. `nearest`: an Int32Array that takes
 *  the place of each pixel's nearest one in the region. */
export function distances(region, width, height, { coarse = false, nearest = null } = {}) {
  const row = width + 4; // two pixels of margin all around
  const steps = coarse
    ? [[-row - 1, 1.3693], [-row, 0.955], [-row + 1, 1.3693], [-1, 0.955]]
    : [[-2 * row - 1, LONG], [-2 * row + 1, LONG], [-row - 2, LONG], [-row - 1, 1.4], [-row, 1], [-row + 1, 1.4], [-row + 2, LONG], [-1, 1]];
  const offsets = Int32Array.from(steps, ([offset]) => offset);
  const lengths = Int32Array.from(steps, ([, length]) => Math.round(length * UNIT));
  const wide = new Int32Array(row * (height + 4)).fill(0x3fffffff);
  const from = nearest && new Int32Array(wide.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = (y + 2) * row + 2; x < width; x++, i++, at++) {
      if (!region[i]) continue;
      wide[at] = 0;
      if (from) from[at] = i;
    }
  }
  const [first, end] = [2 * row + 2, (height + 2) * row - 2];
  let sweepAll = coarse ? sweep : sweepAlone;
  if (from) sweepAll = coarse ? sweep : sweepWithPlaces;
  sweepAll(wide, first, end, row, lengths, offsets, from);
  sweepAll(wide, end - 1, first - 1, row, lengths, offsets, from);
  const result = new Float32Array(region.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = (y + 2) * row + 2; x < width; x++, i++, at++) result[i] = wide[at] / UNIT;
    if (nearest) nearest.set(from.subarray((y + 2) * row + 2, (y + 3) * row - 2), y * width);
  }
  return result;
}

/** One of the two sweeps of `distances`, forwards or backwards, over all but the margin of two pixels; `from` (or null) takes
 *  the place of what is nearest. */
function sweep(wide, first, end, row, lengths, offsets, from) {
  const way = first < end ? 1 : -1;
  const count = offsets.length;
  for (let at = first, x = 0; at !== end; at += way) {
    if (x === row - 4) {
      at += 4 * way;
      x = 0;
    }
    x++;
    let best = wide[at];
    if (best === 0) continue;
    for (let k = 0; k < count; k++) {
      const place = at + way * offsets[k];
      const other = wide[place] + lengths[k];
      if (other >= best) continue;
      best = other;
      if (from) from[at] = from[place];
    }
    wide[at] = best;
  }
}

/** `sweep` over 5 x 5 pixels, without its inner loop. */
function sweepWithPlaces(wide, first, end, row, lengths, offsets, from) {
  const way = first < end ? 1 : -1;
  const [step, below] = [way * row, 2 * way * row];
  const [long, corner, side] = [lengths[0], lengths[3], lengths[4]];
  for (let at = first, x = 0; at !== end; at += way) {
    if (x === row - 4) {
      at += 4 * way;
      x = 0;
    }
    x++;
    let best = wide[at];
    if (best === 0) continue;
    let place = at;
    if (wide[at - below - way] + long < best) {
      place = at - below - way;
      best = wide[place] + long;
    }
    if (wide[at - below + way] + long < best) {
      place = at - below + way;
      best = wide[place] + long;
    }
    if (wide[at - step - 2 * way] + long < best) {
      place = at - step - 2 * way;
      best = wide[place] + long;
    }
    if (wide[at - step - way] + corner < best) {
      place = at - step - way;
      best = wide[place] + corner;
    }
    if (wide[at - step] + side < best) {
      place = at - step;
      best = wide[place] + side;
    }
    if (wide[at - step + way] + corner < best) {
      place = at - step + way;
      best = wide[place] + corner;
    }
    if (wide[at - step + 2 * way] + long < best) {
      place = at - step + 2 * way;
      best = wide[place] + long;
    }
    if (wide[at - way] + side < best) {
      place = at - way;
      best = wide[place] + side;
    }
    wide[at] = best;
    from[at] = from[place];
  }
}

/** The most frequent case of `sweep`, over 5 x 5 pixels and for the distance alone, several times as fast. */
function sweepAlone(wide, first, end, row, lengths) {
  const way = first < end ? 1 : -1;
  const [step, below] = [way * row, 2 * way * row];
  const [long, corner, side] = [lengths[0], lengths[3], lengths[4]];
  for (let at = first, x = 0; at !== end; at += way) {
    if (x === row - 4) {
      at += 4 * way;
      x = 0;
    }
    x++;
    const own = wide[at];
    if (own === 0) continue;
    const [up, twice] = [at - step, at - below];
    const sides = Math.min(wide[up], wide[at - way]) + side;
    const corners = Math.min(wide[up - 1], wide[up + 1]) + corner;
    const knights = Math.min(Math.min(wide[up - 2], wide[up + 2]), Math.min(wide[twice - 1], wide[twice + 1])) + long;
    wide[at] = Math.min(Math.min(own, sides), Math.min(corners, knights));
  }
}

/** Distance in pixels to the region's border, positive inside. */
export function signedDistance(region, width, height = width) {
  if (!any(region)) return new Float32Array(region.length).fill(-1e4);
  const outside = distances(region, width, height);
  if (!region.includes(0)) return outside.fill(1e4);
  const inside = distances(inverted(region), width, height);
  for (let i = 0; i < inside.length; i++) inside[i] -= outside[i];
  return inside;
}

/** A plane whose rows are `rows` further down; what leaves it below comes in above. */
export function rolled(plane, size, rows) {
  const shift = rows * size;
  const result = plane.slice();
  result.set(plane.subarray(0, plane.length - shift), shift);
  result.set(plane.subarray(plane.length - shift), 0);
  return result;
}

/** The connected pieces of a region, eight neighbours to a pixel, four without `corners`: {numbers, pieces}, where `numbers` has a piece's number
 *  from 1 on at each of its pixels, and `pieces` from 1 on their {area, left, top, right, bottom}. */
export function piecesOf(region, width, height, { corners = true } = {}) {
  const numbers = new Int32Array(region.length);
  const pieces = [null];
  const stack = []; // places in runs whose neighbours above and below have still to be looked at
  const reach = corners ? 1 : 0;
  for (let start = 0; start < region.length; start++) {
    if (!region[start] || numbers[start]) continue;
    const piece = { area: 0, left: width, top: height, right: 0, bottom: 0 };
    const number = pieces.push(piece) - 1;
    stack.push(start);
    while (stack.length) {
      const at = stack.pop();
      if (numbers[at]) continue;
      const row = at - (at % width);
      let [first, last] = [at, at]; // of the run
      while (first > row && region[first - 1]) first--;
      while (last + 1 < row + width && region[last + 1]) last++;
      numbers.fill(number, first, last + 1);
      const y = row / width;
      piece.area += last - first + 1;
      piece.left = Math.min(piece.left, first - row);
      piece.right = Math.max(piece.right, last - row);
      piece.top = Math.min(piece.top, y);
      piece.bottom = Math.max(piece.bottom, y);
      for (const beside of [row - width, row + width]) {
        if (beside < 0 || beside >= region.length) continue;
        const end = beside + Math.min(last - row + reach, width - 1);
        for (let next = beside + Math.max(first - row - reach, 0), inside = false; next <= end; next++) {
          if (!region[next]) inside = false;
          else if (!inside) {
            inside = true; // once for each run
            if (!numbers[next]) stack.push(next);
          }
        }
      }
    }
  }
  return { numbers, pieces };
}

/** The polygon through points (columns and rows), filled, with its outline. Points lie at sixteenths of a pixel. */
export function filled(size, columns, rows) {
  const fixed = (value) => roundEven(16 * value);
  const points = Array.from(columns, (column, i) => [fixed(column) / 16, Math.floor((fixed(rows[i]) + 8) / 16)]);
  const region = new Uint8Array(size * size);
  const crossings = new Map(); // row -> columns of the polygon's sides
  const set = (x, y) => x >= 0 && x < size && y >= 0 && y < size && (region[y * size + x] = 1);
  points.forEach((one, i) => {
    const other = points[(i + 1) % points.length];
    const [[x0, y0], [x1, y1]] = [one, other].map(([x, y]) => [Math.floor(x + 0.5), y]).sort((a, b) => a[0] - b[0]);
    const [dx, dy] = [x1 - x0, y1 - y0];
    const steps = Math.max(dx, Math.abs(dy), 1);
    for (let k = 0; k <= steps; k++) set(x0 + Math.ceil((dx * k) / steps - 0.5), y0 + Math.sign(dy) * Math.ceil((Math.abs(dy) * k) / steps - 0.5));
    const [upper, lower] = one[1] < other[1] ? [one, other] : [other, one];
    for (let y = upper[1]; y < lower[1]; y++) {
      const x = upper[0] + ((y - upper[1]) / (lower[1] - upper[1])) * (lower[0] - upper[0]);
      crossings.set(y, [...(crossings.get(y) ?? []), x]);
    }
  });
  for (const [y, xs] of crossings) {
    xs.sort((a, b) => a - b);
    for (let k = 0; k + 1 < xs.length; k += 2) for (let x = Math.ceil(xs[k]); x <= Math.floor(xs[k + 1]); x++) set(x, y);
  }
  return region;
}
