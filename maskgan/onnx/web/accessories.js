// Quick edits that put things on or take them off: glasses, hat, earrings, necklace; see
// maskgan/quick_edits/accessories.py.

import { LABEL, SILHOUETTES } from "./constants.js";
import { BROWS, EYES } from "./frame.js";
import { closed, opened, reveal } from "./hair.js";
import { wearHair } from "./hairstyles.js";
import { eyeCentres, eyesApart, lensAt, meanOf, wornOutline } from "./lenses.js";
import { any, areaOf, both, dilated, either, inverted, square, without } from "./regions.js";
import { clip, percentileOf } from "./samples.js";
import { loosen, neckOf, wearsScarf } from "./scarves.js";
import { line, onLine, places, ramp } from "./scene.js";
import { silhouette, UNTOUCHED } from "./silhouettes.js";

const { BACKGROUND, SKIN, NOSE, HAIR, HAT, EYE_G, CLOTH, NECK, NECK_L, EAR_R, L_EYE, R_EYE, L_BROW, R_BROW, L_EAR, R_EAR } = LABEL;
const EARS = [L_EAR, R_EAR];
const SIDES = [[-1, R_EYE, R_BROW, R_EAR], [1, L_EYE, L_BROW, L_EAR]];
const BESIDE_FACE = -0.4; // where ears begin beside a face that wore a scarf
const BRIM = 1.25; // how far out (half faces) hair and ears go on under the brim of a hat that is taken off
const [TEMPLES, TEMPLES_TO] = [0.5, 0.2]; // how wide gaps between hair and temples are, and down to which row
// How wide hair that comes from under a hat is at least, where one is taken off and put on.
const [LOCK, LOCK_BESIDE] = [0.2, 0.35];
// Of how many columns a hat's lower edge is told, how many of them at either side hold an end of its brim, and how much
// higher than there (frame units) a hat is that bulges out beyond it.
const [COLUMNS, SIDE, BULGE] = [61, 16, 0.15];
// Between which rows the width of a head is told on which a hat sits, and by how much that is smaller at most where there is less
// hair than its lender's.
const [SITS, SMALLEST] = [[-0.6, -0.3], 1.14];
// Share of the picture below which a head with a hat shows no hair, and the hair that it is given without.
const [HARDLY_HAIR, SHORT] = [0.01, "swept_back"];
// Share of the picture below which hair may be little more than the ends of a fringe; within which part of half the face's
// width, above which row that lies, and its area at least.
const [LITTLE_HAIR, OVER_FOREHEAD, ABOVE, FRINGE] = [0.04, 0.6, -0.4, 0.03];
// Arms of glasses end behind ears: which upper part of an ear begins where they end, how far behind that they are hidden, at which
// part of its height, and how much lower or higher than the hinge at most; half of how thick they are at the hinge and there.
const [ROOT, HIDDEN, HANGS_AT, SLOPES, ARM] = [0.45, 0.03, 0.15, 0.2, [0.035, 0.022]];
// Of a necklace: half the width of a neck at most and how far beside the middle of the face that is, in parts of half the face's
// width; how steeply it rises beside it, and how far its lowest link is from the picture's lower edge for a pendant.
const [NECK_WIDTH, ASIDE, BEHIND, PENDANT] = [0.85, 0.25, 4, 0.22];
const FACE_SIDE = [BACKGROUND, SKIN, NOSE, HAIR, ...EARS];

/** Accessories grow a little with strength. */
const sizeOf = (strength) => 0.75 + 0.25 * strength;

const few = (scene, region, share) => areaOf(region) < share * scene.unit ** 2;

function medianOf(plane, region) {
  return percentileOf(plane, region, 0.5);
}

function wearGlasses(scene, strength, style, dark) {
  if (areaOf(scene.where(EYE_G)) > 0.1 * scene.unit ** 2) throw new Error("This face wears glasses already; take them off first.");
  const eyes = eyeCentres(scene);
  const apart = eyesApart(eyes);
  const [across, down] = wornOutline(style, apart, sizeOf(strength));
  let [lenses, arms] = [new Uint8Array(scene.mask.length), new Uint8Array(scene.mask.length)];
  for (const side of [-1, 1]) {
    const [x, y] = eyes[side];
    lenses = either(lenses, lensAt(scene, side, [x, y], [across, down]));
    arms = either(arms, armOf(scene, side, side * x + Math.max(...across) - 0.04, y - 0.06));
  }
  const [middle, level] = [0, 1].map((axis) => (eyes[-1][axis] + eyes[1][axis]) / 2);
  const gap = apart / 2 + Math.min(...across) + 0.03;
  const bridge = places(scene, (x, y) => Math.abs(x - middle) < gap && Math.abs(y - (level - 0.03 + 0.9 * (x - middle) ** 2)) < 0.04);
  scene.paint(either(lenses, bridge), EYE_G, FACE_SIDE);
  if (dark) scene.paint(lenses, EYE_G, [...EYES, ...BROWS]);
  scene.paint(arms, EYE_G, [SKIN, HAIR, ...EARS]);
}

/** The arm of glasses from a hinge so far out and at that y: to where an ear begins, over the hair beside the face; where no ear is
 *  seen, level and on skin alone. */
function armOf(scene, side, hinge, level) {
  const ear = scene.part(side < 0 ? R_EAR : L_EAR);
  let [end, lower, over] = [side * scene.cheeks[side < 0 ? 0 : 1] + 0.14, level, scene.where(SKIN)];
  if (ear) {
    const [top, bottom] = [0.01, 0.99].map((share) => percentileOf(scene.y, ear, share));
    const upper = both(ear, places(scene, (_, y) => y < top + ROOT * (bottom - top)));
    const [inner, outer] = [0.05, 0.95].map((share) => percentileOf(scene.x, upper, share));
    end = (side < 0 ? -outer : inner) + HIDDEN;
    lower = clip(top + HANGS_AT * (bottom - top), level - SLOPES, level + SLOPES);
    over = null;
  }
  return places(scene, (x, y, i) => {
    const along = (side * x - hinge) / Math.max(end - hinge, 1e-6);
    const thick = ARM[0] + (ARM[1] - ARM[0]) * along;
    return (!over || over[i]) && along > 0 && along < 1 && Math.abs(y - level - (lower - level) * along) < thick;
  });
}

/** Middle of one lens, without the arm, or null when that side has none. */
function lensCentre(scene, glass, side) {
  const region = both(opened(scene, glass, 4 * ARM[0]), places(scene, (x) => side * x > 0.1 && side * x < 1));
  return few(scene, region, 0.03) ? null : [medianOf(scene.x, region), medianOf(scene.y, region) - 0.05];
}

/** Glasses off; eyes and brows that dark lenses hid are drawn where they belong. */
function removeGlasses(scene) {
  const glass = scene.where(EYE_G);
  if (!any(glass)) throw new Error("This face wears no glasses.");
  const nose = scene.where(NOSE);
  scene.uncover(both(glass, scene.face), [SKIN]);
  if (any(nose)) {
    // The visible piece of the nose was cut out by the frame: its bridge is drawn anew between the lenses.
    const low = both(nose, places(scene, (_, y) => y > 0.35));
    const wings = meanOf(scene.x, any(low) ? low : nose);
    const bridge = places(scene, (x, y) => Math.abs(x - wings * clip(y / 0.5, 0, 1)) < 0.11 + 0.2 * ramp(y, 0.05, 0.6) && y > -0.05);
    const near = dilated(glass, scene.size, square(Math.floor(0.2 * scene.unit)));
    const touched = both(both(near, scene.face), places(scene, (_, y) => y < 0.6));
    scene.paint(without(touched, bridge), SKIN, [NOSE]);
    scene.paint(both(touched, bridge), NOSE, [SKIN]);
  }
  scene.uncover(scene.where(EYE_G), [BACKGROUND, SKIN, HAIR, ...EARS]);
  for (const [side, eye, brow] of SIDES) {
    const centre = lensCentre(scene, glass, side);
    if (!centre) continue;
    if (few(scene, scene.where(eye), 0.012)) {
      scene.where(eye).forEach((inside, i) => inside && (scene.mask[i] = SKIN));
      const inside = (x, y) => {
        const lid = clip(1 - ((x - centre[0]) / 0.22) ** 2, 0, 1);
        return y - centre[1] > -0.085 * lid && y - centre[1] < 0.065 * lid;
      };
      scene.paint(places(scene, inside), eye, [SKIN, NOSE]);
    }
    if (few(scene, scene.where(brow), 0.04)) {
      const inside = (x, y) => {
        const t = (side * (x - centre[0]) - 0.03) / 0.35; // -1 at the nose, 1 at the temple
        const arc = centre[1] - 0.27 - 0.07 * (1 - (t - 0.3) ** 2);
        return Math.abs(y - arc) < 0.06 * clip(1 - Math.abs(t) ** 3, 0, 1) * (1 - 0.35 * t);
      };
      scene.paint(places(scene, inside), brow, [SKIN, NOSE]);
    }
  }
}

/** y of the brows' upper edge, or where it usually is. */
function browLine(scene) {
  const brows = scene.where(...BROWS);
  return any(brows) ? clip(percentileOf(scene.y, brows, 0.03), -0.65, -0.25) : -0.36;
}

/** By how much a hat is smaller than on its lender, on whose thick hair it sat, where there is less. */
function smaller(scene, style) {
  const { overHair } = SILHOUETTES[style];
  const band = places(scene, (_, y) => y > SITS[0] && y < SITS[1]);
  const head = both(scene.where(SKIN, HAIR), band);
  if (!overHair || !any(head)) return 1;
  const [low, high] = [0.01, 0.99].map((share) => percentileOf(scene.across.q, head, share));
  return clip((2 * overHair) / (high - low), 1, SMALLEST);
}

/** Somebody's hat, down to above the brows; hair that would stand out above its brim is pressed under it. */
function hat(scene, strength, style) {
  if (areaOf(scene.where(HAT)) > 0.1 * scene.unit ** 2) throw new Error("This face wears a hat already; take it off first.");
  const shape = silhouette(style).facing(scene);
  const { middle, half } = scene.across;
  const least = -0.12 * (strength - 1);
  const size = smaller(scene, style);
  const front = shape.fitted(scene, scene.y, size).map((distance, i) => (distance > least && Math.abs(scene.x[i] - middle) < 0.3 * half ? 1 : 0));
  if (!front.includes(1)) throw new Error("The upper head lies outside this picture; there is no room for a hat.");
  const lift = Math.min(0, browLine(scene) - 0.08 - percentileOf(scene.y, front, 0.99));
  const untouched = scene.where(...UNTOUCHED);
  const lifted = shape.fitted(scene, scene.y.map((y) => y - lift), size);
  const before = (x, y) => Math.abs(x - middle) < 0.8 * half && y > 0.1;
  const worn = places(scene, (x, y, i) => lifted[i] > least && !untouched[i] && !before(x, y));
  let [left, right] = [Infinity, -Infinity];
  worn.forEach((inside, i) => inside && ([left, right] = [Math.min(left, scene.x[i]), Math.max(right, scene.x[i])]));
  const columns = line(left, right, COLUMNS);
  const lower = scene.envelope(worn, columns).bottom;
  // Beside the brim, which ends where a hat that bulges still is nearly as low, the line hair is pressed to falls off.
  const endOf = (side) => side.findIndex((y) => y > Math.max(...side) - BULGE);
  const ends = [endOf(lower.slice(0, SIDE)), COLUMNS - endOf(lower.slice(-SIDE).reverse())];
  const [grid, edge] = [columns.slice(...ends), lower.slice(...ends)];
  const [first, last] = [grid[0], grid[grid.length - 1]];
  const fallen = (x) => {
    const beyond = Math.max(0, Math.abs(x - (first + last) / 2) - (last - first) / 2);
    return beyond * (0.6 + 1.4 * beyond);
  };
  const beneath = scene.x.map((x) => Math.min(onLine(x, grid, edge), -0.1) + fallen(x));
  const [hair, skin] = [scene.where(HAIR), scene.where(SKIN)];
  const under = worn.slice(); // what has the hat above it
  for (let i = scene.size; i < under.length; i++) under[i] ||= under[i - scene.size];
  // Hair between the temples and a wide brim stays.
  const beside = (x, y, i) => Math.abs(x - middle) < 1.2 * half && y > -0.8 && under[i];
  let loose = places(scene, (x, y, i) => hair[i] && !worn[i] && y < beneath[i] && !beside(x, y, i));
  if (any(loose)) { // what is left of the hair beside it does not end in a point
    const head = either(worn, without(inverted(scene.where(BACKGROUND)), loose));
    const point = without(head, opened(scene, head, LOCK_BESIDE));
    loose = either(loose, without(both(both(point, scene.around(loose, LOCK_BESIDE)), hair), worn));
  }
  const crown = places(scene, (_, y, i) => skin[i] && scene.face[i] && y < beneath[i] - 0.15); // of a high forehead
  either(worn, crown).forEach((inside, i) => inside && (scene.mask[i] = HAT));
  scene.uncover(loose, [BACKGROUND]);
}

/** The part of a hat that lies straight above hair: below it there is no forehead. */
function aboveHair(scene, cap) {
  const { size } = scene;
  const hair = scene.where(HAIR);
  const result = new Uint8Array(cap.length);
  for (let i = cap.length - size - 1; i >= 0; i--) result[i] = cap[i] && (hair[i + size] || result[i + size]) ? 1 : 0;
  return result;
}

/** Whether a head with a hat shows too little hair to tell how it goes on: hardly any, or the ends of a fringe. */
function showsLittleHair(scene) {
  const [hair, { q }] = [scene.where(HAIR), scene.across];
  const share = areaOf(hair) / hair.length;
  if (share < HARDLY_HAIR) return true;
  const fringe = hair.map((inside, i) => (inside && Math.abs(q[i]) < OVER_FOREHEAD && scene.y[i] < ABOVE ? 1 : 0));
  return share < LITTLE_HAIR && !few(scene, fringe, FRINGE);
}

/** Hat off: forehead and short hair come to light; below a scarf ears, neck and shoulders too. Where hardly any hair is seen
 *  that could go on, it is somebody's short hair. */
async function removeHat(scene) {
  if (!any(scene.where(HAT))) throw new Error("This face wears no hat.");
  const bare = showsLittleHair(scene);
  const hangs = wearsScarf(scene);
  if (hangs) loosen(scene);
  const cap = scene.where(HAT);
  const { q, half } = scene.across;
  const top = clip(percentileOf(scene.y, cap, 0.01) + 0.05, -1.85, -1.6);
  const [base, width] = [-0.3, 1 + 0.13 / half];
  const overHair = opened(scene, aboveHair(scene, cap), LOCK);
  const [beside, hung] = [new Uint8Array(cap.length), new Uint8Array(cap.length)];
  cap.forEach((inside, i) => {
    if (!inside) return;
    const [out, y] = [Math.abs(q[i]), scene.y[i]];
    const dome = (out / width) ** 2.4 + (Math.max(base - y, 0) / (base - top)) ** 2.4 < 1;
    const crown = dome && (y < -1.08 + 0.75 * clip(out, 0, 1.2) ** 5 || overHair[i]);
    const forehead = out < 0.95 && !(hangs && y > base);
    scene.mask[i] = crown ? HAIR : forehead && dome ? SKIN : BACKGROUND;
    // Beside the forehead lies what lies next to the brim; far out under a wide one, the background.
    if (!crown && !forehead && y > -0.9 && out < BRIM) beside[i] = 1;
    if (scene.mask[i] === BACKGROUND) hung[i] = 1;
  });
  if (hangs) {
    scene.paint(both(hung, neckOf(scene)), NECK, [BACKGROUND]);
    reveal(scene, without(hung, scene.where(NECK)), BESIDE_FACE);
    // Nothing shines through between the hair, the temples and the ears.
    const head = either(scene.where(HAIR, ...EARS), scene.face);
    const gap = both(both(closed(scene, head, TEMPLES), hung), places(scene, (_, y) => y < TEMPLES_TO));
    scene.paint(gap, HAIR, [BACKGROUND]);
  } else {
    scene.uncover(beside, [BACKGROUND, HAIR, ...EARS]);
  }
  if (bare && any(scene.where(HAIR))) await wearHair(scene, 1, SHORT);
}

/** A drop, a hoop or a stud below each ear that can be seen. */
function earrings(scene, strength, style) {
  const size = sizeOf(strength);
  const ears = SIDES.map(([side, , , ear]) => [side, scene.part(ear)]).filter(([, region]) => region);
  if (!ears.length) throw new Error("Both ears are hidden in this mask; make the hair shorter or paint an ear first.");
  const present = scene.where(EAR_R);
  const bare = ears.filter(([side]) => few(scene, both(present, places(scene, (x) => side * x > 0)), 0.01));
  if (!bare.length) throw new Error("This face wears earrings already.");
  for (const [side, region] of bare) {
    const bottom = percentileOf(scene.y, region, 0.98);
    const at = meanOf(scene.x, both(region, places(scene, (_, y) => y > bottom - 0.12)));
    const shapes = {
      drop: (dx, dy) => {
        const t = clip((dy - 0.02 * size) / (0.33 * size), 0, 1);
        const stud = dx ** 2 + dy ** 2 < Math.max(0.034 * size, 2 / scene.unit) ** 2;
        return stud || Math.abs(dx) < 0.135 * size * t * Math.sqrt(1 - t ** 2);
      },
      // A ring is seen from the front, nearly edge on.
      hoop: (dx, dy) => {
        const radius = 0.17 * size;
        return Math.abs(Math.hypot(dx / 0.62, dy - radius + 0.03) - radius) < Math.max(0.02, 1.2 / scene.unit);
      },
      stud: (dx, dy) => dx ** 2 + (dy - 0.02) ** 2 < (0.07 * size) ** 2,
    };
    const ring = places(scene, (x, y) => shapes[style](x - at - 0.02 * side, y - bottom));
    scene.paint(ring, EAR_R, [...FACE_SIDE, NECK, NECK_L, CLOTH]);
  }
}

function removeEarrings(scene) {
  const worn = scene.where(EAR_R);
  if (!any(worn)) throw new Error("This face wears no earrings.");
  scene.uncover(worn, Object.values(LABEL).filter((label) => ![EAR_R, NECK_L, EYE_G].includes(label)));
}

/** A chain around the neck with a small pendant. */
function necklace(scene, strength) {
  if (areaOf(scene.where(NECK_L)) > 0.02 * scene.unit ** 2) throw new Error("This neck wears a necklace already.");
  const neck = scene.part(NECK);
  if (!neck || few(scene, neck, 0.12)) throw new Error("Too little of the neck is visible in this mask for a necklace.");
  const size = sizeOf(strength);
  const { middle: face, half: halfFace } = scene.across;
  const [left, right] = [0.01, 0.99].map((share) => percentileOf(scene.x, neck, share));
  // Shoulders belong to a neck's class, but not to its width.
  const middle = face + clip((left + right) / 2 - face, -ASIDE * halfFace, ASIDE * halfFace);
  const half = Math.min((right - left) / 2, NECK_WIDTH * halfFace);
  const underChin = both(neck, places(scene, (x) => Math.abs(x - middle) < 0.35 * half));
  const [top, bottom] = [0.01, 0.99].map((share) => percentileOf(scene.y, any(underChin) ? underChin : neck, share));
  const last = scene.y.reduce((most, y) => Math.max(most, y), -Infinity);
  const lowest = top + 0.68 * (bottom - top);
  const hangs = lowest <= last - PENDANT * size; // the picture cuts off no pendant
  const sag = Math.min(0.45, 0.85 * (lowest - top) + 0.12);
  const inside = (x, y) => {
    const t = Math.abs(x - middle) / half;
    const rise = t < 1 ? t * t : BEHIND * t - BEHIND + 1; // beside a neck it leads over the shoulders, behind it
    const slope = ((t < 1 ? 2 * t : BEHIND) * sag) / half;
    if (Math.abs(y - lowest + sag * rise) < 0.032 * size * Math.sqrt(1 + slope * slope)) return true;
    return hangs && Math.hypot(x - middle, y - lowest - 0.1 * size) < 0.08 * size;
  };
  scene.paint(places(scene, inside), NECK_L, [NECK]);
}

function removeNecklace(scene) {
  const worn = scene.where(NECK_L);
  if (!any(worn)) throw new Error("This neck wears no necklace.");
  scene.uncover(worn, [NECK, CLOTH, HAIR, SKIN, BACKGROUND]);
}

export const ACCESSORY_EDITS = {
  glasses: (scene, strength, style) => wearGlasses(scene, strength, style, false),
  sunglasses: (scene, strength, style) => wearGlasses(scene, strength, style, true),
  remove_glasses: removeGlasses,
  hat,
  remove_hat: removeHat,
  earrings,
  remove_earrings: removeEarrings,
  necklace,
  remove_necklace: removeNecklace,
};
