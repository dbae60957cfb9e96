// Head coverings that hang down beside the face: scarves, veils, hoods; see maskgan/quick_edits/scarves.py.

import { LABEL } from "./constants.js";
import { places } from "./scene.js";

const { HAT, CLOTH } = LABEL;
const [HANGS, MUCH] = [0.5, 0.3]; // the row below which a hat hangs, and how much of it then covers hair and neck
// How far below the chin clothes begin beside the neck once it is off, how much lower in its middle, how steep shoulders are.
const [BESIDE, DEEPER, SLOPE] = [0.06, 0.12, 0.15];
const [NECK, JAW] = [0.62, 0.4]; // width of the neck in that of the face, and how far above the chin it begins beside the jaw

export function wearsScarf(scene) {
  const hangs = scene.mask.reduce((count, label, i) => count + (label === HAT && scene.y[i] > HANGS), 0);
  return hangs > MUCH * scene.unit ** 2;
}

/** Throws where a scarf or a hood covers the hair. */
export function needOpenHair(scene) {
  if (wearsScarf(scene)) throw new Error("A scarf or a hood covers this hair; take it off first, with No hat.");
}

/** Counts to the scarf what lies of it about neck and shoulders: clothes below it, down to a neckline. */
export function loosen(scene) {
  const { mask, chin, size } = scene;
  const { middle, half } = scene.across;
  let [first, last] = [size, -1];
  for (let i = size; i < mask.length; i++) {
    if (mask[i] === CLOTH && mask[i - size] === HAT) [first, last] = [Math.min(first, i % size), Math.max(last, i % size)];
  }
  const neckline = (x) => {
    const out = Math.abs(x - middle) / (NECK * half);
    return chin + BESIDE + DEEPER * Math.max(0, 1 - out ** 2) + SLOPE * Math.max(0, out - 1);
  };
  scene.paint(places(scene, (x, y, i) => i % size >= first && i % size <= last && y < neckline(x)), HAT, [CLOTH]);
}

/** Where the neck is below the face and beside the jaw. */
export function neckOf(scene) {
  const { middle, half } = scene.across;
  return places(scene, (x, y, i) => Math.abs(x - middle) < NECK * half && y > scene.chin - JAW && !scene.face[i]);
}
