"""What the page beside exported networks takes from Python: buttons, looks, shapes, pixels of hats and of hair.

Whatever of an edit does not depend on the visitor's face is worked out here, so that the page's scripts hold no second
copy of it: the outlines of lenses, hats and hair with the place of their lenders' eyes, cheeks and chin, their pixels,
their style codes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskgan.editing.looks import LOOKS, PARTS, looks_for, looks_with
from maskgan.editing.recolouring import TOGETHER
from maskgan.editing.style_copy import COLOURED, REGIONS
from maskgan.editing.teeth import teeth
from maskgan.labels import Label
from maskgan.onnx.folder import Manifest
from maskgan.quick_edits import QUICK_EDITS, hairpieces, locks
from maskgan.quick_edits.ears import ear
from maskgan.quick_edits.lenses import lens_outline, styles
from maskgan.quick_edits.needs import NEEDS
from maskgan.quick_edits.silhouettes import WARDROBE, Silhouette, silhouette, turned_to, wardrobe
from maskgan.styles import RegionStyle

_HATS = tuple(dict.fromkeys(look.reference for look in looks_for(Label.HAT) if look.reference))


def quick_edits() -> list[dict[str, Any]]:
    """Buttons, with their shapes, what they need of a mask, and the looks of what they put on, by shape."""
    return [_quick_edit(name) for name in QUICK_EDITS]


def _quick_edit(name: str) -> dict[str, Any]:
    edit = QUICK_EDITS[name]
    shapes = [{"name": variant.name, "title": variant.label} for variant in edit.variants]
    brought = {shape["name"]: looks_with({}, name, shape["name"]) for shape in shapes}
    brought[""] = looks_with({}, name, None)
    labels, what = NEEDS.get(name, ((), ""))
    return {
        **{"name": name, "label": edit.label, "help": edit.help, "group": edit.group, "shapes": shapes},
        "needs": {"classes": [int(label) for label in labels], "what": what} if labels else None,
        "looks": {
            shape: [{"class": int(label), "look": look.name} for label, look in looks.items()]
            for shape, looks in brought.items()
        },
    }


def looks() -> dict[str, dict[str, Any]]:
    """Every look by its name, as `maskgan.editing.looks.Look` has it."""
    return {
        look.name: {
            **{"title": look.title, "swatch": look.swatch, "colour": look.colour, "reference": look.reference},
            "material": look.material._asdict() if look.material else None,
        }
        for look in LOOKS.values()
    }


def tips() -> dict[str, Any]:
    """How far hair that is cut ends above and below a line: locks, strands, and single strands place by place."""
    at, ends = locks.strand_ends()
    return {
        **{"lock": locks.TIPS, "strand": locks.LOOSE},
        **{"at": [round(float(place), 4) for place in at], "ends": [round(float(end), 6) for end in ends]},
    }


def parts() -> list[dict[str, Any]]:
    """Parts whose look can be chosen, with the names of their looks; any: whether any colour can be chosen."""
    return [
        {
            "name": name,
            "classes": [int(label) for label in labels],
            "any": not any(look.material for look in looks_for(labels[0])),
            "looks": [look.name for look in looks_for(labels[0])],
        }
        for name, labels in PARTS.items()
    ]


def together() -> list[list[int]]:
    """Classes that change their colour together."""
    return [[int(label) for label in group] for group in TOGETHER]


def regions() -> list[dict[str, Any]]:
    """Regions whose style can be copied, with the classes of each."""
    return [
        {"name": name, "title": region.title, "classes": [int(label) for label in region.classes]}
        for name, region in REGIONS.items()
    ]


def coloured() -> list[list[int]]:
    """Classes whose colour alone is copied, those together that have one colour."""
    return [[int(label) for label in group] for group in COLOURED]


def lenses() -> dict[str, list[list[float]]]:
    """The outline of a lens by style, around the eye, x away from the nose, in distances between the eyes."""
    return {name: lens_outline(name).round(6).tolist() for name in styles()}


def silhouettes() -> dict[str, dict[str, Any]]:
    """Hats and hair by name: size and mask in run lengths, from outside on, where the lender's parts lie, and over how
    wide a head of hair a hat sat."""
    hair = [name for name, entry in wardrobe().items() if entry["kind"] == "hair"]
    over = {name: {"overHair": entry["over_hair"]} for name, entry in wardrobe().items() if "over_hair" in entry}
    return {name: _silhouette(silhouette(name)) | over.get(name, {}) for name in (*_HATS, *hair)}


def ear_beside() -> dict[str, Any]:
    """The ear of the wardrobe: its outline, where its picture lies, and the colour of the cheek beside it."""
    piece = ear()
    return {"outline": piece.outline.tolist(), "box": list(piece.box), "skin": piece.skin.tolist()}


def row_of_teeth() -> dict[str, Any]:
    """The teeth of the wardrobe: their edges, where their picture lies, its size, bend and colour."""
    row = teeth()
    return {
        **{"edges": row.edges.tolist(), "box": list(row.box), "colour": row.colour.round(6).tolist()},
        **{"half": row.half, "height": row.height, "bend": row.bend},
    }


def _silhouette(shape: Silhouette) -> dict[str, Any]:
    inside = shape.mask == shape.label
    starts = np.flatnonzero(np.diff(np.concatenate([[False], inside.ravel()]).astype(np.int8)))
    x, y = shape.scene.x[inside], shape.scene.y[inside]
    return {
        **{"width": inside.shape[1], "height": inside.shape[0], "label": int(shape.label)},
        "runs": np.diff(np.concatenate([[0], starts, [inside.size]])).tolist(),
        "extent": [np.percentile(axis, (0.5, 99.5)).tolist() for axis in (x, y)],
        "seen": _anchors(shape),
        "mirrored": _anchors(shape.mirrored),
    }


def _anchors(shape: Silhouette) -> dict[str, Any]:
    """Where a lender's face lies in its picture, and to which side it leans."""
    frame = shape.scene.frame
    return {
        "origin": [frame.origin.real, frame.origin.imag],
        "axis": [frame.axis.real, frame.axis.imag],
        "cheeks": [float(x) for x in shape.scene.cheeks],
        "chin": float(shape.scene.chin),
        "leans": turned_to(shape.scene),
        "bottom": shape.bottom,
        "cutOff": shape.is_cut_off,
    }


def write_stuff(folder: Path) -> None:
    """The pixels of hats, of the ear and of the teeth as PNG files; hats go on beyond their outlines."""
    from maskgan.editing.dressing import reference_picture
    from maskgan.editing.transplants import gone_on

    for name in _HATS:
        shape = silhouette(name)
        Image.fromarray(gone_on(reference_picture(name), shape.mask == shape.label)).save(folder / f"{name}.png")
    for name, piece in (("ear", ear()), ("teeth", teeth())):
        Image.fromarray(piece.picture).save(folder / f"{name}.png")


def write_hair(folder: Path) -> None:
    """The hairpieces as two WebP files each: colours, bit for bit as in the wardrobe, and how far pixels belong to it.

    They are apart since browsers read transparent pixels only as multiplied with their alpha.
    """
    for name in hairpieces.hairpieces():
        (folder / f"{name}.webp").write_bytes(_opaque((WARDROBE / f"{name}.webp").read_bytes()))
        alpha = Image.fromarray((255 * hairpieces.hairpiece(name).alpha).round().astype(np.uint8)).convert("RGB")
        alpha.save(folder / f"{name}_alpha.webp", lossless=True)


def _opaque(webp: bytes) -> bytes:
    """A WebP file (RFC 9649) of one lossy picture without its alpha."""
    at = 12  # behind the header: chunks of a name, the length of their content, and that, to an even length
    while at < len(webp):
        name, length = struct.unpack_from("<4sI", webp, at)
        end = at + 8 + length + length % 2
        if name == b"VP8 ":
            return struct.pack("<4sI4s", b"RIFF", 4 + end - at, b"WEBP") + webp[at:end]
        at = end
    raise ValueError("This WebP file has no lossy picture.")


def codes(folder: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The style codes of references, by look; none where the networks know no such codes."""
    if "style_encoder.onnx" not in manifest.files:
        return {}
    from maskgan.editing.dressing import reference_style
    from maskgan.editing.pipeline import MaskGANPipeline

    pipeline = MaskGANPipeline.load(folder)
    found = {}
    for look in LOOKS.values():
        style = reference_style(pipeline, look.reference) if look.reference else None
        if isinstance(style, RegionStyle):
            label = look.labels[0]
            found[look.name] = {"class": int(label), "code": [float(value) for value in style.codes[0, label]]}
    return found
