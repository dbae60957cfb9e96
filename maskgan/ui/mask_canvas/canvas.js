// The canvas: what is drawn, pointers, keys, and the talk with Python. Runs once for each component.

const SEND_EVERY = 120; // ms between previews during a long stroke
const MAX_ZOOM = 16;
const HANDLE = 12; // CSS pixels around a corner that count as the corner
const TOUCH_HANDLE = 22;
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
let pointers = new Map();
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

function accept(value) {
  if (!value || !value.mask) return face && show();
  if (value.stroke !== undefined && face && value.id === face.id) return; // our own message come back
  const labels = decodeRuns(value.mask, value.width * value.height);
  const original = value.original && decodeRuns(value.original, labels.length);
  if (!face || value.id !== face.id || labels.length !== face.buffer.labels.length) {
    abandon();
    const buffer = new LabelBuffer(value.width, value.height, labels, original || labels.slice());
    face = { id: value.id, buffer, history: new History(value.mask), photo: null };
    maskCanvas.width = value.width;
    maskCanvas.height = value.height;
    state.size = Math.min(Math.max(1, Math.round((state.size * value.width) / (accept.width || value.width))), maxSize());
    accept.width = value.width;
    fit();
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
  if (!face || stroke || !face.history.canGo(step)) return;
  abandon();
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

// ---------------------------------------------------------------- view

function fit() {
  if (!face) return;
  const { width, height } = face.buffer;
  view.fit = Math.min(stage.clientWidth / width, stage.clientHeight / height) || 1;
  view.scale = view.fit;
  clampView();
  show();
}

function clampView() {
  const clamp = (offset, room, length) =>
    length <= room ? (room - length) / 2 : Math.min(room * 0.25, Math.max(room * 0.75 - length, offset));
  view.x = clamp(view.x, stage.clientWidth, face.buffer.width * view.scale);
  view.y = clamp(view.y, stage.clientHeight, face.buffer.height * view.scale);
}

function zoomBy(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  if (!face) return;
  const scale = Math.min(view.fit * MAX_ZOOM, Math.max(view.fit, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  clampView();
  show();
}

function panBy(dx, dy) {
  view.x += dx;
  view.y += dy;
  clampView();
  draw();
}

function toStage(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function toMask(event) {
  const [x, y] = toStage(event);
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

// ---------------------------------------------------------------- drawing

function show(classesToo = false) {
  if (classesToo) controls.showClasses(face.buffer.counts());
  controls.show({
    ...state,
    ready: Boolean(face),
    maxSize: face ? maxSize() : 80,
    zoom: view.scale / view.fit,
    canUndo: Boolean(face?.history.canGo(-1)),
    canRedo: Boolean(face?.history.canGo(1)),
    canReset: Boolean(face?.buffer.labels.some((label, i) => label !== face.buffer.original[i])),
  });
  draw();
}

function draw() {
  if (!frame) frame = requestAnimationFrame(paintFrame);
}

function paintFrame() {
  frame = 0;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [stage.clientWidth, stage.clientHeight].map((v) => Math.round(v * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!face) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const { buffer } = face;
  const box = [view.x, view.y, buffer.width * view.scale, buffer.height * view.scale];
  if (face.photo) {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(face.photo, ...box);
  }
  if (!peek) {
    context.imageSmoothingEnabled = false;
    context.drawImage(colourMask(face.photo ? state.opacity / 100 : 1), ...box);
  }
  if (state.mirror) drawAxis();
  if (polygon.length) drawPolygon();
  if (selection) drawSelection();
  if (cursor && (state.tool === "brush" || state.tool === "eraser")) drawBrush();
}

/** The mask in its colours; the background's black is thinner, or it would darken the whole photo. */
function colourMask(opacity) {
  const { width, height, labels } = face.buffer;
  const table = new Uint32Array(256);
  for (const { id, colour: [r, g, b] } of CLASSES) {
    const alpha = Math.round(255 * (id === 0 ? opacity ** 3 : opacity));
    table[id] = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  const pixels = new Uint32Array(labels.length);
  for (let i = 0; i < labels.length; i++) pixels[i] = table[labels[i]];
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
  maskCanvas.getContext("2d").putImageData(image, 0, 0);
  return maskCanvas;
}

const onStage = ([x, y]) => [view.x + x * view.scale, view.y + y * view.scale];

/** The current path, dark below and light above, so that it shows on anything. */
function outline(dash, light = "#fff") {
  context.lineJoin = "round";
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = "rgb(0 0 0 / 0.55)";
  context.stroke();
  context.setLineDash(dash);
  context.lineWidth = 1.5;
  context.strokeStyle = light;
  context.stroke();
  context.setLineDash([]);
}

const classColour = (id) => `rgb(${CLASSES[id].colour.join()})`;

function drawAxis() {
  const x = (face.buffer.mirrorSum + 1) / 2;
  context.beginPath();
  context.moveTo(...onStage([x, 0]));
  context.lineTo(...onStage([x, face.buffer.height]));
  outline([5, 5]);
}

function drawBrush() {
  const brush = ([x, y]) => {
    const [cx, cy] = onStage([x, y]);
    context.beginPath();
    context.arc(cx, cy, Math.max((state.size / 2) * view.scale, 1.5), 0, 2 * Math.PI);
    outline(state.tool === "eraser" ? [4, 4] : []);
  };
  if (state.mirror) brush([face.buffer.mirrorSum + 1 - cursor[0], cursor[1]]);
  brush(cursor);
}

function drawPolygon() {
  context.beginPath();
  for (const point of polygon) context.lineTo(...onStage(point));
  if (cursor && !stroke) context.lineTo(...onStage(cursor));
  context.globalAlpha = 0.35;
  context.fillStyle = classColour(state.classId);
  context.fill();
  context.globalAlpha = 1;
  outline([4, 3]);
  const [x, y] = onStage(polygon[0]);
  context.beginPath();
  context.arc(x, y, 4, 0, 2 * Math.PI);
  outline([]);
}

function selectionCorners() {
  const { piece, dx, dy, scale } = selection;
  const cx = piece.left + piece.width / 2 + dx;
  const cy = piece.top + piece.height / 2 + dy;
  const [halfWidth, halfHeight] = [(piece.width / 2) * scale, (piece.height / 2) * scale];
  const signs = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  return { centre: [cx, cy], corners: signs.map(([sx, sy]) => [cx + sx * halfWidth, cy + sy * halfHeight]) };
}

function drawSelection() {
  const corners = selectionCorners().corners.map(onStage);
  context.beginPath();
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  outline([5, 4]);
  for (const [x, y] of corners) {
    context.beginPath();
    context.rect(x - 4, y - 4, 8, 8);
    context.fillStyle = "#fff";
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "rgb(0 0 0 / 0.7)";
    context.stroke();
  }
}

// ---------------------------------------------------------------- moving a region

/** Hold the region under a point: connected pixels of its class, the mouth with its lips unless `alone`. */
function grab([x, y], alone) {
  const { buffer } = face;
  const label = buffer.at(x, y);
  selection = null;
  if (label === NOTHING || label === 0) return;
  const ids = (!alone && TOGETHER.find((group) => group.includes(label))) || [label];
  const pixels = buffer.connectedPixels(x, y, ids, true);
  let taken = pixels;
  selection = { piece: buffer.cut(pixels), twin: null, dx: 0, dy: 0, scale: 1 };
  if (state.mirror) {
    const mirrored = (index) => index + buffer.mirrorSum - 2 * (index % buffer.width);
    const twinIds = ids.map((id) => CLASSES[id].mirror);
    const seed = pixels.map(mirrored).find((index, i) => {
      const column = buffer.mirrorSum - (pixels[i] % buffer.width);
      return column >= 0 && column < buffer.width && twinIds.includes(buffer.labels[index]);
    });
    const twin = seed === undefined ? [] : buffer.connectedPixels(seed % buffer.width, seed / buffer.width, twinIds, true);
    if (twin.length && !twin.includes(pixels[0])) {
      selection.twin = buffer.cut(twin);
      taken = pixels.concat(twin);
    }
  }
  selection.base = buffer.without(taken);
}

function layDown() {
  const { buffer } = face;
  const { piece, twin, base, dx, dy, scale } = selection;
  buffer.labels = base.slice();
  if (twin) buffer.place(twin, -dx, dy, scale);
  buffer.place(piece, dx, dy, scale);
  draw();
}

const clampScale = (scale) => Math.min(5, Math.max(0.2, scale));
let settle = 0;

/** A step from the keyboard or the wheel; a burst of them is one undo step. */
function adjustSelection(dx, dy, factor) {
  selection.dx += dx;
  selection.dy += dy;
  selection.scale = clampScale(selection.scale * factor);
  layDown();
  sendSoon();
  clearTimeout(settle);
  settle = setTimeout(settleSelection, 400);
}

function settleSelection() {
  clearTimeout(settle);
  settle = 0;
  if (face) commit();
}

// ---------------------------------------------------------------- pointers

function dab(point) {
  const pixels = face.buffer.strokePixels(...stroke.last, ...point, state.size);
  face.buffer.paint(pixels, state.tool === "eraser" ? ERASE : state.classId, state.mirror);
  stroke.last = point;
  stroke.sent = true;
  sendSoon();
  draw();
}

function pickAt([x, y]) {
  const label = face.buffer.at(x, y);
  if (label === NOTHING) return;
  if (state.tool === "pick") setTool(toolBeforePick === "pick" ? "brush" : toolBeforePick);
  setClass(label);
}

function floodAt([x, y]) {
  const { buffer } = face;
  if (!buffer.contains(x, y)) return;
  const flood = (px) => buffer.connectedPixels(px, y, [buffer.at(px, y)]);
  const pixels = flood(x);
  const mirrored = buffer.mirrorSum - Math.floor(x);
  const twin = state.mirror && buffer.contains(mirrored, y) ? flood(mirrored) : [];
  buffer.paint(twin, CLASSES[state.classId].mirror, false);
  buffer.paint(pixels, state.classId, false);
  commit();
}

function closePolygon() {
  if (polygon.length > 2) face.buffer.paint(face.buffer.polygonPixels(polygon), state.classId, state.mirror);
  polygon = [];
  commit();
}

function nearCorner(event, points) {
  const reach = event.pointerType === "touch" ? TOUCH_HANDLE : HANDLE;
  const [x, y] = toStage(event);
  return points.findIndex((point) => {
    const [cx, cy] = onStage(point);
    return Math.hypot(cx - x, cy - y) <= reach;
  });
}

function begin(event) {
  const point = toMask(event);
  if (settle) settleSelection();
  if (event.button === 1 || spaceHeld) stroke = { kind: "pan", from: toStage(event) };
  else if (event.button !== 0) return;
  else if (event.altKey || state.tool === "pick") pickAt(point);
  else if (state.tool === "fill") floodAt(point);
  else if (state.tool === "lasso") {
    if (polygon.length > 2 && nearCorner(event, polygon.slice(0, 1)) === 0) return closePolygon();
    stroke = { kind: "lasso", fresh: polygon.length === 0, from: toStage(event), far: 0 };
    polygon.push(point);
  } else if (state.tool === "move") beginMove(event, point);
  else {
    stroke = { kind: "brush", last: point, sent: false };
    dab(point);
  }
  draw();
}

function beginMove(event, point) {
  if (selection) {
    const { centre, corners } = selectionCorners();
    if (nearCorner(event, corners) >= 0) {
      const reach = Math.hypot(point[0] - centre[0], point[1] - centre[1]);
      stroke = { kind: "scale", centre, factor: selection.scale / Math.max(reach, 1) };
      return;
    }
  }
  grab(point, event.shiftKey);
  if (selection) stroke = { kind: "move", grip: point };
}

function carryOn(event) {
  const point = toMask(event);
  if (stroke.kind === "brush") {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const step of events.length ? events : [event]) dab(toMask(step));
  } else if (stroke.kind === "pan") {
    const [x, y] = toStage(event);
    panBy(x - stroke.from[0], y - stroke.from[1]);
    stroke.from = [x, y];
  } else if (stroke.kind === "lasso") {
    const [x, y] = toStage(event);
    stroke.far = Math.max(stroke.far, Math.hypot(x - stroke.from[0], y - stroke.from[1]));
    if (stroke.far > 6) polygon.push(point);
  } else {
    if (stroke.kind === "move") {
      selection.dx = Math.round(point[0] - stroke.grip[0]);
      selection.dy = Math.round(point[1] - stroke.grip[1]);
    } else {
      const [cx, cy] = stroke.centre;
      selection.scale = clampScale(stroke.factor * Math.hypot(point[0] - cx, point[1] - cy));
    }
    layDown();
    stroke.sent = true;
    sendSoon();
  }
  draw();
}

function finish() {
  const { kind, fresh, far } = stroke;
  stroke = null;
  if (kind === "lasso") {
    if (fresh && far > 6) closePolygon();
  } else if (kind !== "pan") commit();
  draw();
}

/** Two fingers: zoom about their middle and pan with it. */
function pinch(event) {
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], reach: Math.hypot(a[0] - b[0], a[1] - b[1]) };
  };
  const before = spread();
  pointers.set(event.pointerId, toStage(event));
  const after = spread();
  zoomBy(after.reach / Math.max(before.reach, 1), ...before.middle);
  panBy(after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
}

canvas.addEventListener("pointerdown", (event) => {
  if (!face) return;
  event.preventDefault();
  stage.focus({ preventScroll: true });
  if (stroke && event.pointerType !== "touch") return;
  pointers.set(event.pointerId, toStage(event));
  canvas.setPointerCapture(event.pointerId);
  if (pointers.size === 2) {
    abandon();
    draw();
  } else if (pointers.size === 1) begin(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (!face) return;
  cursor = event.pointerType === "touch" ? null : toMask(event);
  controls.showUnder(cursor ? face.buffer.at(...cursor) : NOTHING);
  if (pointers.size === 2 && pointers.has(event.pointerId)) pinch(event);
  else if (stroke && pointers.has(event.pointerId)) carryOn(event);
  draw();
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size || !stroke) return;
    if (name === "pointercancel") {
      abandon();
      show(true);
    } else finish();
  });
}
canvas.addEventListener("pointerleave", () => {
  cursor = null;
  controls.showUnder(NOTHING);
  draw();
});
canvas.addEventListener("dblclick", () => polygon.length > 2 && closePolygon());
stage.addEventListener("wheel", onWheel, { passive: false });
root.addEventListener("pointerenter", () => (inside = true));
root.addEventListener("pointerleave", () => (inside = false));

function onWheel(event) {
  if (!face) return;
  const up = event.deltaY < 0;
  if (event.ctrlKey || event.metaKey) zoomBy(Math.exp(-event.deltaY / 300), ...toStage(event));
  // Without a click on the canvas first the wheel scrolls the page, as people expect.
  else if (!root.contains(document.activeElement)) return;
  else if (state.tool === "brush" || state.tool === "eraser") stepSize(up, event.shiftKey);
  else if (selection && !stroke) adjustSelection(0, 0, up ? 1.05 : 1 / 1.05);
  else return;
  event.preventDefault();
}

function stepSize(up, big) {
  const step = Math.max(1, Math.round(state.size * (big ? 0.4 : 0.12)));
  setSize(state.size + (up ? step : -step));
}

// ---------------------------------------------------------------- keys

/** Keys are ours when the focus is here, or the pointer is and nobody is typing elsewhere. */
function keysAreOurs() {
  const focused = document.activeElement;
  if (root.contains(focused)) return true;
  const typing = focused?.closest?.("input, textarea, select, [contenteditable], [role=textbox]");
  return inside && !typing;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Returns whether the key meant something here. */
function onKey(event) {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key === "Z") travel(event.shiftKey ? 1 : -1);
    else if (key === "Y") travel(1);
    else return false;
    return true;
  }
  if (key === "Alt") return inside;
  if (event.altKey) return false;
  const tool = TOOLS.find((t) => t.key === key);
  const label = CLASSES.find((c) => c.key === key);
  const onButton = document.activeElement?.matches("button, input");
  if (tool) setTool(tool.id);
  else if (label) setClass(label.id);
  else if (key === "M") press("mirror");
  else if (key === "P") peek = true;
  else if (key === "Z") fit();
  else if (key === "?") controls.toggleHelp();
  else if (key === "[" || key === "{") stepSize(false, event.shiftKey);
  else if (key === "]" || key === "}") stepSize(true, event.shiftKey);
  else if (key === "," || key === ".") slide("opacity", Math.min(100, Math.max(0, state.opacity + (key === "." ? 5 : -5))));
  else if (key === "+" || key === "=") selection ? adjustSelection(0, 0, 1.05) : zoomBy(1.4);
  else if (key === "-") selection ? adjustSelection(0, 0, 1 / 1.05) : zoomBy(1 / 1.4);
  else if (key === " " && !onButton) spaceHeld = true;
  else if (key === "Enter" && polygon.length > 2 && !onButton) closePolygon();
  else if (ARROWS[key] && selection && !onButton) adjustSelection(...ARROWS[key], 1);
  else if (key === "Escape" && controls.helpOpen()) controls.toggleHelp(false);
  else if (key === "Escape" && (stroke || polygon.length || selection)) {
    abandon();
    show(true);
  } else return false;
  return true;
}

function onKeyDown(event) {
  if (!root.isConnected) return document.removeEventListener("keydown", onKeyDown);
  if (face && keysAreOurs() && onKey(event)) {
    event.preventDefault();
    updateCursor();
    draw();
  }
}

function onKeyUp(event) {
  if (!root.isConnected) return document.removeEventListener("keyup", onKeyUp);
  if (event.key === " ") spaceHeld = false;
  if (event.key.toUpperCase() === "P") peek = false;
  updateCursor();
  draw();
}

function updateCursor() {
  stage.classList.toggle("mc-panning", spaceHeld);
}

document.addEventListener("keydown", onKeyDown);
document.addEventListener("keyup", onKeyUp);

// ---------------------------------------------------------------- start

new ResizeObserver(() => {
  if (!face) return;
  const zoom = view.scale / view.fit;
  fit();
  if (zoom > 1) zoomBy(zoom);
}).observe(stage);

element.maskCanvas = root.maskCanvas = {
  get id() { return face?.id ?? null; },
  get tool() { return state.tool; },
  get classId() { return state.classId; },
  get size() { return state.size; },
  get mirror() { return state.mirror; },
  get mirrorSum() { return face.buffer.mirrorSum; },
  get selected() { return selection && selectionCorners(); },
  getMask: () => Array.from(face.buffer.labels),
  canvasToClient(x, y) {
    const box = canvas.getBoundingClientRect();
    const [sx, sy] = onStage([x, y]);
    return [box.left + sx, box.top + sy];
  },
  setTool, setClass, setSize, reset, fit, zoomBy,
  setMirror: (on) => slide("mirror", on),
  undo: () => travel(-1),
  redo: () => travel(1),
};

watch("value", () => accept(props.value));
show();
accept(props.value);
