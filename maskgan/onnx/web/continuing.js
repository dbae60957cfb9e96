// A background and a forehead go on where hair was taken away: the same steps as in maskgan/editing/continuing.py.

import { Completion } from "./completion.js";
import { DETAIL, fineDetail } from "./grain.js";
import { CELLS, Detail, around, sumsOf, wideOf } from "./ground_detail.js";
import { GroundLines } from "./ground_lines.js";
import { middleOutOfFocus } from "./out_of_focus.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { LABEL, SIZE } from "./constants.js";
import { areaOf, both, distances, grown, inverted, smoothstep, where, without } from "./regions.js";
import { clip } from "./samples.js";

// Share of a window from which on a hole in the background is large, and that has to be known of it at least.
const [LARGE, KNOWN] = [0.01, 0.005];
// Painted pixels beside an outline that hold some of the other side's colours, and how soft an outline is.
const [BORDER, SOFT] = [3, 0.5];
// Within how many cells colours go on, farthest first.
const REACHES = [16, 8, 4, 2];
// Side of the grid on which paint is joined to what is known beside it, and within how many of its cells.
const [SEAM, BEYOND] = [128, [3, 1.5, 0.75]];
// How far around eyes and brows skin is darker than a forehead, in painted pixels.
const SOCKET = 8;
// How far hair casts its shadow, in painted pixels.
const SHADE = 10;
// Which part of what a network draws on a forehead stays, of how much at most, and between which distances from eyes and brows
// ever less of it does, in painted pixels.
const [DRAWN, STRONGEST, CREASES] = [0.35, 25, [3, 9]];
// How uneven a background is completed, and how far a hole in it reaches from what is known, as part of the side: up to
// there a network does well. How far beside a hole its paint reaches, in painted pixels.
const [HARDLY, DEEP, BESIDE] = [0.1, 0.04, 8];
// Within how many pixels of half the painted size pieces of a background go over into each other, by how coarse it is.
const WIDTHS = [1, 2.5, 6];
// Within how many cells a step between a hole and what is known fades out, and how much of either side tells of it.
const [FADING, TOLD] = [[6, 3], 4];
// What lies below a forehead, and what below its brows.
const FEATURES = ["L_EYE", "R_EYE", "L_BROW", "R_BROW", "MOUTH", "U_LIP", "L_LIP", "NOSE", "EYE_G"].map((name) => LABEL[name]);
const BELOW = FEATURES.filter((label) => label !== LABEL.L_BROW && label !== LABEL.R_BROW);
// Within how many cells a background is even or not, and the deviations up to which it is, and beyond which it is not.
const [AROUND, EVEN, UNEVEN] = [12, 10, 24];
// How much light usually differs up to which a background is out of focus, and beyond which it is sharp.
const [BLURRED, SHARP] = [1.8, 2.5];
// How much light usually differs up to which there are only lines in a background that has some, and beyond which there is
// more, such as leaves; how many times that the texture between lines is at most.
const [ONLY_LINES, LEAVES, TEXTURE] = [7, 14, 3];
// Colours go on from what is next to a hole: in how many pixels to a cell, and within how many of these cells.
const FINER = [[4, [6, 3, 1.5]], [2, [2, 1]]];

/** The straight edges of a background that go on in a large hole of it, null without any. */
export function linesOfTheGround(photo, unknown, mask, n) {
  const ground = where(mask, LABEL.BACKGROUND);
  const known = knownBesideAHole(ground, unknown, n);
  return known && GroundLines.carriedOn(picture(n, n, 3, new Float32Array(photo.data)), known, both(ground, unknown), n);
}

/** Gives painted background the colours that a plain or blurred background has around it, in place: floats of n x n pixels.
 *  Only what is painted beside and in large holes of the background is changed. `lines`: of the background, or null; close to
 *  them it is plain where there is nothing but lines in it. */
export function letPlainGroundGoOn(colours, photo, unknown, mask, n, lines) {
  const ground = where(mask, LABEL.BACKGROUND);
  const known = knownBesideAHole(ground, unknown, n);
  if (!known) return;
  const usual = new Detail(photo, known, n).usual(AROUND);
  const sharp = sharpness(usual);
  const besides = besidesLines(usual, lines, n);
  const uneven = unevenness(coarse(known, n, (i) => photo.data[i]));
  const plain = uneven.map((value, i) => 1 - value * besides[i] * sharp[i]);
  if (!plain.some((share) => share > 0)) return;
  const wanted = plainColours(photo, known, n, uneven);
  lines?.over(wanted);
  const share = wideOf(plain, n);
  const scale = n / SIZE.network;
  const soft = blurred(picture(n, n, 1, new Float32Array(ground)), SOFT * scale).data;
  // What is known beside the hole stays as it is, where the paint's edge is laid over it.
  const beside = grown(both(ground, unknown), n, BESIDE * scale);
  unknown.forEach((inside, i) => {
    if (!inside && !(ground[i] && beside[i])) return;
    const weight = share[i] * soft[i];
    for (let k = 3 * i; k < 3 * i + 3; k++) colours[k] += weight * ((inside ? wanted[k] : photo.data[k]) - colours[k]);
  });
}

/** Gives painted background pieces of an uneven one around it, in place; returns where its detail comes from, null where
 *  nothing was completed. */
export function completeUnevenGround(colours, photo, unknown, mask, n, lines) {
  const ground = where(mask, LABEL.BACKGROUND);
  const known = knownBesideAHole(ground, unknown, n);
  if (!known) return null;
  const cells = unevenness(coarse(known, n, (i) => photo.data[i]));
  const uneven = wideOf(cells, n);
  const detail = new Detail(photo, known, n);
  const usual = detail.usual(AROUND);
  const sharp = wideOf(sharpness(usual), n);
  const hole = both(ground, unknown);
  const away = distances(known, n, n);
  let [lively, deep] = [0, 0];
  hole.forEach((inside, i) => {
    if (!inside) return;
    lively += uneven[i] * sharp[i];
    deep = Math.max(deep, away[i]);
  });
  if (lively / areaOf(hole) < HARDLY || deep < DEEP * n) return null;
  const whole = picture(n, n, 3, new Float32Array(photo.data));
  const completion = Completion.planned(whole, picture(n, n, 3, colours), known, hole);
  if (!completion) return null;
  const scale = n / SIZE.network;
  const { pieces, texture, there } = joined(completion, whole, known, hole, n);
  const plain = plainColours(photo, known, n, cells);
  let detailed = null;
  if (lines) {
    lines.over(plain);
    const besides = wideOf(besidesLines(usual, lines, n), n);
    const most = wideOf(usual.map((value) => TEXTURE * value), n);
    detailed = besides.map((value, i) => value * (1 - lines.weight[i]));
    for (let i = 0, k = 0; i < n * n; i++) {
      uneven[i] *= detailed[i];
      for (let c = 0; c < 3; c++, k++) {
        const calm = clip(texture[k], -most[i], most[i]);
        const own = calm + besides[i] * (texture[k] - calm);
        texture[k] = (1 - lines.weight[i]) * own;
      }
    }
  }
  // An even background has its colours from all around, and only its texture from somewhere.
  const behind = plain.map((value, k) => {
    const i = Math.floor(k / 3);
    if (hole[i]) return texture[k] + value + uneven[i] * (pieces[k] - texture[k] - value);
    return known[i] ? photo.data[k] : value;
  });
  const { calm, soft } = middleOutOfFocus(completion, whole, behind, known, away, detail);
  for (let i = 0; i < there.length; i++) there[i] *= sharp[i];
  const edge = blurred(picture(n, n, 1, new Float32Array(ground)), SOFT * scale).data;
  const beside = grown(hole, n, BESIDE * scale);
  ground.forEach((inside, i) => {
    if (!inside || !beside[i]) return;
    const weight = edge[i] * (unknown[i] ? there[i] : 1);
    const line = lines ? lines.weight[i] : 0;
    for (let k = 3 * i; k < 3 * i + 3; k++) {
      const calmed = line ? soft[k] + line * (lines.colours[k] - soft[k]) : soft[k];
      colours[k] += weight * ((unknown[i] ? behind[k] + calm[i] * (calmed - behind[k]) : photo.data[k]) - colours[k]);
    }
  });
  completion.share.data.set(there.map((value, i) => value * (detailed ? detailed[i] : 1) * (1 - calm[i])));
  return completion;
}

/** A hole's pieces less their finest detail, joined to each other and to what is known of a photo, what of that is texture,
 *  and where in the hole there are some: { pieces, texture, there }. The coarser what is seen, the wider pieces go over into
 *  each other (Burt and Adelson, ACM TOG 1983). */
function joined(completion, photo, known, hole, n) {
  const scale = n / SIZE.network;
  const side = n / 2;
  const count = side * side;
  let planes = resizeArea(blurred(withShare(photo.data, known, n), DETAIL), side, side);
  const toCells = [completion.cells / side, 0, 0, 0, completion.cells / side, 0];
  const [missing, share] = [hole, known].map((region) => resizeArea(picture(n, n, 1, new Float32Array(region)), side, side).data);
  const seams = enlarged(completion.seams(), completion.cells, side);
  const seen = coloursOf(planes);
  const texture = new Float32Array(3 * count);
  const filled = new Float32Array(count);
  let [band, there] = [null, null];
  for (let number = 0; number <= WIDTHS.length; number++) {
    const [narrow, wide] = [number ? WIDTHS[number - 1] : 0, WIDTHS[number]];
    band = coloursOf(planes);
    if (wide) {
      planes = smooth(planes, Math.sqrt(wide ** 2 - narrow ** 2) * scale);
      add(band, coloursOf(planes), -1);
    }
    const moved = completion.moved(picture(side, side, 3, band), toCells);
    there = moved.there;
    for (let i = 0; i < count; i++) {
      if (!missing[i]) there[i] = 0;
      filled[i] = there[i] > 0.5 ? missing[i] : 0;
    }
    const both = picture(side, side, 4, mixed(band, share, moved.picture.data, filled));
    band = coloursOf(both);
    if (narrow) {
      const soft = coloursOf(smooth(both, narrow * scale));
      soften(band, soft, smooth(picture(side, side, 1, seams), narrow * scale).data, (1 + narrow * scale) / 2);
    }
    if (wide) add(texture, band, 1);
  }
  const pieces = texture.map((value, k) => value + band[k]);
  add(pieces, step(pieces, filled, seen, share, side), 1);
  const wide = (plane, channels) => resizeLinear(picture(side, side, channels, plane), n, n).data;
  const shown = wide(there, 1).map((value, i) => (hole[i] ? Math.min(Math.max(4 * value, 0), 1) : 0));
  return { pieces: wide(pieces, 3), texture: wide(texture, 3), there: shown };
}

/** Adds one array times a factor to another. */
function add(to, values, factor) {
  for (let k = 0; k < to.length; k++) to[k] += factor * values[k];
}

/** Lets colours go over into soft ones where a plane, times a factor, is near 1. */
function soften(colours, soft, near, factor) {
  for (let i = 0, k = 0; i < near.length; i++) {
    const weight = Math.min(factor * near[i], 1);
    for (let c = 0; c < 3; c++, k++) colours[k] += weight * (soft[k] - colours[k]);
  }
}

/** The sum of two pictures' colours, each times its share, and that of the shares, as four planes. */
function mixed(one, share, other, rest) {
  const planes = new Float32Array(4 * share.length);
  for (let i = 0; i < share.length; i++) {
    for (let c = 0; c < 3; c++) planes[4 * i + c] = share[i] * one[3 * i + c] + rest[i] * other[3 * i + c];
    planes[4 * i + 3] = share[i] + rest[i];
  }
  return planes;
}

/** What filled colours lack of those that are seen beside them, which fades out into what is filled. */
function step(colours, filled, seenColours, known, side) {
  const told = [[seenColours, known], [colours, filled]].map(([part, share]) =>
    blurred(resizeArea(withShare(part, share, side), SEAM, SEAM), BEYOND[1]));
  const [outside, inside] = told.map(coloursOf);
  const seen = new Float32Array(4 * SEAM * SEAM);
  for (let i = 0; i < SEAM * SEAM; i++) {
    const meet = TOLD * told[0].data[4 * i + 3] * told[1].data[4 * i + 3];
    for (let c = 0; c < 3; c++) seen[4 * i + c] = meet * (outside[3 * i + c] - inside[3 * i + c]);
    seen[4 * i + 3] = meet;
  }
  const wide = resizeLinear(picture(SEAM, SEAM, 3, goneOn(seen, SEAM, FADING, [0, 0, 0])), side, side).data;
  return wide.map((value, k) => value * filled[Math.floor(k / 3)]);
}

/** Colours times a share, and that share, as four planes. */
function withShare(colours, share, side) {
  const planes = new Float32Array(4 * side * side);
  for (let i = 0; i < share.length; i++) {
    if (!share[i]) continue;
    for (let c = 0; c < 3; c++) planes[4 * i + c] = colours[3 * i + c] * share[i];
    planes[4 * i + 3] = share[i];
  }
  return picture(side, side, 4, planes);
}

/** The colours of planes that hold them times a share, and that share. */
function coloursOf({ data }) {
  const colours = new Float32Array((3 * data.length) / 4);
  for (let i = 0, k = 0; i < data.length; i += 4) {
    const share = Math.max(data[i + 3], 1e-3);
    for (let c = 0; c < 3; c++) colours[k++] = data[i + c] / share;
  }
  return colours;
}

/** A picture without its detail. */
function smooth(image, sigma) {
  const detail = fineDetail(image, sigma).data;
  return { ...image, data: image.data.map((value, i) => value - detail[i]) };
}

/** A region of cells on a grid of a larger side, as floats. */
function enlarged(region, cells, side) {
  return Float32Array.from({ length: side * side }, (_, i) => {
    const [row, column] = [Math.floor(i / side), i % side].map((place) => Math.floor((place * cells) / side));
    return region[row * cells + column];
  });
}

/** The part of a background that can be seen, without its outline; null unless a large hole is in it and enough known. */
function knownBesideAHole(ground, unknown, n) {
  if (areaOf(both(ground, unknown)) < LARGE * n * n) return null;
  const known = without(without(ground, unknown), grown(inverted(ground), n, (BORDER * n) / SIZE.network));
  return areaOf(known) < KNOWN * n * n ? null : known;
}

/** Lets the light and colours of the skin below a painted forehead go on over it, so that no seam shows where hair was,
 *  in place; of the paint's own drawing a part stays. From the brows down to the eyes the change fades out. */
export function letForeheadGoOn(colours, photo, unknown, mask, n) {
  const [end, low] = [FEATURES, BELOW].map((labels) => {
    const first = mask.findIndex((label) => labels.includes(label));
    return first < 0 ? mask.length : first - (first % n);
  });
  const scale = n / SIZE.network;
  const skin = where(mask, LABEL.SKIN);
  const forehead = skin.slice().fill(0, low);
  if (areaOf(both(forehead, unknown).subarray(0, end)) < LARGE * n * n) return;
  const known = without(without(skin, unknown), grown(inverted(skin), n, BORDER * scale));
  const sockets = grown(where(mask, LABEL.L_EYE, LABEL.R_EYE, LABEL.L_BROW, LABEL.R_BROW), n, SOCKET * scale);
  const telling = without(known, sockets);
  if (areaOf(telling) < KNOWN * n * n) return;
  const [own, wanted] = [
    coarse(skin, n, (i) => (unknown[Math.floor(i / 3)] ? colours[i] : photo.data[i])),
    coarse(telling, n, (i) => photo.data[i]),
  ].map((seen) => resizeLinear(picture(CELLS, CELLS, 3, goneOn(seen)), n, n).data);
  // The paint's own shadow of the hair stays. What is known is changed too: the edge of the paint is laid over it.
  const away = distances(where(mask, LABEL.HAIR), n, n);
  const beside = distances(where(mask, ...FEATURES), n, n);
  forehead.forEach((inside, i) => {
    if (!inside) return;
    const falling = low > end ? 1 - smoothstep((Math.floor(i / n) * n - end) / (low - end)) : 1;
    const share = smoothstep(away[i] / scale / SHADE) * falling;
    const calm = share * smoothstep((beside[i] / scale - CREASES[0]) / (CREASES[1] - CREASES[0]));
    for (let at = 3 * i; at < 3 * i + 3; at++) {
      colours[at] += share * (wanted[at] - own[at]);
      colours[at] += calm * (wanted[at] + DRAWN * clip(colours[at] - wanted[at], -STRONGEST, STRONGEST) - colours[at]);
    }
  });
  const missing = missingBeside(colours, photo, known, n);
  forehead.forEach((inside, i) => {
    if (inside) for (let c = 0; c < 3; c++) colours[3 * i + c] += missing[3 * i + c];
  });
}

/** What paint, which also shows what is known of the photo, lacks of that. It fades out into what is painted, which so begins
 *  in the colours that are beside it: a membrane (Pérez et al., SIGGRAPH 2003), worked out as a normalised convolution. */
function missingBeside(colours, photo, known, n) {
  const seen = coarse(known, n, (i) => photo.data[i] - colours[i], SEAM);
  return resizeLinear(picture(SEAM, SEAM, 3, goneOn(seen, SEAM, BEYOND, [0, 0, 0])), n, n).data;
}

/** Means of a picture `of` n x n pixels over what is known of each cell, times its share, and that share. */
function coarse(known, n, of, cells = CELLS) {
  const planes = new Float32Array(4 * n * n);
  known.forEach((inside, i) => {
    if (!inside) return;
    for (let c = 0; c < 3; c++) planes[4 * i + c] = of(3 * i + c);
    planes[4 * i + 3] = 1;
  });
  return resizeArea(picture(n, n, 4, planes), cells, cells).data;
}

function meanOf(seen) {
  const sums = sumsOf(seen, 4);
  return [0, 1, 2].map((c) => sums[c] / sums[3]);
}

/** The colours of a photo as they go on from what is known of it, floats of n x n pixels. What differs much from what is even,
 *  such as hair that no mask holds, tells little. */
function plainColours(photo, known, n, uneven) {
  const wide = (plane, cells) => resizeLinear(picture(cells, cells, 3, plane), n, n).data;
  const result = wide(goneOn(coarse(known, n, (i) => photo.data[i])), CELLS);
  for (const [pixels, reaches] of FINER) {
    const cells = Math.floor(n / pixels);
    const missing = coarse(known, n, (i) => photo.data[i] - result[i], cells);
    resizeLinear(picture(CELLS, CELLS, 1, uneven.map((value) => EVEN + 255 * value)), cells, cells).data.forEach((usual, i) => {
      const [red, green, blue, share] = missing.subarray(4 * i, 4 * i + 4);
      const most = Math.max(Math.abs(red), Math.abs(green), Math.abs(blue)) / Math.max(share, 1e-6);
      const weight = Math.min((usual / Math.max(most, 1)) ** 2, 1);
      for (let k = 4 * i; k < 4 * i + 4; k++) missing[k] *= weight;
    });
    add(result, wide(goneOn(missing, cells, reaches, [0, 0, 0]), cells), 1);
  }
  return result;
}

/** How uneven, 0..1, the known colours are around each cell. */
function unevenness(seen) {
  const count = CELLS * CELLS;
  const mean = meanOf(seen);
  const planes = new Float32Array(5 * count);
  for (let i = 0; i < count; i++) {
    const share = seen[4 * i + 3];
    if (!share) continue;
    let squares = 0;
    for (let c = 0; c < 3; c++) {
      const away = seen[4 * i + c] / share - mean[c];
      planes[5 * i + c] = away * share;
      squares += away * away;
    }
    planes[5 * i + 3] = squares * share;
    planes[5 * i + 4] = share;
  }
  const means = around(planes, 5, AROUND);
  return Float32Array.from({ length: count }, (_, i) => {
    const [red, green, blue, square] = means.subarray(4 * i, 4 * i + 4);
    const variance = (square - red ** 2 - green ** 2 - blue ** 2) / 3;
    return smoothstep((Math.sqrt(Math.max(variance, 0)) - EVEN) / (UNEVEN - EVEN));
  });
}

/** How much more than lines, 0..1, a background has around each cell; 1 where it has no lines. */
function besidesLines(usual, lines, n) {
  if (!lines) return usual.map(() => 1);
  const near = resizeArea(picture(n, n, 1, lines.near), CELLS, CELLS).data;
  return usual.map((value, i) => 1 - near[i] * (1 - smoothstep((value - ONLY_LINES) / (LEAVES - ONLY_LINES))));
}

/** Whether a photo is sharp around each cell, 0..1, by its usual detail. */
const sharpness = (usual) => usual.map((value) => smoothstep((value - BLURRED) / (SHARP - BLURRED)));

/** The known colours, also where nothing is known: a normalised convolution (Knutsson and Westin, CVPR 1993) over ever
 *  nearer surroundings, each as far as it knows more; far from all of them the `mean`. */
function goneOn(seen, cells = CELLS, reaches = REACHES, mean = meanOf(seen)) {
  const count = cells * cells;
  const result = new Float32Array(3 * count).map((_, k) => mean[k % 3]);
  for (const reach of reaches) {
    const missing = new Float32Array(4 * count);
    for (let i = 0; i < count; i++) {
      const share = seen[4 * i + 3];
      for (let c = 0; c < 3; c++) missing[4 * i + c] = seen[4 * i + c] - share * result[3 * i + c];
      missing[4 * i + 3] = share;
    }
    const near = blurred(picture(cells, cells, 4, missing), reach).data;
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) result[3 * i + c] += near[4 * i + c] / (near[4 * i + 3] + 0.02);
    }
  }
  return result;
}
