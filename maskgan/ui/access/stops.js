// Few stops of the Tab key: a link to the canvas first, then one stop for each group of buttons or pictures.

/** Groups by their selector, what stands in them, and their name where the page has none for them. */
const GROUPS = [
  { group: ".tab-container[role=tablist]", items: "[role=tab]", opens: true },
  { group: ".pictures .grid-container, .gallery-container .grid-container", items: ".thumbnail-item" },
  { group: ".mask-files", items: "button", role: "toolbar", name: () => "Files of masks" },
  {
    group: ".quick-buttons",
    items: "button, select",
    role: "toolbar",
    name: (group) => group.closest(".quick-group")?.querySelector("h3")?.textContent ?? "Quick edits",
  },
  { group: ".lb-swatches, .lb-photos", items: "button" },
  { group: ".morph-marks", items: "button", role: "toolbar", name: () => "Places between A and B" },
];

function groupAll() {
  for (const { group, items, opens, role, name } of GROUPS) {
    for (const element of document.querySelectorAll(group)) {
      if (role) {
        give(element, "role", role);
        give(element, "aria-label", name(element));
      }
      createRoving(element, items, opens);
    }
  }
}

/** The first stop of the page: to the canvas that is painted on, or to the tab that is open. */
function addSkipLink() {
  if (document.getElementById("skip-link")) return;
  const link = Object.assign(document.createElement("a"), { id: "skip-link", href: "#canvas", textContent: "Go to the canvas" });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const isSeen = (element) => element.getClientRects().length > 0;
    const stage = [...document.querySelectorAll("#canvas .mc-stage")].find(isSeen);
    (stage ?? document.querySelector("[role=tab][aria-selected=true]"))?.focus();
  });
  document.querySelector(".gradio-container").prepend(link);
}
