"""The README of a folder of exported networks: what they are, how exact, and how to run each in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maskgan.labels import PART_NAMES
from maskgan.onnx.folder import Manifest, file_name
from maskgan.onnx.parts import Part

_HEAD = """---
license: other
license_name: "{licence}"
library_name: onnx
pipeline_tag: image-to-image
tags: [onnx, face-editing, face-parsing, maskgan]
---

# MaskGAN networks as ONNX files

Edit a face by painting on its mask (MaskGAN, CVPR 2020). Exported by MaskGAN Studio, which also edits with this folder
as it stands, without PyTorch: `python app.py --backend onnx --weights FOLDER`.

- Weights: `{weights}`. Licence of the weights: {licence}.
- Pictures are RGB, `value / 127.5 - 1`, in [-1, 1], axes batch, channel, height, width: faces aligned and cropped as in
  CelebA-HQ.
- Masks are maps of class ids, uint8, axes batch, height, width; one-hot happens inside. The ids:
  {classes}.
  `l_` is the subject's left, the right side of the picture.
- Free axes have names; lengths must be multiples of the numbers below. `metadata_props` of each file repeats all this.

## Files

| file | MB | inputs | outputs | multiples | differs from PyTorch by |
|---|---|---|---|---|---|
{rows}

Differences are the largest over example faces and random inputs, as a share of the output's largest value or of 1 (of
a mask: the share of its pixels). For int8: mean intersection over union of the masks (`miou`), or grey levels of 255.
"""

_PYTHON = {
    "parser": """import numpy as np, onnxruntime as ort
from PIL import Image
picture = np.asarray(Image.open("face.png").convert("RGB").resize(({size}, {size})), np.float32)
image = (picture / 127.5 - 1).transpose(2, 0, 1)[None]
mask = ort.InferenceSession("parser.onnx").run(["mask"], {{"image": image}})[0]""",
    "style_encoder": """import onnxruntime as ort
encoder = ort.InferenceSession("style_encoder.onnx")
names = [output.name for output in encoder.get_outputs()]
style = dict(zip(names, encoder.run(names, {{"image": image, "mask": mask}})))  # once per photo""",
    "generator": """import numpy as np, onnxruntime as ort
generator = ort.InferenceSession("generator.onnx")
given = {{port.name: style[port.name] for port in generator.get_inputs() if port.name in style}}
drawn = generator.run(["image"], {{"mask": mask, **given}})[0]  # or any other mask
picture = ((drawn[0].transpose(1, 2, 0) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)""",
    "generator_kept": """import numpy as np, onnxruntime as ort
generator = ort.InferenceSession("generator_kept.onnx")
known = (mask != 13)[:, None].astype(np.float32)  # keep all but the hair, which is drawn anew
kept = np.concatenate([image * known, known * 2 - 1], 1)
drawn = generator.run(None, {{"mask": mask, "codes": style["codes"], "residue": style["residue"], "kept": kept}})[0]""",
    "mask_encoder": """import numpy as np, onnxruntime as ort
from PIL import Image
small = np.asarray(Image.fromarray(mask[0]).resize(({size}, {size}), Image.Resampling.NEAREST))
mean, logvar = ort.InferenceSession("mask_encoder.onnx").run(["mean", "logvar"], {{"mask": small[None]}})""",
    "mask_decoder": """import numpy as np, onnxruntime as ort
decoder = ort.InferenceSession("mask_decoder.onnx")
z = mean * 0.9  # or between the means of two masks
logits = decoder.run(["logits"], {{"z": z.astype(np.float32)}})[0]
between = logits.argmax(1).astype(np.uint8)""",
    "alpha_blender": """import onnxruntime as ort
inner, outer = image, image[..., ::-1].copy()  # two pictures of one size
alpha = ort.InferenceSession("alpha_blender.onnx").run(["alpha"], {{"inner": inner, "outer": outer}})[0]
blended = alpha * inner + (1 - alpha) * outer""",
}

_JAVASCRIPT = {
    "parser": """import * as ort from "onnxruntime-web"; // or "onnxruntime-node"
const parser = await ort.InferenceSession.create("parser.onnx");
const image = new ort.Tensor("float32", planes, [1, 3, {size}, {size}]); // Float32Array: red, green, blue plane
const {{ mask }} = await parser.run({{ image }}); // mask.data: Uint8Array of ids""",
    "style_encoder": """const encoder = await ort.InferenceSession.create("style_encoder.onnx");
const style = await encoder.run({{ image, mask }}); // once per photo""",
    "generator": """const generator = await ort.InferenceSession.create("generator.onnx");
const {drawn_from} = style;
const drawn = await generator.run({{ mask, ...{drawn_from} }});
const red = (drawn.image.data[0] + 1) * 127.5; // of the first pixel""",
    "generator_kept": """const generatorKept = await ort.InferenceSession.create("generator_kept.onnx");
const {drawn_from_kept} = style;
const kept = new ort.Tensor("float32", fourPlanes, [1, 4, {size}, {size}]); // photo * known, then 2 * known - 1
const filled = await generatorKept.run({{ mask, ...{drawn_from_kept}, kept }});""",
    "mask_encoder": """const maskEncoder = await ort.InferenceSession.create("mask_encoder.onnx");
const small = new ort.Tensor("uint8", ids, [1, {size}, {size}]); // Uint8Array of class ids
const {{ mean, logvar }} = await maskEncoder.run({{ mask: small }});""",
    "mask_decoder": """const maskDecoder = await ort.InferenceSession.create("mask_decoder.onnx");
const {{ logits }} = await maskDecoder.run({{ z: mean }}); // or between two means
// logits.data[(c * {size} + y) * {size} + x]: the class c with the largest one is the mask at x, y""",
    "alpha_blender": """const blender = await ort.InferenceSession.create("alpha_blender.onnx");
const {{ alpha }} = await blender.run({{ inner, outer }}); // two tensors like `image`
const blended = alpha.data.map((a, i) => a * inner.data[i] + (1 - a) * outer.data[i]);""",
}


def card(parts: Mapping[str, Part], manifest: Manifest, folder: Path) -> str:
    """The text; programs for later parts go on with what those for earlier parts made."""
    rows = "\n".join(_row(parts, name, manifest, folder) for name in manifest.files)
    text = _HEAD.format(
        licence=manifest.licence,
        weights=manifest.weights.hash or "never saved",
        classes=", ".join(f"{number} {name}" for number, name in enumerate(PART_NAMES)),
        rows=rows,
    )
    for part in parts.values():
        drawn_from = [name for name in part.inputs if name not in ("mask", "kept")]
        words = {
            "size": part.size,
            "drawn_from": _braces(drawn_from),
            "drawn_from_kept": _braces(drawn_from),
        }
        text += f"\n## {file_name(part.name)}\n\n{part.about}\n"
        for language, programs in (("python", _PYTHON), ("js", _JAVASCRIPT)):
            text += f"\n```{language}\n{programs[part.name].format(**words)}\n```\n"
    return text


def _braces(names: list[str]) -> str:
    return "{ " + ", ".join(names) + " }"


def _row(parts: Mapping[str, Part], file: str, manifest: Manifest, folder: Path) -> str:
    part = parts[Path(file).stem]
    ports = (
        ", ".join(f"{name} [{' '.join(map(str, port.axes))}]" for name, port in named.items())
        for named in (part.inputs, part.outputs)
    )
    multiples = ", ".join(f"{axis} {step}" for axis, step in part.steps.items()) or "-"
    differs = ", ".join(f"{name} {value:.2g}" for name, value in manifest.differences[file].items())
    megabytes = (folder / file).stat().st_size / 1e6
    return f"| `{file}` | {megabytes:.1f} | {' | '.join(ports)} | {multiples} | {differs} |"
