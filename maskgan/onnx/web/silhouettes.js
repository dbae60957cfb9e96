// Shapes of hats and hair taken from people, fitted to another face; see maskgan/quick_edits/silhouettes.py.

import { FACE_PARTS, Frame } from "./frame.js";
import { LABEL, SILHOUETTES } from "./constants.js";
import { blurred, picture } from "./pixels.js";
import { signedDistance } from "./regions.js";
import { interpolated, remapped } from "./samples.js";
import { line } from "./scene.js";

const { SKIN, HAIR, NOSE, EYE_G } = LABEL;

/** Classes that no hat and no hair is painted over. */
export const UNTOUCHED = [...FACE_PARTS.filter((label) => label !== SKIN), EYE_G];

function meanOf(plane, region) {
  let [sum, count] = [0, 0];
  region.forEach((inside, i) => inside && ([sum, count] = [sum + plane[i], count + 1]));
  return sum / count;
}

/** The side (-1 left in the picture, 1 right) to which a face leans, 0 for neither: by the parting of the hair, then the
 *  turn of the head, then the place in the picture. */
function turnedTo(scene) {
  const { middle, half } = scene.across;
  const [hair, nose] = [scene.where(HAIR), scene.part(NOSE)];
  const parting = hair.includes(1) ? (meanOf(scene.x, hair) - middle) / half : 0;
  const turn = nose ? (meanOf(scene.x, nose) - middle) / half : 0;
  const at = (scene.frame.originX - (scene.size - 1) / 2) / scene.unit;
  const found = [[parting, 0.12], [turn, 0.1], [at, 0.05]].find(([value, least]) => Math.abs(value) > least);
  return found ? Math.sign(found[0]) : 0;
}

const LONGEST = 2.3; // y in the frame to which hair hangs whose end the lender's picture cuts off
const HIGH = 100; // from which of the rows, 261 from y = -2.5 on, hair over a forehead is looked for: pictures have few above

/** One person's shape. `anchors`: where that face lies in its picture, how low the shape hangs, and whether the picture's
 *  upper edge cuts it off; `distance`: a picture of the signed distance to the shape's outline in frame units; `extent`:
 *  percentiles of x and y. */
export class Silhouette {
  constructor(label, anchors, distance, extent, mirrored = null) {
    const { origin, axis, cheeks, chin, leans, bottom, cutOff } = anchors;
    Object.assign(this, { label, frame: new Frame(origin, axis), cheeks, chin, leans, bottom, cutOff, distance, extent });
    this.mirrored = mirrored ?? this;
  }

  static of({ width, height, label, runs, extent, seen, mirrored }) {
    const inside = new Uint8Array(width * height);
    let at = 0;
    runs.forEach((length, k) => inside.fill(k % 2, at, (at += length)));
    const { unit } = new Frame(seen.origin, seen.axis);
    const signed = picture(width, height, 1, signedDistance(inside, width, height));
    const distance = blurred(signed, Math.max(0.5, 0.012 * unit));
    distance.data.forEach((value, i) => (distance.data[i] = value / unit));
    const flipped = distance.data.map((_, i) => distance.data[i - (i % width) + width - 1 - (i % width)]);
    const other = new Silhouette(label, mirrored, { ...distance, data: flipped }, null);
    return new Silhouette(label, seen, distance, extent, other);
  }

  /** The shape, or its mirror image, so that it leans to the same side as the face. */
  facing(scene) {
    const side = turnedTo(scene);
    return side && side !== (this.leans || -1) ? this.mirrored : this;
  }

  /** y in the lender's frame to which hair hangs; what the picture cuts off counts to where that usually is. */
  get length() {
    return Math.min(this.bottom, LONGEST);
  }

  /** y in the lender's frame of the picture's upper edge, above the eyes. */
  get top() {
    const { originY, axisX, unit } = this.frame;
    return (-originY * axisX) / unit ** 2;
  }

  /** Where each pixel of a face lies in the lender's frame. `y`: rows to look up instead of the scene's own. */
  places(scene, y = scene.y) {
    const [[left, right], [theirLeft, theirRight]] = [scene.cheeks, this.cheeks];
    const size = (theirRight - theirLeft) / (right - left);
    const across = [left - 4, left, (left + right) / 2, right, right + 4];
    const theirs = [theirLeft - 4 * size, theirLeft, (theirLeft + theirRight) / 2, theirRight, theirRight + 4 * size];
    const [down, below] = [[-4, 0, scene.chin, scene.chin + 5], [-4 * size, 0, this.chin, this.chin + 5 * size]];
    return [scene.x.map((x) => interpolated(x, across, theirs)), y.map((row) => interpolated(row, down, below))];
  }

  /** Signed distance to the outline of the shape as this face wears it, in frame units. `smaller`: by how much it is. */
  fitted(scene, y = scene.y, smaller = 1) {
    const [columns, rows] = this.frame.toPixels(...this.places(scene, y).map((place) => place.map((value) => smaller * value)));
    const last = this.distance.width - 1;
    // A brim that the side of the lender's picture cut off tapers beyond it.
    return remapped(this.distance, columns, rows).map((distance, i) => distance - Math.max(0, -columns[i], columns[i] - last) / this.frame.unit);
  }

  /** The hair above the forehead: q from the middle in half faces, and y of its upper and lower edge in the frame. What the
   *  lender's picture cut off goes on up. */
  get edges() {
    return (this.found ??= this.edgesAlong(line(-1.15, 1.15, 93)));
  }

  edgesAlong(across) {
    const [left, right] = this.cheeks;
    const down = line(-2.5, 0.1, 261);
    const runs = across.map((q) => {
      const x = new Float32Array(down.length).fill((left + right) / 2 + ((right - left) / 2) * q);
      const hair = remapped(this.distance, ...this.frame.toPixels(x, Float32Array.from(down))).map((value) => (value > 0 ? 1 : 0));
      const first = Math.max(hair.indexOf(1, HIGH), 0);
      const after = hair.indexOf(0, first + 1);
      const last = after < 0 ? down.length - 1 : after;
      return [down[Math.max(last && hair.lastIndexOf(0, last - 1), 0)], down[last]];
    });
    return [across, runs.map(([upper]) => upper), runs.map(([, lower]) => lower)];
  }

  /** The hair above another face's forehead, in that face's frame, where upper heads are as high as faces are wide. */
  edgesOn(scene) {
    const [[left, right], [theirLeft, theirRight]] = [scene.cheeks, this.cheeks];
    const [across, ...edges] = this.edges;
    return [across, ...edges.map((edge) => edge.map((y) => (y * (right - left)) / (theirRight - theirLeft)))];
  }
}

const made = {};

/** A shape of the wardrobe by its name. */
export const silhouette = (name) => (made[name] ??= Silhouette.of(SILHOUETTES[name]));
