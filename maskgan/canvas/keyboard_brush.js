// Painting without a pointer: while the canvas has the focus, arrows move a cursor on it, and the tools take the cursor
// for a pointer.
//
//   arrows          a quarter of the brush; with Shift four times as far, with Alt a pixel of the mask
//   Space           puts the tool down: arrows draw from then on, until Space lifts it
//   Enter           lifts it, or else makes a dot (with the lasso: closes the area)
//   Escape          takes back the stroke under way; else puts the cursor away
//
// Regions that the Move tool holds are moved by the arrows themselves, see `keys.js`.

const CURSOR_EDGE = 24; // CSS pixels of the stage that the cursor keeps from its border

/** Listens from now on, to what happens on `pane`; `cursor` is its place in the mask, or null while there is none. */
function createKeyboardBrush({ stage, canvas, pane }, { session, view, tools, settings, controls, act }) {
  const heard = stage.querySelector(".mc-heard");
  let place = null; // in the mask of the face with faceId
  let faceId = null;
  let shown = false;
  let isDown = false;
  let under = NOTHING;

  const say = (text) => (heard.textContent = text);

  /** What a pointer at the cursor would tell. */
  function pointer() {
    const box = canvas.getBoundingClientRect();
    const [x, y] = view.onStage(place);
    return { clientX: box.left + x, clientY: box.top + y, button: 0, altKey: false, shiftKey: false, pointerType: "mouse" };
  }

  function show() {
    const { buffer, id } = session.face;
    if (faceId !== id) place = [Math.floor(buffer.width / 2) + 0.5, Math.floor(buffer.height / 2) + 0.5];
    faceId = id;
    shown = true;
    tell();
  }

  function hide() {
    lift();
    if (!shown) return;
    shown = false;
    under = NOTHING;
    controls.showUnder(NOTHING);
    view.draw();
  }

  function tell() {
    const label = session.face.buffer.at(...place);
    controls.showUnder(label);
    if (label !== under) say(CLASSES[label].name);
    under = label;
  }

  function lift() {
    if (!isDown) return;
    isDown = false;
    if (tools.busy) tools.finish();
  }

  function putDown() {
    tools.begin(pointer(), false);
    isDown = tools.busy; // a fill or a pick is over at once
  }

  function keepInSight() {
    const [x, y] = view.onStage(place);
    const over = (value, size) => Math.max(0, CURSOR_EDGE - value) - Math.max(0, value - size + CURSOR_EDGE);
    const [dx, dy] = [over(x, stage.clientWidth), over(y, stage.clientHeight)];
    if (dx || dy) view.panBy(dx, dy);
  }

  function move([dx, dy], step) {
    const { width, height } = session.face.buffer;
    const inside = (value, size) => Math.min(size - 0.5, Math.max(0.5, value));
    place = [inside(place[0] + dx * step, width), inside(place[1] + dy * step, height)];
    keepInSight();
    if (isDown && tools.busy) tools.carryOn(pointer());
    tell();
  }

  /** Returns whether the key meant something here. */
  function onKey(event) {
    if (event.ctrlKey || event.metaKey) return false;
    const { key } = event;
    if (ARROWS[key]) {
      if (!event.altKey && !isDown && tools.adjust(...ARROWS[key], 1)) return true;
      if (!shown) show(); // the first arrow shows where the cursor is
      else move(ARROWS[key], event.altKey ? 1 : Math.max(1, Math.round(settings.size / 4)) * (event.shiftKey ? 4 : 1));
    } else if (!shown || event.altKey) return false;
    else if (key === " ") {
      if (event.repeat) return true;
      if (isDown) lift();
      else putDown();
      say(isDown ? "Down" : "Up");
    } else if (key === "Enter") {
      if (isDown) lift();
      else if (!tools.confirm()) {
        putDown();
        lift();
      }
      say("Up");
    } else if (key === "Escape" && isDown) {
      isDown = false;
      tools.abandon();
      act.show(true);
      say("Taken back");
    } else if (key === "Escape" && !controls.helpOpen() && !tools.halfDone) hide();
    else return false;
    return true;
  }

  stage.addEventListener("keydown", (event) => {
    if (!session.face || event.target !== stage) return;
    view.use(pane);
    if (ARROWS[event.key]) stage.classList.remove("mc-pointing");
    if (faceId !== session.face.id) hide();
    if (!onKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
    view.draw();
  });
  stage.addEventListener("focus", () => {
    if (!session.face || !stage.matches(":focus-visible:not(.mc-pointing)")) return; // it was clicked
    show();
    view.draw();
  });
  stage.addEventListener("blur", hide);
  canvas.addEventListener("pointermove", (event) => {
    if (event.movementX || event.movementY) hide(); // browsers also tell of pointers that rest
  });
  stage.addEventListener("pointerdown", hide, true);

  return {
    get cursor() {
      return shown && session.face?.id === faceId ? place : null;
    },

    /** A cross at the cursor; `pen` is that of `view.js`. */
    draw(pen) {
      if (!this.cursor) return;
      const [x, y] = pen.onStage(this.cursor);
      pen.context.beginPath();
      for (const [dx, dy] of Object.values(ARROWS)) {
        pen.context.moveTo(x + 4 * dx, y + 4 * dy);
        pen.context.lineTo(x + 12 * dx, y + 12 * dy);
      }
      pen.outline();
    },
  };
}
