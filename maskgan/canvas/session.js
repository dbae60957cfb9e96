// The face that is open: its mask with undo and redo, and the messages to and from Python about it.

const SEND_EVERY = 120; // ms between previews during a long stroke
const MAX_KEPT = 24; // faces whose history is kept
const MAX_TOLD = 40; // steps of a history that are kept beyond this load of the page

/** `bridge` is Gradio's: `element`, `props` and `trigger` of the component. `on` is what the canvas does then:
 *  `interrupt()` before the mask is replaced, `opened()` when another face is, `changed()` after any change of the mask,
 *  `refused()` after a stroke that locks left nothing of, `received()` after a message from Python, `photoLoaded()`. */
function createSession({ element, props, trigger }, on) {
  // Gradio builds the component anew whenever it has been hidden, and people come back to faces that they have left:
  // photo, original and history outlive that here. What an earlier load of the page knew is in `maskCanvasKept`.
  const kept = (window.maskCanvasFaces ??= new Map());
  const before = (window.maskCanvasKept ??= new Map());
  const keptAs = element.closest(".block")?.id ?? element.id; // of the page without a server it is the only one
  let face = null; // {id, buffer, history, photo}
  let strokes = 0;
  let timer = 0; // of the next preview
  let lastSent = 0;
  let previewed = false; // whether Python has seen, or will see, more than the history holds

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
    if (!face && kept.get(keptAs)?.id === value.id) openFace(kept.get(keptAs));
    if (value.stroke !== undefined && value.id === face?.id) return on.changed(); // our own message come back
    const { id, width, height } = value;
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
    if (value.photo) loadPhoto(face, value.photo);
    tellStrokes();
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

  function send() {
    clearTimeout(timer);
    timer = 0;
    lastSent = performance.now();
    const { width, height, labels } = face.buffer;
    props.value = { id: face.id, width, height, mask: encodeRuns(labels), stroke: strokes };
    trigger("input", { id: face.id, stroke: strokes });
  }

  function sendStroke() {
    strokes++;
    tellStrokes();
    send();
    trigger("release", { id: face.id, stroke: strokes });
  }

  return {
    accept,

    get face() {
      return face;
    },

    /** A preview of the stroke under way, at most one every SEND_EVERY ms. */
    sendSoon() {
      previewed = true;
      if (!timer) timer = setTimeout(send, Math.max(0, SEND_EVERY - (performance.now() - lastSent)));
    },

    /** End of a stroke: one undo step, if anything changed. */
    commit() {
      previewed = false;
      if (face.history.push(encodeRuns(face.buffer.labels))) sendStroke();
      else if (face.buffer.refused) on.refused();
      face.buffer.refused = 0;
      on.changed();
    },

    /** Back to the last step of the history, for Python too where it has seen more. */
    revert() {
      face.buffer.labels = decodeRuns(face.history.current, face.buffer.labels.length);
      if (timer || previewed) send();
      previewed = false;
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
