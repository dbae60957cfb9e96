// Teeth between lips that an edit opens: a row of the wardrobe's, as large as this face has them, in its light; see
// maskgan/editing/teeth.py.

import { LABEL, TEETH } from "./constants.js";
import { fromLab, toLab } from "./oklab.js";
import { blurred, picture } from "./pixels.js";
import { areaOf, extent, smoothstep, where } from "./regions.js";
import { clip, cubicAt, interpolated, median, percentileOf } from "./samples.js";
import { ABOVE_LIP, measureMouth, STRETCH } from "./mouth.js";
import { onLine, Scene } from "./scene.js";

const { MOUTH, SKIN, U_LIP, L_LIP } = LABEL;
const HARDLY_OPEN = 0.0035; // share of a photo below which an open mouth shows no teeth to go by
const [MORE, NEW] = [0.15, 0.3]; // part of an open mouth that is new: opened, and far
const [FILLS, WIDTHS, HEIGHTS] = [1.1, [0.86, 1.25], [0.9, 1.1]]; // the row's size by that of the opening
const [BEND, BENDS, ABOUT, MIDDLE] = [0.9, [0.5, 1.6], 0.7, 0.33]; // how its edges follow the lower lip, measured where
const NARROW = 3; // in how many places of that middle lips have to be measured
const [BELOW, ABOVE] = [0.004, 0.008]; // the row below the upper lip, its edges above the lower one, in frame units
const [DARKEST, LIGHTER, HUES] = [0.456, 0.528, [0.336, 0.65]]; // colour of teeth by that of the skin
const SOFT = 1.5; // over how many pixels of a crop of 512 px the row ends
const OWN_HUES = 0.7; // how much of its own variation of hue stays
const [DARK, TONGUE] = [[0.22, 0.04, 0.022], [0.72, 0.8, 0.8]]; // the dark in a mouth; a tongue's parts of the lips' colour
const [HIGH, SHOWS, EDGE, REACH] = [0.11, [0.06, 0.14], 0.45, 0.018]; // where tongue and lip lighten the dark
const [LIP_SHADE, LIP_REACH, CHEEK_SHADE, CHEEKS] = [0.3, 0.022, 0.5, 0.55]; // shadows on the teeth
const [END, WIDER] = [0.015, 1.25]; // over how many frame units the own teeth end; a mouth that is wider was scaled as a whole
const [NEAR, FEW] = [0.33, 30]; // skin around the mouth that tells the light: how far it reaches, and its pixels at least

/** Which part of what a mask's mouth is open is new: 1 where it was closed. It is larger than it was, and that not only because
 *  the mouth is, or because lips are thinner. */
function newOf(mask, own) {
  const [after, before] = [mask, own].map((each) => areaOf(where(each, MOUTH)));
  if (!after) return 0;
  const larger = areaOf(where(mask, MOUTH, U_LIP, L_LIP)) / Math.max(1, areaOf(where(own, MOUTH, U_LIP, L_LIP)));
  return Math.max(0, 1 - (Math.max(1, larger) * before) / after);
}

/** Whether a mask opens the mouth of one before, or opens it more. */
export const opens = (mask, own) => newOf(mask, own) > MORE;

/** The factor of x squared in the parabola nearest to values at places. */
function bendOf(places, values) {
  const powers = [0, 1, 2, 3, 4].map((power) => places.reduce((sum, x) => sum + x ** power, 0));
  const sums = [0, 1, 2].map((power) => places.reduce((sum, x, i) => sum + x ** power * values[i], 0));
  const rows = [0, 1, 2].map((row) => [powers[row], powers[row + 1], powers[row + 2], sums[row]]);
  for (let k = 0; k < 3; k++) {
    for (let row = k + 1; row < 3; row++) {
      const share = rows[row][k] / rows[k][k];
      rows[row] = rows[row].map((value, column) => value - share * rows[k][column]);
    }
  }
  return rows[2][3] / rows[2][2];
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** An open mouth: its window in the picture, its lips and the light on it. */
class Opening {
  constructor(crop, mask, size) {
    this.scene = new Scene(mask, size);
    this.lines = measureMouth(this.scene);
    const inside = where(mask, MOUTH);
    const [left, right] = [0.01, 0.99].map((share) => percentileOf(this.scene.x, inside, share));
    [this.centre, this.half] = [(left + right) / 2, Math.max((right - left) / 2, 1e-3)];
    const box = extent(inside, size);
    const within = (margin) => ({
      left: Math.max(0, box.left - margin), right: Math.min(size - 1, box.right + margin),
      top: Math.max(0, box.top - margin), bottom: Math.min(size - 1, box.bottom + margin),
    });
    this.window = within(Math.max(2, Math.floor(size / 64)));
    this.inside = inside;
    const near = pixelsOf(within(Math.round(NEAR * this.scene.unit)), size);
    const skin = near.filter((i) => mask[i] === SKIN);
    if (skin.length < FEW) throw new Error("There is no skin around the mouth.");
    const lips = near.filter((i) => mask[i] === U_LIP || mask[i] === L_LIP);
    const colourOf = (pixels) => toLab([0, 1, 2].map((c) => median(Float64Array.from(pixels, (i) => crop.data[3 * i + c]))));
    [this.skin, this.lips] = [colourOf(skin), colourOf(lips.length ? lips : skin)];
  }

  /** y of the upper and the lower lip in the column of a pixel. */
  lipsAt(i) {
    const { x, upperBottom, lowerTop } = this.lines;
    return [upperBottom, lowerTop].map((line) => onLine(this.scene.x[i], x, line));
  }

  /** A function of what is seen at pixel i below teeth that reach down to `edgeAt(i)`: OKLab. */
  darkBelow(edgeAt) {
    const rooms = [...this.inside.keys()].filter((i) => this.inside[i]).map((i) => this.lipsAt(i)[1] - edgeAt(i));
    const [start, full] = SHOWS;
    const shown = smoothstep((median(Float64Array.from(rooms)) - start) / (full - start));
    const light = clip(this.skin[0] / 0.7, 0.6, 1.15);
    return (i, lower) => {
      const above = lower - this.scene.y[i];
      const tongue = Math.max(smoothstep(1 - above / HIGH) * shown, EDGE * Math.exp(-Math.max(above, 0) / REACH));
      const colour = DARK.map((dark, c) => dark + tongue * (this.lips[c] * TONGUE[c] - dark));
      return [colour[0] * light, colour[1], colour[2]];
    };
  }

  /** A function of the colour below the own teeth at pixel i, whose lines were `was`, and of how far it is seen. */
  withOwn(was) {
    const { centre, halfWidth } = this.lines;
    const { x, gap } = was;
    const { y } = this.scene;
    const wider = halfWidth / was.halfWidth;
    const gapAt = (i) => {
      const place = was.centre + (was.halfWidth * (this.scene.x[i] - centre)) / halfWidth;
      return onLine(place, x, gap) * (wider > WIDER ? wider : 1);
    };
    const edgeAt = (i) => this.lipsAt(i)[0] + STRETCH * Math.max(gapAt(i) - ABOVE_LIP, 0);
    const dark = this.darkBelow(edgeAt);
    return (i) => {
      const [upper, lower] = this.lipsAt(i);
      const opened = lower - upper - STRETCH * gapAt(i); // by more than the teeth are drawn out
      const share = smoothstep((y[i] - edgeAt(i)) / END) * smoothstep(opened / ABOVE_LIP);
      return { colour: share > 0 ? fromLab(dark(i, lower)) : [0, 0, 0], share };
    };
  }

  /** A function of the colour at pixel i of a mouth with the wardrobe's teeth, whose picture is `stuff`. */
  withRow(stuff) {
    const { scene, lines, centre, half } = this;
    const places = [...lines.x].map((x) => x - centre);
    const within = (line, share) => [...line].filter((_, k) => Math.abs(places[k]) / half < share);
    if (within(places, MIDDLE).length < NARROW) throw new Error("This mouth is too narrow to show teeth.");
    const size = half / (TEETH.half * FILLS);
    const [width, height] = [clip(size, ...WIDTHS), clip(size, ...HEIGHTS)];
    const lip = bendOf(within(places, ABOUT), within(lines.lowerTop, ABOUT));
    const bend = clip(-BEND * lip, ...BENDS.map((limit) => limit * TEETH.bend));
    const [upper, lower] = [lines.upperBottom, lines.lowerTop].map((line) => meanOf(within(line, MIDDLE)));
    const edge = Math.min(upper + height * TEETH.height + BELOW, lower - ABOVE);
    const edgeAt = (i) => edge - bend * (scene.x[i] - centre) ** 2;
    const dark = this.darkBelow(edgeAt);
    const [left, top, right, bottom] = TEETH.box;
    const us = TEETH.edges.map(([u]) => u);
    const vs = TEETH.edges.map(([, v]) => v);
    const colour = [DARKEST + LIGHTER * this.skin[0], HUES[0] * this.skin[1], HUES[1] * this.skin[2]];
    const kept = [colour[0] / TEETH.colour[0], OWN_HUES, OWN_HUES];
    const scale = (height * scene.unit) / ((SOFT * scene.size) / 512);
    return (i) => {
      const away = Math.abs(scene.x[i] - centre);
      const u = away / width;
      const v = (scene.y[i] - edgeAt(i)) / height - TEETH.bend * u ** 2;
      const column = clip(((u - left) * stuff.width) / (right - left) - 0.5, 0, stuff.width - 1);
      const row = clip(((v - top) * stuff.height) / (bottom - top) - 0.5, 0, stuff.height - 1);
      const theirs = toLab(cubicAt(stuff, column, row));
      const seen = clip(0.5 + scale * Math.min(interpolated(u, us, vs) - v, TEETH.half - u), 0, 1);
      const [upperLip, lowerLip] = this.lipsAt(i);
      const lipShade = 1 - LIP_SHADE * Math.exp(-Math.max(scene.y[i] - upperLip, 0) / LIP_REACH);
      const shade = lipShade * (1 - CHEEK_SHADE * smoothstep((away / half - CHEEKS) / (1 - CHEEKS)));
      const tooth = colour.map((value, c) => value + kept[c] * (theirs[c] - TEETH.colour[c]));
      const below = dark(i, lowerLip);
      tooth[0] *= shade;
      below[0] *= 0.6 + 0.4 * shade;
      return { colour: fromLab(below.map((value, c) => value + seen * (tooth[c] - value))), share: 1 };
    };
  }
}

/** The pixels of a box, row by row. */
function pixelsOf({ left, right, top, bottom }, size) {
  const width = right - left + 1;
  return Array.from({ length: width * (bottom - top + 1) }, (_, k) => (top + Math.floor(k / width)) * size + left + (k % width));
}

/** An edited crop with teeth in a mouth that opens, and how far each pixel changed; `own`: the photo's own mask, `stuffOf`:
 *  fetches a picture. */
export async function withTeeth(crop, mask, own, stuffOf) {
  const { width: size } = crop;
  const changed = new Float32Array(mask.length);
  if (!opens(mask, own)) return { crop, changed };
  const shown = areaOf(where(own, MOUTH)) > HARDLY_OPEN * own.length;
  const stuff = shown || newOf(mask, own) <= NEW ? null : await stuffOf("teeth");
  let mouth, laidAt;
  try {
    mouth = new Opening(crop, mask, size);
    laidAt = stuff ? mouth.withRow(stuff) : mouth.withOwn(measureMouth(new Scene(own, size)));
  } catch {
    return { crop, changed }; // no mouth between whose lips they could be
  }
  const soft = blurred(picture(size, size, 1, new Float32Array(mouth.inside)), (0.7 * size) / 256).data;
  const result = { ...crop, data: crop.data.slice() };
  for (const i of pixelsOf(mouth.window, size)) {
    const around = clip((soft[i] - 0.15) / 0.7, 0, 1);
    if (!(around > 0)) continue;
    const { colour, share } = laidAt(i);
    changed[i] = around * share;
    for (let c = 0; changed[i] > 0 && c < 3; c++) {
      const below = crop.data[3 * i + c];
      result.data[3 * i + c] = Math.round(below + changed[i] * (clip(colour[c], 0, 255) - below));
    }
  }
  return { crop: result, changed };
}
