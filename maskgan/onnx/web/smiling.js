// Light and shade of a smile: the folds beside nose and mouth; see maskgan/editing/smiling.py.

import { LABEL } from "./constants.js";
import { LIPS_AND_MOUTH } from "./frame.js";
import { measureMouth } from "./mouth.js";
import { distances, smoothstep, where } from "./regions.js";
import { clip } from "./samples.js";
import { Scene } from "./scene.js";
import { lightAt, placesOf, RISE, WIDER } from "./smiles.js";

const [DEEPER, BROADEST, HARDLY] = [1.6, 1.2, 0.05]; // folds by the average ones; the broadest smile, and what is hardly one
const HUES = [0.75, 1.05, 1.15]; // how much of that red, green and blue get
const [EDGE, EYES, BELOW_EYES] = [0.05, 0.05, 0.15]; // frame units over which it ends at what is no skin, and below the eyes
const [UNSEEN, BLACK] = [0.004, 8]; // a change of lightness that nobody sees, how light black counts

/** How much more a mouth smiles than before, in parts of the usual smile: it is wider, and its corners rose. */
function smilesMore(before, after) {
  const corners = [before, after].map(({ upperBottom, lowerTop }) =>
    [upperBottom[0], upperBottom.at(-1), lowerTop[0], lowerTop.at(-1)].reduce((sum, y) => sum + y / 4, 0));
  return clip(Math.min((corners[0] - corners[1]) / RISE, (after.halfWidth / before.halfWidth - 1) / WIDER), 0, BROADEST);
}

/** An edited crop with the light of a smile that its mask has and the photo did not, and where that changes it. */
export function withFolds(crop, mask, own) {
  const { width: size } = crop;
  const changed = new Float32Array(mask.length);
  const unchanged = { crop, changed };
  const [smiling, still] = [mask, own].map((each) => where(each, ...LIPS_AND_MOUTH));
  if (smiling.every((inside, i) => inside === still[i])) return unchanged;
  let before, lines, broad;
  try {
    before = new Scene(own, size);
    lines = measureMouth(before);
    broad = smilesMore(lines, measureMouth(new Scene(mask, size, before.frame)));
  } catch {
    return unchanged; // no face, or no mouth
  }
  if (broad < HARDLY) return unchanged;
  const middle = (line) => line.reduce((sum, y) => sum + y, 0) / line.length;
  const placeOf = placesOf(before, lines.centre, (middle(lines.upperBottom) + middle(lines.lowerTop)) / 2);
  const inner = distances(where(mask, LABEL.SKIN).map((inside) => 1 - inside), size, size);
  const result = { ...crop, data: crop.data.slice() };
  inner.forEach((deep, i) => {
    const share = DEEPER * broad * smoothstep(deep / before.unit / EDGE) * smoothstep((before.y[i] - EYES) / BELOW_EYES);
    const lighter = share > 0 ? share * lightAt(...placeOf(i)) : 0;
    if (Math.abs(lighter) <= UNSEEN) return;
    changed[i] = 1;
    for (let c = 0; c < 3; c++) {
      const lit = (crop.data[3 * i + c] + BLACK) * Math.exp(lighter * HUES[c]) - BLACK;
      result.data[3 * i + c] = Math.round(clip(lit, 0, 255));
    }
  });
  return changed.some((share) => share > 0) ? { crop: result, changed } : unchanged;
}
