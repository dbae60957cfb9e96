// Buttons, sliders, palette and help around the canvas. They call `act`, and `show` what they are told.

const ICONS = {
  brush: "<path d='M15.5 3.5l1 1c.5.5.5 1 0 1.5L9.5 13 7 10.5l7-7c.5-.5 1-.5 1.5 0z'/><path d='M6.5 11.5C4.5 11.5 4.5 14 3 16c3 .8 5.5-.2 5.5-2.5'/>",
  eraser: "<path d='M11.5 3.5l5 5-7.5 7.5H6l-2.5-2.5z'/><path d='M7.5 7.5l5 5M9 16h8'/>",
  line: "<path d='M4.5 15.5l11-11'/><circle cx='4' cy='16' r='1.2'/><circle cx='16' cy='4' r='1.2'/>",
  ellipse: "<ellipse cx='10' cy='10' rx='7' ry='5'/>",
  lasso: "<path d='M4 6l6-3 6 4-1 6-6 1-5-3z' stroke-dasharray='2.5 1.7'/><path d='M9 14c0 2-1 3-2.5 3'/>",
  fill: "<path d='M9 3l6.5 6.5-6 6L3.5 9.5 9 4M3.5 9.5h12'/><path d='M17.3 13c1 1.6 1 3.2 0 3.200s-1-1.6 0-3.200z'/>",
  pick: "<path d='M11 6l3 3M12 7l1.8-2.3c1.5-1.7 3.7.5 2 2L13.5 8.5M11.5 7L5 13.5 4.2 16l2.5-.8L13 8.5'/>",
  move: "<path d='M10 3v14M3 10h14M8 5l2-2 2 2M8 15l2 2 2-2M5 8l-2 2 2 2M15 8l2 2-2 2'/>",
  mirror: "<path d='M10 3v14' stroke-dasharray='2 1.8'/><path d='M7.5 6L3 14h4.5zM12.5 6L17 14h-4.5z'/>",
  adjust: "<path d='M4 6h5M13 6h3M4 14h3M11 14h5'/><circle cx='11' cy='6' r='1.8'/><circle cx='9' cy='14' r='1.8'/>",
  undo: "<path d='M7 4.5L3.5 8 7 11.5M3.5 8H12a4 4 0 0 1 0 8H8'/>",
  redo: "<path d='M13 4.5L16.5 8 13 11.5M16.5 8H8a4 4 0 0 0 0 8h4'/>",
  reset: "<path d='M4 10.5a6 6 0 1 0 2-4.5M6 2.5V6h3.5'/>",
  plus: "<path d='M10 5v10M5 10h10'/>",
  minus: "<path d='M5 10h10'/>",
  help: "<path d='M7.5 7.5c0-3.2 5-3.2 5 0 0 2-2.5 2.2-2.5 4.200M10 14.5v.3'/>",
  outline: "<path d='M3.5 9c0-3.5 3-6 6.5-6s6.5 2.5 6.5 6c0 4.5-3 8-6.5 8S3.5 13.5 3.5 9z' stroke-dasharray='2.6 1.9'/><path d='M7 9h.1M13 9h.1M8 13h4'/>",
  before: "<path d='M2.5 10S5.5 5 10 5s7.5 5 7.5 5-3 5-7.5 5-7.5-5-7.5-5z'/><circle cx='10' cy='10' r='2.2'/>",
  full: "<path d='M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4'/>",
  close: "<path d='M5.5 5.5l9 9M14.5 5.5l-9 9'/>",
};

const SIZE_HINT = "[ ] or Alt+wheel: size, Shift: straight, Alt-click: pick.";

// `more` is for people with a mouse and keys; fingers get FINGER_HINT in its place.
const TOOLS = [
  { id: "brush", name: "Brush", key: "B", hint: "Paint here or on the result.", more: SIZE_HINT },
  { id: "eraser", name: "Eraser", key: "E", hint: "Brings the original mask back.", more: SIZE_HINT },
  { id: "line", name: "Line", key: "S", hint: "Drag a straight line as thick as the brush.", more: "Shift: steps of 45°." },
  { id: "ellipse", name: "Ellipse", key: "O", hint: "Drag a filled ellipse.", more: "Shift: a circle." },
  { id: "lasso", name: "Lasso", key: "L", hint: "Draw around an area to fill it, or set corners one by one and close at the first.", more: "" },
  { id: "fill", name: "Fill", key: "F", hint: "Give a whole region the chosen class.", more: "" },
  { id: "pick", name: "Pick", key: "I", hint: "Take the class under the cursor.", more: "" },
  { id: "move", name: "Move", key: "V", hint: "Drag a region to move it, its corners to scale it.", more: "Arrows, + and - too; Shift takes a lip alone." },
];
const FINGER_HINT = "Two fingers zoom and pan.";

const SHORTCUTS = [
  ["Tools", "B brush, E eraser, S line, O ellipse, L lasso, F fill, I pick, V move"],
  ["Size", "[ and ], Ctrl+wheel or Alt+wheel; Shift for bigger steps; a pen's pressure"],
  ["Shift", "straight strokes and lines, circles; a click draws a line from where the last stroke ended"],
  ["Class", "the key beside its name; Alt-click takes the one under the cursor"],
  ["Lock", "Shift and the class's key: nothing is painted over it"],
  ["Mirror", "M paints both sides of the face at once"],
  ["Undo, redo", "Ctrl+Z, Ctrl+Y or Ctrl+Shift+Z"],
  ["Zoom", "Wheel, + and -, or two fingers; Z fits. Mask and result go together"],
  ["Pan", "Space and drag, the middle button, or two fingers"],
  ["Photo", ", and . for the mask's strength; hold P for the photo before; U outlines the mask on the result"],
  ["Adjust", "A: grow, shrink, smooth, locks, what the wheel does"],
  ["Move tool", "arrow keys nudge, + and - scale, Esc lets go"],
  ["No mouse", "arrows move a cursor on the canvas, far with Shift, a pixel with Alt; Space puts the tool down and up, Enter makes a dot, Esc takes the stroke back"],
  ["Lasso tool", "Enter closes, Esc cancels"],
];

/** Let a button say why it can do nothing now (`reason`; null: it can), to the eye, to a pointer and to a screen reader;
 *  it keeps the focus, unlike one that is `disabled`. */
function setPossible(button, title, reason) {
  button.title = reason ? `${title}: ${reason}` : title;
  button.dataset.reason = reason ? `${title}: ${reason}` : "";
  if (reason) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

function createControls(root, act) {
  const icon = (name) => `<svg viewBox='0 0 20 20' aria-hidden='true'>${ICONS[name]}</svg>`;
  const button = (name, label, key, extra = "") =>
    `<button type='button' class='mc-button' data-do='${name}' aria-label='${label}'` +
    ` data-title='${label}${key ? ` (${key})` : ""}' title='${label}${key ? ` (${key})` : ""}' ${extra}>${icon(name)}<span>${label.split(" ")[0]}</span></button>`;
  root.innerHTML = `<div class='mc-layout'>
    <div class='mc-bar' role='toolbar' aria-label='Painting tools'>
      <div class='mc-group'>${TOOLS.map((t) => button(t.id, t.name, t.key, "aria-pressed='false'")).join("")}</div>
      <div class='mc-group'>${button("mirror", "Mirror both sides", "M", "aria-pressed='false'")}
        ${button("adjust", "Adjust regions, locks, settings", "A", "aria-expanded='false'")}</div>
      <div class='mc-group mc-steps'>${button("undo", "Undo", "Ctrl+Z")}${button("redo", "Redo", "Ctrl+Y")}
        ${button("reset", "Reset to the original mask", "")}</div>
    </div>
    <div class='mc-sliders'>
      <label title='Brush size ([ and ], Alt+wheel)'><span>Size</span>
        <input type='range' data-slider='size' min='1' max='80' step='1' aria-label='Brush size in pixels'><output></output></label>
      <label title='Strength of the mask over the photo (, and .)'><span>Mask</span>
        <input type='range' data-slider='opacity' min='0' max='100' step='1' aria-label='Opacity of the mask'><output></output></label>
    </div>
    <div class='mc-stage' tabindex='0' role='application'
      aria-label='Mask canvas. Arrows move a cursor, Space paints. Press question mark for the shortcuts.'>
      <canvas></canvas>
      <div class='mc-under' aria-hidden='true' hidden><i></i><b></b></div>
      <div class='mc-zoom'>${button("minus", "Zoom out", "-")}
        <button type='button' class='mc-button mc-fit' data-do='fit' title='Fit to the window (Z)'>100%</button>
        ${button("plus", "Zoom in", "+")}${button("help", "Shortcuts", "?", "aria-expanded='false'")}</div>
      <p class='mc-heard' role='status'></p>
      <p class='mc-empty'>The face and its mask appear here.</p>
    </div>
    <div class='mc-palette' role='group' aria-label='Classes'>
      <h3>In this mask</h3><div class='mc-present'></div><h3 class='mc-more'>Add</h3><div class='mc-absent'></div>
    </div>
    <div class='mc-adjust' role='group' aria-label='Adjust' hidden></div>
    <p class='mc-hint' role='status'></p>
    <div class='mc-help' role='dialog' aria-label='Shortcuts' hidden>
      <header><h3>Shortcuts</h3>${button("close", "Close", "Esc")}</header>
      <dl>${SHORTCUTS.map(([what, how]) => `<dt>${what}</dt><dd>${how}</dd>`).join("")}</dl>
    </div></div>`;
  const fingers = window.matchMedia("(hover: none)").matches;
  const find = (selector) => root.querySelector(selector);
  const buttons = Object.fromEntries([...root.querySelectorAll("[data-do]")].map((b) => [b.dataset.do, b]));
  const sliders = Object.fromEntries([...root.querySelectorAll("[data-slider]")].map((s) => [s.dataset.slider, s]));
  const stage = find(".mc-stage");
  const help = find(".mc-help");

  const swatches = CLASSES.map(({ id, name, colour, key }) => {
    const swatch = document.createElement("button");
    swatch.type = "button";
    swatch.className = "mc-class";
    swatch.dataset.class = id;
    swatch.innerHTML = `<i style='background: rgb(${colour.join()})'></i><span>${name}</span><kbd aria-hidden='true'>${key}</kbd>`;
    swatch.addEventListener("click", () => act.setClass(id));
    return swatch;
  });

  /** The focus goes to the canvas by a pointer: nobody has to be shown where it is. */
  function focusStage() {
    stage.classList.add("mc-pointing");
    stage.focus({ preventScroll: true });
  }
  stage.addEventListener("blur", () => stage.classList.remove("mc-pointing"));

  // A click with the pointer leaves the focus on the canvas, so that Space and the arrows keep their meaning there.
  root.addEventListener("mousedown", (event) => {
    if (event.target.closest("button")) {
      event.preventDefault();
      focusStage();
    }
  });
  for (const [name, element] of Object.entries(buttons)) {
    element.addEventListener("click", () => {
      if (element.getAttribute("aria-disabled")) say(element.dataset.reason);
      else act.press(name);
    });
  }
  for (const [name, element] of Object.entries(sliders)) {
    element.addEventListener("input", () => act.slide(name, Number(element.value)));
  }

  const panel = find(".mc-adjust");
  let usual = ""; // what the line below says when there is nothing else to say
  let saying = 0;

  /** Say something in the line below, for a while. */
  function say(text) {
    const line = find(".mc-hint");
    clearTimeout(saying);
    line.textContent = text;
    line.classList.add("mc-said");
    saying = setTimeout(() => {
      saying = 0;
      line.classList.remove("mc-said");
      line.textContent = usual;
    }, 4000);
  }

  return {
    stage,
    panel,
    say,
    focusStage,
    canvas: find("canvas"),

    /** Reflect the whole state; cheap enough to call after anything. `reasons` say by the names of buttons why they can
     *  do nothing now. */
    show({ ready, tool, classId, size, maxSize, opacity, mirror, zoom, reasons, locked }) {
      root.classList.toggle("mc-ready", ready);
      root.dataset.tool = tool;
      for (const { id } of TOOLS) buttons[id].setAttribute("aria-pressed", id === tool);
      buttons.mirror.setAttribute("aria-pressed", mirror);
      for (const element of root.querySelectorAll(".mc-sliders input")) element.disabled = !ready;
      for (const element of Object.values(buttons)) {
        const { do: name, title } = element.dataset;
        if (element.closest(".mc-bar, .mc-zoom") && title) setPossible(element, title, ready ? reasons[name] : "open a photo first");
      }
      sliders.size.max = maxSize;
      for (const [slider, value, text] of [[sliders.size, size, `${size} px`], [sliders.opacity, opacity, `${opacity} %`]]) {
        slider.value = value;
        slider.nextElementSibling.textContent = text;
      }
      buttons.fit.textContent = `${Math.round(zoom * 100)}%`;
      buttons.fit.setAttribute("aria-label", `${buttons.fit.textContent}, fit to the window`);
      swatches.forEach((swatch, id) => {
        const { name, key } = CLASSES[id];
        swatch.setAttribute("aria-pressed", id === classId);
        swatch.classList.toggle("mc-locked", locked[id] === 1);
        swatch.title = `${name} (${key}), ${locked[id] ? "locked" : "not locked"} (Shift+${key})`;
        swatch.disabled = !ready;
      });
      const { hint, more } = TOOLS.find((t) => t.id === tool);
      usual = ready ? `${hint} ${fingers ? FINGER_HINT : more}` : "";
      if (!saying && find(".mc-hint").textContent !== usual) find(".mc-hint").textContent = usual;
    },

    /** Classes present in the mask first, largest order untouched so that buttons do not jump about. */
    showClasses(counts) {
      const focused = document.activeElement;
      for (const [selector, wanted] of [[".mc-present", true], [".mc-absent", false]]) {
        const list = find(selector);
        const ids = swatches.filter((_, id) => counts[id] > 0 === wanted);
        if (ids.length !== list.children.length || ids.some((swatch, i) => swatch !== list.children[i])) {
          list.replaceChildren(...ids);
        }
      }
      if (swatches.includes(focused)) focused.focus({ preventScroll: true });
    },

    revealClass(id) {
      const list = find(".mc-palette");
      const swatch = swatches[id];
      if (list.scrollWidth > list.clientWidth) {
        list.scrollTo({ left: swatch.offsetLeft - list.offsetLeft - list.clientWidth / 2 + swatch.offsetWidth / 2, behavior: "smooth" });
      }
    },

    showUnder(id) {
      const chip = find(".mc-under");
      chip.hidden = id === NOTHING;
      if (chip.hidden) return;
      chip.querySelector("i").style.background = `rgb(${CLASSES[id].colour.join()})`;
      chip.querySelector("b").textContent = CLASSES[id].name;
    },

    toggleAdjust(shown = panel.hidden) {
      panel.hidden = !shown;
      buttons.adjust.setAttribute("aria-expanded", shown);
      if (shown) panel.scrollIntoView({ block: "nearest" });
    },

    helpOpen: () => !help.hidden,

    toggleHelp(shown = help.hidden) {
      help.hidden = !shown;
      buttons.help.setAttribute("aria-expanded", shown);
      (shown ? buttons.close : stage).focus({ preventScroll: true });
      if (shown) help.scrollIntoView({ block: "nearest" });
    },
  };
}
