// Puts the pieces together, says what the buttons do, and starts the component.

function createMaskCanvas({ element, props, trigger, watch, server }) {
  const root = element.querySelector(".mask-canvas");
  if (!document.getElementById("mask-canvas-style")) {
    const style = Object.assign(document.createElement("style"), { id: "mask-canvas-style", textContent: STYLE });
    document.head.append(style);
  }

  const settings = createSettings();
  settings.peeking = false; // while only the photo is to be seen
  let counts = new Array(CLASSES.length).fill(0); // pixels by class
  let changed = false; // whether the mask differs from the original
  const maxSize = () => (session.face ? Math.round(session.face.buffer.width / 3) : 80);

  /** Why Grow and the like can do nothing, or null. */
  function reasonAgainstRegion() {
    const { id, name } = CLASSES[settings.classId];
    if (!counts[id]) return `There is no ${name.toLowerCase()} on this mask yet.`;
    if (guard.locked[id]) return `${name} is locked.`;
    return null;
  }

  // What buttons, sliders, keys and the page do; each shows what came of it.
  const act = {
    show(labelsToo = false) {
      const face = session.face;
      if (labelsToo) {
        counts = face.buffer.counts();
        changed = face.buffer.labels.some((label, i) => label !== face.buffer.original[i]);
        controls.showClasses(counts);
      }
      const reasons = {
        undo: face?.history.canGo(-1) ? null : "nothing to undo",
        redo: face?.history.canGo(1) ? null : "nothing to redo",
        reset: changed ? null : "the mask is the original",
        minus: view.zoom > 1 ? null : "all of it is shown",
        plus: view.zoom < MAX_ZOOM ? null : "it cannot be larger",
      };
      controls.show({ ...settings, ready: Boolean(face), maxSize: maxSize(), zoom: view.zoom, reasons, locked: guard.locked });
      adjust.show({ settings, guard, counts, reason: reasonAgainstRegion() });
      results.show();
      view.draw();
    },

    say: (text) => controls.say(text),

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

    /** A habit, which this browser keeps. */
    set(name, value) {
      settings[name] = value;
      keepHabits(settings);
      act.show();
    },

    peek(on) {
      if (settings.peeking !== on) act.slide("peeking", on);
    },

    setSize: (size) => act.slide("size", Math.min(maxSize(), Math.max(1, Math.round(size)))),

    stepSize(up, big) {
      const step = Math.max(1, Math.round(settings.size * (big ? 0.4 : 0.12)));
      act.setSize(settings.size + (up ? step : -step));
    },

    /** A turn of the wheel: the brush, or the region that is held. */
    sizeBy(up, big) {
      if (tools.busy) return;
      if (["brush", "eraser", "line"].includes(settings.tool)) act.stepSize(up, big);
      else tools.adjust(0, 0, up ? 1.05 : 1 / 1.05);
    },

    stepOpacity: (up) => act.slide("opacity", Math.min(100, Math.max(0, settings.opacity + (up ? 5 : -5)))),

    travel(step) {
      if (!session.face || tools.busy) return;
      tools.abandon();
      session.travel(step);
    },

    /** Another mask as one step. */
    replace(labels) {
      if (!session.face || tools.busy) return;
      tools.abandon();
      session.face.buffer.labels = labels;
      session.commit();
    },

    region(how, pixels) {
      const { buffer } = session.face;
      const make = { grow: grownRegion, shrink: shrunkRegion, smooth: smoothedRegion }[how];
      const { id, mirror } = CLASSES[settings.classId];
      let labels = make(buffer, id, pixels);
      if (settings.mirror && mirror !== id && !guard.locked[mirror]) {
        const half = new LabelBuffer(buffer.width, buffer.height, labels, buffer.original);
        half.locked = buffer.locked;
        labels = make(half, mirror, pixels);
      }
      if (labels.every((label, i) => label === buffer.labels[i])) act.say(guard.any ? "Nothing changed: what is around it is locked." : "Nothing changed.");
      act.replace(labels);
    },

    setMode: (mode) => guard.setMode(mode),

    toggleLock(id) {
      guard.toggle(id);
      const open = !guard.locked[id];
      act.say(`${CLASSES[id].name} ${open ? "may be painted over." : "is locked: nothing is painted over it."}`);
    },

    press(name) {
      const actions = {
        mirror: () => act.slide("mirror", !settings.mirror),
        undo: () => act.travel(-1),
        redo: () => act.travel(1),
        reset: () => act.replace(session.face.buffer.original.slice()),
        adjust: () => controls.toggleAdjust(),
        outline: () => act.set("outlined", !settings.outlined),
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
  const adjust = createAdjust(controls.panel, act);
  const session = createSession({ element, props, trigger, server }, {
    interrupt: () => tools.abandon(),
    opened() {
      const { buffer } = session.face;
      buffer.locked = guard.locked;
      settings.size = Math.max(1, Math.round((settings.size * buffer.width) / settings.width));
      settings.width = buffer.width;
      view.fit();
    },
    changed: () => act.show(true),
    refused: () => act.say("Nothing changed: what is there is locked."),
    received() {
      act.show(true);
      controls.revealClass(settings.classId);
    },
    photoLoaded: () => view.draw(),
    locked: () => CLASSES.map(({ id }) => id).filter((id) => guard.locked[id]),
  });
  const view = createView({
    size: () => session.face && [session.face.buffer.width, session.face.buffer.height],
    moved: () => act.show(),
  });
  const guard = createGuard(settings.guard, () => {
    session.tellLocks();
    act.show();
  });
  const tools = createTools(session, view, settings, act);
  const parts = { session, view, tools, settings, controls, act };
  const keys = createKeys({ root, stage, panes: () => [stage, ...results.paintable().map(({ host }) => host)] }, parts);
  const hands = createPainting(root, { ...parts, keys });
  const results = createResults(root, element.closest(".block")?.id ?? element.id, (host) =>
    createResult(host, {
      session, view, hands, act, state: settings,
      on: { overlay, busy: () => tools.busy },
    }));
  const overlay = (pen) => {
    tools.draw(pen, keyboard.cursor ?? hands.cursor);
    keyboard.draw(pen);
  };
  const paintMask = createMaskPainter(() => (settings.peeking ? null : settings.opacity / 100));
  const pane = view.addPane(stage, canvas, (context, at) => {
    paintMask(context, at, session.face);
    overlay(view.penOf(at));
  });
  const keyboard = createKeyboardBrush({ stage, canvas, pane }, parts);
  createGestures(pane, canvas, view, hands);
  canvas.addEventListener("dblclick", () => tools.confirm());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  for (const group of [".mc-bar", ".mc-palette", ".mc-chips", ".mc-zoom"]) createRoving(root.querySelector(group), "button");

  function toClient(on, point) {
    const box = on.canvas.getBoundingClientRect();
    const [x, y] = view.onStage(point, on);
    return [box.left + x, box.top + y];
  }

  element.maskCanvas = root.maskCanvas = {
    get id() { return session.face?.id ?? null; },
    get tool() { return settings.tool; },
    get classId() { return settings.classId; },
    get size() { return settings.size; },
    get mirror() { return settings.mirror; },
    get mirrorSum() { return session.face.buffer.mirrorSum; },
    get selected() { return tools.selected; },
    get zoom() { return view.zoom; },
    get counts() { return counts; },
    say: act.say,
    getMask: () => Array.from(session.face.buffer.labels),
    canvasToClient: (x, y) => toClient(pane, [x, y]),
    resultToClient: (x, y) => toClient(results.paintable()[0].pane, [x, y]),
    setTool: act.setTool,
    setClass: act.setClass,
    setSize: act.setSize,
    reset: () => act.press("reset"),
    fit: view.fit,
    zoomBy: (factor) => view.zoomBy(factor),
    setMirror: (on) => act.slide("mirror", on),
    undo: () => act.travel(-1),
    redo: () => act.travel(1),
  };

  guard.apply();
  watch("value", () => session.accept(props.value));
  session.accept(props.value);
  results.find();
}

// `server` is of a page with Gradio only.
createMaskCanvas({ element, props, trigger, watch, server: typeof server === "undefined" ? {} : server });
