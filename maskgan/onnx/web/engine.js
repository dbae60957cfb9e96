// The page's end of the wire to worker.js.

/** Starts the editor; returns `ask(call, argument, early)`, whose promise holds the answer (`early(part)`: is shown what there is of
 *  it before), and `abandon()`: nobody waits for the edits any more that were asked for until now, and those that have not been
 *  drawn answer null. `told(megabytes)`: of files. */
export function startEngine(told) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map(); // id -> the promise's ends
  let count = 0;
  worker.onmessage = ({ data: { id, early, result, problem, megabytes } }) => {
    if (megabytes !== undefined) return told(megabytes);
    if (early) return waiting.get(id).early(early);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (problem === undefined) resolve(result);
    else reject(new Error(problem));
  };
  worker.onerror = () => {
    for (const { reject } of waiting.values()) reject(new Error("The editor stopped; reload the page."));
    waiting.clear();
  };
  const ask = (call, argument = {}, early = () => {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++count, { resolve, reject, early });
      worker.postMessage({ id: count, call, argument });
    });
  return { ask, abandon: () => worker.postMessage({ id: count, call: "abandon" }) };
}
