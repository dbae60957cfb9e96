// The tool that moves and scales a region; `tools.js` says what a tool is.

/** Holds a region, drags it, scales it by its corners. */
function createMove(session, view, settings, act) {
  const SETTLE_AFTER = 400; // ms: steps from the keyboard or the wheel in a burst are one undo step
  let selection = null; // {from, piece, twin, base, kept, dx, dy, scale}
  let drag = null; // {grip, alone} or {centre, factor}
  let settling = 0;
  const clampScale = (scale) => Math.min(5, Math.max(0.2, scale));

  /** Hold the region under a point: connected pixels of its class, the mouth with its lips unless `alone`. */
  function grab([x, y], alone) {
    const { buffer } = session.face;
    const label = buffer.at(x, y);
    selection = null;
    if (label === NOTHING || label === 0) return;
    const ids = (!alone && TOGETHER.find((group) => group.includes(label))) || [label];
    const fixed = ids.find((id) => buffer.locked[id]);
    if (fixed !== undefined) return act.say(`${CLASSES[fixed].name} is locked, so it stays where it is.`);
    const pixels = buffer.connectedPixels(x, y, ids, true);
    let taken = pixels;
    const held = (from, at, classes) => ({ ...buffer.cut(from), at: [at % buffer.width, Math.floor(at / buffer.width)], classes });
    selection = { from: encodeRuns(buffer.labels), piece: held(pixels, pixels[0], ids), twin: null, dx: 0, dy: 0, scale: 1 };
    if (settings.mirror) {
      const mirrored = (index) => index + buffer.mirrorSum - 2 * (index % buffer.width);
      const twinIds = ids.map((id) => CLASSES[id].mirror).filter((id) => !buffer.locked[id]);
      const seed = pixels.map(mirrored).find((index, i) => {
        const column = buffer.mirrorSum - (pixels[i] % buffer.width);
        return column >= 0 && column < buffer.width && twinIds.includes(buffer.labels[index]);
      });
      const twin = seed === undefined ? [] : buffer.connectedPixels(seed % buffer.width, seed / buffer.width, twinIds, true);
      if (twin.length && !twin.includes(pixels[0])) {
        selection.twin = held(twin, seed, twinIds);
        taken = pixels.concat(twin);
      }
    }
    selection.kept = Uint8Array.from(buffer.labels, (each) => buffer.locked[each]);
    for (const index of taken) selection.kept[index] = 0;
    selection.base = buffer.without(taken, ids.every((id) => INNER.includes(id)) ? SURFACES.slice(1) : SURFACES);
  }

  function layDown() {
    const { buffer } = session.face;
    const { piece, twin, base, kept, dx, dy, scale } = selection;
    buffer.labels = base.slice();
    if (twin) buffer.place(twin, -dx, dy, scale, kept);
    buffer.place(piece, dx, dy, scale, kept);
    session.sendSoon(told());
    view.draw();
  }

  /** What was done to the regions since they were grabbed, for Python: the mask then, and by which affine map (`matrix`,
   *  row by row) each region, found by a pixel and its classes, got to where it is. */
  function told() {
    const { from, piece, twin, dx, dy, scale } = selection;
    const region = ({ at, classes, left, top, width, height }, sideways) => {
      const fixed = [left + width / 2, top + height / 2].map((middle) => middle * (1 - scale));
      return { at, classes, matrix: [scale, 0, fixed[0] + sideways, 0, scale, fixed[1] + dy] };
    };
    return { from, regions: [...(twin ? [region(twin, -dx)] : []), region(piece, dx)] };
  }

  function corners() {
    const { piece, dx, dy, scale } = selection;
    const cx = piece.left + piece.width / 2 + dx;
    const cy = piece.top + piece.height / 2 + dy;
    const [halfWidth, halfHeight] = [(piece.width / 2) * scale, (piece.height / 2) * scale];
    const signs = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    return { centre: [cx, cy], corners: signs.map(([sx, sy]) => [cx + sx * halfWidth, cy + sy * halfHeight]) };
  }

  /** End a burst of steps at once. */
  function settle() {
    if (!settling) return;
    clearTimeout(settling);
    settling = 0;
    session.commit(told());
  }

  return {
    settle,

    get selected() {
      return selection && corners();
    },

    begin(event, point) {
      if (selection) {
        const box = corners();
        if (cornerAt(view, event, box.corners) >= 0) {
          const reach = Math.hypot(point[0] - box.centre[0], point[1] - box.centre[1]);
          drag = { centre: box.centre, factor: selection.scale / Math.max(reach, 1) };
          return true;
        }
      }
      grab(point, event.shiftKey);
      drag = { grip: point, alone: event.shiftKey };
      return selection !== null;
    },

    carryOn(event, point) {
      if (drag.grip) {
        const straight = event.shiftKey && !drag.alone; // Shift from the beginning takes a part alone
        const [x, y] = straight ? snapped(drag.grip, point) : point;
        selection.dx = Math.round(x - drag.grip[0]);
        selection.dy = Math.round(y - drag.grip[1]);
      } else {
        const [cx, cy] = drag.centre;
        selection.scale = clampScale(drag.factor * Math.hypot(point[0] - cx, point[1] - cy));
      }
      layDown();
    },

    finish: () => session.commit(selection && told()),

    /** A step of the held region from the keyboard or the wheel; returns whether one is held. */
    adjust(dx, dy, factor) {
      if (!selection) return false;
      selection.dx += dx;
      selection.dy += dy;
      selection.scale = clampScale(selection.scale * factor);
      layDown();
      clearTimeout(settling);
      settling = setTimeout(settle, SETTLE_AFTER);
      return true;
    },

    get holds() {
      return selection !== null;
    },

    drop() {
      selection = null;
    },

    draw(pen) {
      if (!selection) return;
      const { context } = pen;
      const points = corners().corners;
      pen.path(points);
      context.closePath();
      pen.outline([5, 4]);
      for (const [x, y] of points.map(pen.onStage)) {
        context.beginPath();
        context.rect(x - 4, y - 4, 8, 8);
        context.fillStyle = "#fff";
        context.fill();
        context.lineWidth = 1.5;
        context.strokeStyle = "rgb(0 0 0 / 0.7)";
        context.stroke();
      }
    },
  };
}
