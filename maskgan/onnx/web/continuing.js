// A background and a forehead go on where hair was taken away: the same steps as in maskgan/editing/continuing.py.

import { Completion } from "./completion.js";
import { DETAIL, fineDetail } from "./grain.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { LABEL, SIZE } from "./constants.js";
import { areaOf, both, distances, grown, inverted, smoothstep, where, without } from "./regions.js";
import { clip } from "./samples.js";

// Cells to a window's side: what is smaller than one is texture.
const CELLS = 64;
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

/** Gives painted background the colours that a plain background has around it, in place: floats of n x n pixels. Only
 *  what is painted beside and in large holes of the background is changed. */
export function letPlainGroundGoOn(colours, photo, unknown, mask, n) {
  const ground = where(mask, LABEL.BACKGROUND);
  const known = knownBesideAHole(ground, unknown, n);
  if (!known) return;
  const seen = coarse(known, n, (i) => photo.data[i]);
  const even = evenness(seen, meanOf(seen));
  if (!even.some((share) => share > 0)) return;
  const wanted = goneOn(seen);
  const layer = new Float32Array(seen.length);
  for (let i = 0; i < even.length; i++) layer.set([...wanted.subarray(3 * i, 3 * i + 3), even[i]], 4 * i);
  const wide = resizeLinear(picture(CELLS, CELLS, 4, layer), n, n).data;
  const soft = blurred(picture(n, n, 1, new Float32Array(ground)), (SOFT * n) / SIZE.network).data;
  unknown.forEach((inside, i) => {
    if (!inside) return;
    const share = wide[4 * i + 3] * soft[i];
    for (let c = 0; c < 3; c++) colours[3 * i + c] += share * (wide[4 * i + c] - colours[3 * i + c]);
  });
}

/** Gives painted background pieces of an uneven one around it, in place; returns where its detail comes from, null where
 *  nothing was completed. */
export function completeUnevenGround(colours, photo, unknown, mask, n) {
  const ground = where(mask, LABEL.BACKGROUND);
  const known = knownBesideAHole(ground, unknown, n);
  if (!known) return null;
  const seen = coarse(known, n, (i) => photo.data[i]);
  const even = resizeLinear(picture(CELLS, CELLS, 1, evenness(seen, meanOf(seen)).map((share) => 1 - share)), n, n).data;
  const hole = both(ground, unknown);
  const away = distances(known, n, n);
  let [uneven, deep] = [0, 0];
  hole.forEach((inside, i) => {
    if (!inside) return;
    uneven += even[i];
    deep = Math.max(deep, away[i]);
  });
  if (uneven / areaOf(hole) < HARDLY || deep < DEEP * n) return null;
  const whole = picture(n, n, 3, new Float32Array(photo.data));
  const completion = Completion.planned(whole, picture(n, n, 3, colours), known, hole);
  if (!completion) return null;
  const scale = n / SIZE.network;
  const { pieces, texture, there } = joined(completion, whole, known, hole, n);
  const edge = blurred(picture(n, n, 1, new Float32Array(ground)), SOFT * scale).data;
  const beside = grown(hole, n, BESIDE * scale);
  ground.forEach((inside, i) => {
    if (!inside || !beside[i]) return;
    const weight = edge[i] * (unknown[i] ? there[i] : 1);
    for (let k = 3 * i; k < 3 * i + 3; k++) {
      // An even background has its colours from all around, and only its texture from somewhere. What is known beside the
      // hole stays as it is, where the paint's edge is laid over it.
      const own = texture[k] + colours[k] + even[i] * (pieces[k] - texture[k] - colours[k]);
      colours[k] += weight * ((unknown[i] ? own : photo.data[k]) - colours[k]);
    }
  });
  completion.share.data.set(there);
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
  const missed = step(band, share, filled, side);
  const pieces = texture.map((value, k) => value + (band[k] + missed[k]));
  const wide = (plane, channels) => resizeLinear(picture(side, side, channels, plane), n, n).data;
  const shown = wide(there, 1).map((value, i) => (hole[i] ? Math.min(Math.max(value, 0), 1) : 0));
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

/** What filled colours lack of those beside them, which fades out into what is filled. */
function step(colours, known, filled, side) {
  const told = [known, filled].map((share) =>
    blurred(resizeArea(withShare(colours, share, side), SEAM, SEAM), BEYOND[1]));
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

function sumsOf(planes, channels) {
  const sums = new Array(channels).fill(0);
  planes.forEach((value, i) => (sums[i % channels] += value));
  return sums;
}

/** How even, 0..1, the known colours are around each cell. */
function evenness(seen, mean) {
  const count = CELLS * CELLS;
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
  // Far from all that is known all of it counts.
  const far = sumsOf(planes, 5).map((sum) => (1e-3 * sum) / count);
  const near = blurred(picture(CELLS, CELLS, 5, planes), AROUND).data;
  return Float32Array.from({ length: count }, (_, i) => {
    const weight = near[5 * i + 4] + far[4];
    const means = [0, 1, 2, 3].map((c) => (near[5 * i + c] + far[c]) / weight);
    const variance = (means[3] - means[0] ** 2 - means[1] ** 2 - means[2] ** 2) / 3;
    return 1 - smoothstep((Math.sqrt(Math.max(variance, 0)) - EVEN) / (UNEVEN - EVEN));
  });
}

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
