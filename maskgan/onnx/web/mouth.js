// Quick edits of the mouth: its four contour lines are measured, bent and painted anew; see maskgan/quick_edits/mouth.py.

import { LABEL } from "./constants.js";
import { LIPS_AND_MOUTH } from "./frame.js";
import { any, areaOf, both, distances, either, inverted, smoothstep } from "./regions.js";
import { clip } from "./samples.js";
import { betweenLines, line, onLine, smoothCurve } from "./scene.js";
import { lineAt, placesOf, shiftAt, WIDER } from "./smiles.js";

const { SKIN, MOUTH, U_LIP, L_LIP } = LABEL;
const STEPS = 41;
const LINES = ["upperTop", "upperBottom", "lowerTop", "lowerBottom"];
// How much broader than the usual one a smile is; how far a mouth bends that does so no more, and how much less does not hold it
// back; up to which gap lips open (frame units).
const [BROAD, BENT, BENDS, TEETH] = [1.15, 0.2, 0.12, 0.14];
// How far a mouth opens (frame units), how broad its hole is, in parts of the mouth, and what share opens upwards; how much
// broader, in parts to a frame unit that they open, closed lips get on the mask.
const [OPENED, HOLE, UP, CORNERS] = [0.17, 0.82, 0.28, 0.6];
// Frame units: how far cheeks are held by what does not move, from where on down they rise, and how far from the lips.
const [HELD, EYES, BELOW_EYES, LOOSE] = [0.12, 0.05, 0.15, 0.07];
const RIM = 0.03; // skin around the lips that moves with them, in frame units

/** How many times as high as they were teeth get at most when a mouth opens, and how far above the lower lip, in frame units,
 *  what shows of them ends; below lies what its shadow or its edge were. */
export const [STRETCH, ABOVE_LIP] = [1.3, 0.03];

/** The mouth's contours at x = centre + halfWidth * t, t in -1..1. */
class Lines {
  constructor(fields) {
    Object.assign(this, fields);
  }

  get t() {
    return line(-1, 1, STEPS);
  }

  get x() {
    return this.t.map((t) => this.centre + this.halfWidth * t);
  }

  /** How far the lips are apart. */
  get gap() {
    return this.lowerTop.map((y, i) => y - this.upperBottom[i]);
  }

  /** How much higher the corners lie than the middle of the mouth line. */
  get bend() {
    const at = (i) => (this.upperBottom[i] + this.lowerTop[i]) / 2;
    const mean = (from, to) => line(from, to, to - from + 1).reduce((sum, i) => sum + at(i), 0) / (to - from + 1);
    const middle = STEPS >> 1;
    return mean(middle - 2, middle + 2) - (mean(0, 2) + mean(STEPS - 3, STEPS - 1)) / 2;
  }

  /** Moves the four lines down, each by what its function gives for the place i. */
  shift(...amounts) {
    LINES.forEach((name, k) => (this[name] = this[name].map((y, i) => y + amounts[k](i))));
  }

  /** Takes small waves out of the lines and keeps them in order. */
  smooth() {
    for (const name of LINES) this[name] = smoothCurve(this[name], 2.5);
    for (let k = 1; k < 4; k++) this[LINES[k]] = this[LINES[k]].map((y, i) => Math.max(y, this[LINES[k - 1]][i]));
  }
}

/** The mouth's contours in a scene; an error when it has no mouth. */
export function measureMouth(scene) {
  const region = scene.where(...LIPS_AND_MOUTH);
  if (areaOf(region) < Math.max(8, 0.01 * scene.unit ** 2)) throw new Error("This mask has no mouth; paint lips first.");
  const { x, top, bottom } = scene.band(region, STEPS);
  const [upper, lower] = [scene.where(U_LIP), scene.where(L_LIP)];
  let upperBottom = any(upper) ? scene.envelope(upper, x).bottom : top;
  let lowerTop = any(lower) ? scene.envelope(lower, x).top : bottom;
  if (!any(scene.where(MOUTH))) upperBottom = lowerTop = upperBottom.map((y, i) => (y + lowerTop[i]) / 2);
  upperBottom = upperBottom.map((y, i) => Math.min(Math.max(y, top[i]), bottom[i]));
  lowerTop = lowerTop.map((y, i) => Math.min(Math.max(y, upperBottom[i]), bottom[i]));
  const [first, last] = [x[0], x.at(-1)];
  return new Lines({ centre: (first + last) / 2, halfWidth: (last - first) / 2, upperTop: top, upperBottom, lowerTop, lowerBottom: bottom });
}

/** Replaces the scene's mouth with these lines; `was`: the lines before. The lips' own pixels move with them; between
 *  lips that were closed there is nothing to move; teeth that showed hang from the upper lip. */
function painted(scene, lines, was) {
  scene.uncover(scene.where(...LIPS_AND_MOUTH), [SKIN]);
  const { x } = lines;
  scene.paint(scene.between(x, lines.upperBottom, lines.lowerTop), MOUTH, [SKIN]);
  scene.paint(scene.between(x, lines.upperTop, lines.upperBottom), U_LIP, [SKIN]);
  scene.paint(scene.between(x, lines.lowerTop, lines.lowerBottom), L_LIP, [SKIN]);
  const lips = scene.where(U_LIP, L_LIP);
  const [gapBefore, gapAfter] = [was.gap, lines.gap];
  const open = scene.where(MOUTH);
  const [xSource, ySource] = [scene.x.slice(), scene.y.slice()];
  const told = either(both(scene.around(lips, RIM), scene.where(SKIN)), either(lips, open));
  told.forEach((inside, i) => {
    if (!inside) return;
    const t = (scene.x[i] - lines.centre) / lines.halfWidth;
    const place = lines.centre + lines.halfWidth * Math.min(Math.max(t, -1), 1);
    const [before, after] = [gapBefore, gapAfter].map((gap) => onLine(place, x, gap));
    if (open[i] && !(before > ABOVE_LIP)) told[i] = 0;
    // The edges of teeth that showed are a fifth line, which keeps them from being drawn out.
    const edge = Math.max(before - ABOVE_LIP, 0);
    const five = (which, below) => {
      const four = LINES.map((name) => onLine(place, x, which[name]));
      return [...four.slice(0, 2), four[1] + below, ...four.slice(2)];
    };
    xSource[i] = was.centre + was.halfWidth * t;
    const drawnOut = Math.min(STRETCH, after / Math.max(before, 1e-3));
    ySource[i] = betweenLines(scene.y[i], five(lines, drawnOut * edge), five(was, edge));
  });
  scene.tell(told, xSource, ySource);
}

/** How far the lower lip can go down before it meets the chin. */
const chinRoom = (scene, lines) => Math.max(0, scene.chin - 0.16 - Math.max(...lines.lowerBottom));
const none = () => 0;
const bodyOf = ({ t }) => t.map((at) => Math.sqrt(Math.max(1 - at ** 2, 0)));

/** Corners up and out, a row of teeth, and cheeks that rise. */
function smile(scene, strength) {
  const lines = measureMouth(scene);
  const was = new Lines(lines);
  const { t } = lines;
  // A turned head shows a narrower mouth.
  const room = Math.min(Math.max(1 - Math.abs(lines.centre - (scene.cheeks[0] + scene.cheeks[1]) / 2), 0.5), 1);
  const broad = BROAD * strength;
  lines.halfWidth = Math.max(lines.halfWidth, Math.min(lines.halfWidth * (1 + WIDER * broad), 0.58 * room));
  const down = LINES.map((_, number) => t.map((at) => lineAt(number, at)));
  const gap = Math.max(...t.map((_, i) => down[2][i] - down[1][i]));
  const rises = broad * clip((BENT - lines.bend) / BENDS, 0, 1);
  const opens = Math.min(Math.max(0, TEETH * strength - Math.max(...lines.gap)), 2 * chinRoom(scene, lines)) / gap;
  const middle = (i) => (down[1][i] + down[2][i]) / 2;
  lines.shift(...down.map((each) => (i) => rises * middle(i) + opens * (each[i] - middle(i))));
  lines.smooth();
  painted(scene, lines, was);
  liftCheeks(scene, was, rises);
}

/** Lets skin move as it does beside a mouth that smiles; not beside eyes, hair or what else stays where it is. */
function liftCheeks(scene, was, strength) {
  const mean = (values) => values.reduce((sum, y) => sum + y, 0) / values.length;
  const placeOf = placesOf(scene, was.centre, (mean(was.upperBottom) + mean(was.lowerTop)) / 2);
  const [mouth, skin] = [scene.where(...LIPS_AND_MOUTH), scene.where(SKIN)];
  const inner = distances(either(skin, mouth).map((inside) => 1 - inside), scene.size, scene.size);
  const near = scene.around(mouth, LOOSE);
  const [xSource, ySource] = [scene.x.slice(), scene.y.slice()];
  skin.forEach((inside, i) => {
    if (!inside || near[i]) return;
    const share = strength * smoothstep(inner[i] / scene.unit / HELD) * smoothstep((scene.y[i] - EYES) / BELOW_EYES);
    if (!(share > 0)) return;
    const [u, v] = placeOf(i);
    const [outwards, down] = shiftAt(u, v);
    xSource[i] += Math.sign(u) * outwards * share;
    ySource[i] += down * share;
  });
  scene.tell(inverted(both(near, either(skin, mouth))), xSource, ySource);
}

function openMouth(scene, strength) {
  const lines = measureMouth(scene);
  const was = new Lines(lines);
  const opened = Math.min(OPENED * strength, 0.27 - Math.max(...lines.gap), chinRoom(scene, lines) / 0.8);
  if (opened <= 0) return;
  // The hole is narrower than the mouth, so that the lips go all around it.
  const [outer, inner] = [1, HOLE].map((reach) => lines.t.map((t) => opened * Math.min(Math.max(1 - (t / reach) ** 2, 0), 1)));
  const lowered = (by) => (i) => 0.8 * Math.sqrt(by[i] * opened);
  lines.shift((i) => -UP * outer[i], (i) => -UP * inner[i], lowered(inner), lowered(outer));
  lines.smooth();
  // The line between closed lips ends beyond what a mask has of them, and there the corners stay.
  lines.halfWidth *= 1 + CORNERS * Math.min(opened, OPENED) * Math.max(0, 1 - Math.max(...was.gap) / TEETH);
  painted(scene, lines, was);
  scene.paint(scene.around(scene.where(MOUTH), RIM), U_LIP, [SKIN]);
}

function closeMouth(scene, strength) {
  const lines = measureMouth(scene);
  const was = new Lines(lines);
  if (!any(scene.where(MOUTH))) throw new Error("The mouth is closed already.");
  const gap = lines.gap.map((width) => Math.min(1, strength) * width);
  const [down, up] = [(i) => 0.4 * gap[i], (i) => -0.6 * gap[i]];
  lines.shift(down, down, up, up);
  lines.smooth();
  // Lips hidden by a wide grin get their thickness back.
  const body = bodyOf(lines);
  const upper = body.map((share, i) => Math.max(0, 0.09 * share - (lines.upperBottom[i] - lines.upperTop[i])));
  const lower = body.map((share, i) => Math.max(0, 0.11 * share - (lines.lowerBottom[i] - lines.lowerTop[i])));
  lines.shift((i) => -upper[i], none, none, (i) => lower[i]);
  painted(scene, lines, was);
}

/** Lips `factor` times as thick, within a least and a greatest thickness. */
function scaleLips(scene, factor, thinnest, thickest) {
  const lines = measureMouth(scene);
  const was = new Lines(lines);
  const body = bodyOf(lines);
  // They grow outwards.
  const change = (top, bottom, extra, limit) => body.map((share, i) => {
    const thickness = lines[bottom][i] - lines[top][i];
    return factor > 1
      ? Math.max(Math.min(thickness * factor + extra * share, limit * share) - thickness, 0)
      : Math.min(Math.max(thickness * factor, thinnest * share) - thickness, 0);
  });
  const upper = change("upperTop", "upperBottom", 0.03, 0.8 * thickest);
  const lower = change("lowerTop", "lowerBottom", 0.04, thickest);
  const room = chinRoom(scene, lines);
  lines.shift((i) => -upper[i], none, none, (i) => Math.min(lower[i], room));
  painted(scene, lines, was);
}

export const MOUTH_EDITS = {
  smile,
  open_mouth: openMouth,
  close_mouth: closeMouth,
  fuller_lips: (scene, strength) => scaleLips(scene, 1 + 0.45 * strength, 0, 0.25),
  thinner_lips: (scene, strength) => scaleLips(scene, Math.max(0.3, 1 - 0.35 * strength), 0.05, 0),
};
