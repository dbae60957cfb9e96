// Edits in which some classes have a look; see maskgan/editing/dressing.py and looks.py. Looks are a Map from class to
// {title, swatch, colour, reference, material, worn, name}.

import { CODES, LABEL, LOOKS } from "./constants.js";
import { withBeard, withoutBeard } from "./beards.js";
import { withEars } from "./ears.js";
import { decode } from "./files.js";
import { Hairpieces, PAINTED, seenOf } from "./hairdressing.js";
import { HatGrain } from "./hat_grain.js";
import { areDark, drawGlasses, drawJewels } from "./ornaments.js";
import { classesWith, goingAlong, partMatte, recoloured, recolourPart, usualColour } from "./recolouring.js";
import { any, areaOf, both, dilated, distances, eroded, grown, piecesOf, regionOf, roundEven, square, where } from "./regions.js";
import { clip } from "./samples.js";
import { insteadOfSideburns } from "./sideburns.js";
import { silhouette } from "./silhouettes.js";
import { withFolds } from "./smiling.js";
import { withTeeth } from "./teeth.js";
import { applyTone } from "./tones.js";
import { likeness, transplant } from "./transplants.js";
import { colourIn, wornIn } from "./worn.js";

const { BACKGROUND, EYE_G, EAR_R, NECK_L, HAT, HAIR, SKIN, L_BROW } = LABEL;
const CLASSES = Object.keys(LABEL).length;
const DRAWN = [EYE_G, EAR_R, NECK_L]; // over the picture, so that the network paints what lies beneath them
export const HARDLY = 0.0006; // share of a photo below which a class is no example of how it looks
const MOVED = 2; // up to how many times as large a class is no new thing
const SEEN = 0.5; // share of a hairpiece in a pixel from which on what lies beneath it is not painted
const OPEN = 0.06; // how far beside painted hair's hairpiece, as a share of the side, no other hair is painted
const RIM = 0.016; // half the width of a rim beside a hairpiece in which no hair is painted, as a share of the side
const UNDER = 0.016; // how far under a hat, as a share of the side, hair goes where what sticks out beside the hat goes
const NEAR = 0.04; // of the crop's side: how far a hat reaches beyond what was painted before its shadow fades, as far again

const stuffs = {};

/** The pixels of a hat, an ear or teeth of the wardrobe. */
async function stuffOf(name) {
  stuffs[name] ??= fetch(new URL(`wardrobe/${name}.png`, import.meta.url)).then((answer) => {
    if (!answer.ok) throw new Error(`${name}.png is missing from this folder; export it again.`);
    return answer.blob();
  }).then((blob) => decode(blob, 1));
  stuffs[name].catch(() => delete stuffs[name]); // the next edit asks again
  return stuffs[name];
}

/** A look by its name, or of a plain colour `#rrggbb`, either with hairpieces. */
export function lookNamed(name) {
  const [colour, worn] = [colourIn(name), wornIn(name)];
  return colour.startsWith("#") ? { title: colour, swatch: colour, colour, worn, name } : { ...LOOKS[colour], worn, name };
}

/** Looks for classes of a mask that the photo, whose mask is `own`, has no example of, and those that were chosen. */
export function looksOf(own, mask, size, chosen) {
  const looks = new Map();
  for (const label of [EYE_G, EAR_R, NECK_L, HAT]) {
    const area = areaOf(where(own, label));
    if (area > HARDLY * own.length || areaOf(where(mask, label)) <= MOVED * area) continue;
    if (chosen.has(label)) {
      looks.set(label, chosen.get(label));
      continue;
    }
    let name = "gold_jewel";
    if (label === EYE_G) name = areDark(mask, size) ? "dark_glasses" : "horn_glasses";
    else if (label === HAT) {
      const hats = Object.keys(LOOKS).filter((hat) => LOOKS[hat].reference && !LOOKS[hat].colour);
      const alike = hats.map((hat) => likeness(mask, size, silhouette(LOOKS[hat].reference)));
      name = hats[alike.indexOf(Math.max(...alike))];
    }
    looks.set(label, lookNamed(name));
  }
  return new Map([...looks, ...chosen]);
}

/** A style that has the references' codes for the classes of these looks, without a residue, since a reference's places
 *  mean nothing here. */
export function dressed(style, looks) {
  for (const { name } of looks.values()) {
    const { class: label, code } = CODES[name] ?? {};
    if (!code) continue;
    const codes = { ...style.codes, data: style.codes.data.slice() };
    codes.data.set(code, label * code.length);
    const residue = { ...style.residue, data: style.residue.data.slice() };
    const own = residue.data.length / CLASSES;
    residue.data.fill(0, label * own, (label + 1) * own);
    style = { ...style, codes, residue };
  }
  return style;
}

export const wornWith = (looks) => looks.get(HAIR)?.worn ?? [];

/** The mask without what is laid over the picture and covers it anyway: there the photo's own classes. */
export async function beneath(own, mask, size, looks, quick) {
  mask = withoutBeard(mask, own, size);
  const hidden = new Uint8Array(mask.length);
  for (const worn of wornWith(looks)) {
    const seen = await seenOf(mask, own, size, worn, quick);
    if (!seen) continue;
    const near = dilated(regionOf(seen.alpha, (share) => share > SEEN), size, square(1));
    // Nor a rim of new hair that its soft edge would leave below it.
    const rim = mask.map((label, i) => (label === HAIR && !near[i] && own[i] !== HAIR ? 1 : 0));
    const kernel = square(roundEven(RIM * size));
    const wide = dilated(eroded(rim, size, kernel), size, kernel);
    // What painted hair's hairpiece leaves open between its strands and below its ends is no hair.
    const under = mask.map((label, i) => (label === HAIR && near[i] ? 1 : 0));
    const beside = PAINTED[worn.part] ? distances(under, size, size) : null;
    const open = (i) => beside && own[i] !== HAIR && beside[i] < OPEN * size;
    const covered = mask.map((label, i) => (label === HAIR && (under[i] || rim[i] > wide[i] || open(i)) ? 1 : 0));
    const strip = insteadOfSideburns(seen, mask, own, worn); // soft edges of it lie over skin
    mask = mask.map((label, i) => (strip[i] ? SKIN : label));
    strip.forEach((inside, i) => inside && (covered[i] = 0));
    // A hat that is taken off would show between the strands.
    covered.forEach((inside, i) => inside && own[i] !== HAT && (hidden[i] = 1));
  }
  const laid = [...looks].filter(([label, look]) => look.material || (label === HAT && look.reference)).map(([label]) => label);
  const below = mask.map((label, i) => (hidden[i] || laid.includes(label) ? own[i] : label));
  if (laid.includes(HAT)) { // what is left of hair beside a hat may be thin, and would count as no change
    const gone = grown(mask.map((label, i) => (own[i] === HAIR && label === BACKGROUND ? 1 : 0)), size, UNDER * size);
    gone.forEach((inside, i) => inside && own[i] === HAIR && mask[i] === HAT && (below[i] = BACKGROUND));
  }
  return below;
}

/** The connected pieces of a region that have a pixel of `fresh`. */
function touched(region, fresh, size) {
  const { numbers } = piecesOf(region, size, size);
  const found = new Set(numbers.filter((number, i) => number && fresh[i]));
  return regionOf(numbers, (number) => found.has(number));
}

/** A crop with somebody's hat, no further from what was painted than its soft edge and its shadow. */
async function withHat(crop, mask, hat, { reference }) {
  const { width: size } = crop;
  const { crop: laid, changed } = transplant(crop, mask, silhouette(reference), await stuffOf(reference));
  const away = distances(hat, size, size);
  const near = Float32Array.from(away, (distance) => clip(2 - distance / (NEAR * size), 0, 1));
  const result = { ...crop, data: crop.data.slice() };
  near.forEach((share, i) => {
    if (share > 0) for (let at = 3 * i; at < 3 * i + 3; at++) result.data[at] += share * (laid.data[at] - crop.data[at]);
  });
  return { crop: result, changed: changed.map((share, i) => share * near[i]) };
}

/** The hairpieces of a mask as a change of the photo, null for none. `face`: as it was. */
export const hairOf = ({ crop, mask: own }, mask, looks) =>
  wornWith(looks).length ? new Hairpieces(wornWith(looks), withoutBeard(mask, own, crop.width), own, crop) : null;

/** A crop with the other looks of its mask laid over it: pixels of references, drawn things, colours; how far each pixel was drawn
 *  over; and a hat's fine texture, null without one. The second argument is the face as it was, with the tone of its photo.
 *  `byHand`: classes whose looks somebody chose, so that they bring colour into a photo that has none; the others take its tone. */
export async function finished(crop, { mask: own, crop: photo, tone }, mask, looks, byHand) {
  const drawn = new Float32Array(mask.length);
  const bearded = (seen) => withBeard(seen, mask, own, photo, looks.get(HAIR)?.colour);
  for (const withParts of [withEars, withTeeth, bearded, withFolds]) {
    const { crop: whole, changed } = await withParts(crop, mask, own, stuffOf);
    crop = tone && whole !== crop ? inTone(whole, crop, tone) : whole;
    if (withParts !== withFolds) changed.forEach((share, i) => (drawn[i] = Math.max(drawn[i], share)));
  }
  const fresh = mask.map((label, i) => (label !== own[i] ? 1 : 0));
  const done = new Set();
  let putOn = null;
  const order = [false, true].flatMap((over) => [...looks].filter(([label]) => DRAWN.includes(label) === over));
  for (const [label, look] of order) {
    const region = where(mask, label);
    if (done.has(label) || !any(region)) continue;
    const before = crop;
    const isNew = any(both(region, fresh));
    const take = ({ crop: laid, changed }) => {
      crop = laid;
      changed.forEach((share, i) => (drawn[i] = Math.max(drawn[i], share)));
    };
    if (label === HAT && look.reference && isNew) {
      putOn = touched(region, fresh, crop.width);
      take(await withHat(crop, mask, putOn, look));
    }
    if (look.colour) {
      crop = recolourPart(crop, label === HAIR ? withoutBeard(mask, own, crop.width) : mask, label, look.colour); // a beard has it
      classesWith(label).forEach((other) => done.add(other));
      if (classesWith(label).includes(SKIN)) crop = withWhatGoesAlong(before, crop, mask, looks);
    }
    if (look.material && isNew) {
      take(label === EYE_G ? drawGlasses(crop, mask, look.material) : drawJewels(crop, mask, label, look.material));
    }
    if (tone && !byHand.has(label) && crop !== before) crop = inTone(crop, before, tone);
  }
  return { crop, drawn, grain: putOn && HatGrain.of(crop, putOn) };
}

/** A crop whose skin has got another tone since the crop before, with lips and brows that go along unless they have looks. */
function withWhatGoesAlong(before, crop, mask, looks) {
  const onto = usualColour(crop, mask, classesWith(SKIN));
  let result = crop;
  for (const [group, colour] of onto ? goingAlong(before, mask, onto, (label) => looks.has(label)) : []) {
    // On skin in their own tone single hairs of brows are told no more.
    const matte = partMatte(group.includes(L_BROW) ? before : result, mask, group);
    if (matte) result = recoloured(result, matte, colour, 1);
  }
  return result;
}

/** A crop in which what differs from the crop before has a photo's tone. */
function inTone(crop, before, tone) {
  const toned = { ...crop, data: crop.data.slice() };
  applyTone(tone, toned);
  for (let i = 0; i < crop.data.length; i += 3) {
    const same = [0, 1, 2].every((c) => crop.data[i + c] === before.data[i + c]);
    if (same) toned.data.set(before.data.subarray(i, i + 3), i);
  }
  return toned;
}
