// The editor beside the page, so that painting never waits: answers {id, call, argument} with {id, result | problem}, maybe after
// {id, early}, a first part of the result.

import { beardOf, editedBeneath, withoutBeard } from "./beards.js";
import { lentShapes } from "./borrowed_glasses.js";
import { carriedOffsets } from "./carrying.js";
import { LABEL } from "./constants.js";
import { draft, draftDoes } from "./drafts.js";
import { lookNamed } from "./dressing.js";
import { edit, isUpsideDown, prepare } from "./editor.js";
import { Alignment, uprightFaces } from "./faces.js";
import { decode, encode, imageData } from "./files.js";
import { Motion } from "./flow.js";
import { keepHairpieces } from "./hairpieces.js";
import { Kept } from "./kept.js";
import { MaskLine } from "./morph.js";
import { openNetworks } from "./networks.js";
import { lendersOf } from "./style_copy.js";
import { opens } from "./teeth.js";

const MOST_MOTIONS = 24;
const MOST_EDITS = 8;

let networks = null;
let packet = null; // the mark of results
let photo = null; // upright
let faces = [];
let face = null; // the one that is edited
let line = null; // of masks
let source = null; // the face of another photo that gives its style
let lent = null; // the face of another photo whose shapes were taken
let motions = []; // that quick edits and the canvas handed over, and that of the face as it was
let tuned = null; // the one of them that the last quick edit handed over
let passing = null; // the one of them that was only seen during a stroke
let newest = null; // the last edit that was drawn in full: {edit, crop, mask, look, lender}
let edits = new Kept(MOST_EDITS); // those before it, for undo and redo
let abandoned = 0; // calls up to this one are not waited for any more

const calls = {
  /** Fetches and opens the networks; `backend`: as for `openNetworks`. */
  async start({ backend }) {
    const told = (megabytes) => postMessage({ megabytes });
    const [opened, mark] = await Promise.all([
      openNetworks({ backend, progress: told }),
      fetch(new URL("mark.xmp", import.meta.url)),
    ]);
    networks = opened.networks;
    packet = new Uint8Array(await mark.arrayBuffer());
    keepHairpieces(); // the page does not wait for them
    const { weights, licence } = networks.manifest;
    const morphs = Boolean(networks.manifest.mask_size);
    return { backend: opened.backend, threads: opened.threads, weights: weights.hash.slice(0, 8), licence, morphs };
  },

  /** Reads a photo and finds its faces; returns a small picture of each. */
  async open({ file }) {
    ({ photo, faces } = await uprightFaces((name, inputs) => networks.run(name, inputs), await decode(file)));
    return faces.map(({ points }) => imageData(Alignment.ofFace(points, photo).crop(photo, 64)));
  },

  /** Opens a face by its number, or the whole picture as a face (null). */
  async choose({ number }) {
    const alignment = number === null ? Alignment.wholePicture(photo) : Alignment.ofFace(faces[number].points, photo);
    const next = await prepare(networks, photo, alignment);
    if (number !== null && isUpsideDown(next)) {
      throw new Error("What was found is no upright face; turn the photo upright, or use the whole picture.");
    }
    [face, newest, motions, tuned, passing] = [next, null, [Motion.none(next.mask, next.crop.width)], null, null];
    edits = new Kept(MOST_EDITS);
    lent = null;
    const { matrix } = alignment;
    return { mask: face.mask, size: face.crop.width, crop: imageData(face.crop), matrix };
  },

  /** Reads another photo, whose largest face, or else the whole of it, may give its style; returns a small picture of it and the
   *  classes that it can lend. */
  async source({ file }) {
    const { crop, mask, style, picture } = await largestFace(file);
    source = { crop, mask, style };
    return { picture, lends: [...lendersOf(mask).keys()] };
  },

  /** The mask of that other face, whose shapes the open one takes: it lends what the open one's photo cannot show of them. */
  async takeShapes() {
    const { mask, beneath } = await lentShapes(source.mask, face.mask, face.crop.width);
    lent = { ...source, beneath: beneath === mask ? null : beneath };
    return mask;
  },

  /** Begins a line of masks from one to that of another photo's largest face, or (without a file) to the photo's own; returns a
   *  small picture of the face at its other end. */
  async morph({ mask, file }) {
    const other = file ? await largestFace(file) : { mask: face.mask, picture: imageData(face.alignment.crop(face.photo, 64)) };
    line = await MaskLine.between(networks, mask, other.mask);
    return { picture: other.picture };
  },

  /** The mask at a place of that line. */
  maskAt: ({ t }) => line.maskAt(t),

  /** The face for an edited mask with looks, [class, name] each, and the style of the other photo, {regions, strength}, or null;
   *  `quick` while the stroke goes on. `moved`: regions that the canvas moved to get there, {mask, regions}, or null. Null when
   *  nobody waits for it any more. */
  async edit({ mask, moved, looks, copied, quick }, id) {
    const start = performance.now();
    const { base, way } = motionTo(mask, moved);
    if (moved && !motions.includes(way)) {
      remember(way);
      passing = way;
    }
    if (!quick && way === passing) passing = null;
    const look = JSON.stringify([looks, copied]);
    const lender = copied && source;
    const from = [base, lender, lent, look, mask];
    const answer = (crop, changes) => ({ crop: imageData(crop), changes, milliseconds: performance.now() - start });
    let made = edits.find(...from);
    const coarse = !made && quick && (await drafted(mask, moved, look, lender));
    if (coarse) return answer(coarse, true);
    if (!made) {
      const chosen = new Map(looks.map(([label, name]) => [label, lookNamed(name)]));
      const goOn = async () => {
        await new Promise((resolve) => setTimeout(resolve)); // messages come in meanwhile
        if (id <= abandoned) throw new Abandoned();
      };
      const early = (crop) => postMessage({ id, early: { crop: imageData(crop) } });
      const beard = beardOf(mask, face.mask, face.crop.width);
      const shaved = withoutBeard(mask, face.mask, face.crop.width);
      const bare = lent?.beneath ? base.to(shaved.map((label, i) => (label === LABEL.EYE_G ? lent.beneath[i] : label))) : null;
      made = { ...(await edit(networks, face, bare ?? way, { mask: bare || beard ? mask : way.mask, chosen, copied: copied && { source, ...copied }, lent, quick, early, goOn })), mask, look, lender };
      if (!quick) edits.keep(made, ...from);
    }
    if (!quick) newest = made;
    return answer(made.crop, made.edit.changes);
  },

  /** A draft of an edit that will take a while, null where there is none that is quicker; arguments as for `edit`. */
  async draft({ mask, moved, looks, copied }) {
    const look = JSON.stringify([looks, copied]);
    const lender = copied && source;
    if (edits.find(motionTo(mask, moved).base, lender, lent, look, mask)) return null;
    const coarse = await drafted(mask, moved, look, lender);
    return coarse && { crop: imageData(coarse) };
  },

  /** The mask after a quick edit in one of its shapes, whose motion is kept, and the hairpieces that it puts on; null where it
   *  changes nothing more. `again`: the last one in another strength, which takes its place. */
  async quickEdit({ name, mask, strength, shape, again }) {
    const { mask: edited, moved, worn } = await editedBeneath(name, mask, face.mask, face.crop.width, strength, shape);
    if (edited.every((label, i) => label === mask[i])) return null;
    if (again) motions = motions.filter((motion) => motion !== tuned);
    tuned = motionTo(mask).way.to(withoutBeard(edited, face.mask, face.crop.width), moved);
    remember(tuned);
    return { mask: edited, worn };
  },

  /** The whole photo with the newest edit in it, as a file. */
  async save({ type }) {
    if (!newest?.edit.changes) return encode(face.photo, type, null);
    return encode(await newest.edit.onto(face.photo, face.alignment), type, packet);
  },
};

/** Mask and style of the largest face of a photo, or else of the whole of it, and a small picture of it. */
async function largestFace(file) {
  const other = await uprightFaces((name, inputs) => networks.run(name, inputs), await decode(file));
  const alignment = other.faces.length ? Alignment.ofFace(other.faces[0].points, other.photo) : Alignment.wholePicture(other.photo);
  return { ...(await prepare(networks, other.photo, alignment)), picture: imageData(alignment.crop(other.photo, 64)) };
}

/** A crop in the shapes of a mask, made from the newest edit; null where that is none of these looks, or would not be quicker. */
async function drafted(mask, moved, look, lender) {
  if (moved || newest?.look !== look || newest.lender !== lender || opens(mask, newest.mask) || beardOf(mask, face.mask, face.crop.width) || !draftDoes(face.mask, newest, mask)) {
    return null;
  }
  return draft(networks, face, newest, mask);
}

/** Keep a motion that was handed over. */
function remember(motion) {
  const others = motions.slice(1).filter((other) => other !== passing);
  motions = [motions[0], ...others.slice(1 - MOST_MOTIONS), motion];
  passing = null;
}

/** What is known of the way to a mask: from the motion (`base`) that ends nearest to it, the newest of equals. Where none ends
 *  there, `moved` regions lead on from another mask. */
function motionTo(mask, moved = null) {
  mask = withoutBeard(mask, face.mask, face.crop.width); // which only lies over what moves
  const misses = motions.map((motion) => differences(mask, motion.mask));
  const least = Math.min(...misses);
  if (moved && least) {
    const way = motionTo(moved.mask).way.to(mask, carriedOffsets(moved.mask, mask, face.crop.width, moved.regions));
    return { base: way, way };
  }
  const base = motions[misses.lastIndexOf(least)];
  return { base, way: base.to(mask) };
}

function differences(one, other) {
  let count = 0;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) count++;
  return count;
}

class Abandoned extends Error {}

let last = Promise.resolve(); // calls are answered one after the other

onmessage = ({ data: { id, call, argument } }) => {
  if (call === "abandon") {
    abandoned = id;
    return;
  }
  last = last.then(async () => {
    try {
      postMessage({ id, result: await calls[call](argument, id) });
    } catch (error) {
      if (error instanceof Abandoned) return postMessage({ id, result: null });
      console.error(error);
      postMessage({ id, problem: error.message });
    }
  });
};
