// Words for what Gradio leaves without: buttons around pictures, thumbnails, fields for files. Gradio writes its own
// words again whenever a component changes, so the page is looked over after each change.

/** What the pictures of a gallery are, by the end of its element id. */
const GALLERIES = [
  ["examples", (number) => `Example: ${EXAMPLES[number] ?? number + 1}`],
  ["faces", (number) => `Face ${number + 1} of this photo`],
  ["history", (number) => `Result ${number + 1}`],
  ["earlier", (number) => `Photo ${number + 1} before this one`],
  ["morph-strip", (number) => `Frame ${number + 1} on the way from A to B: face and mask`],
  ["morph-near", (number) => `Random shape ${number + 1} near A: face and mask`],
];

/** What single pictures show, by element id. */
const PICTURES = {
  "a-face": "Face A and its mask",
  "b-face": "Face B and its mask",
  "morph-mask": "The mask at the place that is chosen between A and B",
  "morph-face": "The face at the place that is chosen between A and B",
  "source-face": "The face that gives the look",
  "target-face": "The face that is changed",
  "style-matrix": "Every chosen source on every chosen target",
  "lab-sample": "Newest samples of the run",
};

/** Pairs of pictures, before and after. */
const PAIRS = {
  "style-result": ["The face before its look is changed", "The face in its new look"],
};

const FIELD = "Drop a photo or click here";

function give(element, name, value) {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function nameGallery(gallery, words) {
  gallery.querySelectorAll(".grid-container .thumbnail-item").forEach((button, number) => {
    const caption = button.querySelector(".caption-label")?.textContent.trim();
    give(button, "aria-label", caption ? `${caption}. ${words(number)}` : words(number));
    give(button.querySelector("img"), "alt", "");
    if (button.classList.contains("selected")) give(button, "aria-current", "true");
    else button.removeAttribute("aria-current");
  });
}

function nameAll() {
  for (const [end, words] of GALLERIES) {
    for (const gallery of document.querySelectorAll(`[id$="${end}"]:has(.grid-container)`)) nameGallery(gallery, words);
  }
  for (const [id, words] of Object.entries(PICTURES)) {
    for (const button of document.querySelectorAll(`#${id} .image-container > button`)) {
      give(button, "aria-label", words);
      give(button, "tabindex", "-1"); // it does nothing
    }
    give(document.querySelector(`#${id} img`), "alt", words);
  }
  for (const [id, words] of Object.entries(PAIRS)) {
    document.querySelectorAll(`#${id} .slider-wrap img`).forEach((image, number) => give(image, "alt", words[number]));
  }
  for (const field of document.querySelectorAll(".upload-container:has([data-testid=upload-text])")) {
    // Gradio's own words, which the page's style hides for shorter ones, would be read out.
    for (const node of field.querySelector("[data-testid=upload-text]").childNodes) {
      if (node.nodeType === Node.TEXT_NODE && node.data.trim()) node.data = "";
      else if (node.matches?.(".or") && node.textContent) node.textContent = "";
    }
    give(field, "aria-label", field.closest("#upload") ? "Drop your photo or click here" : FIELD);
  }
  for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) {
    give(empty, "role", "img");
    give(empty, "aria-label", "Nothing to show yet");
  }
}

/** Call `work` soon after each change of the page, but not for each of them. */
function afterChanges(work) {
  let waiting = false;
  const soon = (changes) => {
    const inCanvas = (change) => (change.target.nodeType === 1 ? change.target : change.target.parentElement)?.closest(".mask-canvas");
    if (waiting || (changes && changes.every(inCanvas))) return; // a canvas changes with every movement of the pointer
    waiting = true;
    setTimeout(() => {
      waiting = false;
      work();
    }, 50);
  };
  new MutationObserver(soon).observe(document.body, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["aria-label", "alt", "class"],
  });
  soon();
}
