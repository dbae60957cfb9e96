// What is seen: one zoom and one place for all panes, the photo under the mask, outlines above it.

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

/** What draws a face's photo and its mask over it; `opacity()` is the mask's, from 0 to 1, null for no mask. */
function createMaskPainter(opacity) {
  const picture = document.createElement("canvas"); // the mask, a pixel for a pixel
  return (context, pane, face) => {
    const box = [pane.x, pane.y, face.buffer.width * pane.scale, face.buffer.height * pane.scale];
    if (face.photo) {
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.drawImage(face.photo, ...box);
    }
    const strength = opacity();
    if (strength === null) return;
    colourMask(picture, face.buffer, face.photo ? strength : 1);
    context.imageSmoothingEnabled = false;
    context.drawImage(picture, ...box);
  };
}

/** Panes that show the same picture at the same place, each in its own size. `scene` says what is there: `size()` is
 *  [width, height] in pixels of the picture, or null; `moved()` is called when the zoom is another one. */
function createView(scene) {
  const panes = new Set();
  const place = { zoom: 1, x: 0, y: 0 }; // times the size that fits; what lies in the middle of every pane
  let active = null; // the pane with the pointer
  let frame = 0;

  const observer = new ResizeObserver(() => {
    layOut();
    paintFrame(); // at once: a canvas of a former size is stretched
  });

  /** A pane in `stage`, drawn by `paint(context, pane)` on `canvas`. Where on it = pane.x + pane.scale * in the picture. */
  function addPane(stage, canvas, paint) {
    const pane = { stage, canvas, paint, context: canvas.getContext("2d"), scale: 1, fit: 1, x: 0, y: 0 };
    panes.add(pane);
    active ??= pane;
    observer.observe(stage);
    layOut();
    draw();
    return pane;
  }

  // -------------------------------------------------------------- place

  /** Where the middle of a pane may be along one side: the picture's own where it fits, or up to a quarter beside it. */
  const range = (room, length, scale) =>
    length * scale <= room ? [length / 2, length / 2] : [(room * 0.25) / scale, length - (room * 0.25) / scale];
  const within = (value, [low, high]) => Math.min(high, Math.max(low, value));

  function layOut() {
    for (const pane of panes) if (!pane.canvas.isConnected) drop(pane);
    const size = scene.size();
    if (!size) return;
    const shown = [...panes].filter(({ stage }) => stage.clientWidth && stage.clientHeight);
    for (const pane of shown) {
      pane.fit = Math.min(pane.stage.clientWidth / size[0], pane.stage.clientHeight / size[1]);
      pane.scale = pane.fit * place.zoom;
    }
    [["x", "clientWidth"], ["y", "clientHeight"]].forEach(([axis, side], i) => {
      const ranges = shown.map((pane) => range(pane.stage[side], size[i], pane.scale));
      if (!ranges.length) return;
      place[axis] = within(place[axis], [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))]);
      shown.forEach((pane, number) => {
        pane[axis] = pane.stage[side] / 2 - within(place[axis], ranges[number]) * pane.scale;
      });
    });
  }

  function fit() {
    const size = scene.size();
    if (!size) return;
    Object.assign(place, { zoom: 1, x: size[0] / 2, y: size[1] / 2 });
    layOut();
    scene.moved();
    draw();
  }

  /** Zoom, with one place of the active pane, its middle unless it is given, staying where it is. */
  function zoomBy(factor, x = active.stage.clientWidth / 2, y = active.stage.clientHeight / 2) {
    if (!scene.size()) return;
    const [px, py] = [(x - active.x) / active.scale, (y - active.y) / active.scale];
    place.zoom = Math.min(MAX_ZOOM, Math.max(1, place.zoom * factor));
    const scale = active.fit * place.zoom;
    place.x = px + (active.stage.clientWidth / 2 - x) / scale;
    place.y = py + (active.stage.clientHeight / 2 - y) / scale;
    layOut();
    scene.moved();
    draw();
  }

  function panBy(dx, dy) {
    place.x -= dx / active.scale;
    place.y -= dy / active.scale;
    layOut();
    draw();
  }

  const onStage = ([x, y], pane = active) => [pane.x + x * pane.scale, pane.y + y * pane.scale];

  function toStage(event) {
    const box = active.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function toMask(event) {
    const [x, y] = toStage(event);
    return [(x - active.x) / active.scale, (y - active.y) / active.scale];
  }

  // -------------------------------------------------------------- drawing

  function draw() {
    if (!frame) frame = requestAnimationFrame(paintFrame);
  }

  function paintFrame() {
    cancelAnimationFrame(frame);
    frame = 0;
    for (const pane of panes) {
      if (!pane.canvas.isConnected) drop(pane);
      else paintPane(pane);
    }
  }

  function drop(pane) {
    panes.delete(pane);
    observer.unobserve(pane.stage);
    if (pane === active) active = [...panes][0] ?? null;
  }

  function paintPane(pane) {
    const { canvas, context, stage } = pane;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [stage.clientWidth, stage.clientHeight].map((v) => Math.round(v * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!scene.size() || !width || !height) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    pane.paint(context, pane);
  }

  /** What outlines are drawn with on a pane; `onStage` and `scale` lead from the mask to it. */
  const penOf = (pane) => ({
    context: pane.context,
    scale: pane.scale,
    onStage: (point) => onStage(point, pane),

    /** Begin a path through points of the mask. */
    path(points) {
      pane.context.beginPath();
      for (const point of points) pane.context.lineTo(...onStage(point, pane));
    },

    /** The current path, dark below and light above, so that it shows on anything. */
    outline(dash = []) {
      const { context } = pane;
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
  });

  return {
    addPane, layOut, fit, zoomBy, panBy, draw, onStage, toStage, toMask, penOf,

    /** The pane that the next events are of. */
    use: (pane) => (active = pane),

    /** Pixels of the screen to one of the picture, in the active pane. */
    get scale() {
      return active.scale;
    },

    /** Times the size that fits. */
    get zoom() {
      return place.zoom;
    },
  };
}
