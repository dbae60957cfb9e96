// Pointers and wheel on a pane: strokes of one pointer, two fingers that zoom and pan, the wheel.

const PAGE_SCROLLS = 250; // ms after a turn of the wheel that scrolled the page, in which it goes on to do so

/** When the wheel last scrolled the page; listens from now on, until `root` is gone. */
function createPageWheel(root) {
  let last = -Infinity;
  function onWheel(event) {
    if (!root.isConnected) window.removeEventListener("wheel", onWheel);
    else if (!event.defaultPrevented) last = event.timeStamp;
  }
  window.addEventListener("wheel", onWheel, { passive: true });
  return (event) => event.timeStamp - last < PAGE_SCROLLS;
}

/** Listens on `surface`, the part of `pane` that is no button, from now on. `hands` do what there is to do: `ready()`
 *  says whether there is a picture; `begin(event)`, `carryOn(event)`, `finish()` and `abandon()` a stroke, `busy` whether
 *  one is under way; `hover(event)`, with null when the pointer has left; `focus()` before a stroke; `sizing(event)`
 *  whether a turn of the wheel is for the size of the brush, and `size(up, big)`; `scrolling(event)` whether it is the
 *  page's. */
function createGestures(pane, surface, view, hands) {
  const pointers = new Map(); // id -> place on the stage, of the pointers that are down
  let firstType = ""; // of the pointer that came down first

  /** Two fingers: zoom about their middle and pan with it. */
  function pinch(event) {
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], reach: Math.hypot(a[0] - b[0], a[1] - b[1]) };
    };
    const before = spread();
    pointers.set(event.pointerId, view.toStage(event));
    const after = spread();
    view.zoomBy(after.reach / Math.max(before.reach, 1), ...before.middle);
    view.panBy(after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
  }

  function onDown(event) {
    if (!hands.ready()) return;
    if (event.button === 2) return; // the menu of a picture, with which it can be saved
    event.preventDefault();
    hands.focus();
    // Only fingers come in pairs: a palm beside a pen, or a second button, is no gesture; nor is one on another pane.
    if (pointers.size ? event.pointerType !== "touch" || firstType !== "touch" : hands.busy) return;
    view.use(pane);
    firstType = pointers.size ? firstType : event.pointerType;
    pointers.set(event.pointerId, view.toStage(event));
    surface.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      hands.abandon();
      view.draw();
    } else if (pointers.size === 1) hands.begin(event);
  }

  function onMove(event) {
    if (!hands.ready() || (hands.busy && !pointers.size)) return;
    view.use(pane);
    hands.hover(event.pointerType === "touch" ? null : event);
    if (pointers.size === 2 && pointers.has(event.pointerId)) pinch(event);
    else if (hands.busy && pointers.has(event.pointerId)) hands.carryOn(event);
    view.draw();
  }

  function onEnd(event) {
    if (!pointers.delete(event.pointerId) || pointers.size || !hands.busy) return;
    view.use(pane);
    if (event.type === "pointercancel") hands.abandon();
    else hands.finish();
  }

  function onLeave() {
    hands.hover(null);
    view.draw();
  }

  function onWheel(event) {
    if (!hands.ready()) return;
    const turn = (event.deltaY || event.deltaX) * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
    if (!turn) return;
    view.use(pane);
    if (hands.sizing(event)) hands.size(turn < 0, event.shiftKey);
    else {
      const asked = event.ctrlKey || event.metaKey || event.altKey; // the browser would zoom the whole page
      if (!asked && (hands.scrolling(event) || (turn > 0 && view.zoom <= 1))) return;
      const pinched = event.ctrlKey && Math.abs(turn) < 50; // a trackpad's, in small steps
      if (!hands.busy) view.zoomBy(Math.exp(-turn / (pinched ? 100 : 300)), ...view.toStage(event));
    }
    event.preventDefault();
  }

  surface.addEventListener("pointerdown", onDown);
  surface.addEventListener("pointermove", onMove);
  surface.addEventListener("pointerup", onEnd);
  surface.addEventListener("pointercancel", onEnd);
  surface.addEventListener("pointerleave", onLeave);
  surface.addEventListener("wheel", onWheel, { passive: false });
}

/** What pointers and wheel do on panes on which people paint. */
function createPainting(root, { session, view, tools, keys, settings, controls, act }) {
  const scrolls = createPageWheel(root);
  let cursor = null; // the pointer in mask coordinates, where it hovers
  return {
    scrolling: scrolls,
    ready: () => Boolean(session.face),
    focus: controls.focusStage,
    begin: (event) => tools.begin(event, keys.panning),
    carryOn: (event) => tools.carryOn(event),
    finish: () => tools.finish(),
    size: (up, big) => act.sizeBy(up, big),

    abandon() {
      tools.abandon();
      act.show(true);
    },

    hover(event) {
      cursor = event && view.toMask(event);
      controls.showUnder(cursor ? session.face.buffer.at(...cursor) : NOTHING);
    },

    /** Ctrl or Alt; without them where people want it so. A trackpad's pinch comes with Ctrl, though nobody holds it. */
    sizing(event) {
      if (event.altKey) return true;
      if (event.ctrlKey && !keys.ctrl) return false;
      return (event.ctrlKey || event.metaKey) !== (settings.wheel === "size");
    },

    get busy() {
      return tools.busy;
    },

    get cursor() {
      return cursor;
    },
  };
}

/** What pointers do on a pane that is only looked at; `scrolls(event)` says whether a turn of the wheel is the page's. */
function createLooking(view, scrolls) {
  let from = null;
  return {
    scrolling: scrolls,
    ready: () => true,
    focus() {},
    sizing: () => false,
    hover() {},

    begin(event) {
      from = view.toStage(event);
    },

    carryOn(event) {
      const [x, y] = view.toStage(event);
      view.panBy(x - from[0], y - from[1]);
      from = [x, y];
    },

    finish() {
      from = null;
    },

    abandon() {
      from = null;
    },

    get busy() {
      return from !== null;
    },
  };
}
