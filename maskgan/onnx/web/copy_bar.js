// The bar of style copy: another photo, the regions that the open face takes its style in, and how much of it; and its shapes.

import { LABEL, LEAST_HAIR, REGIONS } from "./constants.js";
import { choosePhotos } from "./photo_chooser.js";

const FIRST = ["lips", "hair"]; // regions that are copied when a photo has been chosen

/** Puts the bar into an element. `canvas()`: the mask canvas; `read(file)`: a promise of {picture, lends}, a small picture of the
 *  face of a photo and the classes that it can lend; `changed()`: somebody chose something else; `takeShapes()`: the open face
 *  takes its shapes. */
export function createCopyBar(element, canvas, read, changed, takeShapes) {
  element.innerHTML = `<button type="button" class="open" aria-expanded="false" title="Colours of lips, hair, skin and more, or the shapes, as on another photo">Copy the look of another photo</button>
    <div class="photos" role="group" aria-label="The other photo" hidden>
      <label class="choose" tabindex="0" role="button">Choose a photo<input type="file" accept="image/*" hidden></label></div>
    <div class="regions" role="group" aria-label="What is copied from the other photo" hidden><canvas role="img" aria-label="The other face" title="What is copied from this photo"></canvas>
      ${REGIONS.map(({ name, title }) => `<button type="button" data-region="${name}">${title}</button>`).join("")}
      <label><span>How much</span><input type="range" min="0.1" max="1" step="0.1" value="1" aria-label="How much of the other photo's look"></label>
      <button type="button" class="shapes" title="This face in the shapes of the other one, as a new step">Its shapes</button>
      <button type="button" class="remove">Remove</button></div>`;
  const [open, photos, regions] = element.children;
  const [thumbnail, slider, shapes, remove] = ["canvas", "input", ".shapes", ".remove"].map((part) => regions.querySelector(part));
  const buttons = REGIONS.map(({ name }) => regions.querySelector(`[data-region=${name}]`));
  let lends = null; // classes of the other face, null without one
  let chosen = new Set();

  function show() {
    const isOpen = open.ariaExpanded === "true";
    document.body.classList.toggle("copying", isOpen);
    photos.hidden = !isOpen || lends !== null;
    regions.hidden = !isOpen || lends === null;
    open.hidden = !regions.hidden;
    const counts = canvas()?.counts;
    const all = counts?.reduce((sum, count) => sum + count, 0);
    const isHere = (label) => !counts || counts[label] > (label === LABEL.HAIR ? LEAST_HAIR * all : 0);
    const isThere = (label) => lends === null || lends.includes(label);
    REGIONS.forEach(({ name, title, classes }, k) => {
      const here = classes.some(isHere);
      const both = classes.some((label) => isHere(label) && isThere(label));
      buttons[k].ariaPressed = String(chosen.has(name));
      buttons[k].disabled = !both;
      buttons[k].title = both ? "" : `${title}: ${here ? "the other photo" : "this face"} has none.`;
    });
  }

  async function take(photo) {
    const found = await read(photo);
    if (!found) return changed(); // what was not drawn yet is
    Object.assign(thumbnail, { width: found.picture.width, height: found.picture.height });
    thumbnail.getContext("2d").putImageData(found.picture, 0, 0);
    ({ lends } = found);
    chosen = new Set(FIRST);
    show();
    changed();
  }

  function clear(isOpen) {
    lends = null;
    chosen = new Set();
    open.ariaExpanded = String(isOpen);
    show();
  }

  open.addEventListener("click", () => clear(open.ariaExpanded !== "true"));
  choosePhotos(photos.querySelector("label"), photos, "Take the look of this example", take);
  buttons.forEach((button, k) => button.addEventListener("click", () => {
    const { name } = REGIONS[k];
    if (!chosen.delete(name)) chosen.add(name);
    show();
    changed();
  }));
  slider.addEventListener("change", changed);
  shapes.addEventListener("click", takeShapes);
  remove.addEventListener("click", () => {
    clear(false);
    changed();
  });
  document.addEventListener("mask-canvas", () => setTimeout(show)); // the canvas counts first
  show();

  return {
    /** {regions, strength} that are copied, null for none. */
    get copied() {
      return lends !== null && chosen.size ? { regions: [...chosen], strength: slider.valueAsNumber } : null;
    },

    /** For another face: nothing is copied. */
    clear: () => clear(false),
  };
}
