// A photo may be dropped anywhere on the page, and pasted: it goes to the field for photos of the tab that is open.

(() => {
  if (window.filesAnywhere) return;
  window.filesAnywhere = true;
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const isSeen = (element) => element && element.getClientRects().length > 0;

  /** The field beside `target`: that of the face it stands in, else the first one of the open tab. */
  function fieldFor(target) {
    const fields = [...document.querySelectorAll("[id$=upload]")].filter(isSeen);
    const beside = target?.closest?.(".face-input")?.querySelector("[id$=upload]");
    return (fields.includes(beside) ? beside : fields[0])?.querySelector("input[type=file]");
  }

  function give(file, target) {
    const field = fieldFor(target);
    if (!field) return false;
    const files = new DataTransfer();
    files.items.add(file);
    field.files = files.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  let leaving = 0;
  const over = (on) => document.body.classList.toggle("files-over", on);

  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    over(true);
    clearTimeout(leaving);
    leaving = setTimeout(() => over(false), 400); // it comes again and again while a file is held over the page
  }, true);

  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // or the browser would leave the page for the file
    event.stopPropagation();
    over(false);
    if (event.dataTransfer.files.length) give(event.dataTransfer.files[0], event.target);
  }, true);

  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (file && give(file, document.activeElement)) event.preventDefault();
  });
})();
