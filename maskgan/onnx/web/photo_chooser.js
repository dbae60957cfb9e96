// How another photo is chosen: a file, or one of the examples.

import { EXAMPLES } from "./constants.js";

/** Lets a label with a file input in it be pressed by keys too, and puts a button for each example into `element`, titled `title`.
 *  `take(file)`: is called with what is chosen. */
export function choosePhotos(label, element, title, take) {
  const input = label.querySelector("input");
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    input.click();
  });
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = "";
  });
  for (const example of EXAMPLES) {
    const url = new URL(`examples/${example}`, import.meta.url);
    const button = Object.assign(document.createElement("button"), { type: "button", title });
    button.append(Object.assign(new Image(), { src: url, alt: "Example portrait", loading: "lazy" }));
    button.addEventListener("click", async () => take(new File([await (await fetch(url)).blob()], example)));
    element.append(button);
  }
}
