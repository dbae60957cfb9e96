// Pointers, wheel and keys: what people do to the mask.

const HANDLE = 12; // CSS pixels around a corner that count as the corner
const TOUCH_HANDLE = 22;

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
  selection.base = buffer.without(taken, ids.every((id) => INNER.includes(id)) ? SURFACES.slice(1) : SURFACES);
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
  // Only fingers come in pairs: a palm beside a pen, or a second button, is no gesture.
  if (pointers.size && (event.pointerType !== "touch" || firstPointer !== "touch")) return;
  firstPointer = pointers.size ? firstPointer : event.pointerType;
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
canvas.addEventListener("contextmenu", (event) => event.preventDefault());
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
