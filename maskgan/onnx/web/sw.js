// The service worker: keeps the folder's files for visits without a network, and adds the two headers that let
// WebAssembly use threads, which static hosts do not send. VERSION and SHELL stand in front of it: a name that changes
// with the files, and the small files, which are kept from the first visit on; the others are when they are asked for.

const PREFIX = `maskgan ${registration.scope} `;
const CACHE = PREFIX + VERSION;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((name) => new Request(name, { cache: "no-cache" })));
  if (!registration.active) await skipWaiting(); // a later version waits until no page of this one is open
}

async function activate() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(event) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(event.request, { ignoreSearch: true });
  const found = kept ?? (await fetch(event.request));
  if (!kept && found.status === 200) {
    const copy = cache.put(event.request, found.clone());
    event.waitUntil(copy.catch(() => {})); // no room: the page works, but not offline
  }
  const headers = new Headers(found.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(found.body, { status: found.status, statusText: found.statusText, headers });
}

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event));
});
