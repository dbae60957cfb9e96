// The rows under the canvas that are seldom needed: the chosen class as a region, what may be painted over, settings.

const MOST_GROWN = 40; // pixels at once

const SWITCHES = [
  ["pressure", "Pen pressure sizes the brush", "How hard a pen presses says how wide it paints"],
  ["everywhere", "Keys work everywhere", "Off: the keys of tools and classes only work while the canvas has the focus"],
];

/** Fills `panel`; `act` has `region(how, pixels)`, `setMode(mode)`, `toggleLock(id)` and `set(name, value)`. */
function createAdjust(panel, act) {
  const regions = [
    ["shrink", "Shrink", "Take pixels away all around the region"],
    ["grow", "Grow", "Add pixels all around the region"],
    ["smooth", "Smooth", "Take bumps off the outline"],
  ];
  panel.innerHTML = `
    <div class='mc-row' role='group' aria-label='Region of the chosen class'>
      <h3><i></i><b></b></h3>
      ${regions.map(([name, label, help]) => `<button type='button' class='mc-text' data-region='${name}' title='${help}'>${label}</button>`).join("")}
      <label>by <input type='number' min='1' max='${MOST_GROWN}' value='2' aria-label='Pixels to grow, shrink or smooth by'> px</label>
    </div>
    <div class='mc-row' role='group' aria-label='What is painted over'>
      <label>Paint over <select aria-label='Paint over' title='Locked classes stay as they are under every tool'>
        ${GUARDS.map(([mode, label]) => `<option value='${mode}'>${label}</option>`).join("")}</select></label>
      <div class='mc-chips' role='group' aria-label='Locked classes'></div>
    </div>
    <div class='mc-row' role='group' aria-label='Settings'>
      <label>Wheel <select data-setting='wheel' aria-label='Wheel' title='What the wheel does over the pictures; Ctrl or Alt for the other'>
        <option value='zoom'>zooms</option><option value='size'>sizes the brush</option></select></label>
      ${SWITCHES.map(([name, label, help]) =>
        `<label class='mc-check' title='${help}'><input type='checkbox' data-setting='${name}'> ${label}</label>`).join("")}
    </div>`;
  const find = (selector) => panel.querySelector(selector);
  const pixels = find("input[type='number']");
  const mode = find("select:not([data-setting])");
  const wheel = find("[data-setting='wheel']");
  const switches = SWITCHES.map(([name]) => find(`[data-setting='${name}']`));
  const chipList = find(".mc-chips");
  const chips = CLASSES.map(({ id, name, colour }) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "mc-chip";
    chip.innerHTML = `<i style='background: rgb(${colour.join()})'></i>${name}`;
    chip.addEventListener("click", () => act.toggleLock(id));
    return chip;
  });
  chipList.append(...chips);

  const amount = () => Math.min(MOST_GROWN, Math.max(1, Math.round(Number(pixels.value)) || 1));
  pixels.addEventListener("change", () => (pixels.value = amount()));
  for (const button of panel.querySelectorAll("[data-region]")) {
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled")) act.say(button.dataset.reason);
      else act.region(button.dataset.region, amount());
    });
  }
  mode.addEventListener("change", () => act.setMode(mode.value));
  wheel.addEventListener("change", () => act.set("wheel", wheel.value));
  for (const each of switches) each.addEventListener("change", () => act.set(each.dataset.setting, each.checked));

  return {
    /** `counts` are pixels by class; `reason` says why nothing can be done to the region, if that is so. */
    show({ settings, guard, counts, reason }) {
      const { name, colour } = CLASSES[settings.classId];
      find("h3 b").textContent = settings.mirror && CLASSES[settings.classId].mirror !== settings.classId ? `${name} and the other` : name;
      find("h3 i").style.background = `rgb(${colour.join()})`;
      for (const button of panel.querySelectorAll("[data-region]")) {
        const help = regions.find(([each]) => each === button.dataset.region)[2];
        setPossible(button, help, reason);
      }
      mode.value = guard.mode;
      wheel.value = settings.wheel;
      for (const each of switches) each.checked = settings[each.dataset.setting];
      chipList.hidden = guard.mode === "all";
      chipList.dataset.guard = guard.mode;
      chipList.setAttribute("aria-label", guard.mode === "only" ? "Classes that are painted over" : "Locked classes");
      chips.forEach((chip, id) => {
        chip.setAttribute("aria-pressed", guard.names(id));
        chip.hidden = !counts[id] && !guard.names(id);
      });
    },
  };
}
