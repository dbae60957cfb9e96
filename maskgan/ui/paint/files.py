"""How results are taken home: kinds of files, the clipboard, and the phone's own way to share."""

from __future__ import annotations

from typing import Literal

from maskgan.originals import Metadata

AS_IT_CAME = "As it came"

#: What a photo can be saved as, by its name on the page: the format and a JPEG's quality, None for the photo's own, and
#: which of its metadata stay (see `Original.encode`).
FILE_KINDS: dict[str, tuple[Literal["JPEG", "PNG"] | None, int | None, Metadata]] = {
    AS_IT_CAME: (None, None, "safe"),
    "As it came, all metadata": (None, None, "all"),
    "As it came, no metadata": (None, None, "none"),
    "JPEG, best": ("JPEG", 95, "safe"),
    "JPEG, smaller": ("JPEG", 85, "safe"),
    "JPEG, smallest": ("JPEG", 70, "safe"),
    "PNG": ("PNG", None, "safe"),
}

#: What a browser cannot do shows no button, see `paint.css`.
SHOW_WHAT_IS_POSSIBLE = """() => {
  const probe = new File([""], "photo.png", { type: "image/png" });
  document.body.classList.toggle("can-copy", Boolean(navigator.clipboard?.write && window.ClipboardItem));
  document.body.classList.toggle("can-share", Boolean(navigator.canShare?.({ files: [probe] })));
}"""

_TELL = """const tell = (text) => {
  const line = Object.assign(document.createElement("div"), { className: "done-line", textContent: text });
  line.setAttribute("role", "status");
  document.querySelector("#copy-photo")?.closest(".more-files")?.after(line);
  setTimeout(() => line.remove(), 4000);
};"""

#: The file that Python made, into the clipboard.
COPY = f"""async (file) => {{
  {_TELL}
  try {{
    const blob = fetch(file.url).then((answer) => answer.blob());
    await navigator.clipboard.write([new ClipboardItem({{ "image/png": blob }})]);
    tell("Copied. The clipboard holds pixels only; files also say that they are edited.");
  }} catch {{
    tell("The browser did not let the page copy; download the photo in its place.");
  }}
}}"""

#: The file that Python made, to whom the visitor chooses.
SHARE = f"""async (file) => {{
  {_TELL}
  try {{
    const blob = await (await fetch(file.url)).blob();
    await navigator.share({{ files: [new File([blob], file.orig_name, {{ type: blob.type }})] }});
  }} catch (problem) {{
    if (problem.name !== "AbortError") tell("The browser did not let the page share; download the photo in its place.");
  }}
}}"""
