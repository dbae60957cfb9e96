// Numbers that stand for chance and are the same whenever the same things are done; see maskgan/editing/chance.py.

/** Numbers in [0, 1) that follow from `start`: mulberry32 (Ettinger, public domain). */
export function chance(start, count) {
  return Float64Array.from({ length: count }, (_, i) => {
    let mixed = (start + Math.imul(i + 1, 0x6d2b79f5)) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}
