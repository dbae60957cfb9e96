// The bar of looks: parts, swatches of the chosen part, any colour, other photos to take a look from, and back to the
// photo's own. Python gives PARTS and EXAMPLE_PHOTOS; a photo is {id, title, picture}.

function createLookBar({ element, props, trigger, watch }) {
  const root = element.querySelector(".look-bar");
  root.innerHTML = `<select class='lb-part' aria-label='Part whose colour or look is chosen'>
      ${PARTS.map(({ name }) => `<option>${name}</option>`).join("")}</select>
    <div class='lb-swatches' role='group'></div>
    <label class='lb-any' title='Any colour'><span>Any colour</span><input type='color' aria-label='Any colour'></label>
    <button type='button' class='lb-from' aria-expanded='false'>As on another photo</button>
    <button type='button' class='lb-own'>As on this photo</button>
    <div class='lb-photos' role='group' hidden></div>`;
  const [menu, swatches, any, from, own, photos] = [...root.children];
  const picker = any.querySelector("input");
  let part = PARTS[0];
  let chosen = {};
  let open = []; // photos that are open beside this one

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
    from.classList.toggle("lb-on", /^(mean|jewel|frame|hat)_/.test(current));
    photos.setAttribute("aria-label", `Take the look of ${part.name.toLowerCase()} from a photo`);
  }

  /** Photos to choose from, those that are open first. */
  function showPhotos() {
    photos.replaceChildren(...[...open, ...EXAMPLE_PHOTOS].map(({ id, title, picture }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = title;
      button.setAttribute("aria-label", title);
      button.append(Object.assign(new Image(), { src: picture, alt: "" }));
      button.addEventListener("click", () => send({ part: part.name, look: "", photo: id }));
      return button;
    }));
  }

  function send(message) {
    props.value = message;
    trigger("input", message);
  }

  const choose = (look) => send({ part: part.name, look });

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
  from.addEventListener("click", () => {
    photos.hidden = !photos.hidden;
    from.setAttribute("aria-expanded", String(!photos.hidden));
    if (!photos.hidden) showPhotos();
  });
  // The canvas has no event for another class: it comes by a click or a key.
  for (const event of ["click", "keyup"]) document.addEventListener(event, () => element.isConnected && follow());

  function accept(value) {
    if (!value?.chosen) return;
    chosen = value.chosen;
    if (value.photos) open = value.photos;
    if (value.photos && !photos.hidden) showPhotos();
    show();
  }

  watch("value", () => accept(props.value));
  show();
  accept(props.value);
}

createLookBar({ element, props, trigger, watch });
