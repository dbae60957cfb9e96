// The bar of looks: parts, swatches of the chosen part, any colour, and back to the photo. Python gives PARTS.

function createLookBar({ element, props, trigger, watch }) {
  const root = element.querySelector(".look-bar");
  root.innerHTML = `<select class='lb-part' aria-label='Part whose colour or look is chosen'>
      ${PARTS.map(({ name }) => `<option>${name}</option>`).join("")}</select>
    <div class='lb-swatches' role='group'></div>
    <label class='lb-any' title='Any colour'><span>Any colour</span><input type='color' aria-label='Any colour'></label>
    <button type='button' class='lb-own'>As on the photo</button>`;
  const [menu, swatches, any, own] = [...root.children];
  const picker = any.querySelector("input");
  let part = PARTS[0];
  let chosen = {};

  function show() {
    const current = chosen[part.name] ?? "";
    menu.value = part.name;
    swatches.setAttribute("aria-label", `Looks of ${part.name.toLowerCase()}`);
    swatches.replaceChildren(...part.looks.map((look) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = look.title;
      button.dataset.look = look.name;
      button.setAttribute("aria-label", `${part.name}: ${look.title}`);
      button.setAttribute("aria-pressed", String(look.name === current));
      button.style.setProperty("--swatch", look.swatch);
      button.addEventListener("click", () => choose(look.name));
      return button;
    }));
    any.hidden = !part.any;
    const plain = /^colour_([0-9a-f]{6})$/.exec(current);
    any.classList.toggle("lb-on", Boolean(plain));
    if (plain) picker.value = `#${plain[1]}`;
    own.disabled = !current;
    own.title = current ? "" : `${part.name} ${part.name.endsWith("s") ? "are" : "is"} as on the photo already`;
  }

  function choose(look) {
    props.value = { part: part.name, look };
    trigger("input", { part: part.name, look });
  }

  function follow() {
    const id = document.querySelector("#canvas .mask-canvas")?.maskCanvas?.classId;
    if (id === undefined || id === followed) return;
    followed = id;
    const found = PARTS.find(({ classes }) => classes.includes(id));
    if (!found || found === part || root.contains(document.activeElement)) return;
    part = found;
    show();
  }
  let followed = null;

  menu.addEventListener("change", () => {
    part = PARTS.find(({ name }) => name === menu.value);
    show();
  });
  picker.addEventListener("change", () => choose(picker.value));
  own.addEventListener("click", () => choose(""));
  // The canvas has no event for another class: it comes by a click or a key.
  for (const event of ["click", "keyup"]) document.addEventListener(event, () => element.isConnected && follow());

  watch("value", () => {
    if (!props.value?.chosen) return;
    chosen = props.value.chosen;
    show();
  });
  if (props.value?.chosen) chosen = props.value.chosen;
  show();
}

createLookBar({ element, props, trigger, watch });
