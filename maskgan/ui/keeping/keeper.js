// Keeps the visit of this tab in the browser's own database, and brings it back when the page is loaded again.
//
// Python sends what a visit consists of: a small list that names files. The list and the files are written together,
// so that what is kept is always whole. The canvas tells of every stroke by itself ("mask-canvas"), so that strokes
// which no server has heard of are kept too. Python gives LIFETIME, in hours.

const STORES = ["visits", "files", "strokes"];

/** The database as promises; every call is one transaction. */
function openDatabase() {
  const opening = new Promise((resolve, reject) => {
    const request = indexedDB.open("maskgan-studio", 1);
    request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  opening.catch(() => null); // whoever uses it is told

  /** Run `work(stores)` in a transaction; what it returns, a request's result in place of the request. */
  async function transact(mode, work) {
    const database = await opening;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORES, mode);
      const stores = Object.fromEntries(STORES.map((name) => [name, transaction.objectStore(name)]));
      const answer = work(stores);
      transaction.oncomplete = () => resolve(answer instanceof IDBRequest ? answer.result : answer);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }
  return { read: (work) => transact("readonly", work), write: (work) => transact("readwrite", work) };
}

const filesOf = (tab) => IDBKeyRange.bound(`${tab}/`, `${tab}/\uffff`);

function dropTab(stores, tab) {
  stores.visits.delete(tab);
  stores.strokes.delete(tab);
  stores.files.delete(filesOf(tab));
}

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

const TAB = "maskgan-studio-tab";
const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/** Whether no other tab has this key; it is this tab's then, for as long as the page is open. */
async function isFree(key, channel) {
  if (navigator.locks) { // only where the page comes by HTTPS or from this computer
    for (let attempt = 0; attempt < 5; attempt++) { // the page before a reload may not have let go yet
      const got = await new Promise((resolve) => {
        const hold = (lock) => {
          resolve(Boolean(lock));
          return lock ? new Promise(() => {}) : null;
        };
        navigator.locks.request(`${TAB}/${key}`, { ifAvailable: true }, hold).catch(() => resolve(true));
      });
      if (got) return true;
      await pause(100);
    }
    return false;
  }
  if (!channel) return true;
  let taken = false;
  const listen = ({ data }) => (taken ||= data.taken === key);
  channel.addEventListener("message", listen);
  channel.postMessage({ ask: key });
  for (let waited = 0; waited < 500 && !taken; waited += 50) await pause(50);
  channel.removeEventListener("message", listen);
  return !taken;
}

/** This tab's key, and the key of the visit that it begins with: a tab that was duplicated begins with the other's.
 *  Also the channel on which tabs of one browser speak. */
async function tabKeys() {
  const channel = window.BroadcastChannel ? new BroadcastChannel(TAB) : null;
  let former = null;
  try {
    former = sessionStorage.getItem(TAB);
  } catch {
    return { own: newKey(), former, channel }; // no storage is allowed here
  }
  let own = former;
  if (!own || !(await isFree(own, channel))) {
    own = newKey();
    await isFree(own, null);
  }
  channel?.addEventListener("message", ({ data }) => data.ask === own && channel.postMessage({ taken: own }));
  sessionStorage.setItem(TAB, own);
  return { own, former, channel };
}

/** All files that a visit names. */
function filesIn(visit) {
  const beside = Object.values(visit.tabs ?? {}).flatMap((tab) => Object.values(tab.faces));
  const faces = [...visit.faces, ...beside].flatMap((face) => [face.own, face.state, ...face.steps]);
  return [...visit.photos.map((photo) => photo.file).filter(Boolean), ...faces];
}

function createKeeper({ element, props, trigger, watch }) {
  const root = element.querySelector(".keeper");
  const { root: address = "", api_prefix: prefix = "" } = window.gradio_config ?? {};
  const database = openDatabase();
  const keys = tabKeys();
  const held = new Map(); // blobs by path that were brought back and are not yet written under their new path
  let stored = new Set(); // paths of this tab's files
  let next = null; // the visit to be written
  let writing = false;
  let failing = false; // the browser keeps no strokes
  let keptFace = null; // id of the face that was open in the visit that is kept
  let canvasFace = null; // id of the face on the canvas, and whether there are strokes on it
  let edited = false;
  let stopped = false;
  let known = false; // whether this load of the page has had a visit

  // -------------------------------------------------------------- keeping

  async function keep(visit) {
    next = visit;
    if (writing || stopped) return;
    writing = true;
    let now = null;
    try {
      while (next && !stopped) {
        now = next;
        next = null;
        await write(now);
      }
    } catch (problem) {
      next ??= now; // tried again once the server answers, see `look`
      console.debug("this visit is not kept yet:", problem);
    }
    writing = false;
  }

  async function write(visit) {
    const { own } = await keys;
    const files = new Map(filesIn(visit).map((file) => [file.path, file]));
    const missing = [...files.values()].filter(({ path }) => !stored.has(path));
    const blobs = await Promise.all(missing.map(async ({ path, url }) => {
      if (held.has(path)) return held.get(path);
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${answer.status} for a file of the visit`);
      return answer.blob();
    }));
    if (stopped) return;
    await database.write((stores) => {
      missing.forEach(({ path }, number) => stores.files.put(blobs[number], `${own}/${path}`));
      for (const path of stored) if (!files.has(path)) stores.files.delete(`${own}/${path}`);
      stores.visits.put({ visit, time: Date.now() }, own);
    });
    stored = new Set(files.keys());
    held.clear();
    known = true;
    keptFace = visit.faces.at(-1).id;
  }

  document.addEventListener("mask-canvas", async ({ detail }) => {
    if (detail.canvas !== "canvas" || !root.isConnected || stopped) return;
    const { id, states, at } = detail;
    canvasFace = id;
    edited = states.length > 1;
    const { own } = await keys;
    try {
      if (!stopped) await database.write((stores) => void stores.strokes.put({ id, states, at }, own));
      failing = false;
    } catch (problem) {
      failing = true;
      console.debug("this stroke is not kept:", problem);
    }
  });

  // Only where something would be lost.
  window.addEventListener("beforeunload", (event) => {
    const lost = edited && (failing || keptFace !== canvasFace);
    if (root.isConnected && !stopped && lost) event.preventDefault();
  });

  // -------------------------------------------------------------- bringing back

  /** The visit for Python, its files uploaded where the server has them no longer; null for a new visit. */
  async function bringBack() {
    try {
      await database.read(() => null);
    } catch {
      failing = true; // no storage is allowed here: people are asked before they leave
      return null;
    }
    try {
      const { own, former } = await keys;
      await forgetOld();
      if (!former) return null;
      const found = await database.read((stores) => stores.visits.get(former));
      if (!found) return null;
      const strokes = await database.read((stores) => stores.strokes.get(former));
      const visit = found.visit;
      await upload(visit, former);
      if (strokes) {
        visit.live = { id: strokes.id, mask: strokes.states[strokes.at] };
        (window.maskCanvasKept ??= new Map()).set(strokes.id, strokes);
      }
      if (own === former) await readStored(own);
      return visit;
    } catch (problem) {
      console.debug("the last visit could not be brought back:", problem);
      say("Your last visit could not be brought back; reload the page to try again.", false);
      stopped = true; // what is kept stays for that
      return null;
    }
  }

  async function readStored(tab) {
    const names = await database.read((stores) => stores.files.getAllKeys(filesOf(tab)));
    stored = new Set(names.map((name) => name.slice(tab.length + 1)));
  }

  async function upload(visit, tab) {
    const files = [...new Map(filesIn(visit).map((file) => [file.path, file])).values()];
    const { blobs } = await database.read((stores) => {
      const wanted = files.map(({ path }) => stores.files.get(`${tab}/${path}`));
      return { get blobs() { return wanted.map((request) => request.result); } };
    });
    if (blobs.some((blob) => !blob)) throw new Error("a file is missing");
    const LARGE = 500_000; // bytes from which on it is worth asking whether the server still has a file
    const there = await Promise.all(files.map(async ({ url }, number) =>
      blobs[number].size > LARGE && (await fetch(url, { method: "HEAD" }).catch(() => null))?.ok));
    const sent = files.map((file, number) => number).filter((number) => !there[number]);
    const form = new FormData();
    for (const number of sent) form.append("files", blobs[number], files[number].path.split(/[\\/]/).pop());
    const paths = new Map(files.map(({ path }) => [path, path]));
    if (sent.length) {
      const answer = await fetch(`${address}${prefix}/upload`, { method: "POST", body: form });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      (await answer.json()).forEach((path, at) => paths.set(files[sent[at]].path, path));
    }
    files.forEach(({ path }, number) => held.set(paths.get(path), blobs[number]));
    for (const file of filesIn(visit)) Object.assign(file, { path: paths.get(file.path) });
    for (const file of filesIn(visit)) delete file.url;
  }

  /** Visits of tabs that were closed long ago. */
  async function forgetOld() {
    const oldest = Date.now() - LIFETIME * 3600_000;
    await database.write((stores) => {
      stores.visits.openCursor().onsuccess = ({ target: { result: cursor } }) => {
        if (!cursor) return;
        if (!(cursor.value.time > oldest)) dropTab(stores, cursor.key);
        cursor.continue();
      };
    });
  }

  // -------------------------------------------------------------- the tab that is open

  const OPEN = "maskgan-studio-open";

  document.addEventListener("click", ({ target }) => {
    const tab = target.closest?.("[role=tab][data-tab-id]");
    if (!tab || !root.isConnected) return;
    try {
      sessionStorage.setItem(OPEN, tab.dataset.tabId);
    } catch (problem) {
      console.debug("the open tab is not kept:", problem);
    }
  });

  function openTab() {
    const id = sessionStorage.getItem(OPEN);
    const tab = [...document.querySelectorAll("[role=tab][data-tab-id]")].find(({ dataset }) => dataset.tabId === id);
    if (tab?.getAttribute("aria-selected") === "false") tab.click();
  }

  // -------------------------------------------------------------- another run of the server

  const EVERY = 10_000; // ms between looks at which run of the server answers; sooner while none does
  let run = null;
  let timer = 0;
  let looks = 0;

  async function look() {
    clearTimeout(timer);
    const number = ++looks;
    if (!root.isConnected) return;
    let answers = false;
    if (document.visibilityState === "visible") {
      const answer = await fetch(`${address}${prefix}/app_id`, { signal: AbortSignal.timeout(5000) }).catch(() => null);
      const id = answer?.ok ? (await answer.json().catch(() => ({}))).app_id : null;
      answers = Boolean(id) || answer?.ok === false;
      if (id && run && id !== run) return window.location.reload(); // this page is nobody there
      run = id ?? run;
      if (answers && next) keep(next);
    }
    if (number === looks) timer = setTimeout(look, answers || document.visibilityState !== "visible" ? EVERY : EVERY / 5);
  }

  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  look();

  // -------------------------------------------------------------- what people see

  const [line, fresh, close] = root.querySelectorAll("span, button");

  function say(text, undo = true) {
    line.textContent = text;
    fresh.hidden = !undo;
    root.hidden = false;
  }

  async function startFresh() {
    stopped = true;
    const { own } = await keys;
    await database.write((stores) => dropTab(stores, own)).catch(() => null);
    window.location.reload();
  }

  fresh.addEventListener("click", startFresh);
  close.addEventListener("click", () => (root.hidden = true));
  document.addEventListener("click", async (event) => {
    if (!root.isConnected || !event.target.closest?.("#forget-all")) return;
    stopped = true;
    await database.write((stores) => STORES.forEach((name) => stores[name].clear())).catch(() => null);
    (await keys).channel?.postMessage({ forget: true });
    forgetOnServer();
  });
  keys.then(({ own, channel }) => channel?.addEventListener("message", ({ data }) => {
    if (!data.forget || !root.isConnected) return; // said in another tab
    forgetOnServer();
    database.write((stores) => dropTab(stores, own)).catch(() => null); // what was on its way
  }));

  function forgetOnServer() {
    stopped = true;
    trigger("forget"); // Python's half; the page is loaded anew afterwards
    setTimeout(() => window.location.reload(), 10_000); // should the server be away
  }

  watch("value", () => {
    const value = props.value;
    if (!value) return;
    if (value.lost) {
      if (known) window.location.reload(); // the server has forgotten this page, perhaps over a long sleep
    } else if (value.restored !== undefined) {
      if (value.restored) {
        say("Your work is back as you left it.");
        openTab();
      }
    } else if (value.photos) keep(value);
  });

  window.maskganKeeper = { bringBack };
}

createKeeper({ element, props, trigger, watch });
