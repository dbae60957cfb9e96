// Puts the pieces together, says what the buttons do, and starts the component.

function createMaskCanvas({ element, props, trigger, watch }) {
  const root = element.querySelector(".mask-canvas");
  if (!document.getElementById("mask-canvas-style")) {
    const style = Object.assign(document.createElement("style"), { id: "mask-canvas-style", textContent: STYLE });
    document.head.append(style);
  }

  const settings = { tool: "brush", classId: 13, size: 14, opacity: 55, mirror: false };
  const maxSize = () => (session.face ? Math.round(session.face.buffer.width / 3) : 80);

  // What buttons, sliders, keys and the page do; each shows what came of it.
  const act = {
    show(labelsToo = false) {
      const face = session.face;
      if (labelsToo) controls.showClasses(face.buffer.counts());
      controls.show({
        ...settings,
        ready: Boolean(face),
        maxSize: maxSize(),
        zoom: view.zoom,
        canUndo: Boolean(face?.history.canGo(-1)),
        canRedo: Boolean(face?.history.canGo(1)),
        canReset: Boolean(face?.buffer.labels.some((label, i) => label !== face.buffer.original[i])),
      });
      view.draw();
    },

    setTool: (id) => tools.choose(id),

    setClass(id) {
      settings.classId = id;
      if (["eraser", "pick", "move"].includes(settings.tool)) act.setTool("brush");
      controls.revealClass(id);
      act.show();
    },

    slide(name, value) {
      settings[name] = value;
      act.show();
    },

    setSize: (size) => act.slide("size", Math.min(maxSize(), Math.max(1, Math.round(size)))),

    stepSize(up, big) {
      const step = Math.max(1, Math.round(settings.size * (big ? 0.4 : 0.12)));
      act.setSize(settings.size + (up ? step : -step));
    },

    stepOpacity: (up) => act.slide("opacity", Math.min(100, Math.max(0, settings.opacity + (up ? 5 : -5)))),

    travel(step) {
      if (!session.face || tools.busy) return;
      tools.abandon();
      session.travel(step);
    },

    reset() {
      if (!session.face || tools.busy) return;
      tools.abandon();
      session.face.buffer.labels = session.face.buffer.original.slice();
      session.commit();
    },

    press(name) {
      const actions = {
        mirror: () => act.slide("mirror", !settings.mirror),
        undo: () => act.travel(-1),
        redo: () => act.travel(1),
        reset: act.reset,
        fit: view.fit,
        plus: () => view.zoomBy(1.4),
        minus: () => view.zoomBy(1 / 1.4),
        help: () => controls.toggleHelp(),
        close: () => controls.toggleHelp(),
      };
      if (TOOLS.some((tool) => tool.id === name)) act.setTool(name);
      else actions[name]();
    },
  };

  const controls = createControls(root, act);
  const { stage, canvas } = controls;
  const session = createSession({ element, props, trigger }, {
    interrupt: () => tools.abandon(),
    opened(former) {
      const { width } = session.face.buffer;
      settings.size = Math.max(1, Math.round((settings.size * width) / (former?.buffer.width ?? 256)));
      view.fit();
    },
    changed: () => act.show(true),
    received() {
      act.show(true);
      controls.revealClass(settings.classId);
    },
    photoLoaded: () => view.draw(),
  });
  const view = createView(stage, canvas, {
    face: () => session.face,
    opacity: () => (keys.peeking ? null : settings.opacity / 100),
    overlay(pen) {
      tools.draw(pen, keyboard.cursor ?? pointers.cursor);
      keyboard.draw(pen);
    },
    moved: () => act.show(),
  });
  const tools = createTools(session, view, settings, act);
  const parts = { session, view, tools, settings, controls, act };
  const keys = createKeys({ root, stage }, parts);
  const pointers = createPointers({ root, stage, canvas }, { ...parts, keys });
  const keyboard = createKeyboardBrush({ stage, canvas }, parts);
  createRoving(root.querySelector(".mc-bar"), "button");
  createRoving(root.querySelector(".mc-palette"), "button");
  createRoving(root.querySelector(".mc-zoom"), "button");

  new ResizeObserver(view.resize).observe(stage);

  element.maskCanvas = root.maskCanvas = {
    get id() { return session.face?.id ?? null; },
    get tool() { return settings.tool; },
    get classId() { return settings.classId; },
    get size() { return settings.size; },
    get mirror() { return settings.mirror; },
    get mirrorSum() { return session.face.buffer.mirrorSum; },
    get selected() { return tools.selected; },
    getMask: () => Array.from(session.face.buffer.labels),
    canvasToClient(x, y) {
      const box = canvas.getBoundingClientRect();
      const [sx, sy] = view.onStage([x, y]);
      return [box.left + sx, box.top + sy];
    },
    setTool: act.setTool,
    setClass: act.setClass,
    setSize: act.setSize,
    reset: act.reset,
    fit: view.fit,
    zoomBy: view.zoomBy,
    setMirror: (on) => act.slide("mirror", on),
    undo: () => act.travel(-1),
    redo: () => act.travel(1),
  };

  watch("value", () => session.accept(props.value));
  act.show();
  session.accept(props.value);
}

createMaskCanvas({ element, props, trigger, watch });
