// Quick edits by name: one press changes the mask, computed from the mask's own geometry; see maskgan/quick_edits.

import { ACCESSORY_EDITS } from "./accessories.js";
import { BEARD_EDITS } from "./beard.js";
import { QUICK_EDITS } from "./constants.js";
import { FEATURE_EDITS } from "./features.js";
import { HAIR_EDITS } from "./hair.js";
import { HAIRSTYLE_EDITS } from "./hairstyles.js";
import { MOUTH_EDITS } from "./mouth.js";
import { Scene } from "./scene.js";

const EDITS = { ...MOUTH_EDITS, ...FEATURE_EDITS, ...HAIR_EDITS, ...HAIRSTYLE_EDITS, ...BEARD_EDITS, ...ACCESSORY_EDITS };

/** The edited copy of a mask, and where the photo's pixels come from as far as the edit knows, see `Scene`; `worn`:
 *  hairpieces that it puts on. `shape`: one of those that the edit offers, the first by default. */
export async function quickEdit(name, mask, size, strength = 1, shape = null) {
  const scene = new Scene(mask, size);
  await EDITS[name](scene, strength, shape || QUICK_EDITS.find((edit) => edit.name === name).shapes[0]?.name);
  return { mask: scene.mask, moved: scene.moved, worn: scene.worn };
}
