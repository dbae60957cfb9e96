// The bar of masks between two masks: what stands at the other end, a slider between and beyond, a strip of the way there.

import { MORPH, PALETTE } from "./constants.js";
import { choosePhotos } from "./photo_chooser.js";

const STEPS = [0, 0.2, 0.4, 0.6, 0.8, 1]; // places of the strip
const SMALL = 64; // pixels of a frame's side
const FIRST = 0.5;

/** Puts the bar into an element. `begin(file)`: a promise of {picture}, a small picture of the face of a photo, or without a file
 *  of the open one, whose mask is at the other end from the canvas's; undefined where that fails. `maskAt(t)`: of the mask at a
 *  place; `look(mask, t)`: shows what becomes of one; `use(mask)`: takes it; `leave()`: nobody looks any more. */
export function createMorphBar(element, { begin, maskAt, look, use, leave }) {
  element.innerHTML = `<button type="button" class="open" aria-expanded="false" title="Masks on the way to another face's shapes, and beyond">Interpolate</button>
    <div class="ends" role="group" aria-label="The other end" hidden>
      <label class="choose" tabindex="0" role="button">Choose a photo<input type="file" accept="image/*" hidden></label>
      <button type="button" class="own">The photo as it was</button></div>
    <div class="line" role="group" aria-label="Masks on the way" hidden><canvas class="other" role="img" aria-label="The face at the other end" title="The shapes of this face are at 1"></canvas>
      <div class="strip" role="group" aria-label="The way there"></div>
      <label title="From this mask (0) to the other one (1), and beyond both"><span>Between</span><input type="range" min="${MORPH.from}" max="${MORPH.to}" step="0.01" value="${FIRST}" aria-label="Place between the masks"><output></output></label>
      <button type="button" class="use">Use this mask</button><button type="button" class="close">Close</button></div>`;
  const [open, ends, way] = element.children;
  const [choose, own] = ["label", ".own"].map((part) => ends.querySelector(part));
  const [other, strip, slider, place, take, close] = [".other", ".strip", "input", "output", ".use", ".close"].map((part) => way.querySelector(part));
  let started = 0; // lines, so that answers for former ones are known
  let shown = null; // the mask at the slider's place
  let wanted = null; // a place whose mask has not been asked for
  let asking = false;

  function show(state) {
    document.body.classList.toggle("morphing", state !== "closed");
    open.ariaExpanded = String(state !== "closed");
    open.hidden = state === "line";
    ends.hidden = state !== "ends";
    way.hidden = state !== "line";
    take.disabled = true;
  }

  function end() {
    const looking = shown !== null;
    started++;
    [shown, wanted] = [null, null];
    strip.replaceChildren();
    show("closed");
    return looking;
  }

  async function start(photo) {
    const number = ++started;
    const found = await begin(photo);
    if (!found || number !== started) return;
    Object.assign(other, { width: found.picture.width, height: found.picture.height });
    other.getContext("2d").putImageData(found.picture, 0, 0);
    strip.replaceChildren();
    slider.value = FIRST;
    show("line");
    await goTo(FIRST);
    for (const t of STEPS) {
      const mask = await maskAt(t);
      if (number !== started) return;
      const frame = Object.assign(document.createElement("button"), { type: "button", title: `${t}`, ariaLabel: `The mask at ${t}` });
      frame.append(painted(mask));
      frame.addEventListener("click", () => {
        slider.value = t;
        goTo(t);
      });
      strip.append(frame);
    }
  }

  /** Shows the mask at a place, unless another place is wanted before its turn. */
  async function goTo(t) {
    place.textContent = t.toFixed(2);
    wanted = t;
    if (asking) return;
    asking = true;
    try {
      for (const number = started; wanted !== null && number === started; ) {
        const at = wanted;
        wanted = null;
        const mask = await maskAt(at);
        if (number !== started || wanted !== null || !mask) continue;
        shown = mask;
        take.disabled = false;
        look(mask, at);
      }
    } finally {
      asking = false;
    }
  }

  show("closed");
  open.addEventListener("click", () => (open.ariaExpanded === "true" ? end() : show("ends")));
  choosePhotos(choose, ends, "Go towards the shapes of this example", start);
  own.addEventListener("click", () => start(null));
  slider.addEventListener("input", () => goTo(slider.valueAsNumber));
  take.addEventListener("click", () => {
    const mask = shown;
    end();
    use(mask);
  });
  close.addEventListener("click", () => end() && leave());

  return {
    /** Whether a mask is shown that is not on the canvas. */
    get looking() {
      return shown !== null;
    },

    /** For another face: the bar is closed. */
    clear: end,
  };
}

/** A small picture of a mask. */
function painted(mask) {
  const size = Math.sqrt(mask.length);
  const canvas = Object.assign(document.createElement("canvas"), { width: SMALL, height: SMALL });
  const picture = new ImageData(SMALL, SMALL);
  for (let i = 0; i < SMALL * SMALL; i++) {
    const [x, y] = [i % SMALL, Math.floor(i / SMALL)].map((at) => Math.floor(((at + 0.5) * size) / SMALL));
    picture.data.set([...PALETTE[mask[y * size + x]], 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
