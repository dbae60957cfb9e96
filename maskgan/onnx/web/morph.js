// Masks between two masks, on the line between their places in MaskVAE's latent space; see maskgan/editing/morphing.py.

import { Window } from "./compositing.js";
import { SIZE } from "./constants.js";
import { mostProbable } from "./probable.js";
import { maskOf } from "./tensors.js";

// Distance from an end at which the detail of its mask that MaskVAE does not reconstruct has faded out, and the margin in logits
// by which the end's own classes win at the end itself.
const [FADE, LEAD] = [0.12, 2];

/** Two masks, encoded, with what each lacks in MaskVAE's reconstruction of it: {mask, z, boost}. */
export class MaskLine {
  constructor(networks, ends) {
    const classes = [...new Set(ends.flatMap(({ mask }) => [...new Set(mask)]))].sort((a, b) => a - b);
    Object.assign(this, { networks, ends, classes });
  }

  /** The line from one mask to another; fetches MaskVAE when it is first asked for. */
  static async between(networks, ...masks) {
    await Promise.all(["mask_encoder", "mask_decoder"].map((name) => networks.open(name)));
    const side = networks.manifest.mask_size;
    const ends = [];
    for (const mask of masks) {
      const { mean } = await networks.run("mask_encoder", { mask: maskOf(Window.whole(side).mask(mask, SIZE.crop), side) });
      const boost = boostOf(await logitsAt(networks, mean.data), side, mask);
      ends.push({ mask, z: mean.data, boost });
    }
    return new MaskLine(networks, ends);
  }

  /** The mask at a place: 0 and 1 are the ends, which are shown as they are; beyond them shapes go on changing. */
  async maskAt(t) {
    const [a, b] = this.ends;
    const z = a.z.map((value, i) => value + Math.fround(t) * (b.z[i] - value));
    const near = this.ends.map((end, k) => ({ ...end, share: 1 - Math.abs(t - k) / FADE })).filter(({ share }) => share > 0);
    const more = (label, plane) => {
      for (const { mask, boost, share } of near) {
        for (let i = 0; i < plane.length; i++) if (mask[i] === label) plane[i] += share * boost[i];
      }
    };
    return mostProbable(await logitsAt(this.networks, z), this.networks.manifest.mask_size, SIZE.crop, { classes: this.classes, more }).mask;
  }
}

async function logitsAt(networks, z) {
  const { logits } = await networks.run("mask_decoder", { z: { type: "float32", data: z, dims: [1, z.length] } });
  return logits.data;
}

/** What to add to the logits of a mask's own classes for them to win; 0 where they do. */
function boostOf(logits, side, mask) {
  const own = new Float32Array(mask.length);
  const keep = (label, plane) => {
    for (let i = 0; i < plane.length; i++) if (mask[i] === label) own[i] = plane[i];
  };
  const best = mostProbable(logits, side, SIZE.crop, { more: keep });
  return own.map((value, i) => (best.mask[i] === mask[i] ? 0 : best.confidence[i] - value + LEAD));
}
