// How hair ends: in locks, and in strands of their own length; see maskgan/quick_edits/locks.py.

import { TIPS } from "./constants.js";
import { onLine } from "./scene.js";

/** How far (frame units) hair ends above and below a line, at a place along it. */
export const tips = (x) => TIPS.lock * locks(x) + TIPS.strand * onLine(x, TIPS.at, TIPS.ends);

/** How far locks end above and below a line, about -1..1: waves whose lengths have no common measure. */
export const locks = (x) => (Math.sin(5.3 * x + 0.4) + Math.sin(13.9 * x + 2.1) + 0.8 * Math.sin(31.7 * x + 4)) / 2.8;
