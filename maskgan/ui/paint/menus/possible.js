// Tooltips of buttons, and buttons that can do nothing to the mask on the canvas: these look so and say why. Python gives
// HELPS, texts by element id, and NEEDS: classes by element id of which the mask has to have one, and what they are.

const canvas = () => document.querySelector("#canvas .mask-canvas")?.maskCanvas;

function show() {
  const counts = canvas()?.counts;
  for (const [id, help] of Object.entries(HELPS)) {
    const button = document.getElementById(id);
    if (!button) continue;
    const [classes, what] = NEEDS[id] ?? [];
    const possible = !classes || !counts || classes.some((label) => counts[label] > 0);
    button.title = possible ? help : `${help} There is no ${what} on this mask.`;
    if (possible) button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }
}

document.addEventListener("mask-canvas", () => setTimeout(show)); // the canvas counts first
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[aria-disabled='true']");
  if (!button || !(button.id in NEEDS)) return;
  event.stopImmediatePropagation();
  canvas()?.say(button.title);
}, true);
show();
