// From a photo to a face, and from an edited mask to an edited face; see maskgan/editing/pipeline.py.

import { APART, Patch, Window } from "./compositing.js";
import { Alignment } from "./faces.js";
import { LABEL, SIZE } from "./constants.js";
import { borrowed, isItsShape, withBorrowed } from "./borrowing.js";
import { withoutBeard } from "./beards.js";
import { beneath, dressed, finished, hairOf, lookNamed, looksOf, wornWith } from "./dressing.js";
import { drawnBack } from "./drawn_back.js";
import { Motion, moving, partOf } from "./flow.js";
import { framesLeft } from "./frames_left.js";
import { withoutCoveredNeck, withoutImplausible } from "./implausible.js";
import { Kept } from "./kept.js";
import { movedBy, movedPhoto, movedWindow } from "./moved.js";
import { Overlay } from "./overlay.js";
import { hairpiecesFor } from "./painted_hair.js";
import { cutOut, picture } from "./pixels.js";
import { mostProbable } from "./probable.js";
import { any, distances, either, inverted, piecesOf, regionOf, where } from "./regions.js";
import { withEnds } from "./strands.js";
import { copyStyle } from "./style_copy.js";
import { drawingSize, fromPlanes, imageOf, keptOf, maskOf } from "./tensors.js";
import { applyTone, toneOf } from "./tones.js";
import { carriedHair, hairOverNeck, strayHair, strayStrands, withoutSlivers } from "./strays.js";
import { arrivedMask, unknownAfter } from "./unknown.js";
import { wearing } from "./worn.js";

const CELLS = 16; // of a style's residue, in a row
const PAINTED = 32 * SIZE.network ** 2; // pixels that are at hand for edits that follow
const painted = new WeakMap(); // by photo: patches, in places where nothing has changed since

/** Crop, mask and style of a face: the slow part, once per photo. `alignment`: where it lies. */
export async function prepare(networks, photo, alignment) {
  const crop = alignment.crop(photo, SIZE.crop);
  const { probabilities } = await networks.run("parser", { image: imageOf(Window.whole(SIZE.network).picture(crop)) });
  const { mask: read, confidence } = mostProbable(withoutImplausible(probabilities.data, SIZE.network), SIZE.network, SIZE.crop);
  const mask = withoutCoveredNeck(crop, read);
  const whole = Window.whole(drawingSize(networks));
  const style = await networks.run("style_encoder", {
    image: imageOf(whole.picture(crop)),
    mask: maskOf(whole.mask(mask, SIZE.crop), whole.pixels),
  });
  return { photo, alignment, crop, mask, confidence, style, tone: toneOf(crop) };
}

/** What an edit does to a photo: `flow` (null for none) moves its pixels, then patches and layers are laid over. */
class Edit {
  constructor(flow, patches, layers) {
    Object.assign(this, { flow, patches, layers });
  }

  get changes() {
    return Boolean(this.flow || this.patches.length || this.layers.length);
  }

  /** The edited photo, from the photo in which the crop lies at `alignment`. */
  async onto(photo, alignment) {
    if (this.flow) photo = movedPhoto(photo, alignment, this.flow);
    const moved = photo;
    for (const patch of this.patches) photo = patch.over(photo, alignment, moved);
    for (const layer of this.layers) photo = await layer.onto(photo, alignment);
    return photo;
  }
}

/** The edit that leads a face to a motion's mask, and the edited crop. `chosen`: looks by class that somebody chose, what
 *  the photo has no example of gets one by itself; `copied`: {source, regions, strength} of another face's style, or null; `lent`: another face whose shapes were taken, or null;
 *  `mask`: the edited one where it has glasses of the wardrobe over what the motion leads to;
 *  `quick`: large windows are drawn at the network's own size, in a quarter of the time, and without fine detail; `early(crop)`:
 *  is shown hair that is put on before all that lies around it is painted, where that takes long; `goOn()`: a promise that is
 *  rejected when nobody waits for the edit any more. */
export async function edit(networks, face, motion, { chosen = new Map(), copied = null, lent = null, mask = motion.mask, quick = false, early = () => {}, goOn = async () => {} } = {}) {
  const looks = looksOf(face.mask, mask, SIZE.crop, chosen);
  const hairs = lent || wornWith(looks).length ? [] : await hairpiecesFor(face, mask, motion.flow);
  if (hairs.length) looks.set(LABEL.HAIR, lookNamed(wearing(hairs, chosen.get(LABEL.HAIR)?.name ?? "")));
  if (lent && !chosen.has(LABEL.HAT) && isItsShape(mask, lent, LABEL.HAT)) looks.delete(LABEL.HAT); // it shows its own
  const own = mask === motion.mask ? face.mask : face.mask.map((label, i) => (mask[i] === motion.mask[i] ? label : motion.mask[i]));
  const below = await beneath(own, mask, SIZE.crop, looks, quick);
  await goOn();
  const still = below.every((label, i) => label === face.mask[i]); // then nothing of the photo moves
  // From hair that only lies over the photo nothing moves back to what is beneath it.
  const ofHead = withoutBeard(mask, face.mask, SIZE.crop);
  const anew = still || ((wornWith(looks).length || ofHead !== mask) && !any(moving(motion.flow)));
  const way = anew ? Motion.none(face.mask, SIZE.crop).to(below) : motion.to(below);
  const flow = any(moving(way.flow)) ? way.flow : null;
  const moved = flow ? movedBy(face.crop, flow) : face.crop;
  const style = dressed(face.style, looks);
  const hair = hairOf(face, mask, looks);
  const beforeLong = async () => {
    await goOn();
    if (hair && !quick) early((await hair.on(moved)).crop);
  };
  const patches = await patchesFor(networks, { ...face, style }, way, moved, quick, goOn, beforeLong);
  const painted = await new Edit(null, patches, []).onto(moved, Alignment.wholePicture(moved));
  await goOn();
  const taken = lent ? borrowed(face, way, lent) : [];
  const { crop: clad, laid } = taken.length ? withBorrowed(painted, face, mask, lent, taken) : { crop: painted };
  const worn = hair ? (await hair.on(clad, quick)).crop : clad;
  const cut = !hair && !taken.includes(LABEL.HAIR) && face.mask.some((label, i) => label === LABEL.HAIR && mask[i] !== label);
  const ended = cut ? withEnds(worn, ofHead, moved, arrivedMask(face.mask, way.flow)) : { crop: worn };
  const { crop, drawn, grain } = await finished(ended.crop, face, mask, looks, chosen);
  ended.changed?.forEach((share, i) => (drawn[i] = Math.max(drawn[i], share)));
  const over = [laid && Overlay.between(painted, clad, laid), worn === clad ? null : hair, Overlay.between(worn, crop, drawn), grain];
  const layers = over.filter(Boolean);
  const styled = copied && (await copyStyle(networks, crop, mask, style, copied, quick));
  if (styled) layers.push(new Overlay(styled.crop, styled.weight, new Float32Array(mask.length)));
  return { edit: new Edit(flow, patches, layers), crop: styled ? styled.crop : crop };
}

/** What is painted when the photo's pixels have moved; nothing where they can show all of the mask. `beforeLong()`: is waited for
 *  before the first window that takes long. */
async function patchesFor(networks, face, motion, moved, quick, goOn, beforeLong) {
  const lacking = unknownAfter(face.mask, motion.mask, motion.flow);
  if (!any(lacking)) return [];
  const strays = [strayHair, hairOverNeck, framesLeft].map((found) => found(face.crop, face.mask, motion.mask));
  const arrived = arrivedMask(face.mask, motion.flow);
  const { bared, behind, share } = drawnBack(face.crop, face.mask, motion.mask, arrived, motion.flow);
  const hair = share.some((value) => value > 0) ? picture(SIZE.crop, SIZE.crop, 1, share) : null;
  strays.push(behind, strayStrands(moved, arrived, motion.mask, bared), carriedHair(moved, arrived, motion.mask, motion.flow));
  const unknown = withoutSlivers(strays.reduce(either, lacking), face.mask, motion.mask, SIZE.crop);
  const parts = networks.kept
    ? Window.several(unknown, SIZE.crop, face.alignment.side, where(motion.mask, LABEL.HAIR))
    : [{ window: Window.whole(drawingSize(networks)), part: unknown }];
  const patches = [];
  const touched = moving(motion.flow);
  for (let i = 0; i < touched.length; i++) if (unknown[i] || motion.mask[i] !== face.mask[i]) touched[i] = 1;
  const { numbers } = piecesOf(touched, SIZE.crop, SIZE.crop);
  const apart = new Apart(numbers, parts.map(({ part }) => part), face, motion, moved);
  if (!painted.has(face.photo)) painted.set(face.photo, new Kept(PAINTED, ({ window }) => window.pixels ** 2));
  const kept = painted.get(face.photo);
  for (const [number, { window: finest, part }] of parts.entries()) {
    const seen = apart.only(number);
    const shown = (window) => {
      const finer = window.pixels > Math.round(window.side * SIZE.crop);
      const photo = finer ? movedWindow(face.photo, face.alignment, seen.flow, window) : window.picture(seen.moved);
      const [mask, covered] = [window.mask(seen.mask, SIZE.crop), window.covers(part, SIZE.crop)];
      return { window, photo, mask, covered, hair: hair && window.picture(hair).data };
    };
    const fine = shown(finest);
    const { left, top, side, pixels } = finest;
    const style = Object.values(face.style).map(({ data }) => data);
    const all = [left, top, side, pixels, face.tone, fine.covered, fine.mask, fine.photo.data, fine.hair, ...style];
    let patch = kept.find(...all);
    if (!patch) await goOn();
    if (!patch && quick && networks.kept && finest.pixels > SIZE.network) {
      patch = await paint(networks, face, shown(finest.at(SIZE.network)), false);
    } else if (!patch) {
      if (finest.pixels > SIZE.network) {
        await beforeLong();
        beforeLong = goOn;
      }
      patch = await paint(networks, face, fine, !quick);
      if (!quick) kept.keep(patch, ...all);
    }
    patches.push(patch);
  }
  return patches;
}

/** What the network paints in a window of which it is shown this; `fine`: with the photo's fine detail. */
async function paint(networks, face, { window, photo, mask, covered, hair }, fine) {
  const n = window.pixels;
  const box = networks.kept ? window.drawn(covered, mask) : { left: 0, top: 0, width: n, height: n };
  const { left, top, width, height } = box;
  const { image } = await networks.run(networks.generator, {
    mask: maskOf(partOf(mask, n, box), width, height),
    kept: keptOf(cutOut(photo, left, top, width, height), inverted(partOf(covered, n, box))),
    ...inWindow(face.style, window.share(box)),
  });
  const patch = Patch.joined(fromPlanes(image.data, width, height), photo, covered, mask, window, box, fine, hair);
  if (face.tone) applyTone(face.tone, patch.layer);
  return patch;
}

/** What an edit does around parts of what is unknown, so that what is painted in one place does not depend on what happens in
 *  another. `pieces`: numbers of the connected changes, 0 is what stays. */
class Apart {
  #close = null;

  constructor(pieces, parts, face, motion, moved) {
    Object.assign(this, { pieces, parts, face, motion, moved });
    this.numbers = new Int8Array(pieces.length).fill(-1); // of parts
    for (const [number, part] of parts.entries()) {
      for (let i = 0; i < part.length; i++) if (part[i]) this.numbers[i] = number;
    }
  }

  /** The number of the part that is nearest and close, -1 for none. */
  get close() {
    if (this.#close) return this.#close;
    const { numbers } = this;
    const nearest = new Int32Array(numbers.length);
    const away = distances(regionOf(numbers, (number) => number >= 0), SIZE.crop, SIZE.crop, { nearest });
    this.#close = new Int8Array(numbers.length).fill(-1);
    for (let i = 0; i < numbers.length; i++) if (away[i] <= 2 * APART * SIZE.crop) this.#close[i] = numbers[nearest[i]];
    return this.#close;
  }

  /** Mask, flow and moved crop of the edit at the part of this number. A change that has nothing of it is left out: there the photo
   *  and its mask are as they were. Of one that has other parts too, what lies farther, or nearer to another part, is left out. */
  only(number) {
    const { pieces, numbers, face, motion, moved } = this;
    const own = new Uint8Array(pieces.reduce((most, piece) => Math.max(most, piece), 0) + 1);
    for (let i = 0; i < pieces.length; i++) if (numbers[i] === number) own[pieces[i]] = 1;
    let shared = false;
    for (let i = 0; i < pieces.length && !shared; i++) shared = numbers[i] >= 0 && numbers[i] !== number && own[pieces[i]] === 1;
    const close = shared ? this.close : null;
    const away = new Uint8Array(pieces.length);
    for (let i = 0; i < away.length; i++) {
      if (pieces[i] && ((close && close[i] !== number) || !own[pieces[i]])) away[i] = 1;
    }
    if (!any(away)) return { mask: motion.mask, flow: motion.flow, moved };
    const mask = motion.mask.slice();
    const flow = { ...motion.flow, data: motion.flow.data.slice() };
    const stayed = { ...moved, data: moved.data.slice() };
    for (let i = 0; i < away.length; i++) {
      if (!away[i]) continue;
      mask[i] = face.mask[i];
      flow.data[2 * i] = flow.data[2 * i + 1] = 0;
      for (let k = 3 * i; k < 3 * i + 3; k++) stayed.data[k] = face.crop.data[k];
    }
    return { mask, flow, moved: stayed };
  }
}

/** A style for drawing a part of the crop, in fractions of its side: its residue is cropped to that, linearly between cells. */
function inWindow(style, { left, top, width, height }) {
  if (!style.residue || (width === 1 && height === 1)) return style;
  const weights = (start, length) =>
    Array.from({ length: CELLS }, (_, i) => {
      const centre = Math.min(Math.max((start + (length * (i + 0.5)) / CELLS) * CELLS - 0.5, 0), CELLS - 1);
      return Array.from({ length: CELLS }, (_, k) => Math.max(1 - Math.abs(centre - k), 0));
    });
  const [rows, columns] = [weights(top, height), weights(left, width)];
  const { type, dims, data } = style.residue;
  const cropped = new Float32Array(data.length);
  const half = new Float32Array(CELLS * CELLS);
  for (let plane = 0; plane < data.length; plane += CELLS * CELLS) {
    half.fill(0);
    for (let y = 0; y < CELLS; y++) {
      for (let k = 0; k < CELLS; k++) {
        if (rows[y][k]) for (let x = 0; x < CELLS; x++) half[y * CELLS + x] += rows[y][k] * data[plane + k * CELLS + x];
      }
      for (let x = 0; x < CELLS; x++) {
        for (let k = 0; k < CELLS; k++) cropped[plane + y * CELLS + x] += half[y * CELLS + k] * columns[x][k];
      }
    }
  }
  return { ...style, residue: { type, dims, data: cropped } };
}

/** Whether the parser is sure of a mouth that lies above the eyes. */
export function isUpsideDown({ mask, confidence }) {
  const { L_EYE, R_EYE, L_BROW, R_BROW, EYE_G, MOUTH, U_LIP, L_LIP } = LABEL;
  const middles = [];
  for (const parts of [[L_EYE, R_EYE, L_BROW, R_BROW, EYE_G], [MOUTH, U_LIP, L_LIP]]) {
    const own = where(mask, ...parts);
    const rows = new Set();
    let [count, sure] = [0, 0];
    own.forEach((inside, i) => {
      if (!inside) return;
      count++;
      sure += confidence[i];
      rows.add(Math.floor(i / SIZE.crop));
    });
    if (!count || count >= 0.1 * mask.length || sure / count < 0.6) return false;
    middles.push([...rows].reduce((a, b) => a + b) / rows.size / SIZE.crop);
  }
  return middles[1] < middles[0] - 0.05;
}
