// The result: what was before under what is now, with a handle between them. It moves with the canvas and is painted on.
//
// A result is a `.mask-result` with two pictures in it, `.before` and `.after`: images, or canvases where nobody serves
// files. Its `data-canvas` names the canvas that it belongs to; with `data-only-seen` it is another picture than the
// face, with a zoom of its own. Whoever puts one on the page later tells by an event "mask-result".

const HANDLE_SIZE = 28; // CSS pixels, see `.mr-handle`

/** Draws where the classes of a mask meet, as thin lines; what is drawn is kept until the mask is another one. */
function createOutline() {
  let drawn = null; // a copy of the labels
  let lines = null;

  function trace({ width, height, labels }) {
    const path = new Path2D();
    for (let y = 0; y < height; y++) {
      for (let x = 0, from = -1; x <= width; x++) {
        const meets = x < width && y > 0 && labels[y * width + x] !== labels[(y - 1) * width + x];
        if (meets && from < 0) from = x;
        if (meets || from < 0) continue;
        path.moveTo(from, y);
        path.lineTo(x, y);
        from = -1;
      }
    }
    for (let x = 1; x < width; x++) {
      for (let y = 0, from = -1; y <= height; y++) {
        const meets = y < height && labels[y * width + x] !== labels[y * width + x - 1];
        if (meets && from < 0) from = y;
        if (meets || from < 0) continue;
        path.moveTo(x, from);
        path.lineTo(x, y);
        from = -1;
      }
    }
    return path;
  }

  return (context, pane, buffer) => {
    if (drawn?.length !== buffer.labels.length || buffer.labels.some((label, i) => label !== drawn[i])) {
      drawn = buffer.labels.slice();
      lines = trace(buffer);
    }
    context.save();
    context.translate(pane.x, pane.y);
    context.scale(pane.scale, pane.scale);
    for (const [width, colour] of [[2.5, "rgb(0 0 0 / 0.4)"], [1, "rgb(255 255 255 / 0.95)"]]) {
      context.lineWidth = width / pane.scale;
      context.strokeStyle = colour;
      context.stroke(lines);
    }
    context.restore();
  };
}

/** The handle between before and after: a slider, for pointers and for keys; `moved()` after each move. `share` is the part
 *  of the picture in sight that shows what was before; `place(left, right)` says where that is on the host. */
function createCompareHandle(host, moved) {
  const handle = document.createElement("div");
  handle.className = "mr-handle";
  const told = {
    role: "slider", tabindex: "0", "aria-label": "Before and after", "aria-valuemin": "0", "aria-valuemax": "100",
    "aria-orientation": "horizontal", title: "Drag to compare with the photo before (arrow keys, Home, End)",
  };
  for (const [name, value] of Object.entries(told)) handle.setAttribute(name, value);
  handle.innerHTML = "<svg viewBox='0 0 20 20' aria-hidden='true'><path d='M8 5l-5 5 5 5M12 5l5 5-5 5'/></svg><b>Before</b><b>After</b>";
  const line = document.createElement("div");
  line.className = "mr-line";
  host.append(line, handle);
  let at = 0; // percent
  let [left, right] = [0, 1];

  function set(value) {
    at = Math.min(100, Math.max(0, value));
    host.classList.toggle("mr-comparing", at > 0 && at < 100);
    handle.setAttribute("aria-valuenow", Math.round(at));
    handle.setAttribute("aria-valuetext", `${Math.round(at)} % as it was before`);
    moved();
  }

  handle.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    set(((event.clientX - host.getBoundingClientRect().left - host.clientLeft - left) / (right - left)) * 100);
  });
  handle.addEventListener("dblclick", () => set(at ? 0 : 50));
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const values = {
      ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
      PageDown: at - 10, PageUp: at + 10, Home: 0, End: 100,
    };
    if (!(event.key in values) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    set(values[event.key]);
  });
  return {
    set,

    /** Returns where on the host the line stands. */
    place(from, to) {
      [left, right] = [from, Math.max(to, from + 1)];
      const x = left + (right - left) * (at / 100);
      handle.style.left = `${Math.min(host.clientWidth - HANDLE_SIZE, Math.max(0, x - HANDLE_SIZE / 2))}px`;
      line.style.left = `${x - 1}px`;
      return x;
    },
  };
}

/** Buttons in the corner of a result. `paintable` results have one for the outline. */
function createResultBar(host, paintable, act) {
  const bar = document.createElement("div");
  bar.className = "mr-bar";
  const button = (name, word, title) =>
    `<button type='button' class='mc-button' data-do='${name}' aria-label='${title}' title='${title}'>` +
    `<svg viewBox='0 0 20 20' aria-hidden='true'>${ICONS[name]}</svg><span>${word}</span></button>`;
  bar.innerHTML = (paintable ? button("outline", "Outline", "Outline of the mask on the result (U)") : "") +
    button("before", "Before", "Before the edits, while it is held (P)") +
    button("full", "", "Full screen (Esc leaves it)");
  host.append(bar);
  const [before, full] = ["before", "full"].map((name) => bar.querySelector(`[data-do='${name}']`));
  const outline = bar.querySelector("[data-do='outline']");
  outline?.addEventListener("click", () => act.press("outline"));
  full.hidden = !document.fullscreenEnabled;
  full.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : host.requestFullscreen()));
  const hold = (on) => (event) => {
    if (event.type.startsWith("key") && event.key !== " " && event.key !== "Enter") return;
    if (event.type === "pointerdown") before.setPointerCapture(event.pointerId);
    if (event.type !== "blur") event.preventDefault();
    act.peek(on);
  };
  for (const type of ["pointerdown", "keydown"]) before.addEventListener(type, hold(true));
  for (const type of ["pointerup", "pointercancel", "keyup", "blur"]) before.addEventListener(type, hold(false));
  // A screen reader's click comes with no pointer.
  before.addEventListener("click", ({ detail }) => detail === 0 && act.peek(before.getAttribute("aria-pressed") !== "true"));
  before.addEventListener("contextmenu", (event) => event.preventDefault()); // of a long touch
  return {
    show({ outlined, peeking }) {
      outline?.setAttribute("aria-pressed", outlined);
      before.setAttribute("aria-pressed", peeking);
    },
  };
}

/** Take up a result on the page, `host`; returns what shows the state of the canvas on it. `on` says what is drawn:
 *  `overlay(pen)` the outlines of tools, `busy()` whether a stroke is under way. */
function createResult(host, { session, view, hands, act, state, on }) {
  const [before, after] = ["before", "after"].map((name) => host.querySelector(`.${name}`));
  const paintable = !("onlySeen" in host.dataset);
  host.querySelectorAll(":scope > .mr-surface, :scope > .mr-line, :scope > .mr-handle, :scope > .mr-bar").forEach((part) => part.remove());
  const surface = document.createElement("div");
  const canvas = document.createElement("canvas");
  surface.className = "mr-surface";
  surface.append(before, after, canvas);
  host.prepend(surface);
  host.classList.add("mr-ready");

  const natural = () => [after.naturalWidth ?? after.width, after.naturalHeight ?? after.height];
  const ownView = paintable ? view : createView({ size: () => (natural()[0] ? natural() : null), moved() {} });
  const size = () => (paintable ? [session.face.buffer.width, session.face.buffer.height] : natural());
  const drawOutline = createOutline();
  const handle = createCompareHandle(host, () => ownView.draw());
  const bar = createResultBar(host, paintable, act);

  function paint(context, at) {
    const [width, height] = size();
    for (const picture of [before, after]) {
      Object.assign(picture.style, { width: `${width}px`, height: `${height}px` });
      picture.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.scale})`;
    }
    const line = handle.place(Math.max(0, at.x), Math.min(host.clientWidth, at.x + width * at.scale));
    const hidden = state.peeking ? width : (line - at.x) / at.scale;
    after.style.clipPath = `inset(0 0 0 ${Math.min(width, Math.max(0, hidden))}px)`;
    if (!paintable || state.peeking) return;
    if (state.outlined || on.busy()) drawOutline(context, at, session.face.buffer);
    on.overlay(ownView.penOf(at));
  }

  const pane = ownView.addPane(host, canvas, paint);
  createGestures(pane, surface, ownView, paintable ? hands : createLooking(ownView, hands.scrolling));
  handle.set(0);
  if (!paintable) {
    let former = "";
    const fit = () => {
      if (former === natural().join()) return ownView.draw();
      former = natural().join();
      ownView.fit();
    };
    after.addEventListener("load", fit);
    fit();
  }

  return {
    host,
    pane,

    show() {
      host.dataset.tool = state.tool;
      bar.show(state);
      ownView.draw();
    },
  };
}

/** All results of the canvas `name` on the page, and those that come; `make(host)` takes one up. */
function createResults(root, name, make) {
  let results = [];

  function take(host) {
    if (host.dataset.canvas !== name || results.some((result) => result.host === host)) return;
    results = results.filter((result) => result.host.isConnected);
    results.push(make(host));
    results.at(-1).show();
  }

  function onResult(event) {
    if (!root.isConnected) document.removeEventListener("mask-result", onResult);
    else take(event.target);
  }
  document.addEventListener("mask-result", onResult);
  return {
    /** Take up those that are there already. */
    find: () => document.querySelectorAll(".mask-result").forEach(take),
    show: () => results.forEach((result) => result.show()),
    paintable: () => results.filter(({ host }) => host.isConnected && !("onlySeen" in host.dataset)),
  };
}
