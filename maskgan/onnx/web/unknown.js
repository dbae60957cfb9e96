// Which pixels an edited mask cannot take from the photo as it moved: `unknown_after` of maskgan/editing/unknown.py.

import { movedChin, ONE_SKIN } from "./chins.js";
import { LABEL } from "./constants.js";
import { jacobian, moving, partOf, windowAround } from "./flow.js";
import { cutOut } from "./pixels.js";
import { any, areaOf, both, either, grown, opened, regionOf, where, without } from "./regions.js";

// Sizes in pixels of a picture of 256 px; scaled with the picture.
const [BORDER, LOST_BORDER, SLIVER, SHUT_BORDER, WISPS, LARGE, SHADE] = [2, 4, 1, 1, 9, 4, 8];
const RIM = 8; // how far sharpening and the light around it draw the outline of a hat in the background
const [ALWAYS, STRAYED] = [6, 12]; // how far hair always casts its shadow, which is seen as such at this distance from hair
const REACH = 32; // more than the farthest that a change has any effect
const [LINE, OPENS] = [0.0035, 2]; // share of the picture of a mouth that is little more than a line; how many times as large it has to become
const STRETCH = 6; // what is drawn out to more than this many times its area is no photo any more

/** Where the moved photo cannot show what the edited mask asks for, so that it has to be painted.
 *
 *  The class that arrives is not the class that is wanted; the surroundings of an outline that is gone, whose shadows and
 *  strands would stay as a ghost; what is stretched too far; and what would come from beyond the picture's edge. Slivers
 *  along outlines, where masks are never exact, count only where a class comes to a place that had none of it near. What a
 *  mouth shows that hardly opened, drawn out, is nothing of an open one, and teeth that are pressed into a line are nothing
 *  of a closed one. */
export function unknownAfter(before, after, flow) {
  const { width: size } = flow;
  const unknown = new Uint8Array(before.length);
  const touched = moving(flow);
  for (let i = 0; i < touched.length; i++) if (before[i] !== after[i]) touched[i] = 1;
  if (!any(touched)) return unknown;
  const window = windowAround(touched, size, Math.ceil((REACH * size) / 256));
  const { left, top, width, height } = window;
  const moved = cutOut(flow, left, top, width, height);
  const line = areaOf(where(before, LABEL.MOUTH));
  const opens = line < LINE * before.length && areaOf(where(after, LABEL.MOUTH)) > OPENS * line;
  const asked = partOf(after, size, window);
  const chin = movedChin(before, after, size);
  const zone = chin && partOf(chin.zone, size, window);
  const found = either(
    either(unknownIn(arrivedIn(before, flow, window), asked, moved, size / 256, opens, zone), beyond(size, moved, window)),
    shadowsMovedAway(before, after, flow, moved, window),
  );
  for (let y = 0; y < height; y++) unknown.set(found.subarray(y * width, (y + 1) * width), (top + y) * size + left);
  return unknown;
}

/** A mask when its pixels have moved, by the nearest pixel. */
export function arrivedMask(mask, flow) {
  return arrivedIn(mask, flow, { left: 0, top: 0, width: flow.width, height: flow.height });
}

/** The part of a mask in a window when its pixels have moved, by the nearest pixel. */
function arrivedIn(mask, { width: size, data }, { left, top, width, height }) {
  const within = (value) => Math.min(Math.max(Math.round(value), 0), size - 1);
  const arrived = new Uint8Array(width * height);
  for (let y = top, i = 0; y < top + height; y++) {
    for (let x = left, at = 2 * (y * size + left); x < left + width; x++, i++, at += 2) {
      arrived[i] = mask[within(y + data[at + 1]) * size + within(x + data[at])];
    }
  }
  return arrived;
}

/** Where in a window a flow takes pixels from beyond a picture of this size. */
function beyond(size, { data }, { left, top, width, height }) {
  const past = (value) => Math.max(-value, value - (size - 1)) > (SLIVER * size) / 256;
  const region = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) if (past(left + x + data[2 * i]) || past(top + y + data[2 * i + 1])) region[i] = 1;
  }
  return region;
}

function unknownIn(arrived, after, flow, scale, opens, zone) {
  const { width } = flow;
  let wrong = arrived.map((label, i) => (label !== after[i] || (opens && after[i] === LABEL.MOUTH) ? 1 : 0));
  // One skin, of which only the border moved.
  if (zone) wrong = without(wrong, both(zone, both(where(arrived, ...ONE_SKIN), where(after, ...ONE_SKIN))));
  let solid = both(grown(opened(wrong, width, SLIVER * scale), width, SLIVER * scale), wrong);
  for (const label of classesIn(after, wrong)) {
    const near = grown(where(arrived, label), width, 3 * scale);
    solid = either(solid, without(both(wrong, where(after, label)), near));
  }
  let unknown = grown(solid, width, BORDER * scale);
  // Eyes that are seen through lenses stay the person's own.
  const seen = both(where(after, LABEL.L_EYE, LABEL.R_EYE), where(arrived, LABEL.L_EYE, LABEL.R_EYE));
  for (const label of classesIn(arrived, solid)) {
    const lost = grown(both(where(arrived, label), solid), width, LOST_BORDER * scale);
    const border = without(lost, grown(where(after, label), width, scale));
    unknown = either(unknown, label === LABEL.EYE_G ? without(border, seen) : border);
    if (label !== LABEL.HAT) continue;
    const rim = grown(both(where(arrived, label), solid), width, RIM * scale);
    unknown = either(unknown, both(rim, where(after, LABEL.BACKGROUND)));
  }
  unknown = either(unknown, wisps(both(solid, where(arrived, LABEL.HAIR)), after, width, scale));
  unknown = either(unknown, shade(both(solid, where(arrived, LABEL.HAIR)), after, width, scale));
  const shut = where(arrived, LABEL.MOUTH);
  if (any(shut)) {
    const gone = without(shut, grown(where(after, LABEL.MOUTH), width, 3 * scale));
    unknown = either(unknown, grown(gone, width, SHUT_BORDER * scale));
  }
  const stretched = regionOf(jacobian(flow), (value) => value < 1 / STRETCH);
  return any(stretched) ? either(unknown, opened(stretched, width, scale)) : unknown;
}

function classesIn(mask, region) {
  return new Set(mask.filter((_, i) => region[i]));
}

/** Where single hairs beside a large part of hair that was `lost` would stay in the air. */
function wisps(lost, after, size, scale) {
  const behind = where(after, LABEL.BACKGROUND, LABEL.CLOTH);
  const bare = both(lost, where(after, LABEL.BACKGROUND, LABEL.CLOTH, LABEL.NECK));
  const large = opened(bare, size, LARGE * scale);
  if (!any(large)) return large;
  const near = both(grown(large, size, WISPS * scale), behind);
  return without(near, grown(where(after, LABEL.HAIR), size, scale));
}

/** Where the shadow of a large part of hair that was `lost` would stay on the skin as its outline. */
function shade(lost, after, size, scale) {
  const skin = where(after, LABEL.SKIN);
  const large = opened(both(lost, skin), size, LARGE * scale);
  if (!any(large)) return large;
  return without(both(grown(large, size, SHADE * scale), skin), grown(where(after, LABEL.HAIR), size, scale));
}

/** Where in a window skin that lay in the shadow of hair comes to lie away from all hair, as a dark streak. `moved`: the flow in
 *  the window. */
function shadowsMovedAway(before, after, flow, moved, window) {
  const [{ width: size }, { width }] = [flow, window];
  const [scale, hair] = [size / 256, where(before, LABEL.HAIR)];
  const far = (STRAYED - ALWAYS) * scale;
  if (!any(hair) || !moved.data.some((value) => Math.abs(value) > far)) return new Uint8Array(width * window.height);
  const beside = both(where(before, LABEL.SKIN), grown(hair, size, ALWAYS * scale));
  const skin = partOf(where(after, LABEL.SKIN), size, window);
  const near = partOf(grown(where(after, LABEL.HAIR), size, STRAYED * scale), size, window);
  const came = without(both(arrivedIn(beside, flow, window), skin), near);
  return both(grown(came, width, BORDER * scale), skin);
}
