// Quick edits by name: one press changes the mask, computed from the mask's own geometry; see maskgan/quick_edits.

import { FEATURE_EDITS } from "./features.js";
import { MOUTH_EDITS } from "./mouth.js";
import { Scene } from "./scene.js";

const EDITS = { ...MOUTH_EDITS, ...FEATURE_EDITS };

/** The edited copy of a mask, and where the photo's pixels come from as far as the edit knows, see `Scene`. */
export function quickEdit(name, mask, size, strength = 1) {
  const scene = new Scene(mask, size);
  EDITS[name](scene, strength);
  return { mask: scene.mask, moved: scene.moved };
}
