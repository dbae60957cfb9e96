// What people chose on the canvas. Tools and classes last while the page does, habits longer.

const HABITS = "maskgan-studio-canvas"; // in the browser's storage
const HABIT_VALUES = { // the first is the default
  wheel: ["zoom", "size"],
  pressure: [true, false],
  everywhere: [true, false], // whether single keys work wherever the focus is
  outlined: [false, true],
};

/** The settings of this page; a canvas that is built anew goes on with them. */
function createSettings() {
  const chosen = (window.maskCanvasSettings ??= {
    tool: "brush", classId: 13, opacity: 55, mirror: false, guard: { mode: "all", ids: [] }, ...readHabits(),
    size: 14, width: 256, // of the brush, for masks of this width
  });
  return chosen;
}

function readHabits() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(HABITS)) ?? {};
  } catch {
    // no storage is allowed here, or something else stands in it
  }
  const known = ([name, values]) => [name, values.includes(kept[name]) ? kept[name] : values[0]];
  return Object.fromEntries(Object.entries(HABIT_VALUES).map(known));
}

function keepHabits(settings) {
  const habits = Object.fromEntries(Object.keys(HABIT_VALUES).map((name) => [name, settings[name]]));
  try {
    localStorage.setItem(HABITS, JSON.stringify(habits));
  } catch {
    // they last while the page does
  }
}
