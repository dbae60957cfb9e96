// The face that is open: its mask with undo and redo, and the messages to and from Python about it.

const PREVIEW_AFTER = 350; // ms of a stroke before its first preview: short strokes are drawn once, at their end
const SEND_EVERY = 120; // ms at least from a preview to the next
const SLOWEST = 1000; // ms that an answer is taken to need at most, where it needs longer
const MAX_KEPT = 24; // faces whose history is kept
const ELSEWHERE = ["pointerdown", "click", "keydown", "change", "drop", "paste"]; // after which the page may ask Python
const MAX_TOLD = 40; // steps of a history that are kept beyond this load of the page

/** `bridge` is Gradio's: `element`, `props`, `trigger` and `server` of the component. `on` is what the canvas does then:
 *  `interrupt()` before the mask is replaced, `opened()` when another face is, `changed()` after any change of the mask,
 *  `refused()` after a stroke that locks left nothing of, `received()` after a message from Python, `photoLoaded()`;
 *  `locked()` are the ids of locked classes. */
function createSession({ element, props, trigger, server }, on) {
  // Gradio builds the component anew whenever it has been hidden, and people come back to faces that they have left:
  // photo, original and history outlive that here. What an earlier load of the page knew is in `maskCanvasKept`.
  const kept = (window.maskCanvasFaces ??= new Map());
  const before = (window.maskCanvasKept ??= new Map());
  const keptAs = element.closest(".block")?.id ?? element.id; // of the page without a server it is the only one
  let face = null; // {id, buffer, history, photo, moved}; moved: {mask, told} of the newest mask to which regions were moved
  let number = 0; // of the last message
  let began = null; // when the stroke under way first changed the mask
  let timer = 0; // of the next preview
  let lastSent = 0;
  let lastMask = null; // what Python was told since it last gave a mask itself
  let waiting = false; // for Python to answer that with a result
  let answers = 0; // ms that the last answer took
  let asked = Promise.resolve(); // of what was asked for ahead last
  const untold = new Set(); // {event} of strokes whose event is to follow
  let owed = false; // whether a preview of the stroke under way is to be sent
  let carried = null; // what `move_tool.js` tells of how the mask on the canvas came about

  // -------------------------------------------------------------- Python -> browser

  function openFace(next) {
    on.interrupt();
    face = next;
    kept.set(keptAs, face);
    kept.delete(`${keptAs}/${face.id}`);
    kept.set(`${keptAs}/${face.id}`, face);
    const names = [...kept.keys()].filter((name) => name.startsWith(`${keptAs}/`));
    if (names.length > MAX_KEPT) kept.delete(names[0]);
    on.opened();
  }

  /** The history of a face that was left, or that was open when the page was loaded before. */
  function historyOf(id, mask) {
    const known = kept.get(`${keptAs}/${id}`)?.history ?? before.get(id);
    const history = new History(mask);
    if (!known) return history;
    Object.assign(history, { states: [...known.states], at: known.at });
    history.push(mask);
    return history;
  }

  /** Tell whoever keeps strokes (`keeper.js`). */
  function tellStrokes() {
    const { states, at } = face.history;
    const from = Math.max(0, Math.min(at, states.length - MAX_TOLD));
    const told = { canvas: keptAs, id: face.id, states: states.slice(from, from + MAX_TOLD), at: at - from };
    document.dispatchEvent(new CustomEvent("mask-canvas", { detail: told }));
  }

  function accept(value) {
    if (!value || !value.mask) return;
    if (!face && kept.get(keptAs)?.id === value.id) {
      openFace(kept.get(keptAs));
      on.changed();
    }
    if (value.stroke !== undefined && value.id === face?.id) return; // our own message come back
    const { id, width, height, version } = value;
    if (id === face?.id && version <= face.version) return; // sent twice
    lastMask = null;
    const labels = decodeRuns(value.mask, width * height);
    const original = value.original && decodeRuns(value.original, labels.length);
    if (id !== face?.id || width !== face.buffer.width || height !== face.buffer.height) {
      const buffer = new LabelBuffer(width, height, labels, original || labels.slice());
      openFace({ id, buffer, history: historyOf(id, value.mask), photo: null });
    } else {
      if (original) face.buffer.setOriginal(original);
      if (value.mask !== face.history.current) {
        on.interrupt();
        face.buffer.labels = labels;
        if (value.instead && face.history.at > 0) face.history.go(-1); // another strength of the same edit
        face.history.push(value.mask);
      }
    }
    face.version = version;
    document.dispatchEvent(new CustomEvent("mask-canvas-given", { detail: { canvas: keptAs } }));
    if (value.photo) loadPhoto(face, value.photo);
    tellStrokes();
    if (on.locked().length) hold(face.history.current);
    on.received();
  }

  function loadPhoto(owner, url) {
    const photo = new Image();
    photo.onload = () => {
      owner.photo = photo;
      on.photoLoaded();
    };
    photo.src = url;
  }

  // -------------------------------------------------------------- browser -> Python

  /** `ended`: whether nothing of this stroke follows. */
  function send(event, mask, ended = true) {
    clearTimeout(timer);
    timer = 0;
    owed = false;
    const known = mask === lastMask; // it is answered with nothing
    if (!known) {
      lastSent = performance.now();
      waiting = true;
    }
    lastMask = mask;
    // Numbers go on when Gradio builds the component anew, and are never used twice on a page.
    number = window.maskCanvasMessages = (window.maskCanvasMessages ?? 0) + 1;
    hold(mask);
    if (!server.picture_ahead) return tell(event);
    const late = { event };
    if (ended) untold.add(late);
    const pictures = picturesOfThis();
    if (known) asked = asked.then((answer) => finishAhead(late, pictures, answer)); // the preview that showed it
    else asked = askAhead(late, pictures, ended);
  }

  function tell(event) {
    trigger(event, { id: face.id, stroke: number });
  }

  /** What people do elsewhere on the page comes after the stroke that they made before: its event waits no longer. */
  function onElsewhere({ target }) {
    if (!element.isConnected) ELSEWHERE.forEach((name) => document.removeEventListener(name, onElsewhere, true));
    else if (untold.size && !element.contains(target)) {
      const [{ event }] = untold;
      untold.clear();
      tell(event); // of the newest mask, to which all of them led
    }
  }
  ELSEWHERE.forEach((name) => document.addEventListener(name, onElsewhere, true));

  /** Pictures of what the canvas holds now, past the queue: `ask` for one, and `show` it, unless another mask has come meanwhile. */
  function picturesOfThis() {
    const [own, { id, version }, message] = [number, face, { ...props.value }];
    return {
      ask: (how) => server.picture_ahead({ message, ...how }).catch(() => null),
      show(answer) {
        if (!answer || face?.id !== id || face.version !== version) return;
        const detail = { canvas: keptAs, ...answer };
        document.dispatchEvent(new CustomEvent("mask-result-ahead", { detail }));
        return detail.shown; // what the page does for an event would keep the picture from the screen
      },
      areNewest: () => own === number,
    };
  }

  /** Ask for the picture, which is shown at once; the event, which does the rest, follows, in which it is not made again.
   *  Previews need no event. Returns what was answered first. */
  async function askAhead(late, pictures, ended) {
    const answer = await pictures.ask({ ended });
    // The edit of a draft is in work already; a later stroke does without it.
    const exact = answer?.draft && ended && pictures.areNewest() ? pictures.ask({ ended, exact: true }) : null;
    await pictures.show(answer);
    await pictures.show(await exact);
    if (ended ? untold.delete(late) : !answer && pictures.areNewest()) tell(late.event);
    return answer;
  }

  /** The end of a stroke of which the last preview, whose `answer` this was, showed all: that may have been a draft. */
  async function finishAhead(late, pictures, answer) {
    if (answer?.draft && pictures.areNewest()) await pictures.show(await pictures.ask({ ended: true, exact: true }));
    if (untold.delete(late)) tell(late.event);
  }

  /** What any event of the page tells Python of the canvas. */
  function hold(mask) {
    const { width, height } = face.buffer;
    const known = face.version === undefined ? {} : { version: face.version };
    const ids = on.locked();
    const moved = face.moved?.mask === mask ? { moved: face.moved.told } : {};
    props.value = { id: face.id, width, height, mask, stroke: number, ...known, ...(ids.length ? { locked: ids } : {}), ...moved };
  }

  function sendStroke() {
    began = null;
    tellStrokes();
    send("release", face.history.current);
  }

  function sendPreview() {
    const mask = encodeRuns(face.buffer.labels);
    timer = 0;
    owed = false;
    if (carried && mask !== face.history.current) face.moved = { mask, told: carried };
    if (mask !== lastMask) send("input", mask, false);
  }

  /** Previews leave half of the time to what ends a stroke, which has to wait for the preview under way. */
  function schedule() {
    clearTimeout(timer);
    timer = 0;
    if (!owed) return;
    const pause = waiting ? 2 * SLOWEST : Math.max(SEND_EVERY, 2 * answers);
    const due = Math.max(began + PREVIEW_AFTER, lastSent + pause);
    timer = setTimeout(sendPreview, Math.max(0, due - performance.now()));
  }

  /** A stroke has left nothing: what Python saw of it is taken back. */
  function settle() {
    began = null;
    owed = false;
    clearTimeout(timer);
    timer = 0;
    if (lastMask !== null && lastMask !== face.history.current) send("input", face.history.current);
  }

  function onAnswer({ target }) {
    if (!element.isConnected) document.removeEventListener("mask-result-shown", onAnswer);
    if (!waiting || target.closest("[data-canvas]")?.dataset.canvas !== keptAs) return;
    waiting = false;
    answers = Math.min(SLOWEST, performance.now() - lastSent);
    schedule();
  }
  document.addEventListener("mask-result-shown", onAnswer);

  return {
    accept,

    get face() {
      return face;
    },

    /** Other classes are locked. */
    tellLocks() {
      if (face) hold(face.history.current);
    },

    /** A preview of the stroke under way, when its time has come; `told` of regions that it moves. */
    sendSoon(told = null) {
      carried = told;
      began ??= performance.now();
      owed = true;
      if (!timer) schedule();
    },

    /** End of a stroke: one undo step, if anything changed; `told` of regions that it moved. */
    commit(told = null) {
      carried = null;
      const mask = encodeRuns(face.buffer.labels);
      if (told && mask !== face.history.current) face.moved = { mask, told };
      if (face.history.push(mask)) sendStroke();
      else {
        if (face.buffer.refused) on.refused();
        settle();
      }
      face.buffer.refused = 0;
      on.changed();
    },

    /** Back to the last step of the history, for Python too where it has seen more. */
    revert() {
      face.buffer.labels = decodeRuns(face.history.current, face.buffer.labels.length);
      settle();
      face.buffer.refused = 0;
    },

    /** Undo (-1) or redo (1). */
    travel(step) {
      if (!face.history.canGo(step)) return;
      face.buffer.labels = decodeRuns(face.history.go(step), face.buffer.labels.length);
      sendStroke();
      on.changed();
    },
  };
}
