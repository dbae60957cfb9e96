// What each tool does to the mask. A tool is an object with
//   begin(event, point)     the pointer went down at `point` of the mask; returns whether a stroke is under way
//   carryOn(event, point)   the pointer moved during that stroke
//   finish()                the stroke has ended
//   draw(pen, cursor, busy) its outlines; cursor: the pointer's place in the mask or null; busy: whether in a stroke
//   drop()                  forget what is half done; `holds` says whether there is anything
//   chosen(former)          the tool was chosen in place of another
//   confirm()               the Enter key; returns whether it meant something
// of which only `begin` is needed. `TOOLS` in controls.js has their buttons.

const HANDLE = 12; // CSS pixels around a corner that count as the corner
const TOUCH_HANDLE = 22;
const DRAG = 6; // CSS pixels from which on a click is a drag

/** Index of the point of the mask that a pointer is at, or -1. */
function cornerAt(view, event, points) {
  const reach = event.pointerType === "touch" ? TOUCH_HANDLE : HANDLE;
  const [x, y] = view.toStage(event);
  return points.findIndex((point) => {
    const [cx, cy] = view.onStage(point);
    return Math.hypot(cx - x, cy - y) <= reach;
  });
}

function createPan(view) {
  let from = null;
  return {
    begin(event) {
      from = view.toStage(event);
      return true;
    },

    carryOn(event) {
      const [x, y] = view.toStage(event);
      view.panBy(x - from[0], y - from[1]);
      from = [x, y];
    },
  };
}

/** Diameter of the brush at an event of a pen: as hard as it presses, once it has shown that it can tell. */
function createPressure(settings) {
  const UNKNOWN = 0.5; // what pens say that cannot tell, see Pointer Events
  const LEAST = 0.1;
  let tells = false;
  return (event) => {
    if (event.pointerType !== "pen" || !settings.pressure) return settings.size;
    tells ||= event.pressure > 0 && event.pressure !== UNKNOWN;
    return tells ? settings.size * Math.max(LEAST, event.pressure) : settings.size;
  };
}

/** Paints the chosen class, or brings the original mask back where it `erases`. With Shift it goes straight, and a click
 *  draws a line from where the stroke before ended. */
function createBrush(erases, session, view, settings) {
  const diameter = createPressure(settings);
  let last = null; // {point, size}
  let ended = null; // {face, point}: the stroke before
  let straight = null; // while Shift is held
  let drawn = false; // whether this stroke has painted anything

  function dab(point, size) {
    const { buffer } = session.face;
    const pixels = buffer.strokePixels(...last.point, ...point, last.size, size);
    buffer.paint(pixels, erases ? ERASE : settings.classId, settings.mirror);
    last = { point, size };
    drawn = true;
    session.sendSoon();
    view.draw();
  }

  return {
    begin(event, point) {
      last = { point, size: diameter(event) };
      drawn = false;
      straight = event.shiftKey ? createStraight(point, view) : null;
      if (!straight) dab(point, last.size);
      return true;
    },

    carryOn(event) {
      if (!event.shiftKey) straight = null;
      else straight ??= createStraight(last.point, view);
      const events = event.getCoalescedEvents?.() ?? [];
      for (const step of events.length ? events : [event]) {
        const point = straight ? straight.follow(view.toMask(step)) : view.toMask(step);
        if (point) dab(point, diameter(step));
      }
    },

    finish() {
      if (!drawn) { // a click with Shift
        const { point, size } = last;
        if (ended?.face === session.face) last = { point: ended.point, size };
        dab(point, size);
      }
      ended = { face: session.face, point: last.point };
      session.commit();
    },

    draw(pen, cursor) {
      if (!cursor) return;
      const ring = ([x, y]) => {
        pen.context.beginPath();
        pen.context.arc(...pen.onStage([x, y]), Math.max((settings.size / 2) * pen.scale, 1.5), 0, 2 * Math.PI);
        pen.outline(erases ? [4, 4] : []);
      };
      if (settings.mirror) ring([session.face.buffer.mirrorSum + 1 - cursor[0], cursor[1]]);
      ring(cursor);
    },
  };
}

/** Fills what is drawn around, or a polygon whose corners are set one by one. */
function createLasso(session, view, settings) {
  let polygon = [];
  let drag = null; // {fresh: whether the polygon began with it, from, far: how far it went on the stage}

  function close() {
    if (polygon.length > 2) {
      session.face.buffer.paint(session.face.buffer.polygonPixels(polygon), settings.classId, settings.mirror);
    }
    polygon = [];
    session.commit();
  }

  return {
    begin(event, point) {
      if (polygon.length > 2 && cornerAt(view, event, polygon.slice(0, 1)) === 0) {
        close();
        return false;
      }
      drag = { fresh: polygon.length === 0, from: view.toStage(event), far: 0 };
      polygon.push(event.shiftKey && polygon.length ? snapped(polygon.at(-1), point) : point);
      return true;
    },

    carryOn(event, point) {
      const [x, y] = view.toStage(event);
      drag.far = Math.max(drag.far, Math.hypot(x - drag.from[0], y - drag.from[1]));
      if (drag.far > DRAG) polygon.push(point);
    },

    finish() {
      if (drag.fresh && drag.far > DRAG) close();
    },

    /** Close the polygon; returns whether there was one. */
    confirm() {
      if (polygon.length < 3) return false;
      close();
      return true;
    },

    get holds() {
      return polygon.length > 0;
    },

    drop() {
      polygon = [];
    },

    draw(pen, cursor, busy) {
      if (!polygon.length) return;
      const { context } = pen;
      pen.path(cursor && !busy ? [...polygon, cursor] : polygon);
      context.globalAlpha = 0.35;
      context.fillStyle = classColour(settings.classId);
      context.fill();
      context.globalAlpha = 1;
      pen.outline([4, 3]);
      context.beginPath();
      context.arc(...pen.onStage(polygon[0]), 4, 0, 2 * Math.PI);
      pen.outline();
    },
  };
}

function createFill(session, settings) {
  return {
    begin(event, [x, y]) {
      const { buffer } = session.face;
      if (!buffer.contains(x, y)) return false;
      const flood = (px) => buffer.connectedPixels(px, y, [buffer.at(px, y)]);
      const pixels = flood(x);
      const mirrored = buffer.mirrorSum - Math.floor(x);
      const twin = settings.mirror && buffer.contains(mirrored, y) ? flood(mirrored) : [];
      buffer.paint(twin, CLASSES[settings.classId].mirror, false);
      buffer.paint(pixels, settings.classId, false);
      session.commit();
      return false;
    },
  };
}

/** Takes the class under the pointer, and gives the tool back that was chosen before. */
function createPick(session, settings, act) {
  let former = "brush";
  return {
    chosen(before) {
      former = before;
    },

    begin(event, [x, y]) {
      const label = session.face.buffer.at(x, y);
      if (label === NOTHING) return false;
      if (settings.tool === "pick") act.setTool(former);
      act.setClass(label);
      return false;
    },
  };
}

/** All tools by id, the one that is chosen, and the stroke under way; `act` has `setTool`, `setClass`, `say` and `show`. */
function createTools(session, view, settings, act) {
  const pan = createPan(view);
  const tools = {
    brush: createBrush(false, session, view, settings),
    eraser: createBrush(true, session, view, settings),
    line: createLine(session, settings),
    ellipse: createEllipse(session, view, settings),
    lasso: createLasso(session, view, settings),
    fill: createFill(session, settings),
    pick: createPick(session, settings, act),
    move: createMove(session, view, settings, act),
  };
  const chosen = () => tools[settings.tool];
  let stroke = null; // the tool whose stroke is under way

  /** Drop whatever is half done: a stroke, lasso corners, a held region. */
  function abandon() {
    tools.move.settle();
    if (stroke && session.face) session.revert();
    stroke = null;
    for (const tool of Object.values(tools)) tool.drop?.();
  }

  function drawAxis(pen) {
    const { height, mirrorSum } = session.face.buffer;
    pen.path([[(mirrorSum + 1) / 2, 0], [(mirrorSum + 1) / 2, height]]);
    pen.outline([5, 5]);
  }

  return {
    abandon,
    adjust: tools.move.adjust,
    confirm: () => Boolean(chosen().confirm?.()),

    get busy() {
      return stroke !== null;
    },

    get halfDone() {
      return stroke !== null || Boolean(chosen().holds);
    },

    get selected() {
      return tools.move.selected;
    },

    choose(id) {
      if (id === settings.tool) return;
      tools[id].chosen?.(settings.tool);
      abandon();
      settings.tool = id;
      act.show();
    },

    begin(event, panning) {
      tools.move.settle();
      const pans = event.button === 1 || panning;
      if (!pans && event.button !== 0) return;
      const tool = pans ? pan : event.altKey ? tools.pick : chosen();
      if (tool.begin(event, view.toMask(event))) stroke = tool;
      view.draw();
    },

    carryOn(event) {
      stroke.carryOn(event, view.toMask(event));
      view.draw();
    },

    finish() {
      const done = stroke;
      stroke = null;
      done.finish?.();
      view.draw();
    },

    /** Outlines over the mask; cursor: the pointer's place in the mask, or null. */
    draw(pen, cursor) {
      if (settings.mirror) drawAxis(pen);
      chosen().draw?.(pen, cursor, stroke !== null);
    },
  };
}
