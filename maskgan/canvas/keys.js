// Keys: those of the classes and tools, and what `SHORTCUTS` in controls.js tells. They work while the canvas is to be
// seen, wherever the focus is but for fields in which people type; or, where people want it so, only with the focus here.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TYPED_IN = "textarea, select, [contenteditable=''], [contenteditable='true'], [role='textbox'], [role='combobox'], [role='listbox']";
const NOT_TYPED_IN = ["button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit"];

/** Whether letters that are typed now belong to this element. */
function takesText(element) {
  if (!element) return false;
  if (element.matches("input")) return !NOT_TYPED_IN.includes(element.type) || element.matches(TYPED_IN);
  return Boolean(element.closest(TYPED_IN));
}

/** Listens from now on, until the component is gone; returns which keys are held. `panes()` are the elements over which
 *  Space pans. */
function createKeys({ root, stage, panes }, { session, view, tools, settings, controls, act }) {
  let panning = false; // Space is held
  let ctrl = false; // Ctrl or the like is held

  const isOver = () => panes().some((pane) => pane.matches(":hover"));

  /** The element with the focus, into shadow roots. */
  function focused() {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
  }

  function areOurs(event) {
    if (!session.face || !stage.getClientRects().length) return false;
    const isHere = root.contains(focused()) || panes().some((pane) => pane.contains(focused()));
    if (!settings.everywhere && !isHere && !event.ctrlKey && !event.metaKey) return false;
    return !takesText(focused()) && !document.querySelector("[aria-modal='true'], dialog[open]");
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
    if (key === "Alt") return isOver();
    if (event.altKey) return false;
    const here = focused();
    // Space, Enter and the arrows do something to the element with the focus, or to the page.
    const free = here === stage || (isOver() && (here === document.body || !here));
    const tool = TOOLS.find((t) => t.key === key);
    const locking = event.shiftKey && !/^[0-9]$/.test(key); // some keyboards have their digits above
    const label = CLASSES.find((c) => c.key === (locking ? unshifted(event) : key));
    if (label && locking) act.toggleLock(label.id);
    else if (tool) act.setTool(tool.id);
    else if (label) act.setClass(label.id);
    else if (key === "M") act.press("mirror");
    else if (key === "A") act.press("adjust");
    else if (key === "U") act.press("outline");
    else if (key === "P") act.peek(true);
    else if (key === "Z") view.fit();
    else if (key === "?") controls.toggleHelp();
    else if (key === "[" || key === "{") act.stepSize(false, event.shiftKey);
    else if (key === "]" || key === "}") act.stepSize(true, event.shiftKey);
    else if (key === "," || key === ".") act.stepOpacity(key === ".");
    else if (key === "+" || key === "=") tools.adjust(0, 0, 1.05) || view.zoomBy(1.4);
    else if (key === "-") tools.adjust(0, 0, 1 / 1.05) || view.zoomBy(1 / 1.4);
    else if (key === " " && free) panning = true;
    else if (key === "Enter" && free) return tools.confirm();
    else if (ARROWS[key] && free) return tools.adjust(...ARROWS[key], 1);
    else if (key === "Escape" && controls.helpOpen()) controls.toggleHelp(false);
    else if (key === "Escape" && tools.halfDone) {
      tools.abandon();
      act.show(true);
    } else return false;
    return true;
  }

  /** The key without Shift: digits give other signs with it. */
  const unshifted = ({ code, key }) => (code.startsWith("Digit") ? code.slice(5) : key.toUpperCase());

  function onKeyDown(event) {
    if (!root.isConnected) return document.removeEventListener("keydown", onKeyDown);
    ctrl = event.ctrlKey || event.metaKey;
    if (event.defaultPrevented || event.isComposing || !areOurs(event) || !onKey(event)) return;
    event.preventDefault();
    afterwards();
  }

  function onKeyUp(event) {
    if (!root.isConnected) return document.removeEventListener("keyup", onKeyUp);
    ctrl = event.ctrlKey || event.metaKey;
    if (event.key === " ") panning = false;
    if (event.key.toUpperCase() === "P") act.peek(false);
    afterwards();
  }

  /** Keys that go up elsewhere are not told. */
  function onBlur() {
    if (!root.isConnected) return window.removeEventListener("blur", onBlur);
    ctrl = panning = false;
    act.peek(false);
    afterwards();
  }

  function afterwards() {
    for (const pane of panes()) pane.classList.toggle("mc-panning", panning);
    view.draw();
  }

  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("keyup", onKeyUp);
  window.addEventListener("blur", onBlur);

  return {
    get panning() {
      return panning;
    },
    get ctrl() {
      return ctrl;
    },
  };
}
