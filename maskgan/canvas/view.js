// What is seen: zoom and pan, the photo under the mask, outlines above it.

const MAX_ZOOM = 16;

const classColour = (id) => `rgb(${CLASSES[id].colour.join()})`;

/** The mask in its colours on `picture`; the background's black is thinner, or it would darken the whole photo. */
function colourMask(picture, { width, height, labels }, opacity) {
  const table = new Uint32Array(256);
  for (const { id, colour: [r, g, b] } of CLASSES) {
    const alpha = Math.round(255 * (id === 0 ? opacity ** 3 : opacity));
    table[id] = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  const pixels = new Uint32Array(labels.length);
  for (let i = 0; i < labels.length; i++) pixels[i] = table[labels[i]];
  if (picture.width !== width || picture.height !== height) Object.assign(picture, { width, height });
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
  picture.getContext("2d").putImageData(image, 0, 0);
}

/** `scene` says what is there: `face()` or null, `opacity()` of the mask over the photo (0 to 1, null for no mask),
 *  `overlay(pen)` draws the outlines; `moved()` is called when the zoom is another one. */
function createView(stage, canvas, scene) {
  const context = canvas.getContext("2d");
  const picture = document.createElement("canvas"); // the mask, a pixel for a pixel
  const at = { scale: 1, x: 0, y: 0, fit: 1 }; // place on the stage = x + scale * place in the mask
  let frame = 0;

  // -------------------------------------------------------------- place

  function fit() {
    const face = scene.face();
    if (!face) return;
    const { width, height } = face.buffer;
    at.fit = Math.min(stage.clientWidth / width, stage.clientHeight / height) || 1;
    at.scale = at.fit;
    clamp();
    scene.moved();
  }

  function clamp() {
    const { width, height } = scene.face().buffer;
    const clamped = (offset, room, length) =>
      length <= room ? (room - length) / 2 : Math.min(room * 0.25, Math.max(room * 0.75 - length, offset));
    at.x = clamped(at.x, stage.clientWidth, width * at.scale);
    at.y = clamped(at.y, stage.clientHeight, height * at.scale);
  }

  function zoomBy(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    if (!scene.face()) return;
    const scale = Math.min(at.fit * MAX_ZOOM, Math.max(at.fit, at.scale * factor));
    at.x = x - ((x - at.x) * scale) / at.scale;
    at.y = y - ((y - at.y) * scale) / at.scale;
    at.scale = scale;
    clamp();
    scene.moved();
  }

  function panBy(dx, dy) {
    at.x += dx;
    at.y += dy;
    clamp();
    draw();
  }

  /** The stage has another size: fit again, at the zoom that there was. */
  function resize() {
    if (!scene.face()) return;
    const zoom = at.scale / at.fit;
    fit();
    if (zoom > 1) zoomBy(zoom);
  }

  const onStage = ([x, y]) => [at.x + x * at.scale, at.y + y * at.scale];

  function toStage(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function toMask(event) {
    const [x, y] = toStage(event);
    return [(x - at.x) / at.scale, (y - at.y) / at.scale];
  }

  // -------------------------------------------------------------- drawing

  function draw() {
    if (!frame) frame = requestAnimationFrame(paintFrame);
  }

  function paintFrame() {
    frame = 0;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [stage.clientWidth, stage.clientHeight].map((v) => Math.round(v * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const face = scene.face();
    if (!face) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const box = [at.x, at.y, face.buffer.width * at.scale, face.buffer.height * at.scale];
    if (face.photo) {
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.drawImage(face.photo, ...box);
    }
    const opacity = scene.opacity();
    if (opacity !== null) {
      colourMask(picture, face.buffer, face.photo ? opacity : 1);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, ...box);
    }
    scene.overlay(pen);
  }

  /** What outlines are drawn with; `onStage` and `scale` lead from the mask to the stage. */
  const pen = {
    context,
    onStage,
    get scale() {
      return at.scale;
    },

    /** Begin a path through points of the mask. */
    path(points) {
      context.beginPath();
      for (const point of points) context.lineTo(...onStage(point));
    },

    /** The current path, dark below and light above, so that it shows on anything. */
    outline(dash = []) {
      context.lineJoin = "round";
      context.setLineDash([]);
      context.lineWidth = 3;
      context.strokeStyle = "rgb(0 0 0 / 0.55)";
      context.stroke();
      context.setLineDash(dash);
      context.lineWidth = 1.5;
      context.strokeStyle = "#fff";
      context.stroke();
      context.setLineDash([]);
    },
  };

  return {
    fit, zoomBy, panBy, resize, draw, onStage, toStage, toMask,

    /** Times the size that fits. */
    get zoom() {
      return at.scale / at.fit;
    },
  };
}
