// The service worker: offline visits, and threads on hosts that do not send the headers for them.

const TRIED = "isolation was tried";

/** Resolves when the page may go on; where threads need it, the page is loaded once more under the service worker. */
export async function isolated() {
  if (!navigator.serviceWorker) return; // an insecure address: one thread, and no visits offline
  try {
    const registration = await navigator.serviceWorker.register("sw.js");
    if (crossOriginIsolated) return sessionStorage.removeItem(TRIED);
    if (sessionStorage.getItem(TRIED) || !(await active(registration))) return;
    sessionStorage.setItem(TRIED, "yes");
    location.reload();
    await new Promise(() => {}); // nothing more is to happen on this one
  } catch (error) {
    console.warn("No service worker:", error); // forbidden in this browser; everything else works
  }
}

/** Whether the service worker runs, once that is decided; it does not where nothing may be stored. */
function active({ active: running, waiting, installing }) {
  const worker = running ?? waiting ?? installing;
  return new Promise((resolve) => {
    const look = () => {
      if (worker.state === "activated") resolve(true);
      if (worker.state === "redundant") resolve(false);
    };
    worker.addEventListener("statechange", look);
    look();
  });
}
