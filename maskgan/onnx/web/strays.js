// What lies over the forehead beside hair or a hat that is taken away, and its shadow there, which no mask holds: the steps of
// maskgan/editing/strays.py.

import { averagedWithin, nearestOf } from "./blending.js";
import { LABEL, SIZE } from "./constants.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { any, areaOf, both, dilated, disc, distances, either, eroded, grown, opened, piecesOf, regionOf, where, without } from "./regions.js";
import { median } from "./samples.js";

// Side of the grid on which strays are looked for.
const CELLS = 128;
// In cells: how small a part of hair leaves none, how far from it they are looked for, how far from hair skin shows its own
// colour, how far from features none are looked for, what is a speck, and how far beyond them paint reaches.
const [LARGE, FAR, BARE, BESIDE, SPECK, PAINTED] = [2, 14, 7, 1.5, 1, 1];
// Within how many cells of what is taken away it lies over brows and what is beside them, how far over a brow from where it is
// seen beside that, and which part of the way it has gone there: as much as no edge of a brow.
const [BURIED, ACROSS, CLEARLY] = [9, 3, 0.6];
const ROUND = 1.2; // sigma in cells of the smoothing of their outline
// Within how many cells the colour of the skin is told, which part of the way from it to the colour of the hair or hat is some
// of it, and to a colour that the hat has somewhere; which colours are too near to tell anything, and what bare skin there is
// at least, in parts of where is looked; within how many cells a hat's colour is averaged.
const [AROUND, SOME, CLOTH, ALIKE, ENOUGH, THREADS] = [6, 0.16, 0.5, 40, 0.125, 1.5];
// Within how many cells the colour of a neck is told, and how far from hair it shows that; which part of the way to the hair's
// colour is more of that than of the neck's.
const [NECK_AROUND, BESIDE_HAIR, MOSTLY] = [8, 5, 0.35];
// How far hair has to move, in pixels of the network's size, for its strays to be left behind, and how far from it they are
// looked for then, and how wide gaps in them are that are drawn out with them, in cells.
const [CARRIED, DRAWN_OUT, GAP] = [10, 24, 2];
// In pixels of the network's size: how small a part of hair or hat leaves no slivers, half the width of those, and how far from
// it they are looked for.
const [SMALL, NARROW, NEAR] = [4, 5, 16];

// In pixels of the network's size: how far from hair that is taken away strands of it hang in the air, and sigma within which the
// colour behind them is told; which part of the way from that to the hair's a strand is, how far from hair there are few, and of
// how much of what lies there the same may be true where it is even.
const [IN_THE_AIR, WIDE, STRAND, EMPTY, UNEVEN] = [44, 12, 0.1, 24, 0.05];
// In pixels of the network's size: how far from hair that is taken away strands are too thin to be told from the background; beyond
// which difference (0..255) from what is around it a part of the background is unlike that, and of how much of an even one that may
// be true; half the width of a thing there, and which part of the way to the hair's colour what is hair has gone.
const [THIN, EVEN, UNLIKE, THING, HAIRY] = [16, 16, 0.35, 4, 0.6];
// In pixels of the network's size: how far from hair that is taken away locks of it begin, half the width of what is too wide to be
// one, how far one rises where it begins, and its least area; how high it is beside its width, and how much of what is around it
// may be another thing; and how far from it strands of it are.
const [BEGIN, WIDER, RISES, LEAST, FALLS, OTHERS, LOOSE] = [3, 5, 5, 16, 0.6, 0.4, 10];

const { BACKGROUND, NECK, L_EAR, R_EAR, HAIR, HAT, SKIN, L_EYE, R_EYE, EYE_G, L_BROW, R_BROW } = LABEL;
// What has an outline of its own, which is no strand, as hair that stays has, and how wide that is.
const OUTLINES = [[(label) => label !== BACKGROUND && label !== LABEL.CLOTH, 1.5], [(label) => label === LABEL.CLOTH, 4]];
const BEHIND = [BACKGROUND, LABEL.CLOTH, NECK, L_EAR, R_EAR]; // what hair hangs before

/** Where strays of hair or a hat that is taken away lie over a forehead. `photo`: a picture; `before`, `after`: its mask, and the
 *  edited one. */
export function strayHair(photo, before, after) {
  return straysOf(photo, before, after, both(where(before, HAIR, HAT), where(after, SKIN)), FAR);
}

/** Where strays of hair lie over a forehead that came along with hair that moved far. `photo`, `before`: the photo and its mask as
 *  their pixels have moved by the flow; `after`: the edited mask. Another hairline has strands of its own. */
export function carriedHair(photo, before, after, { data: flow }) {
  const least = ((CARRIED * photo.width) / SIZE.network) ** 2;
  const gone = before.map((label, i) => (label === HAIR && flow[2 * i] ** 2 + flow[2 * i + 1] ** 2 > least ? 1 : 0));
  return straysOf(photo, before, after, gone, DRAWN_OUT, GAP);
}

/** Where strays of what is `gone` lie, up to `reach` cells from it, and across gaps of that many; the others as for
 *  `strayHair`. */
function straysOf(photo, before, after, gone, reach, gap = 0) {
  const { width: size } = photo;
  const nothing = new Uint8Array(before.length);
  if (!any(gone)) return nothing;
  const first = before.findIndex((label) => label === L_EYE || label === R_EYE || label === EYE_G);
  if (first < 0) return nothing;
  const eyes = Math.floor(first / size);
  const [skin, brows] = [[SKIN], [L_BROW, R_BROW]].map((kind) => both(where(before, ...kind), where(after, ...kind)));
  gone.fill(0, eyes * size);
  if (!any(gone)) return nothing;
  const onGrid = (region) => regionOf(shareOn(CELLS, region, size), (share) => share > 0.5);
  const lost = opened(onGrid(gone), CELLS, LARGE);
  if (!any(lost)) return nothing;
  const bareSkin = without(onGrid(skin), grown(onGrid(where(before, L_BROW, R_BROW, L_EYE, R_EYE, EYE_G)), CELLS, BESIDE));
  const within = grown(lost, CELLS, BURIED);
  const over = both(onGrid(brows), within);
  const along = both(without(onGrid(skin), bareSkin), both(grown(over, CELLS, BESIDE), within));
  let near = both(grown(lost, CELLS, reach), bareSkin);
  for (const part of [near, over, along]) part.fill(0, Math.floor((eyes * CELLS) / size) * CELLS);
  const bare = without(bareSkin, grown(onGrid(where(before, HAIR, HAT)), CELLS, BARE));
  if (areaOf(bare) <= ENOUGH * areaOf(near)) return nothing;
  const colours = resizeArea({ ...photo, data: new Float32Array(photo.data) }, CELLS, CELLS).data;
  const own = coloursAround(colours, bare, CELLS, AROUND, 0.02);
  /** Where colours have gone some `part` of the way from the skin's to another, `of` a cell and a channel. */
  const partly = (of, part, region = near) =>
    region.map((inside, i) => (inside && isSome(colours, own, i, (c) => of(i, c), part) ? 1 : 0));
  const middle = medianOf(colours, lost);
  let some = partly((_, c) => middle[c], SOME);
  const hat = onGrid(where(before, HAT));
  if (any(both(hat, lost))) { // of several colours
    const nearest = nearestColours(colours, lost);
    some = either(some, partly((i, c) => nearest[3 * i + c], SOME));
    for (const colour of darkestAndLightest(colours, hat)) some = either(some, partly((_, c) => colour[c], CLOTH));
  }
  some = opened(either(some, partly((_, c) => middle[c], CLEARLY, along)), CELLS, SPECK);
  const outline = grown(lost, CELLS, 1); // cells on it belong to neither
  const together = either(some, outline);
  const { numbers } = piecesOf(gap ? grown(together, CELLS, gap / 2) : together, CELLS, CELLS);
  const reached = new Set(numbers.filter((_, i) => outline[i]));
  some = some.map((inside, i) => (inside && reached.has(numbers[i]) ? 1 : 0));
  near = either(near, either(along, both(over, grown(both(some, along), CELLS, ACROSS))));
  some = either(some, both(near, over));
  if (!any(some)) return nothing;
  return both(outlined(both(grown(some, CELLS, PAINTED), near), size), either(skin, brows));
}

/** Cells in a mask of that size, with a round outline. */
function outlined(cells, size) {
  const soft = blurred(picture(CELLS, CELLS, 1, new Float32Array(cells)), ROUND);
  return regionOf(resizeLinear(soft, size, size).data, (share) => share > 0.5);
}

/** Where strands of hair that is taken away lie over a neck beside it, and its shadow there, which the mask counts to the neck.
 *  Arguments as for `strayHair`. */
export function hairOverNeck(photo, before, after) {
  const { width: size } = photo;
  const nothing = new Uint8Array(before.length);
  const last = before.findLastIndex((label) => label === L_EYE || label === R_EYE || label === EYE_G);
  const gone = before.map((label, i) => (label === HAIR && after[i] !== HAIR ? 1 : 0));
  const stays = both(where(before, NECK), where(after, NECK));
  if (last < 0 || !any(gone) || !any(stays)) return nothing;
  const onGrid = (region) => regionOf(shareOn(CELLS, region, size), (share) => share > 0.5);
  const lost = opened(onGrid(gone), CELLS, LARGE).fill(0, 0, Math.floor((Math.floor(last / size) * CELLS) / size) * CELLS);
  const neck = onGrid(stays);
  const near = both(grown(lost, CELLS, FAR), neck);
  const bare = without(neck, grown(onGrid(where(before, HAIR)), CELLS, BESIDE_HAIR));
  if (!any(lost) || areaOf(bare) <= ENOUGH * areaOf(near)) return nothing;
  const colours = resizeArea({ ...photo, data: new Float32Array(photo.data) }, CELLS, CELLS).data;
  const own = coloursAround(colours, bare, CELLS, NECK_AROUND, 0.02);
  const hair = coloursAround(colours, lost, CELLS, AROUND, 1e-3);
  let some = near.map((inside, i) => (inside && isSome(colours, own, i, (c) => hair[3 * i + c], MOSTLY) ? 1 : 0));
  some = opened(some, CELLS, SPECK);
  const beside = grown(lost, CELLS, BESIDE);
  const { numbers } = piecesOf(either(some, beside), CELLS, CELLS);
  const reached = new Set(numbers.filter((_, i) => beside[i]));
  some = some.map((inside, i) => (inside && reached.has(numbers[i]) ? 1 : 0));
  return any(some) ? both(outlined(both(grown(some, CELLS, PAINTED), near), size), stays) : nothing;
}

/** How much of each cell of a grid a region covers. */
const shareOn = (cells, region, size) => resizeArea(picture(size, size, 1, new Float32Array(region)), cells, cells).data;

/** Where single strands of hair that is taken away hang in the air, beyond what its mask tells, before what is even: leaves and
 *  letters look like strands. Arguments as for `strayHair`, but photo and mask as they are when their pixels have moved: hair
 *  that is drawn in takes its strands with it where the background comes along. `bared`: where that stays. */
export function strayStrands(photo, before, after, bared = new Uint8Array(before.length)) {
  const { width: size } = photo;
  const nothing = new Uint8Array(before.length);
  const gone = both(where(before, HAIR), where(after, ...BEHIND));
  if (!any(gone)) return nothing;
  const ground = both(where(before, BACKGROUND), where(after, BACKGROUND));
  const large = either(opened(gone, size, (SMALL * size) / SIZE.network), bared);
  if (!any(large) || !any(ground)) return nothing;
  const cells = SIZE.network;
  const onGrid = (region) => regionOf(shareOn(cells, region, size), (share) => share > 0.5);
  const [air, hair, lost] = [ground, where(before, HAIR), large].map(onGrid);
  let clear = air;
  for (const [isSolid, wide] of OUTLINES) {
    clear = without(clear, grown(regionOf(shareOn(cells, regionOf(after, isSolid), size), (share) => share > 0), cells, wide));
  }
  const near = both(grown(lost, cells, IN_THE_AIR), clear);
  const bare = without(air, grown(hair, cells, EMPTY));
  if (!any(near) || areaOf(bare) <= ENOUGH * areaOf(near)) return nothing;
  const colours = resizeArea({ ...photo, data: new Float32Array(photo.data) }, cells, cells).data;
  const even = without(air, grown(hair, cells, BARE));
  // Told again without what is unlike it, such as strands.
  let own = coloursAround(colours, even, cells, WIDE, 1e-3);
  const unlike = () => regionOf(even, (_, i) => [0, 1, 2].some((c) => (colours[3 * i + c] - own[3 * i + c]) ** 2 > EVEN ** 2));
  const alike = without(even, unlike());
  if (any(alike)) own = coloursAround(colours, alike, cells, WIDE, 1e-3);
  const middle = medianOf(colours, lost);
  const some = air.map((inside, i) => (inside && isSome(colours, own, i, (c) => middle[c], STRAND) ? 1 : 0));
  const few = shareOf(some, bare, cells);
  const single = both(both(grown(both(some, near), cells, PAINTED + 1), near), regionOf(few, (share) => share <= UNEVEN));
  // Beside hair some are too thin to be told; where all is even anything may be painted but things that lie there.
  const plain = regionOf(shareOf(unlike(), even, cells), (share) => share <= UNLIKE);
  const hairy = air.map((inside, i) => (inside && isSome(colours, own, i, (c) => middle[c], HAIRY) ? 1 : 0));
  const things = grown(opened(without(both(unlike(), air), hairy), cells, THING), cells, THING);
  let found = either(single, without(both(both(grown(lost, cells, THIN), near), plain), things));
  const nose = regionOf(shareOn(cells, where(before, LABEL.NOSE), size), (share) => share > 0).lastIndexOf(1);
  if (nose >= 0) {
    const strange = unlike();
    const locks = locksOf(hairy, both(without(strange, some), clear), lost, air, Math.floor(nose / cells), cells);
    const loose = both(grown(locks, cells, LOOSE), both(strange, some));
    found = either(found, both(grown(either(locks, loose), cells, PAINTED + 1), clear));
  }
  const strands = wholeOf(without(hairy, grown(hair, cells, BEGIN)), found, grown(lost, cells, IN_THE_AIR), cells);
  found = either(found, both(grown(strands, cells, PAINTED + 1), air));
  return both(regionOf(resizeLinear(picture(cells, cells, 1, new Float32Array(found)), size, size).data, (share) => share > 0.5), ground);
}

/** Those strands, each of them whole, some of which was found. They are nowhere wide, and all of one lies near hair that is lost:
 *  a line of the background goes on. */
function wholeOf(strands, found, near, cells) {
  const wide = opened(strands, cells, WIDER);
  const { numbers, pieces } = piecesOf(strands, cells, cells);
  const [begun, other] = [new Set(), new Set()];
  numbers.forEach((number, i) => {
    if (number && found[i]) begun.add(number);
    if (number && (wide[i] || !near[i])) other.add(number);
  });
  const chosen = pieces.map((_, number) => begun.has(number) && !other.has(number));
  return regionOf(numbers, (number) => chosen[number]);
}

/** Where locks of hair that is lost hang in the air, in what is like hair there. They begin at it, lower than a row, and fall, and
 *  are nowhere wide. Not much else is around them. */
function locksOf(hairy, others, lost, air, nose, cells) {
  const begin = grown(lost, cells, BEGIN);
  const beyond = without(hairy, begin);
  const around = without(without(air, begin), beyond);
  if (!any(beyond) || !any(around)) return beyond;
  const few = regionOf(shareOf(others, around, cells), (share) => share <= OTHERS);
  const wide = opened(beyond, cells, WIDER);
  const meets = grown(both(begin, air), cells, 1).fill(0, 0, nose * cells);
  const { numbers, pieces } = piecesOf(beyond, cells, cells);
  const chosen = pieces.map((piece, number) => {
    if (!piece) return false;
    const { area, left, top, right, bottom } = piece;
    const own = regionOf(numbers, (other) => other === number);
    const begins = both(own, meets).indexOf(1);
    return begins >= 0 && area >= LEAST && bottom - top + 1 >= FALLS * (right - left + 1) && !any(both(own, wide))
      && 2 * areaOf(both(own, few)) >= area && Math.floor(begins / cells) - top <= RISES;
  });
  return regionOf(numbers, (number) => chosen[number]);
}

/** Means of colours of a region around each cell, and a `little` of all of them. */
function coloursAround(colours, region, cells, sigma, little) {
  const planes = new Float32Array(4 * cells * cells);
  const mean = [0, 0, 0];
  region.forEach((inside, i) => {
    if (!inside) return;
    for (let c = 0; c < 3; c++) mean[c] += planes[4 * i + c] = colours[3 * i + c];
    planes[4 * i + 3] = 1;
  });
  const count = areaOf(region);
  const around = blurred(picture(cells, cells, 4, planes), sigma).data;
  return colours.map((_, k) => {
    const [i, c] = [Math.floor(k / 3), k % 3];
    return (around[4 * i + c] + (little * mean[c]) / count) / (around[4 * i + 3] + little);
  });
}

/** How much of a region, which is not empty, belongs to a part of it close by; far from the region, of all. */
function shareOf(part, region, cells) {
  const planes = new Float32Array(2 * cells * cells);
  const mean = areaOf(both(part, region)) / areaOf(region);
  region.forEach((inside, i) => inside && planes.set([part[i], 1], 2 * i));
  const { data } = blurred(picture(cells, cells, 2, planes), WIDE);
  return new Float32Array(cells * cells).map((_, i) => (data[2 * i] + 1e-3 * mean) / (data[2 * i + 1] + 1e-3));
}

/** Whether the colour of a cell has gone some `part` of the way from its `own` to another, `of` a channel. */
function isSome(colours, own, i, of, part) {
  let [along, length] = [0, 0];
  for (let c = 0, k = 3 * i; c < 3; c++, k++) {
    const way = of(c) - own[k];
    along += (colours[k] - own[k]) * way;
    length += way ** 2;
  }
  return length > ALIKE ** 2 && along > part * length;
}

/** What is to be painted, with the slivers of skin that it leaves beside hair or a hat that was taken away: between what is
 *  painted, and between that and hair, they show stray hair and shadows as often as skin. */
export function withoutSlivers(unknown, before, after, size) {
  const scale = size / SIZE.network;
  const skin = where(after, SKIN);
  const gone = both(where(before, HAIR, HAT), skin);
  if (!any(gone)) return unknown;
  const kernel = disc(NARROW * scale);
  const closed = eroded(dilated(either(both(unknown, skin), where(after, HAIR)), size, kernel), size, kernel);
  const near = grown(opened(gone, size, SMALL * scale), size, NEAR * scale);
  return either(unknown, both(both(closed, skin), near));
}

function medianOf(colours, region) {
  return [0, 1, 2].map((c) => median(colours.filter((_, k) => k % 3 === c && region[(k - c) / 3])));
}

/** The medians of the darkest and the lightest third of a region's colours. */
function darkestAndLightest(colours, region) {
  const light = (i) => colours[3 * i] + colours[3 * i + 1] + colours[3 * i + 2];
  const order = [...region.keys()].filter((i) => region[i]).sort((a, b) => light(a) - light(b));
  const third = Math.max(1, Math.floor(order.length / 3));
  return [order.slice(0, third), order.slice(-third)].map((part) => {
    const own = new Uint8Array(region.length);
    for (const i of part) own[i] = 1;
    return medianOf(colours, own);
  });
}

/** The colours of the part of a region that lies nearest: hats have several. */
const nearestColours = (colours, region) =>
  nearestOf(averagedWithin(picture(CELLS, CELLS, 3, colours), region, THREADS), region).data;
