// Glasses and jewellery drawn from their place in the mask, as small solids in the light; see solids.py, glasses.py and jewels.py
// in maskgan/editing.

import { LABEL } from "./constants.js";
import { BROWS, EYES, largestPiece } from "./frame.js";
import { foundAgain } from "./lenses.js";
import { writeLab } from "./oklab.js";
import { blurred, picture, resizeArea, resizeLinear } from "./pixels.js";
import { any, areaOf, both, dilated, disc, either, eroded, grown, piecesOf, regionOf, rolled, roundEven, signedDistance, smoothstep, square, where, without } from "./regions.js";
import { clip, interpolated, median, percentileOf } from "./samples.js";
import { convexHull, Scene } from "./scene.js";
import { lumaAt } from "./tones.js";

const { BACKGROUND, SKIN, NOSE, HAIR, HAT, EYE_G, NECK, NECK_L, L_EAR, R_EAR } = LABEL;
const LIGHT = [-0.45, -0.7, 0.55].map((value, _, all) => value / Math.hypot(...all)); // from above left, a little from the front

const [EVEN, EVEN_BARS] = [3, 2.2]; // sigma in half pixels of the smoothing of outlines of lenses, and of bridge and arms
// Of frames: width (in distances between the eyes) of a wire, and from which on they are of horn; in parts of it how much thicker
// that is above, thinner below and thicker at the hinges; where those lie on a lens and how far they reach; how much of its front
// is flat; the greatest width of bridge and arms.
const [WIRE, ABOVE, BELOW, CORNER, HINGE, FLAT, BARS] = [[0.016, 0.03], 0.4, 0.2, 0.4, [0.85, -0.6, 0.2], 0.45, 0.042];
const [SKY_ABOVE, SKY_BEFORE] = [95, 30]; // what frames show of the sky, of 255: where they look up, and forward
// Of lenses: how far down they show the sky; where right of their middle a streak of light lies, how wide it is and how far down
// it reaches, and how far it leans; R, G, B of the sky and light of the streak on dark ones.
const [HORIZON, STREAK, LEANS, SKY, GLINT] = [0.35, [-0.55, 0.32, 0.6], 0.7, [40, 44, 50], 34];
// Share of clear lenses' own light, of the sky's and of the streak's; how dark they are at the frame, and over how much.
const [CLEAR, CLEAR_SKY, CLEAR_STREAK, EDGE, EDGE_WIDE] = [0.02, 0.06, 0.09, 0.3, 0.035];
const SHADOW = 0.5; // how dark the shadow of glasses is
// What tells the light on a jewel; which share of a face is darker than its light parts; sigma within which that is told, as a
// share of the side, and what share of skin there tells it; how dark it is at most, and which part of that jewels are less bright.
const BARE = [SKIN, NOSE, NECK, L_EAR, R_EAR];
const [LIGHT_PARTS, AROUND, FEW, DIMMEST, DARKER] = [0.75, 0.02, 0.05, 0.35, 0.85];
// Over how many columns the direction of a chain's ends is measured, and sigma within which it is told elsewhere.
const [END, EVENLY] = [12, 0.012];
// What a neck shows that is no skin but a collar: sigma within which its colour is told, as a share of the side; how light it is at
// least, and how much of skin's colour it has at most, in parts of the face's; how colourful a face is that tells. Each from where on
// and how far on it is so altogether.
const [TOLD, COLLAR_LIGHT, COLLAR_COLOUR, TELLING] = [0.006, [0.65, 0.1], [0.55, -0.2], [0.03, 0.015]];
const COLLAR_WIDE = 0.004; // how wide half a collar is at least, as a share of the side
// Of the room that a jewel mirrors: light from below and above, how much darker the band between is, how small the window is;
// and how much richer the colour of metal is in its shadows.
const [DIM, BRIGHT, BAND, WINDOW, RICHER] = [0.55, 1.15, 0.42, 14, 0.9];
// Within how many pixels a lens in the mask and its outline do not meet, and the area (square frame units) below which what is
// beside it is no bar.
const [RIM, SPECK] = [2, 0.005];
const SMOOTH = 0.8; // sigma in pixels of the smoothing of a jewel's normals

const zeros = (size) => new Float32Array(size * size);
const blur = (data, size, sigma) => blurred(picture(size, size, 1, data), sigma).data;

/** Lays colours over a crop: `colourAt(i)` gives [R, G, B] where `alpha` is above 0. */
function laidOver(crop, alpha, colourAt) {
  const result = { ...crop, data: crop.data.slice() };
  alpha.forEach((share, i) => {
    if (!(share > 0)) return;
    colourAt(i).forEach((value, c) => (result.data[3 * i + c] = crop.data[3 * i + c] + share * (value - crop.data[3 * i + c])));
  });
  return result;
}

/** Signed distance to an outline in pixels, smooth over its stairs, positive inside; `smooth`: sigma of that in half pixels. */
function distanceTo(region, size, smooth = 1.5) {
  const fine = resizeLinear(picture(size, size, 1, new Float32Array(region)), 2 * size, 2 * size);
  const solid = regionOf(blurred(fine, smooth).data, (share) => share > 0.5);
  const signed = picture(2 * size, 2 * size, 1, signedDistance(solid, 2 * size));
  return blur(resizeArea(signed, size, size).data.map((value) => value / 2), size, 0.7);
}

/** The greatest value within a disc of `side` pixels around each place of a region. */
function greatestNear(plane, size, side, places) {
  const kernel = disc((side - 1) / 2);
  const reach = kernel.length >> 1;
  return plane.map((value, i) => {
    if (!places[i]) return value;
    const [x, y] = [i % size, Math.floor(i / size)];
    for (let v = Math.max(y - reach, 0); v <= y + reach && v < size; v++) {
      const half = kernel[v - y + reach];
      for (let u = Math.max(x - half, 0); u <= x + half && u < size; u++) value = Math.max(value, plane[v * size + u]);
    }
    return value;
  });
}

/** The normal of a surface of this height, in pixels, at a pixel. */
function normalsOf(height, size) {
  const mirrored = (i) => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i);
  const slope = (i, across) => { // Sobel's kernels
    const [x, y] = [i % size, Math.floor(i / size)];
    const at = (u, v) => height[mirrored(y + (across ? v : u)) * size + mirrored(x + (across ? u : v))];
    return 0.125 * (at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1));
  };
  return (i) => direction([-slope(i, true), -slope(i, false), 1]);
}

/** Normals with a little of their neighbours', at the pixels around `places`, beyond which a surface is level. */
function smoothNormals(normals, places, size) {
  const planes = picture(size, size, 3, new Float32Array(3 * size * size));
  for (let i = 0; i < size * size; i++) planes.data.set(places[i] ? normals(i) : [0, 0, 1], 3 * i);
  const { data } = blurred(planes, SMOOTH);
  return (i) => direction([data[3 * i], data[3 * i + 1], data[3 * i + 2]]);
}

const direction = (vector) => vector.map((value, _, all) => value / Math.hypot(...all));

/** A surface with these normals in the light: [R, G, B] at a pixel. */
function lit(normals, { colour, gloss }) {
  return (i) => {
    const toward = clip(normals(i).reduce((sum, value, k) => sum + value * LIGHT[k], 0), 0, 1);
    const glint = toward ** (6 + 40 * gloss);
    // Polished things show bright and dark surroundings instead of an even light.
    const [dull, bright] = [0.45 + 0.65 * toward, 0.25 + 1.1 * toward ** 1.5];
    return colour.map((value) => value * (dull + gloss * (bright - dull)) + 190 * (0.25 + 0.75 * gloss) * glint);
  };
}

/** A jewel's surface with these normals, in a room that it mirrors as far as it is glossy: [R, G, B] at a pixel. The room is
 *  bright above and dim below, with a dark band between and a window from where the light comes. */
function polished(normals, material) {
  const { colour, gloss } = material;
  const [dull, mean, share] = [lit(normals, material), (colour[0] + colour[1] + colour[2]) / 3, gloss * gloss];
  return (i) => {
    const normal = normals(i);
    const [x, y, z] = normal.map((value, k) => 2 * normal[2] * value - (k === 2 ? 1 : 0)); // what is mirrored
    const above = DIM + (BRIGHT - DIM) * smoothstep((0.3 - y) / 0.9);
    const room = Math.max(above - BAND * Math.exp(-(((0.45 - y) / 0.18) ** 2)), 0.05);
    const window = Math.exp(WINDOW * (x * LIGHT[0] + y * LIGHT[1] + z * LIGHT[2] - 1));
    const richer = RICHER * clip(1 - room, 0, 1);
    const metal = colour.map((value) => value * room * (value / mean) ** richer + window * (0.35 * value + 150));
    return dull(i).map((value, c) => value * (1 - share) + metal[c] * share);
  };
}

/** Height in pixels of a surface that is round across: a half circle over each outline. */
function rounded(distance, radius) {
  const share = clip(1 - Math.max(distance, 0) / radius, 0, 1);
  return radius * Math.sqrt(1 - share * share);
}

/** The lenses of a mask, with the eyes and brows that lie on them, bridge and arms, and the face's unit in pixels. */
export function lenses(mask, size) {
  const [region, scene] = [where(mask, EYE_G), new Scene(mask, size)];
  const { unit } = scene;
  const kernel = disc((Math.max(3, roundEven(0.15 * unit) | 1) - 1) / 2);
  const seen = either(region, both(where(mask, ...EYES, ...BROWS), dilated(region, size, kernel)));
  const opened = dilated(eroded(seen, size, kernel), size, kernel);
  const { numbers, pieces } = piecesOf(opened, size, size);
  let [glass, rims] = [new Uint8Array(mask.length), new Uint8Array(mask.length)];
  pieces.forEach((piece, number) => {
    if (!piece || piece.area < 0.06 * unit ** 2) return;
    const inside = region.map((value, i) => (value && numbers[i] === number ? 1 : 0));
    if (areaOf(inside) < 0.03 * unit ** 2) return;
    const whole = foundAgain(scene, inside);
    if (whole) rims = either(rims, both(inside, dilated(whole, size, square(RIM))));
    glass = either(glass, whole ?? convexHull(largestPiece(eroded(dilated(inside, size, kernel), size, kernel), size), size));
  });
  let thin = without(without(region, glass), rims);
  if (any(rims)) { // bars go on to the lenses
    const beside = piecesOf(thin, size, size);
    thin = regionOf(beside.numbers, (number) => number && beside.pieces[number].area >= SPECK * unit ** 2);
    thin = either(thin, both(dilated(thin, size, square(2 * RIM)), either(rims, glass)));
  }
  return { glass, thin, unit };
}

/** Whether the glasses of a mask hide the eyes. */
export function areDark(mask, size) {
  const { glass } = lenses(mask, size);
  return any(glass) && areaOf(both(glass, where(mask, ...EYES))) < 0.02 * areaOf(glass);
}

/** Where each pixel lies on its lens: from its middle to the right and down, and away from the other one, -1 to 1 in it; 0 where
 *  there is none. */
function onLenses(glass, size) {
  const { numbers, pieces } = piecesOf(glass, size, size);
  const spans = pieces.map((piece) => piece && { left: size, right: 0, top: size, bottom: 0, sum: 0, count: 0 });
  numbers.forEach((number, i) => {
    if (!number) return;
    const [span, x, y] = [spans[number], i % size, Math.floor(i / size)];
    [span.left, span.right] = [Math.min(span.left, x), Math.max(span.right, x)];
    [span.top, span.bottom] = [Math.min(span.top, y), Math.max(span.bottom, y)];
    span.sum += x;
    span.count++;
  });
  const centres = spans.filter(Boolean).map(({ sum, count }) => sum / count);
  const middle = centres.reduce((sum, x) => sum + x / centres.length, 0);
  return (i) => {
    const span = spans[numbers[i]];
    if (!numbers[i] || !span) return [0, 0, 0];
    const within = (at, low, high) => clip((at - (low + high) / 2) / ((high - low + 1) / 2), -1, 1);
    const right = within(i % size, span.left, span.right);
    return [right, within(Math.floor(i / size), span.top, span.bottom), span.sum / span.count >= middle ? right : -right];
  };
}

/** What lenses mirror at a place on them: how much of the sky, and of a bright streak. */
function reflected([right, down]) {
  const across = (right + LEANS * down - STREAK[0]) / STREAK[1];
  return [smoothstep((HORIZON - down) / 1.2), Math.exp(-(across ** 2)) * smoothstep((STREAK[2] - down) / 1.3)];
}

/** Spots of tortoiseshell, about -1 to 1: waves that have no common measure. */
function spots(x, y) {
  return Math.sin(19 * x + 7 * y + 1) * Math.sin(13 * y - 11 * x + 2) + 0.5 * Math.sin(41 * x + 29 * y);
}

/** A frame's surface: polished horn is dark and shows the bright sky on all that looks up, and on its flat front the less the
 *  lower. [R, G, B] at a pixel. */
function frameSurface(normals, downAt, material) {
  const body = lit(normals, material);
  return (i) => {
    const [, y, z] = normals(i);
    const sky = SKY_ABOVE * clip(-y, 0, 1) ** 1.5 + SKY_BEFORE * z ** 4 * (0.5 - 0.5 * downAt(i));
    return body(i).map((value) => value + (0.4 + 0.6 * material.gloss) * sky);
  };
}

/** A crop with the glasses that its mask asks for, and where it changed; the crop is what is seen through the lenses. */
export function drawGlasses(crop, mask, material) {
  const { width: size } = crop;
  const { glass, thin, unit } = lenses(mask, size);
  if (!any(glass) && !any(thin)) return { crop, changed: zeros(size) };
  const [distance, placeOf] = [distanceTo(glass, size, EVEN), onLenses(glass, size)];
  const downAt = (i) => placeOf(i)[1];
  // Horn is thicker above, and at the hinges; thin metal is a wire.
  const usual = Math.max(1.1, material.width * unit);
  const sturdy = smoothstep((material.width - WIRE[0]) / (WIRE[1] - WIRE[0]));
  const width = distance.map((_, i) => {
    const [, down, out] = placeOf(i);
    const hinge = Math.exp(-((out - HINGE[0]) ** 2 + (down - HINGE[1]) ** 2) / HINGE[2]);
    return usual * (1 + sturdy * (ABOVE * smoothstep((0.2 - down) / 0.9) - BELOW * smoothstep(down) + CORNER * hinge));
  });
  const inner = distance.map((value, i) => clip(value - width[i] + 0.5, 0, 1));
  const bars = distanceTo(thin, size, EVEN_BARS);
  const barsWidth = Math.min(usual * (1 + 0.3 * sturdy), BARS * unit);
  // Bridge and arms are as thick as the frame, along the middle of what the mask gives them.
  const ridge = greatestNear(bars, size, Math.max(3, roundEven(0.08 * unit) | 1), regionOf(bars, (value) => value > -0.5));
  const middle = bars.map((value, i) => value - Math.max(ridge[i] - barsWidth / 2, 0));
  const across = distance.map((value, i) => width[i] / 2 - Math.abs(value - width[i] / 2)); // the frame lies inside the outline
  const barred = any(thin);
  const frame = across.map((value, i) => Math.max(clip(value + 0.5, 0, 1), barred ? clip(middle[i] + 0.5, 0, 1) : 0));

  let shadow = blur(rolled(frame, size, roundEven(0.06 * unit)), size, Math.max(0.8, 0.035 * unit));
  if (material.lens) {
    const shade = blur(rolled(inner, size, roundEven(0.04 * unit)), size, Math.max(0.8, 0.05 * unit));
    shadow = shadow.map((share, i) => Math.max(share, shade[i]));
  }
  const open = where(mask, BACKGROUND, HAIR, HAT);
  shadow = shadow.map((share, i) => (open[i] || share < 0.02 ? 0 : share));
  let result = laidOver(crop, shadow.map((share) => SHADOW * share), () => [0, 0, 0]);

  if (material.lens) {
    const tintAt = (i) => {
      const [sky, streak] = reflected(placeOf(i));
      return material.lens.map((value, c) => value * (1 + 0.35 * downAt(i)) + sky * SKY[c] + GLINT * streak);
    };
    const belowRim = distance.map((value, i) => clip(value - width[i] / 2 + 0.5, 0, 1)); // or a line of skin would shine between both
    result = laidOver(result, belowRim.map((share) => share * material.opacity), tintAt);
  } else {
    const edge = (i) => EDGE * Math.exp(-Math.max(distance[i] - width[i], 0) / (EDGE_WIDE * unit));
    result = laidOver(result, inner.map((share, i) => (share > 0 ? share * edge(i) : 0)), () => [0, 0, 0]);
    const mirrored = (i) => {
      const [sky, streak] = reflected(placeOf(i));
      return CLEAR + CLEAR_SKY * sky + CLEAR_STREAK * streak;
    };
    result = laidOver(result, inner.map((share, i) => (share > 0 ? share * mirrored(i) : 0)), () => [245, 245, 245]);
  }
  const bevel = width.map((value) => Math.max((value / 2) * (1 - FLAT * sturdy), 0.8));
  const height = across.map((value, i) => Math.max(rounded(value, bevel[i]), rounded(middle[i], Math.max(0.8, barsWidth / 2))));
  const surface = frameSurface(normalsOf(height, size), downAt, material);
  result = laidOver(result, frame, (i) => {
    if (!material.mottled) return surface(i);
    const factor = Math.exp(material.mottled * spots((i % size) / unit, Math.floor(i / size) / unit));
    return surface(i).map((value) => value * factor);
  });
  return { crop: result, changed: frame.map((share, i) => Math.max(share, inner[i], shadow[i])) };
}

/** How steeply a line of at least two values rises, between those beside each. */
const gradient = (line) => line.map((_, x) => {
  const [before, after] = [Math.max(x - 1, 0), Math.min(x + 1, line.length - 1)];
  return (line[after] - line[before]) / (after - before);
});

/** Normals and alpha of a necklace as a string of beads along its chain. `region`: the necklace, a chain from left to right
 *  with maybe a pendant; `distance`, `normals`, `alpha`: of its outline, which what is thicker than the chain keeps. */
function beads(region, distance, normals, alpha, size) {
  const columns = [];
  const [thick, first, most] = [[], [], []];
  for (let x = 0; x < size; x++) {
    let [count, top, deep] = [0, -1, -Infinity];
    for (let y = 0; y < size; y++) {
      deep = Math.max(deep, distance[y * size + x]);
      if (!region[y * size + x]) continue;
      if (!count++) top = y;
    }
    if (count) [columns, thick, first, most].forEach((list, k) => list.push([x, count, top, deep][k]));
  }
  if (columns.length < 2) return { normals, alpha };
  // Thicker where it is steep, and not where something hangs from it.
  const upper = blurred(picture(first.length, 1, 1, Float32Array.from(first)), EVENLY * size).data;
  const longer = gradient(upper).map((value) => Math.sqrt(1 + value * value));
  const usual = median(Float64Array.from(thick, (count, k) => count / longer[k]));
  const places = first.map((top, k) => top + Math.min(thick[k], usual * longer[k]) / 2 - 0.5);
  const some = Math.min(END, places.length - 1);
  const rise = (from, to) => (some ? (places[to] - places[from]) / (columns[to] - columns[from]) : 0);
  const last = places.length - 1;
  const [left, right] = [rise(0, some), rise(last, last - some)];
  const through = Float32Array.from({ length: size }, (_, x) =>
    // Straight on beyond both ends.
    interpolated(x, columns, places) + left * Math.min(x - columns[0], 0) + right * Math.max(x - columns[last], 0));
  const middle = blurred(picture(size, 1, 1, through), EVENLY * size).data;
  const slope = gradient(middle);
  const step = slope.map((value) => Math.sqrt(1 + value * value));
  let way = 0;
  const length = Float64Array.from(step, (value) => (way += value));
  const radius = Math.max(1.5, median(Float64Array.from(most)));
  const at = (i) => {
    const x = i % size;
    const out = (Math.floor(i / size) - middle[x]) / step[x];
    const along = (length[x] + out * slope[x]) / (2 * radius);
    return { out, along: (along - Math.floor(along)) * 2 * radius - radius, lean: slope[x], step: step[x] };
  };
  const pendant = alpha.map((share, i) => (share > 0 && at(i).out > 1.3 * radius ? share : 0));
  const seen = alpha.map((_, i) => {
    if (!(distance[i] > -1)) return pendant[i];
    const { out, along } = at(i);
    return Math.max(pendant[i], clip(radius + 0.5 - Math.hypot(along, out), 0, 1), clip(0.3 * radius + 0.5 - Math.abs(out), 0, 1));
  });
  const round = (i) => {
    if (pendant[i] > 0) return normals(i);
    const { out, along, lean, step: long } = at(i);
    const [x, y] = [(along - out * lean) / (long * radius), (along * lean + out) / (long * radius)];
    return direction([x, y, Math.sqrt(Math.max(1 - x * x - y * y, 0.05))]);
  };
  return { normals: round, alpha: seen };
}

/** How much light falls where a jewel hangs, told by the skin around it, 1 as on the light parts of the face. */
function lightOn({ width: size, data }, mask) {
  const [skin, face] = [where(mask, ...BARE), where(mask, SKIN)];
  if (!any(face)) return zeros(size).fill(1);
  const luma = Float32Array.from(mask, (_, i) => lumaAt(data, 3 * i));
  const lit = Math.max(1, percentileOf(luma, face, LIGHT_PARTS));
  const planes = new Float32Array(2 * luma.length);
  skin.forEach((there, i) => there && ([planes[2 * i], planes[2 * i + 1]] = [luma[i], 1]));
  const around = blurred(picture(size, size, 2, planes), AROUND * size).data;
  return luma.map((_, i) => {
    const [sum, share] = [around[2 * i], around[2 * i + 1]];
    return 1 - DARKER * (1 - clip(share > FEW ? sum / share / lit : 1, DIMMEST, 1));
  });
}

/** How far each pixel of a crop may be skin: parsers take white collars for necks. A collar is about as light as a face, or lighter,
 *  and has little of its colour; skin in light and shade has a colour in proportion to its lightness. */
function bareOn(crop, mask) {
  const { width: size } = crop;
  const skin = where(mask, SKIN);
  if (!any(skin)) return zeros(size).fill(1);
  const { data } = blurred(picture(size, size, 3, new Float32Array(crop.data)), TOLD * size);
  const lab = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += 3) writeLab(data[at], data[at + 1], data[at + 2], lab, at);
  const mean = [0, 0, 0];
  skin.forEach((there, i) => there && mean.forEach((_, c) => (mean[c] += lab[3 * i + c])));
  const [light, a, b] = mean.map((sum) => sum / areaOf(skin));
  const colourful = Math.max(Math.hypot(a, b), 1e-3);
  const over = (value, [start, reach]) => clip((value - start) / reach, 0, 1);
  return zeros(size).map((_, i) => {
    const relative = lab[3 * i] / Math.max(light, 1e-3);
    const like = (lab[3 * i + 1] * a + lab[3 * i + 2] * b) / colourful ** 2 / Math.max(relative, 0.05);
    return 1 - over(relative, COLLAR_LIGHT) * over(like, COLLAR_COLOUR) * over(colourful, TELLING);
  });
}

/** How far a necklace is seen in each pixel: where a collar begins it leads under it, and nothing of it comes out again beyond. */
function beforeCollars(region, bare, size) {
  const [length, shown] = [new Float32Array(size), new Float32Array(size)];
  region.forEach((there, i) => {
    if (!there) return;
    length[i % size] += 1;
    shown[i % size] += bare[i];
  });
  const half = roundEven(COLLAR_WIDE * size);
  const all = (line, test) => line.map((_, x) => {
    for (let k = Math.max(x - half, 0); k <= Math.min(x + half, size - 1); k++) if (test(line[k])) return 1;
    return 0;
  });
  const open = Uint8Array.from(length, (count, x) => (count > 0 && shown[x] < 0.5 * count ? 0 : 1));
  const covered = all(all(open, (one) => one).map((one) => 1 - one), (one) => one); // a gleam is no collar
  const counts = [0];
  const runs = covered.map((hidden, x) => {
    if (x && hidden !== covered[x - 1]) counts.push(0);
    if (!hidden && length[x]) counts[counts.length - 1]++;
    return counts.length - 1;
  });
  const longest = counts.indexOf(Math.max(...counts));
  const seen = runs.map((run, x) => (run === longest || (covered[x] && Math.abs(run - longest) === 1) ? 1 : 0));
  return bare.map((share, i) => share * seen[i % size]);
}

/** A crop with the earrings or the necklace (`label`) that its mask asks for, and where it changed. A necklace lies under what is a
 *  collar. */
export function drawJewels(crop, mask, label, material) {
  const { width: size } = crop;
  const region = where(mask, label);
  if (!any(region)) return { crop, changed: zeros(size) };
  const distance = distanceTo(region, size);
  let alpha = distance.map((value) => clip(value + 0.6, 0, 1));
  // Each piece is as round as it is thick where it is thickest nearby.
  const inside = regionOf(distance, (value) => value > 0);
  const reach = Math.max(3, roundEven(0.05 * size) | 1);
  const thickest = greatestNear(distance, size, reach, grown(inside, size, reach / 2 + 1)).map((value) => Math.max(value, 1));
  const radius = blur(thickest, size, reach / 4); // or its steps would be seen in the light
  let normals = smoothNormals(normalsOf(distance.map((value, i) => rounded(value, radius[i])), size), grown(inside, size, 6), size);
  if (label === NECK_L) {
    ({ normals, alpha } = beads(region, distance, normals, alpha, size));
    const seen = beforeCollars(region, bareOn(crop, mask), size);
    alpha = alpha.map((share, i) => share * seen[i]);
  }
  const [metal, light] = [polished(normals, material), lightOn(crop, mask)];
  const surface = (i) => metal(i).map((value) => value * light[i]);
  const lower = rolled(alpha, size, roundEven(0.006 * size));
  const aside = lower.map((_, i) => lower[i - (i % size) + (((i % size) + size - 1) % size)]);
  const ground = where(mask, BACKGROUND);
  const fall = blur(aside, size, 0.006 * size).map((share, i) => (ground[i] || share < 0.02 ? 0 : share));
  const shaded = laidOver(crop, fall.map((share) => 0.4 * share), () => [0, 0, 0]);
  const result = laidOver(shaded, alpha, surface);
  return { crop: result, changed: alpha.map((share, i) => Math.max(share, fall[i])) };
}
