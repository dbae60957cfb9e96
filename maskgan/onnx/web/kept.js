// What was worked out and is still at hand: an edit that follows another one does only what differs from it; see
// maskgan/editing/lasting.py.

/** Whether two things that a result follows from are the same: typed arrays by their values, all else by identity. */
function same(one, other) {
  if (one === other) return true;
  if (!ArrayBuffer.isView(one) || !ArrayBuffer.isView(other) || one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** The last results, by all that they follow from. Neither results nor what they follow from may be changed. `most`: how much
 *  is kept; `size(result)`: in the same units. */
export class Kept {
  #entries = []; // the newest last

  constructor(most, size = () => 1) {
    Object.assign(this, { most, size });
  }

  /** The result for these things, undefined where there is none; what tells soonest comes first. */
  find(...things) {
    const at = this.#entries.findLastIndex((entry) => entry.things.length === things.length && entry.things.every((thing, k) => same(thing, things[k])));
    if (at < 0) return undefined;
    const [entry] = this.#entries.splice(at, 1);
    this.#entries.push(entry);
    return entry.result;
  }

  /** Keeps a result, and returns it. */
  keep(result, ...things) {
    this.#entries.push({ things, result });
    let total = this.#entries.reduce((sum, entry) => sum + this.size(entry.result), 0);
    while (total > this.most && this.#entries.length > 1) total -= this.size(this.#entries.shift().result);
    return result;
  }

  /** The result for these things, made where there is none. */
  get(make, ...things) {
    const found = this.find(...things);
    return found === undefined ? this.keep(make(), ...things) : found;
  }
}
