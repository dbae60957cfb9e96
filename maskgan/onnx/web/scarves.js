// Head coverings that hang down beside the face: scarves, veils, hoods; see maskgan/quick_edits/scarves.py.

import { LABEL } from "./constants.js";
import { places } from "./scene.js";

const { HAT, CLOTH } = LABEL;
// The row below which a hat hangs, how much of it then covers hair and neck, and how wide it then lies on clothes.
const [HANGS, MUCH, LIES] = [0.5, 0.3, 0.3];
// How far below the chin clothes begin beside the neck once it is off, how much lower in its middle, how steep shoulders are.
const [BESIDE, DEEPER, SLOPE] = [0.06, 0.12, 0.15];
const [NECK, JAW] = [0.62, 0.4]; // width of the neck in that of the face, and how far above the chin it begins beside the jaw

/** Whether what the head wears hangs down beside the face, on clothes or out of the picture. */
export function wearsScarf(scene) {
  const { mask, size } = scene;
  const hangs = mask.reduce((count, label, i) => count + (label === HAT && scene.y[i] > HANGS), 0);
  if (hangs <= MUCH * scene.unit ** 2) return false;
  const lies = onClothes(scene).reduce((count, on, x) => count + (on || mask[mask.length - size + x] === HAT), 0);
  return lies > LIES * scene.unit;
}

/** By column, whether clothes begin right below a hat. */
function onClothes({ mask, size }) {
  const columns = Array(size).fill(false);
  for (let i = size; i < mask.length; i++) if (mask[i] === CLOTH && mask[i - size] === HAT) columns[i % size] = true;
  return columns;
}

/** Throws where a scarf or a hood covers the hair. */
export function needOpenHair(scene) {
  if (wearsScarf(scene)) throw new Error("A scarf or a hood covers this hair; take it off first, with No hat.");
}

/** Counts to the scarf what lies of it about neck and shoulders: clothes below it, down to a neckline. */
export function loosen(scene) {
  const { chin, size } = scene;
  const { middle, half } = scene.across;
  const touched = onClothes(scene);
  const [first, last] = [touched.indexOf(true), touched.lastIndexOf(true)];
  const neckline = (x) => {
    const out = Math.abs(x - middle) / (NECK * half);
    return chin + BESIDE + DEEPER * Math.max(0, 1 - out ** 2) + SLOPE * Math.max(0, out - 1);
  };
  scene.paint(places(scene, (x, y, i) => first >= 0 && i % size >= first && i % size <= last && y < neckline(x)), HAT, [CLOTH]);
}

/** Where the neck is below the face and beside the jaw. */
export function neckOf(scene) {
  const { middle, half } = scene.across;
  return places(scene, (x, y, i) => Math.abs(x - middle) < NECK * half && y > scene.chin - JAW && !scene.face[i]);
}
