// What the canvas is about: the face that is open, the talk with Python, and what the buttons do.

const SEND_EVERY = 120; // ms between previews during a long stroke
const root = element.querySelector(".mask-canvas");

if (!document.getElementById("mask-canvas-style")) {
  const style = document.createElement("style");
  style.id = "mask-canvas-style";
  style.textContent = STYLE;
  document.head.append(style);
}

const state = { tool: "brush", classId: 13, size: 14, opacity: 55, mirror: false };
let face = null; // {id, buffer, history, photo}
let view = { scale: 1, x: 0, y: 0, fit: 1 }; // client = x + scale * mask
let stroke = null; // the gesture under way
let strokes = 0;
let polygon = []; // lasso corners so far
let selection = null; // what the move tool holds
let cursor = null; // pointer in mask coordinates
const pointers = new Map(); // id -> place on the stage, of the pointers that are down
let firstPointer = "";
let inside = false;
let spaceHeld = false;
let peek = false;
let toolBeforePick = "brush";
let frame = 0;

const act = { setClass, press, slide };
const controls = createControls(root, act);
const { stage, canvas } = controls;
const context = canvas.getContext("2d");
const maskCanvas = document.createElement("canvas");

// ---------------------------------------------------------------- Python -> browser

// Gradio builds the component anew whenever it has been hidden; photo, original and history outlive that here.
const kept = (window.maskCanvasFaces ??= new Map());
const keptAs = element.closest(".block")?.id;

function open(newFace) {
  abandon();
  const { width, height } = newFace.buffer;
  state.size = Math.max(1, Math.round((state.size * width) / (face?.buffer.width ?? 256)));
  face = newFace;
  kept.set(keptAs, face);
  maskCanvas.width = width;
  maskCanvas.height = height;
  fit();
}

function accept(value) {
  if (!value || !value.mask) return;
  if (!face && kept.get(keptAs)?.id === value.id) open(kept.get(keptAs));
  if (value.stroke !== undefined && value.id === face?.id) return show(true); // our own message come back
  const { id, width, height } = value;
  const labels = decodeRuns(value.mask, width * height);
  const original = value.original && decodeRuns(value.original, labels.length);
  if (id !== face?.id || width !== face.buffer.width || height !== face.buffer.height) {
    const buffer = new LabelBuffer(width, height, labels, original || labels.slice());
    open({ id, buffer, history: new History(value.mask), photo: null });
  } else {
    if (original) face.buffer.setOriginal(original);
    if (value.mask !== face.history.current) {
      abandon();
      face.buffer.labels = labels;
      face.history.push(value.mask);
    }
  }
  if (value.photo) loadPhoto(face, value.photo);
  show(true);
  controls.revealClass(state.classId);
}

function loadPhoto(owner, url) {
  const photo = new Image();
  photo.onload = () => {
    owner.photo = photo;
    draw();
  };
  photo.src = url;
}

// ---------------------------------------------------------------- browser -> Python

let sendTimer = 0;
let lastSent = 0;

function send() {
  clearTimeout(sendTimer);
  sendTimer = 0;
  lastSent = performance.now();
  const { width, height, labels } = face.buffer;
  props.value = { id: face.id, width, height, mask: encodeRuns(labels), stroke: strokes };
  trigger("input", { id: face.id, stroke: strokes });
}

function sendSoon() {
  if (!sendTimer) sendTimer = setTimeout(send, Math.max(0, SEND_EVERY - (performance.now() - lastSent)));
}

/** End of a stroke: one undo step, if anything changed. */
function commit() {
  const changed = face.history.push(encodeRuns(face.buffer.labels));
  if (changed) {
    strokes++;
    send();
    trigger("release", { id: face.id, stroke: strokes });
  }
  show(true);
}

function revert() {
  face.buffer.labels = decodeRuns(face.history.current, face.buffer.labels.length);
  if (sendTimer || stroke?.sent) send();
}

// ---------------------------------------------------------------- actions

function maxSize() {
  return Math.round(face.buffer.width / 3);
}

function setTool(tool) {
  if (tool === state.tool) return;
  if (tool === "pick") toolBeforePick = state.tool;
  abandon();
  state.tool = tool;
  show();
}

function setClass(id) {
  state.classId = id;
  if (["eraser", "pick", "move"].includes(state.tool)) setTool("brush");
  controls.revealClass(id);
  show();
}

function setSize(size) {
  state.size = Math.min(maxSize(), Math.max(1, Math.round(size)));
  show();
}

function slide(name, value) {
  state[name] = value;
  show();
}

function travel(step) {
  if (!face || stroke) return;
  abandon();
  if (!face.history.canGo(step)) return;
  face.buffer.labels = decodeRuns(face.history.go(step), face.buffer.labels.length);
  strokes++;
  send();
  trigger("release", { id: face.id, stroke: strokes });
  show(true);
}

function reset() {
  if (!face || stroke) return;
  abandon();
  face.buffer.labels = face.buffer.original.slice();
  commit();
}

function press(name) {
  if (TOOLS.some((t) => t.id === name)) setTool(name);
  else if (name === "mirror") slide("mirror", !state.mirror);
  else if (name === "undo") travel(-1);
  else if (name === "redo") travel(1);
  else if (name === "reset") reset();
  else if (name === "fit") fit();
  else if (name === "plus") zoomBy(1.4);
  else if (name === "minus") zoomBy(1 / 1.4);
  else controls.toggleHelp();
}

/** Drop whatever is half done: a stroke, lasso corners, a held region. */
function abandon() {
  if (settle) settleSelection();
  if (stroke && face) revert();
  stroke = null;
  polygon = [];
  selection = null;
}
