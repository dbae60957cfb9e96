// What is seen: zoom and pan, the photo under the mask, outlines above it.

const MAX_ZOOM = 16;

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
