// Pointers and wheel on the canvas: strokes of the chosen tool, two fingers, the brush size.

/** Listens from now on; returns where the pointer is. `keys` says whether Space pans. */
function createPointers({ root, stage, canvas }, { session, view, tools, keys, settings, controls, act }) {
  const pointers = new Map(); // id -> place on the stage, of the pointers that are down
  let firstType = ""; // of the pointer that came down first
  let cursor = null; // pointer in mask coordinates, where it hovers

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
    if (!session.face) return;
    event.preventDefault();
    stage.focus({ preventScroll: true });
    // Only fingers come in pairs: a palm beside a pen, or a second button, is no gesture.
    if (pointers.size && (event.pointerType !== "touch" || firstType !== "touch")) return;
    firstType = pointers.size ? firstType : event.pointerType;
    pointers.set(event.pointerId, view.toStage(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      tools.abandon();
      view.draw();
    } else if (pointers.size === 1) tools.begin(event, keys.panning);
  }

  function onMove(event) {
    if (!session.face) return;
    cursor = event.pointerType === "touch" ? null : view.toMask(event);
    controls.showUnder(cursor ? session.face.buffer.at(...cursor) : NOTHING);
    if (pointers.size === 2 && pointers.has(event.pointerId)) pinch(event);
    else if (tools.busy && pointers.has(event.pointerId)) tools.carryOn(event);
    view.draw();
  }

  function onEnd(event) {
    if (!pointers.delete(event.pointerId) || pointers.size || !tools.busy) return;
    if (event.type === "pointercancel") {
      tools.abandon();
      act.show(true);
    } else tools.finish();
  }

  function onLeave() {
    cursor = null;
    controls.showUnder(NOTHING);
    view.draw();
  }

  function onWheel(event) {
    if (!session.face) return;
    const up = event.deltaY < 0;
    if (event.ctrlKey || event.metaKey) view.zoomBy(Math.exp(-event.deltaY / 300), ...view.toStage(event));
    // Without a click on the canvas first the wheel scrolls the page, as people expect.
    else if (!root.contains(document.activeElement)) return;
    else if (settings.tool === "brush" || settings.tool === "eraser") act.stepSize(up, event.shiftKey);
    else if (tools.busy || !tools.adjust(0, 0, up ? 1.05 : 1 / 1.05)) return;
    event.preventDefault();
  }

  canvas.addEventListener("pointerdown", onDown);
  canvas.addEventListener("pointermove", onMove);
  canvas.addEventListener("pointerup", onEnd);
  canvas.addEventListener("pointercancel", onEnd);
  canvas.addEventListener("pointerleave", onLeave);
  canvas.addEventListener("dblclick", () => tools.confirm());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("wheel", onWheel, { passive: false });

  return {
    get cursor() {
      return cursor;
    },
  };
}
