// Faces in photos: detection, and the square crop around a face; the same rules as in maskgan/editing/faces.py.

import { Octaves, findFaces } from "./cascade.js";
import { turnedOnce } from "./pixels.js";
import { apply, inverse, resample, thenShift } from "./warp.js";

// Which way up a photo is, is seen on its large faces: long sides of a first and a second look, and the smallest faces
// there, in pixels of the look.
const VIEWS = [[320, 32], [1280, 32]];
const SMALLEST = 24; // side of a face, in pixels of a photo whose long side has SEEN pixels, or of a smaller photo
const SEEN = 1280;
// A square picture is a face crop already when no corner of the crop that its face asks for is further away, in sides.
const ALIGNED_WITHIN = 0.08;

/** The photo, turned upright, and its faces (boxes with points), largest first. */
export async function uprightFaces(run, photo) {
  const octaves = new Octaves(photo);
  const long = Math.max(photo.width, photo.height);
  for (const [side, smallest] of VIEWS) {
    for (const quarters of [0, 1, 3, 2]) {
      if (!(await findFaces(run, octaves.turned(quarters, side), smallest)).length) continue;
      for (let i = 0; i < quarters; i++) photo = turnedOnce(photo);
      const found = await findFaces(run, quarters ? new Octaves(photo) : octaves, Math.max(SMALLEST, (SMALLEST * long) / SEEN));
      const size = ({ x0, y0, x1, y1 }) => (x1 - x0) * (y1 - y0);
      return { photo, faces: found.sort((a, b) => size(b) - size(a)) };
    }
    if (side >= long) break;
  }
  return { photo, faces: [] };
}

/** A square crop's place in its photo: `matrix` maps points of the unit square to the photo's pixels. */
export class Alignment {
  constructor(matrix, width, height) {
    Object.assign(this, { matrix, width, height });
  }

  /** The crop of a face by its points: the whole picture where that is such a crop already. */
  static ofFace(points, photo) {
    const crop = Alignment.byPoints(points, photo);
    if (photo.width !== photo.height) return crop;
    const corners = [[0, 0], [1, 0], [0, 1], [1, 1]];
    const off = corners.flatMap((corner) => apply(crop.matrix, ...corner).map((v, k) => Math.abs(v / photo.width - corner[k])));
    return Math.max(...off) <= ALIGNED_WITHIN ? Alignment.wholePicture(photo) : crop;
  }

  /** The CelebA-HQ / FFHQ crop (Karras et al., 2018, appendix C) from eye centres and mouth corners. */
  static byPoints([leftEye, rightEye, , leftMouth, rightMouth], { width, height }) {
    const middle = (p, q) => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
    const [eyes, mouth] = [middle(leftEye, rightEye), middle(leftMouth, rightMouth)];
    const toEye = [rightEye[0] - leftEye[0], rightEye[1] - leftEye[1]];
    const toMouth = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
    let x = [toEye[0] + toMouth[1], toEye[1] - toMouth[0]]; // the mouth's direction turned by 90 degrees
    const length = Math.max(2 * Math.hypot(...toEye), 1.8 * Math.hypot(...toMouth)) / Math.max(Math.hypot(...x), 1e-6);
    x = [x[0] * length, x[1] * length];
    const y = [-x[1], x[0]];
    const centre = [eyes[0] + 0.1 * toMouth[0], eyes[1] + 0.1 * toMouth[1]];
    const corner = [centre[0] - x[0] - y[0], centre[1] - x[1] - y[1]];
    return new Alignment([2 * x[0], 2 * y[0], corner[0], 2 * x[1], 2 * y[1], corner[1]], width, height);
  }

  /** The smallest centred square that contains the whole photo. */
  static wholePicture({ width, height }) {
    const side = Math.max(width, height);
    return new Alignment([side, 0, (width - side) / 2, 0, side, (height - side) / 2], width, height);
  }

  /** Side of the crop in the photo's pixels. */
  get side() {
    return Math.hypot(this.matrix[0], this.matrix[3]);
  }

  /** From a crop's pixels, `size` in a row, to the photo's. */
  fromCrop(size) {
    const [a, b, c, d, e, f] = this.matrix;
    return [a / size, b / size, c, d / size, e / size, f];
  }

  /** The aligned face, size x size pixels; beyond its borders the photo is reflected. */
  crop(photo, size) {
    return resample(photo, this.fromCrop(size), size, size, { border: "reflect" });
  }

  /** Where a square part of the crop lies; corner and side in fractions of the crop's side. */
  window(left, top, side) {
    const [a, b, , d, e] = this.matrix;
    const [x, y] = apply(this.matrix, left, top);
    return new Alignment([a * side, b * side, x, d * side, e * side, y], this.width, this.height);
  }

  /** The photo's part that holds a box of a crop of `size`, or null when the photo has no pixel of it. */
  photoPart([left, top, right, bottom], size) {
    const corners = [[left, top], [right, top], [left, bottom], [right, bottom]];
    const places = corners.map(([x, y]) => apply(this.fromCrop(size), x, y));
    const [xs, ys] = [0, 1].map((axis) => places.map((place) => place[axis]));
    const x0 = Math.max(Math.floor(Math.min(...xs)), 0);
    const y0 = Math.max(Math.floor(Math.min(...ys)), 0);
    const x1 = Math.min(Math.ceil(Math.max(...xs)), this.width);
    const y1 = Math.min(Math.ceil(Math.max(...ys)), this.height);
    return x1 > x0 && y1 > y0 ? { left: x0, top: y0, width: x1 - x0, height: y1 - y0 } : null;
  }

  /** From pixels of a part of the photo to pixels of a crop of `size`. */
  fromPart({ left, top }, size) {
    const [a, b, c, d, e, f] = inverse(this.matrix).map((value) => value * size);
    return thenShift([a, b, c, d, e, f], a * left + b * top, d * left + e * top);
  }
}
