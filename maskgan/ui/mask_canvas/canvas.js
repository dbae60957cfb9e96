// Starts the component, once the other files have said what it can do.

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
