// Keys: those of the classes and tools, and what `SHORTCUTS` in controls.js tells.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Listens from now on, until the component is gone; returns which keys are held. */
function createKeys({ root, stage }, { session, view, tools, settings, controls, act }) {
  let inside = false; // the pointer
  let panning = false; // Space is held
  let peeking = false; // P is held

  /** Keys are ours when the focus is here, or the pointer is and nobody is typing elsewhere. */
  function areOurs() {
    const focused = document.activeElement;
    if (root.contains(focused)) return true;
    const typing = focused?.closest?.("input, textarea, select, [contenteditable], [role=textbox]");
    return inside && !typing;
  }

  /** Returns whether the key meant something here. */
  function onKey(event) {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key === "Z") act.travel(event.shiftKey ? 1 : -1);
      else if (key === "Y") act.travel(1);
      else return false;
      return true;
    }
    if (key === "Alt") return inside;
    if (event.altKey) return false;
    const tool = TOOLS.find((t) => t.key === key);
    const label = CLASSES.find((c) => c.key === key);
    const onButton = document.activeElement?.matches("button, input");
    if (tool) act.setTool(tool.id);
    else if (label) act.setClass(label.id);
    else if (key === "M") act.press("mirror");
    else if (key === "P") peeking = true;
    else if (key === "Z") view.fit();
    else if (key === "?") controls.toggleHelp();
    else if (key === "[" || key === "{") act.stepSize(false, event.shiftKey);
    else if (key === "]" || key === "}") act.stepSize(true, event.shiftKey);
    else if (key === "," || key === ".") act.stepOpacity(key === ".");
    else if (key === "+" || key === "=") tools.adjust(0, 0, 1.05) || view.zoomBy(1.4);
    else if (key === "-") tools.adjust(0, 0, 1 / 1.05) || view.zoomBy(1 / 1.4);
    else if (key === " " && !onButton) panning = true;
    else if (key === "Enter" && !onButton) return tools.confirm();
    else if (ARROWS[key] && !onButton) return tools.adjust(...ARROWS[key], 1);
    else if (key === "Escape" && controls.helpOpen()) controls.toggleHelp(false);
    else if (key === "Escape" && tools.halfDone) {
      tools.abandon();
      act.show(true);
    } else return false;
    return true;
  }

  function onKeyDown(event) {
    if (!root.isConnected) return document.removeEventListener("keydown", onKeyDown);
    if (session.face && areOurs() && onKey(event)) {
      event.preventDefault();
      afterwards();
    }
  }

  function onKeyUp(event) {
    if (!root.isConnected) return document.removeEventListener("keyup", onKeyUp);
    if (event.key === " ") panning = false;
    if (event.key.toUpperCase() === "P") peeking = false;
    afterwards();
  }

  function afterwards() {
    stage.classList.toggle("mc-panning", panning);
    view.draw();
  }

  root.addEventListener("pointerenter", () => (inside = true));
  root.addEventListener("pointerleave", () => (inside = false));
  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("keyup", onKeyUp);

  return {
    get panning() {
      return panning;
    },
    get peeking() {
      return peeking;
    },
  };
}
