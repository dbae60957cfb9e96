// Groups of controls that take one stop of the Tab key: arrows, Home and End move within, as in the toolbars of the
// ARIA Authoring Practices.

const FORWARD = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Make a group of the elements in `group` that match `selector`; what is switched on, or was used last, has the stop.
 *  `opens`: moving to an item also clicks it, as with tabs. */
function createRoving(group, selector, opens = false) {
  if (group.roving) return;
  group.roving = true;
  let current = null;

  const isSeen = (item) => item.getClientRects().length > 0;
  const items = () => {
    const all = [...group.querySelectorAll(selector)].filter((item) => !item.disabled);
    return isSeen(group) ? all.filter(isSeen) : all;
  };
  const isOn = (item) => item.matches("[aria-selected=true], [aria-pressed=true], .selected");

  function settle() {
    const all = items();
    const focused = all.find((item) => item === document.activeElement);
    if (focused) current = focused;
    else if (opens || !all.includes(current)) current = all.find(isOn) ?? all[0] ?? null;
    for (const item of all) {
      const stop = item === current ? 0 : -1;
      if (item.tabIndex !== stop) item.tabIndex = stop;
    }
  }

  group.addEventListener("focusin", settle);
  group.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const item = event.target.closest?.(selector);
    const all = items();
    const at = all.indexOf(item);
    const choosing = item?.tagName === "SELECT" && /^Arrow(Up|Down)$/.test(event.key);
    if (at < 0 || choosing) return;
    let next = at + (FORWARD[event.key] ?? 0);
    if (event.key === "Home") next = 0;
    else if (event.key === "End") next = all.length - 1;
    else if (next === at) return;
    event.preventDefault();
    event.stopPropagation();
    const other = all[(next + all.length) % all.length];
    other.focus();
    if (opens) other.click();
  });
  const changes = { subtree: true, childList: true, attributes: true };
  new MutationObserver(settle).observe(group, { ...changes, attributeFilter: ["disabled", "class", "aria-pressed", "aria-selected"] });
  new ResizeObserver(settle).observe(group); // it is shown, or hidden
  settle();
}
