"""Looks: what a part of a face is made of, to choose from where the photo has no example or another one is wanted.

A look is one of

* a colour: the part is recoloured and keeps its shading (`recolouring.py`);
* a material: glasses and jewellery are drawn over the picture (`ornaments.py`);
* a reference: a face of the wardrobe lends its own pixels (a hat's, `transplants.py`) or its style code (teeth);
* hairpieces that the face wears (`hairdressing.py`), alone or with a colour;
* lent: a face of another photo lends the pixels of its hat (`borrowed_looks.py` takes looks from photos).

`edit_with_looks` is `MaskGANPipeline.edit` with looks for some classes. Looks belong to no weights: references are
encoded by the pipeline at hand when they are first used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from maskgan.editing.compositing import Layers, Overlay
from maskgan.editing.hairdressing import Hairpieces, seen_of
from maskgan.editing.ornaments import Material, are_dark, draw_glasses, draw_jewels
from maskgan.editing.pipeline import Edit, Face, MaskGANPipeline
from maskgan.editing.recolouring import classes_with, parse_colour, recolour_part
from maskgan.editing.transplants import Lender, likeness, transplant
from maskgan.images import differs, read_photo
from maskgan.labels import NUM_CLASSES, Label, check_mask
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import Part, Worn
from maskgan.quick_edits.silhouettes import WARDROBE, silhouette, wardrobe
from maskgan.snapshots import Weights
from maskgan.styles import RegionStyle, Style

#: Classes that are drawn over the picture, so that the network paints what lies beneath them.
DRAWN = (Label.EYE_G, Label.EAR_R, Label.NECK_L)

#: Share of a photo below which a class is no example of how it looks.
_HARDLY = 0.0006

#: Share of a hairpiece in a pixel from which on what lies beneath it is not painted.
_SEEN = 0.5

#: A mouth that is open less than this shows no teeth to go by.
_HARDLY_OPEN = 0.002


@dataclass(frozen=True)
class Look:
    """What a class is made of.

    name: unique; title: for people; labels: classes that it is for; swatch: `#rrggbb` that stands for it; colour,
    material, reference, worn, lender: what it is, see above; a reference is a name of the wardrobe and may come with a
    colour; measured: the colour is a mean that was measured on a photo, not a swatch.
    """

    name: str
    title: str
    labels: tuple[Label, ...]
    swatch: str
    colour: str | None = None
    material: Material | None = None
    reference: str | None = None
    worn: tuple[Worn, ...] = ()
    lender: Lender | None = None
    measured: bool = False

    @property
    def shown(self) -> str:
        """The name by which people chose it, empty for hairpieces alone."""
        return self.name.partition(_AND)[2] if self.worn else self.name

    @property
    def apart(self) -> Look | None:
        """What remains of it without hairpieces: its colour, if any."""
        return look_named(self.labels[0], self.shown) if self.worn and self.shown else None


#: Between the hairpieces in a look's name, and before the name of its colour.
_WITH, _AND = ",", "@"

#: More hairpieces than this no face wears: a length, and a fringe over it.
_MOST = 3


def _colours(label: Label, *named: tuple[str, str, str]) -> list[Look]:
    return [Look(name, title, classes_with(label), colour, colour=colour) for name, title, colour in named]


_GLASS, _JEWELS = (Label.EYE_G,), (Label.EAR_R, Label.NECK_L)

_LOOKS = (
    *_colours(
        Label.HAIR,
        ("black_hair", "Black", "#1c1816"),
        ("brown_hair", "Brown", "#4e3222"),
        ("auburn_hair", "Auburn", "#8a3f20"),
        ("copper_hair", "Copper", "#b8652c"),
        ("blond_hair", "Blond", "#d0ad74"),
        ("grey_hair", "Grey", "#a9a6a1"),
    ),
    *_colours(
        Label.U_LIP,
        ("nude_lips", "Nude", "#b8776a"),
        ("rose_lips", "Rose", "#c0596a"),
        ("red_lips", "Red", "#a81830"),
        ("plum_lips", "Plum", "#6b2545"),
    ),
    *_colours(
        Label.L_EYE,
        ("brown_eyes", "Brown", "#5a3a22"),
        ("hazel_eyes", "Hazel", "#7c6236"),
        ("green_eyes", "Green", "#5f7f52"),
        ("blue_eyes", "Blue", "#5b88b0"),
        ("grey_eyes", "Grey", "#7f8b92"),
    ),
    *_colours(Label.L_BROW, ("black_brows", "Black", "#221c1a"), ("brown_brows", "Brown", "#4e3628")),
    *_colours(Label.L_BROW, ("blond_brows", "Blond", "#a88a60")),
    *_colours(
        Label.CLOTH,
        ("white_clothes", "White", "#e4e2de"),
        ("black_clothes", "Black", "#222226"),
        ("navy_clothes", "Navy", "#26355c"),
        ("red_clothes", "Red", "#9c2b2e"),
        ("green_clothes", "Green", "#3d6248"),
    ),
    Look("horn_glasses", "Black horn", _GLASS, "#26201c", material=Material((38, 32, 28), 0.35, 0.036)),
    Look("tortoise_glasses", "Tortoiseshell", _GLASS, "#6b4123", material=Material((104, 62, 34), 0.45, 0.036)),
    Look("metal_glasses", "Thin metal", _GLASS, "#b9b2a4", material=Material((176, 168, 152), 0.9, 0.016)),
    Look("dark_glasses", "Dark lenses", _GLASS, "#141414", material=Material((26, 23, 21), 0.5, 0.034, (20, 19, 21))),
    Look(
        *("gold_rim_glasses", "Gold rim, brown lenses", _GLASS, "#4a3a2c"),
        material=Material((196, 160, 92), 0.9, 0.016, (50, 38, 29), 0.93),
    ),
    Look("gold_jewel", "Gold", _JEWELS, "#d4a03c", material=Material((212, 160, 60), 1.0)),
    Look("silver_jewel", "Silver", _JEWELS, "#c4c7ca", material=Material((186, 190, 196), 1.0)),
    Look("pearl_jewel", "Pearl", _JEWELS, "#e6ddd0", material=Material((228, 219, 207), 0.3)),
    Look("trilby_hat", "Black felt", (Label.HAT,), "#22282a", reference="trilby"),
    Look("bowler_hat", "Grey felt", (Label.HAT,), "#6d6258", reference="bowler"),
    Look("straw_hat", "Straw", (Label.HAT,), "#c79a58", reference="straw"),
    Look("teal_beanie", "Teal wool", (Label.HAT,), "#2f6a74", reference="beanie"),
    Look("red_beanie", "Red wool", (Label.HAT,), "#a3262c", colour="#a3262c", reference="beanie"),
    Look("green_beret", "Green felt", (Label.HAT,), "#2f8a45", reference="beret"),
    Look("navy_beret", "Navy felt", (Label.HAT,), "#26355c", colour="#26355c", reference="beret"),
    Look("grey_cap", "Grey cotton", (Label.HAT,), "#5b5c63", reference="cap"),
    Look("natural_teeth", "Natural teeth", (Label.MOUTH,), "#e9e1d3", reference="teeth"),
)

#: Every look by its name, in the order in which swatches should be shown.
LOOKS: dict[str, Look] = {look.name: look for look in _LOOKS}


#: What a quick edit brings, and what it is made of in each of its shapes (by the shape, else by the edit).
_SUBJECTS = {"hat": Label.HAT, "glasses": Label.EYE_G, "sunglasses": Label.EYE_G, "earrings": Label.EAR_R}
_MADE_OF = {
    "hat": "teal_beanie",
    "beanie": "teal_beanie",
    "trilby": "trilby_hat",
    "bowler": "bowler_hat",
    "straw": "straw_hat",
    "cap": "grey_cap",
    "beret": "navy_beret",
    "glasses": "horn_glasses",
    "sunglasses": "dark_glasses",
    "aviators": "gold_rim_glasses",
    "stud": "pearl_jewel",
    "earrings": "gold_jewel",
}


def looks_with(
    looks: Mapping[Label, Look], edit: str, shape: str | None, worn: Collection[Worn] = ()
) -> dict[Label, Look]:
    """Looks by class after a quick edit in one of its shapes (None: the first): what it puts on gets its own.

    worn: hairpieces that it puts on, in place of those that lie where they do.
    """
    if worn:
        present = looks.get(Label.HAIR)
        instead = {Part.WHOLE, *Part} if any(one.part == Part.WHOLE for one in worn) else {one.part for one in worn}
        kept = [one for one in (present.worn if present else ()) if one.part not in instead]
        return {**looks, Label.HAIR: wearing((*kept, *worn), present)}
    if edit not in _SUBJECTS:
        return dict(looks)
    name = _MADE_OF.get(shape or edit, _MADE_OF[edit])
    return {**looks, _SUBJECTS[edit]: LOOKS[name]}


def looks_for(label: Label) -> list[Look]:
    """The looks to choose from for a class, maybe none."""
    return [look for look in _LOOKS if label in look.labels]


def wearing(worn: Collection[Worn], look: Look | None) -> Look | None:
    """The look of hair with these hairpieces in the colour of another look, if that has one."""
    colour = look.apart if look is not None and look.worn else look
    if not worn:
        return colour
    name = _WITH.join(str(one) for one in worn)
    if colour is None:
        return Look(name, "Hairpiece", (Label.HAIR,), "#808080", worn=tuple(worn))
    return replace(colour, name=f"{name}{_AND}{colour.name}", worn=tuple(worn))


def look_named(label: Label, name: str) -> Look:
    """A look for a class by its name; raises ValueError when there is none."""
    pieces, separator, colour = name.rpartition(_AND)
    if label == Label.HAIR and (separator or "." in name):
        worn = tuple(Worn.parse(piece) for piece in (pieces if separator else name).split(_WITH)[: _MOST + 1])
        if len(worn) > _MOST:
            raise ValueError("so many hairpieces nobody wears")
        return wearing(worn, look_named(label, colour) if separator else None)
    if name.startswith("mean_"):
        return measured_colour(label, name.removeprefix("mean_"))
    look = plain_colour(label, name.removeprefix("colour_")) if name.startswith("colour_") else LOOKS.get(name)
    if look is None or label not in look.labels:
        raise ValueError("no look for this class")
    return look


def plain_colour(label: Label, colour: str) -> Look:
    """A look of one colour for a class and those that go with it; raises ValueError when it is no colour."""
    colour = "#{:02x}{:02x}{:02x}".format(*parse_colour(colour))
    return Look(f"colour_{colour[1:]}", colour, classes_with(label), colour, colour=colour)


def measured_colour(label: Label, colour: str) -> Look:
    """A look of the colour that a part has on a photo; raises ValueError when it is no colour."""
    colour = "#{:02x}{:02x}{:02x}".format(*parse_colour(colour))
    title = "As on another photo"
    return Look(f"mean_{colour[1:]}", title, classes_with(label), colour, colour=colour, measured=True)


@cache
def reference_picture(name: str) -> np.ndarray:
    """The picture of an entry of the wardrobe, (h, w, 3) uint8 RGB, laid out as its mask."""
    return read_photo(WARDROBE / f"{name}.jpg")


_STYLES: WeakKeyDictionary[Weights, dict[str, Style]] = WeakKeyDictionary()


def _reference_style(pipeline: MaskGANPipeline, name: str) -> Style:
    """The style of a reference by the pipeline's network, encoded once for as long as its weights are held."""
    styles = _STYLES.setdefault(pipeline.weights, {})
    if name not in styles:
        top = int(wardrobe()[name].get("top", 0))
        crop, mask = (np.ascontiguousarray(plane[top:]) for plane in (reference_picture(name), silhouette(name).mask))
        styles[name] = pipeline.encode_style(crop, mask)
    return styles[name]


def dressed(pipeline: MaskGANPipeline, face: Face, looks: Mapping[Label, Look]) -> Face:
    """A face whose style has the references' codes for the classes of these looks; the face itself where none has one.

    Codes come without a residue, since a reference's places mean nothing here. A style that does not tell classes
    apart stays as it is.
    """
    face = pipeline.refresh(face)
    style = face.style
    for label, look in looks.items():
        if look.reference is not None and isinstance(style, RegionStyle):
            theirs = _reference_style(pipeline, look.reference)
            style = style.take_classes(theirs, {int(label): int(label)}, 1.0).without_residue([int(label)])
    return face if style is face.style else replace(face, style=style)


def default_looks(face: Face, mask: np.ndarray) -> dict[Label, Look]:
    """Looks for classes of a mask that the face's own photo has no example of."""
    area = np.bincount(face.mask.ravel(), minlength=NUM_CLASSES) / face.mask.size
    wanted = np.bincount(mask.ravel(), minlength=NUM_CLASSES)
    looks: dict[Label, Look] = {}
    for label in (Label.MOUTH, Label.EYE_G, Label.EAR_R, Label.NECK_L, Label.HAT):
        if area[label] > (_HARDLY_OPEN if label == Label.MOUTH else _HARDLY) or not wanted[label]:
            continue
        if label == Label.MOUTH:
            looks[label] = LOOKS["natural_teeth"]
        elif label == Label.EYE_G:
            looks[label] = LOOKS["dark_glasses" if are_dark(mask) else "horn_glasses"]
        elif label == Label.HAT:
            hats = [look for look in looks_for(Label.HAT) if look.colour is None]
            looks[label] = max(hats, key=lambda look: likeness(mask, silhouette(look.reference)))
        else:
            looks[label] = LOOKS["gold_jewel"]
    return looks


def _beneath(face: Face, mask: np.ndarray, looks: Mapping[Label, Look]) -> np.ndarray:
    """The mask without what is laid over the picture and covers it anyway: there the photo's own classes."""
    laid = [
        label
        for label, look in looks.items()
        if look.material or (label == Label.HAT and (look.reference or look.lender))
    ]
    over = np.isin(mask, [int(label) for label in laid])
    for worn in _worn(looks):
        seen = seen_of(mask, face.mask, worn)
        if seen is not None:
            over |= (mask == Label.HAIR) & (cv2.dilate(seen.alpha, np.ones((3, 3), np.uint8)) > _SEEN)
    return np.where(over, face.mask, mask).astype(mask.dtype)


def _worn(looks: Mapping[Label, Look]) -> tuple[Worn, ...]:
    return looks[Label.HAIR].worn if Label.HAIR in looks else ()


def edit_with_looks(
    pipeline: MaskGANPipeline, face: Face, mask: np.ndarray, looks: Mapping[Label, Look] | None = None, **options: Any
) -> Edit:
    """An edit in which some classes have a look.

    Args:
        face: from `pipeline.prepare`.
        mask: (S, S) class ids; a mask of another square size is scaled.
        looks: by class, for that class and those that change their colour with it; what the photo has no example of
            gets one by itself (see `default_looks`).
        options: further arguments of `MaskGANPipeline.edit`.

    Raises:
        ValueError: when the mask is no label map.
    """
    face = pipeline.refresh(face)
    mask = check_mask(mask)
    if mask.shape != face.mask.shape:
        mask = resize_mask(mask, face.mask.shape, smooth=True)
    by_hand = set(looks or {})
    try:
        looks = default_looks(face, mask) | dict(looks or {})
        edit = pipeline.edit(dressed(pipeline, face, looks), _beneath(face, mask, looks), **options)
        return finished(edit, mask, looks, by_hand)
    except QuickEditImpossible:
        if by_hand:
            raise
        return pipeline.edit(face, mask, **options)  # no face that a look could be fitted to


def dressed_up(edit: Edit, mask: np.ndarray, worn: tuple[Worn, ...]) -> Edit:
    """An edit whose face wears hairpieces, as far as its mask (S, S) has them."""
    hairpieces = Hairpieces(worn, mask, edit.face.mask, edit.face.crop)
    crop, region = hairpieces.on(edit.crop)
    if crop is edit.crop:
        return edit
    region = np.maximum(edit.region, np.where(region > 0, region.clip(1 / 255, 1), 0))
    changed = edit.changed | (mask != edit.face.mask)
    return replace(edit, crop=crop, changed=changed, region=region, change=Layers(edit.change, hairpieces))


def _touched(region: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The connected pieces of a region (S, S) bool that have a pixel of `new` (S, S) bool."""
    _, pieces = cv2.connectedComponents(region.astype(np.uint8))
    return region & np.isin(pieces, np.unique(pieces[region & new]))


def finished(
    edit: Edit, mask: np.ndarray, looks: Mapping[Label, Look], by_hand: Collection[Label] | None = None
) -> Edit:
    """An edit with the looks of its mask (S, S) laid over it: pixels of references, drawn things, colours.

    by_hand: classes whose looks somebody chose (all of them when None), so that they bring colour into a photo that
    has none; the others take its tone.
    """
    edit = dressed_up(edit, mask, _worn(looks))
    tone = edit.face.tone
    crop, region = edit.crop, np.zeros(mask.shape, np.float32)
    drawn = np.zeros(mask.shape, np.float32)
    new = mask != edit.face.mask
    done: set[Label] = set()
    for label, look in sorted(looks.items(), key=lambda item: item[0] in DRAWN):  # what is drawn lies on top
        if label in done or not (mask == label).any():
            continue
        before = crop
        if label == Label.HAT and (look.lender or (look.reference and new[mask == label].any())):
            if look.lender:
                lent = look.lender.shape, look.lender.picture
            else:
                lent = silhouette(look.reference), reference_picture(look.reference)
            laid, changed = transplant(crop, mask, *lent)
            # Nothing reaches far beyond what was painted, nor to specks elsewhere that the parser took for this class.
            hat = mask == label if look.lender else _touched(mask == label, new)
            away = cv2.distanceTransform((~hat).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            near = away <= 0.04 * len(mask)
            crop, changed = np.where(near[..., None], laid, crop), changed * near
            region, drawn = np.maximum(region, changed), np.maximum(drawn, changed)
        if look.colour is not None:
            crop, changed = recolour_part(crop, mask, label, parse_colour(look.colour), measured=look.measured)
            region = np.maximum(region, changed)
            done.update(classes_with(label))
        if look.material is not None and new[mask == label].any():
            if label == Label.EYE_G:
                crop, changed = draw_glasses(crop, mask, look.material)
            else:
                crop, changed = draw_jewels(crop, mask, label, look.material)
            region, drawn = np.maximum(region, changed), np.maximum(drawn, changed)
        if tone is not None and by_hand is not None and label not in by_hand and crop is not before:
            painted = tone.apply(crop.astype(np.float32)).round().astype(np.uint8)
            crop = np.where((crop != before).any(-1, keepdims=True), painted, crop)
    if crop is edit.crop:
        return edit
    touched = differs(crop, edit.crop)
    # A little more than what changed, so that its soft edge is resampled whole into the photo.
    over = cv2.dilate(touched.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    # The photo's own detail stays where a part was only recoloured, and none of it where something was drawn.
    overlay = Overlay(crop, over.astype(np.float32), (1 - drawn).astype(np.float32))
    return replace(
        edit,
        crop=crop,
        changed=edit.changed | new,
        region=np.where(over, np.maximum(edit.region, region.clip(1 / 255, 1)), edit.region),
        change=Layers(edit.change, overlay),
    )
