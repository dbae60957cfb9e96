// The label map itself: pure operations on integers, no page and no smoothing anywhere.
// A class id of ERASE in a paint call means "back to the original mask".

const ERASE = -1;
const NOTHING = 255;

/** Labels -> base64 of byte pairs (class id, run length - 1); runs go on across rows. */
function encodeRuns(labels) {
  const parts = [];
  let pairs = "";
  for (let i = 0; i < labels.length; ) {
    const label = labels[i];
    let end = i + 1;
    while (end < labels.length && end - i < 256 && labels[end] === label) end++;
    pairs += String.fromCharCode(label, end - i - 1);
    if (pairs.length > 4096) {
      parts.push(pairs);
      pairs = "";
    }
    i = end;
  }
  parts.push(pairs);
  return btoa(parts.join(""));
}

function decodeRuns(text, count) {
  const pairs = atob(text);
  const labels = new Uint8Array(count);
  let at = 0;
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const end = at + pairs.charCodeAt(i + 1) + 1;
    labels.fill(pairs.charCodeAt(i), at, end);
    at = end;
  }
  return labels;
}

class LabelBuffer {
  constructor(width, height, labels, original) {
    this.width = width;
    this.height = height;
    this.labels = labels;
    this.locked = new Uint8Array(256); // by class, whether nothing is painted over it; `createGuard` gives its own
    this.refused = 0; // pixels since the last step of the history that would have changed but for a lock
    this.setOriginal(original);
  }

  setOriginal(original) {
    this.original = original;
    this.mirrorSum = this.estimateMirrorSum();
  }

  contains(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height;
  }

  /** Class under a point in mask coordinates, NOTHING outside. */
  at(x, y) {
    return this.contains(x, y) ? this.labels[Math.floor(y) * this.width + Math.floor(x)] : NOTHING;
  }

  counts() {
    const counts = new Array(CLASSES.length).fill(0);
    for (const label of this.labels) counts[label]++;
    return counts;
  }

  /** Sum of the columns of two mirrored pixels: x' = mirrorSum - x. Eyes, brows, nose and mouth tell where the
   *  face's own axis is; the middle of the picture where there are none. */
  estimateMirrorSum() {
    const sum = new Float64Array(256);
    const count = new Float64Array(256);
    for (let i = 0; i < this.original.length; i++) {
      sum[this.original[i]] += i % this.width;
      count[this.original[i]]++;
    }
    const centre = (label) => sum[label] / count[label];
    const votes = [];
    for (const { id, mirror } of CLASSES) {
      if (mirror > id && count[id] && count[mirror] && !AXIS.unreliable.includes(id)) {
        votes.push(centre(id) + centre(mirror));
      }
    }
    for (const id of AXIS.centred) if (count[id]) votes.push(2 * centre(id));
    return votes.length ? Math.round(votes.reduce((a, b) => a + b) / votes.length) : this.width - 1;
  }

  /** Write class `id` (or ERASE) at these pixel indices, and the mirrored class at the mirrored pixels first. Locked
   *  classes stay where they are. */
  paint(pixels, id, mirror) {
    const write = (index, label) => {
      const wanted = label === ERASE ? this.original[index] : label;
      if (!this.locked[this.labels[index]]) this.labels[index] = wanted;
      else if (wanted !== this.labels[index]) this.refused++;
    };
    if (mirror) {
      const swapped = id === ERASE ? ERASE : CLASSES[id].mirror;
      for (const index of pixels) {
        const x = this.mirrorSum - (index % this.width);
        if (x >= 0 && x < this.width) write(index - (index % this.width) + x, swapped);
      }
    }
    for (const index of pixels) write(index, id);
  }

  /** Pixels of a hard-edged brush drawn from (x0, y0) to (x1, y1): centres within the radius. The diameter goes from
   *  `size` to `lastSize` on the way. */
  strokePixels(x0, y0, x1, y1, size, lastSize = size) {
    const radius = Math.max(size / 2, lastSize / 2, 0.5);
    const pixels = [];
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius));
    const right = Math.min(this.width - 1, Math.ceil(Math.max(x0, x1) + radius));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(y0, y1) + radius));
    const dx = x1 - x0;
    const dy = y1 - y0;
    const length2 = dx * dx + dy * dy;
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5 - x0;
        const py = y + 0.5 - y0;
        const t = length2 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
        const reach = Math.max((size + t * (lastSize - size)) / 2, 0.5);
        if ((px - t * dx) ** 2 + (py - t * dy) ** 2 <= reach * reach) pixels.push(y * this.width + x);
      }
    }
    // A thin brush may miss every pixel centre: the pixel under the tip is always painted.
    if (this.contains(x1, y1)) pixels.push(Math.floor(y1) * this.width + Math.floor(x1));
    return pixels;
  }

  /** Pixels whose centres lie inside a polygon [[x, y], ...] (non-zero winding, so that crossings stay filled). */
  polygonPixels(points) {
    const pixels = [];
    for (let y = 0; y < this.height; y++) {
      const crossings = [];
      for (let i = 0; i < points.length; i++) {
        const [x0, y0] = points[i];
        const [x1, y1] = points[(i + 1) % points.length];
        if (y0 <= y + 0.5 !== y1 <= y + 0.5) {
          crossings.push([x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0), y1 > y0 ? 1 : -1]);
        }
      }
      crossings.sort((a, b) => a[0] - b[0]);
      let winding = 0;
      for (let i = 0; i + 1 < crossings.length; i++) {
        winding += crossings[i][1];
        if (!winding) continue;
        const end = Math.min(this.width, Math.ceil(crossings[i + 1][0] - 0.5));
        for (let x = Math.max(0, Math.ceil(crossings[i][0] - 0.5)); x < end; x++) pixels.push(y * this.width + x);
      }
    }
    return pixels;
  }

  /** Pixels whose centres lie inside the ellipse that fills the box between two corners. */
  ellipsePixels([x0, y0], [x1, y1]) {
    const pixels = [];
    const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const [rx, ry] = [Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2];
    for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(this.height, Math.ceil(cy + ry)); y++) {
      const half = rx * Math.sqrt(Math.max(0, 1 - ((y + 0.5 - cy) / ry) ** 2));
      const end = Math.min(this.width - 1, Math.floor(cx + half - 0.5));
      for (let x = Math.max(0, Math.ceil(cx - half - 0.5)); x <= end; x++) pixels.push(y * this.width + x);
    }
    return pixels;
  }

  /** Connected pixels of the classes in `ids` around (x, y). Diagonals count for `wide`, else only sides. */
  connectedPixels(x, y, ids, wide = false) {
    const start = Math.floor(y) * this.width + Math.floor(x);
    const seen = new Uint8Array(this.labels.length);
    const pixels = [start];
    seen[start] = 1;
    for (let next = 0; next < pixels.length; next++) {
      const px = pixels[next] % this.width;
      const py = (pixels[next] - px) / this.width;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if ((!wide && dx && dy) || !this.contains(px + dx, py + dy)) continue;
          const index = (py + dy) * this.width + px + dx;
          if (!seen[index] && ids.includes(this.labels[index])) {
            seen[index] = 1;
            pixels.push(index);
          }
        }
      }
    }
    return pixels;
  }

  /** Labels with `pixels` taken out, each replaced by the nearest of `surfaces` (any class if there is none). */
  without(pixels, surfaces) {
    const { width, height } = this;
    const removed = new Uint8Array(this.labels.length);
    for (const index of pixels) removed[index] = 1;
    const isSurface = (label, index) => !removed[index] && surfaces.includes(label);
    const seed = this.labels.some(isSurface) ? isSurface : (_, index) => !removed[index];
    // Nearest seed by two sweeps that hand on vectors to it (8-point signed Euclidean distance transform).
    const nearest = new Int32Array(this.labels.length).fill(-1);
    this.labels.forEach((label, index) => {
      if (seed(label, index)) nearest[index] = index;
    });
    const distance = (from, to) => {
      const dx = (from % width) - (to % width);
      const dy = Math.floor(from / width) - Math.floor(to / width);
      return dx * dx + dy * dy;
    };
    const offer = (x, y, nx, ny) => {
      if (!this.contains(nx, ny)) return;
      const index = y * width + x;
      const candidate = nearest[ny * width + nx];
      if (candidate < 0) return;
      if (nearest[index] < 0 || distance(index, candidate) < distance(index, nearest[index])) {
        nearest[index] = candidate;
      }
    };
    for (const down of [1, -1]) {
      for (let row = 0; row < height; row++) {
        const y = down > 0 ? row : height - 1 - row;
        for (let x = 0; x < width; x++) for (const dx of [-1, 0, 1]) offer(x, y, x + dx, y - down);
        for (let x = 1; x < width; x++) offer(x, y, x - 1, y);
        for (let x = width - 2; x >= 0; x--) offer(x, y, x + 1, y);
      }
    }
    const result = this.labels.slice();
    for (const index of pixels) if (nearest[index] >= 0) result[index] = this.labels[nearest[index]];
    return result;
  }

  /** A region cut out for moving: its pixels in a box of its own, NOTHING around them. */
  cut(pixels) {
    const columns = pixels.map((index) => index % this.width);
    const rows = pixels.map((index) => Math.floor(index / this.width));
    const bounds = (list) => list.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, 0]);
    const [left, right] = bounds(columns);
    const [top, bottom] = bounds(rows);
    const piece = { left, top, width: right - left + 1, height: bottom - top + 1 };
    piece.labels = new Uint8Array(piece.width * piece.height).fill(NOTHING);
    pixels.forEach((index, i) => {
      piece.labels[(rows[i] - top) * piece.width + columns[i] - left] = this.labels[index];
    });
    return piece;
  }

  /** Lay a cut piece down, moved by (dx, dy) and scaled about its centre, nearest pixel. `kept`: 1 for each pixel that
   *  stays as it is. */
  place(piece, dx, dy, scale, kept) {
    const cx = piece.left + piece.width / 2 + dx;
    const cy = piece.top + piece.height / 2 + dy;
    const top = Math.max(0, Math.floor(cy - (piece.height / 2) * scale));
    const bottom = Math.min(this.height, Math.ceil(cy + (piece.height / 2) * scale));
    const left = Math.max(0, Math.floor(cx - (piece.width / 2) * scale));
    const right = Math.min(this.width, Math.ceil(cx + (piece.width / 2) * scale));
    for (let y = top; y < bottom; y++) {
      const sy = Math.floor((y + 0.5 - cy) / scale + piece.height / 2);
      if (sy < 0 || sy >= piece.height) continue;
      for (let x = left; x < right; x++) {
        const sx = Math.floor((x + 0.5 - cx) / scale + piece.width / 2);
        if (sx < 0 || sx >= piece.width) continue;
        const label = piece.labels[sy * piece.width + sx];
        if (label !== NOTHING && !kept[y * this.width + x]) this.labels[y * this.width + x] = label;
      }
    }
  }
}

/** Undo and redo as run-length strings, a few kilobytes each; the oldest go after LIMIT steps. */
class History {
  static LIMIT = 200;

  constructor(first) {
    this.states = [first];
    this.at = 0;
  }

  get current() {
    return this.states[this.at];
  }

  push(state) {
    if (state === this.current) return false;
    this.states.length = this.at + 1;
    this.states.push(state);
    if (this.states.length > History.LIMIT + 1) this.states.shift();
    this.at = this.states.length - 1;
    return true;
  }

  canGo(step) {
    return this.at + step >= 0 && this.at + step < this.states.length;
  }

  go(step) {
    this.at += step;
    return this.current;
  }
}
