// The row of quick edits: their strength, a button each, its shapes in a menu beside it; those that lack their part are
// disabled and say why.

import { QUICK_EDITS } from "./constants.js";

/** Puts the buttons into an element. `canvas()`: the mask canvas; `press(edit, shape)`: what they do; `tune()`: somebody
 *  moves the strength. */
export function createQuickButtons(element, canvas, press, tune) {
  element.innerHTML = `<label title="Strength of the buttons; it also tunes the last one."><span>Strength</span>
    <input type="range" min="0.2" max="2" step="0.1" value="1" aria-label="Strength"><output>1</output></label>`;
  const [slider, number] = element.querySelectorAll("input, output");
  slider.addEventListener("input", () => {
    number.textContent = slider.value;
    tune();
  });
  const buttons = QUICK_EDITS.map((edit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: edit.label });
    button.dataset.edit = edit.name;
    button.addEventListener("click", () => press(edit));
    return button;
  });
  QUICK_EDITS.forEach((edit, k) => {
    if (k && edit.group !== QUICK_EDITS[k - 1].group) element.append(document.createElement("hr"));
    element.append(buttons[k]);
    if (edit.shapes.length) element.append(shapeMenu(edit, press));
  });

  function show() {
    const counts = canvas()?.counts;
    QUICK_EDITS.forEach(({ help, needs }, k) => {
      const possible = !needs || !counts || needs.classes.some((label) => counts[label] > 0);
      buttons[k].disabled = !possible;
      buttons[k].title = possible ? help : `${help} There is no ${needs.what} on this mask.`;
    });
  }

  document.addEventListener("mask-canvas", () => setTimeout(show)); // the canvas counts first
  show();

  return {
    /** 0.2 to 2, where 1 is a clear natural change. */
    get strength() {
      return slider.valueAsNumber;
    },
  };
}

/** The shapes of an edit; one that is chosen is applied at once, and can be chosen again. */
function shapeMenu(edit, press) {
  const menu = Object.assign(document.createElement("select"), { ariaLabel: `${edit.label}: shapes`, title: `${edit.label}: shapes` });
  menu.dataset.shapes = edit.name;
  const nothing = Object.assign(new Option("", ""), { disabled: true, selected: true, hidden: true });
  menu.append(nothing, ...edit.shapes.map(({ name, title }) => new Option(title, name)));
  menu.addEventListener("change", () => {
    press(edit, menu.value);
    menu.value = "";
  });
  return menu;
}
