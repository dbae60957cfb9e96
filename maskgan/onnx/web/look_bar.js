// The bar of looks: parts, swatches of the chosen part, any colour, and back to the photo's own.

import { LABEL, LOOKS, PARTS } from "./constants.js";
import { alsoWearing, colourIn, wearing, wornIn } from "./worn.js";

// Classes that are put on and taken off.
const PUT_ON = ["HAT", "EYE_G", "EAR_R", "NECK_L"].map((name) => LABEL[name]);

/** Puts the bar into an element. `canvas()`: the mask canvas, whose class the bar follows; `changed()`: somebody chose a
 *  look. */
export function createLookBar(element, canvas, changed) {
  element.innerHTML = `<select aria-label="Part whose colour or look is chosen"></select>
    <div role="group"></div>
    <label title="Any colour"><span>Any colour</span><input type="color" aria-label="Any colour"></label>
    <button type="button">As on this photo</button>`;
  const [menu, swatches, any, own] = element.children;
  const picker = any.querySelector("input");
  menu.replaceChildren(...PARTS.map(({ name }) => new Option(name)));
  let part = PARTS[0];
  let chosen = new Map(); // names of looks by class
  let followed = null;

  const isThere = () => {
    const counts = canvas()?.counts;
    return !counts || part.classes.some((label) => counts[label] > 0);
  };

  function show() {
    const current = colourIn(chosen.get(part.classes[0]) ?? "");
    const there = isThere();
    const none = there ? "" : `There ${part.name.endsWith("s") ? "are" : "is"} no ${part.name.toLowerCase()} on this mask.`;
    menu.value = part.name;
    swatches.ariaLabel = `Looks of ${part.name.toLowerCase()}`;
    swatches.replaceChildren(...part.looks.map((name) => {
      const { title, swatch } = LOOKS[name];
      const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `${part.name}: ${title}` });
      Object.assign(button, { title: none || title, disabled: !there, ariaPressed: name === current });
      button.dataset.look = name;
      button.style.setProperty("--swatch", swatch);
      button.addEventListener("click", () => choose(name));
      return button;
    }));
    any.hidden = !part.any;
    any.title = none || "Any colour";
    picker.disabled = !there;
    any.classList.toggle("on", current.startsWith("#"));
    if (current.startsWith("#")) picker.value = current;
    own.disabled = !current;
    own.title = current ? "" : `${part.name} ${part.name.endsWith("s") ? "are" : "is"} as on the photo already`;
  }

  function choose(name) {
    for (const label of part.classes) {
      const look = wearing(wornIn(chosen.get(label) ?? ""), name); // hairpieces stay on
      chosen.delete(label);
      if (look) chosen.set(label, look);
    }
    show();
    changed();
  }

  /** The class that is chosen on the canvas chooses the part, too. */
  function follow() {
    const id = canvas()?.classId;
    if (id === undefined || id === followed) return;
    followed = id;
    const found = PARTS.find(({ classes }) => classes.includes(id));
    if (found && found !== part && !element.contains(document.activeElement)) [part] = [found];
    show();
  }

  menu.addEventListener("change", () => {
    part = PARTS.find(({ name }) => name === menu.value);
    show();
  });
  picker.addEventListener("change", () => choose(picker.value));
  own.addEventListener("click", () => choose(""));
  for (const event of ["click", "keyup"]) document.addEventListener(event, follow);
  document.addEventListener("mask-canvas", () => setTimeout(show)); // the canvas counts first
  show();

  return {
    /** [class, name] of every look that is chosen. */
    get looks() {
      return [...chosen];
    },

    /** Other looks, [class, name] each, none of them chosen before. */
    set looks(looks) {
      chosen = new Map(looks);
      show();
    },

    /** What is put on: hairpieces, and [class, name] of looks of other things. */
    get putOn() {
      return { worn: wornIn(chosen.get(LABEL.HAIR) ?? ""), looks: [...chosen].filter(([label]) => PUT_ON.includes(label)) };
    },

    /** Other things put on; colours stay. */
    set putOn({ worn, looks }) {
      const hair = wearing(worn, colourIn(chosen.get(LABEL.HAIR) ?? ""));
      chosen.delete(LABEL.HAIR);
      chosen = new Map([...chosen, ...looks, ...(hair ? [[LABEL.HAIR, hair]] : [])]);
      show();
    },

    /** Adds hairpieces, in place of those that lie where they do, and shows the part of hair. */
    wear(worn) {
      chosen.set(LABEL.HAIR, alsoWearing(worn, chosen.get(LABEL.HAIR) ?? ""));
      part = PARTS.find(({ classes }) => classes.includes(LABEL.HAIR));
      show();
    },

    /** Adds looks [class, name] of what a quick edit puts on, and shows that part. */
    add(looks) {
      for (const [label, name] of looks) {
        chosen.set(label, name);
        part = PARTS.find(({ classes }) => classes.includes(label)) ?? part;
      }
      show();
    },
  };
}
