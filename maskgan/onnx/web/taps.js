// Weighted sums of neighbours, the inner loop of every filter, as a function of WebAssembly on four numbers at once: many
// times as fast as the same loop in JavaScript. onnxruntime-web's own files need the same instructions.

const PAGE = 65536; // bytes
const BLOCK = 16; // floats that are worked out together: a line of the processor's cache

const [I32, V128, EMPTY] = [0x7f, 0x7b, 0x40]; // types
const [LOOP, END, BRANCH_IF, GET, SET, TEE, CONST, ADD, LESS] = [0x03, 0x0b, 0x0d, 0x20, 0x21, 0x22, 0x41, 0x6a, 0x49];
const vector = (code) => [0xfd, ...unsigned(code)];
const [LOAD, SPLAT, STORE, MULTIPLY, SUM] = [0x00, 0x09, 0x0b, 0xe6, 0xe4].map(vector);

function unsigned(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value >>>= 7;
  } while (value);
  return bytes;
}

const section = (id, content) => [id, ...unsigned(content.length), ...content];
const text = (name) => [name.length, ...[...name].map((letter) => letter.charCodeAt(0))];

/** sums(out, from, weights, step, end, stop): all are addresses or lengths in bytes. From `out` to `end`, BLOCK floats at a
 *  time, the sum over the weights up to `stop` of weight k * the float at `from` + k * `step`. */
function moduleOfSums() {
  const [out, from, weights, step, end, stop, at, weight, factor, first] = Array.from({ length: 13 }, (_, k) => k);
  const lanes = [0, 1, 2, 3];
  const add = (local, bytes) => [GET, local, CONST, ...bytes, ADD, SET, local];
  const body = [
    ...[LOOP, EMPTY],
    ...lanes.flatMap((k) => [...vector(0x0c), ...new Array(16).fill(0), SET, first + k]), // zeros
    ...[GET, from, SET, at, GET, weights, SET, weight],
    ...[LOOP, EMPTY],
    ...[GET, weight, ...SPLAT, 2, 0, SET, factor],
    ...lanes.flatMap((k) => [GET, first + k, GET, factor, GET, at, ...LOAD, 2, 16 * k, ...MULTIPLY, ...SUM, SET, first + k]),
    ...[GET, at, GET, step, ADD, SET, at],
    ...[GET, weight, CONST, 4, ADD, TEE, weight, GET, stop, LESS, BRANCH_IF, 0, END],
    ...lanes.flatMap((k) => [GET, out, GET, first + k, ...STORE, 2, 16 * k]),
    ...add(from, [0xc0, 0x00]), // 64, signed
    ...[GET, out, CONST, 0xc0, 0x00, ADD, TEE, out, GET, end, LESS, BRANCH_IF, 0, END],
    END,
  ];
  const locals = [2, 2, I32, 5, V128];
  const code = [...locals, ...body];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, ...new Array(6).fill(I32), 0]),
    ...section(2, [1, ...text("m"), ...text("m"), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("sums"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const memory = new WebAssembly.Memory({ initial: 1 });
const { sums } = new WebAssembly.Instance(new WebAssembly.Module(moduleOfSums()), { m: { m: memory } }).exports;

const roomy = (floats) => BLOCK * Math.ceil(floats / BLOCK);
let floats = new Float32Array(memory.buffer);

function makeRoom(count) {
  const missing = 4 * count - memory.buffer.byteLength;
  if (missing <= 0) return;
  memory.grow(Math.ceil(missing / PAGE));
  floats = new Float32Array(memory.buffer);
}

/** A symmetric kernel of odd length along rows of interleaved channels, and then along columns; `reflected(i, n)` is the
 *  place inside of one beyond the borders. A new Float32Array. */
export function filteredPlanes({ width, height, channels, data }, weights, reflected) {
  const taps = weights.length;
  const radius = taps >> 1;
  const row = width * channels;
  const result = new Float32Array(data.length);
  // Rows of zeros at both ends stay so beyond the kernel's reach.
  let [first, last] = [0, data.length - 1];
  while (first < data.length && !data[first]) first++;
  if (first === data.length) return result;
  while (!data[last]) last--;
  const from = Math.max(Math.floor(first / row) - radius, 0);
  const to = Math.min(Math.floor(last / row) + radius + 1, height);
  // In memory: the weights, one row with what lies beyond its ends, all rows with those beyond theirs, the result. Rows lie a
  // little apart, else those of a power of two would fall onto the same lines of the processor's cache.
  const pitch = roomy(row) + BLOCK;
  const line = roomy(taps);
  const rows = line + roomy(row + 2 * radius * channels) + BLOCK;
  const out = rows + (to - from + 2 * radius) * pitch + BLOCK;
  makeRoom(out + (to - from) * pitch + BLOCK);
  floats.set(weights, 0);
  // What lies beyond the ends of a row: where in memory, and where in the row.
  const [edges, beyond] = [new Int32Array(2 * radius * channels), new Int32Array(2 * radius * channels)];
  for (let k = 0; k < edges.length; k++) {
    const x = Math.floor(k / channels);
    const place = x < radius ? x - radius : width + x - radius;
    edges[k] = line + (place + radius) * channels + (k % channels);
    beyond[k] = reflected(place, width) * channels + (k % channels);
  }
  const at = (y) => rows + (y - from + radius) * pitch;
  for (let y = from; y < to; y++) {
    floats.set(data.subarray(y * row, (y + 1) * row), line + radius * channels);
    for (let k = 0; k < beyond.length; k++) floats[edges[k]] = data[y * row + beyond[k]];
    sums(4 * at(y), 4 * line, 0, 4 * channels, 4 * (at(y) + row), 4 * taps);
  }
  const zeros = new Float32Array(row);
  for (let y = from - radius; y < to + radius; y++) {
    const inside = reflected(y, height);
    if (inside === y && y >= from && y < to) continue;
    if (inside >= from && inside < to) floats.copyWithin(at(y), at(inside), at(inside) + row);
    else floats.set(zeros, at(y));
  }
  sums(4 * out, 4 * rows, 0, 4 * pitch, 4 * (out + (to - from) * pitch), 4 * taps);
  for (let y = from; y < to; y++) {
    const start = out + (y - from) * pitch;
    result.set(floats.subarray(start, start + row), y * row);
  }
  return result;
}
