"""Looks: what a part of a face is made of, to choose from where the photo has no example or another one is wanted.

A look is one of

* a colour: the part is recoloured and keeps its shading (`recolouring.py`);
* a material: glasses and jewellery are drawn over the picture (`glasses.py`, `jewels.py`);
* a reference: a face of the wardrobe lends the pixels of its hat (`transplants.py`);
* hairpieces that the face wears (`hairdressing.py`), alone or with a colour;
* lent: a face of another photo lends the pixels of its hat (`borrowed_looks.py` takes looks from photos).

Here are the looks to choose from and their names; `dressing.py` edits faces with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from maskgan.editing.recolouring import classes_with, parse_colour
from maskgan.editing.solids import Material
from maskgan.editing.transplants import Lender
from maskgan.labels import Label
from maskgan.quick_edits.hairpieces import Part, Worn


@dataclass(frozen=True)
class Look:
    """What a class is made of.

    name: unique; title: for people; labels: classes that it is for; swatch: `#rrggbb` that stands for it; colour,
    material, reference, worn, lender: what it is, see above; a reference is a name of the wardrobe and may come with a
    colour; measured: the colour is a mean that was measured on a photo, not a swatch; skin: the `#rrggbb` of the skin
    around it there, to which it is seen in relation.
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
    skin: str | None = None

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
        ("auburn_hair", "Auburn", "#7e432b"),
        ("copper_hair", "Copper", "#a8653c"),
        ("blond_hair", "Blond", "#d0ae87"),
        ("grey_hair", "Grey", "#a9a6a1"),
    ),
    *_colours(
        Label.SKIN,
        ("fair_skin", "Fair", "#ecc9b4"),
        ("tan_skin", "Tan", "#c79d7e"),
        ("brown_skin", "Brown", "#93674d"),
        ("deep_skin", "Deep", "#5d4030"),
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
    *_colours(Label.L_BROW, ("blond_brows", "Blond", "#a87a56")),
    *_colours(
        Label.CLOTH,
        ("white_clothes", "White", "#e4e2de"),
        ("black_clothes", "Black", "#222226"),
        ("navy_clothes", "Navy", "#26355c"),
        ("red_clothes", "Red", "#9c2b2e"),
        ("green_clothes", "Green", "#3d6248"),
    ),
    Look("horn_glasses", "Black horn", _GLASS, "#26201c", material=Material((38, 32, 28), 0.35, 0.036)),
    Look(
        *("tortoise_glasses", "Tortoiseshell", _GLASS, "#6b4123"),
        material=Material((104, 62, 34), 0.45, 0.036, mottled=0.4),
    ),
    Look("metal_glasses", "Thin metal", _GLASS, "#b9b2a4", material=Material((176, 168, 152), 0.9, 0.016)),
    Look("dark_glasses", "Dark lenses", _GLASS, "#141414", material=Material((26, 23, 21), 0.5, 0.034, (20, 19, 21))),
    Look(
        *("gold_rim_glasses", "Gold rim, brown lenses", _GLASS, "#4a3a2c"),
        material=Material((196, 160, 92), 0.9, 0.016, (50, 38, 29), 0.93),
    ),
    Look("gold_jewel", "Gold", _JEWELS, "#d4a03c", material=Material((212, 160, 60), 1.0)),
    Look("silver_jewel", "Silver", _JEWELS, "#c4c7ca", material=Material((186, 190, 196), 1.0)),
    Look("pearl_jewel", "Pearl", _JEWELS, "#e6ddd0", material=Material((228, 219, 207), 0.3)),
    Look("trilby_hat", "Brown felt", (Label.HAT,), "#8f6d50", reference="trilby"),
    Look("black_trilby_hat", "Black felt", (Label.HAT,), "#26262a", colour="#26262a", reference="trilby"),
    Look("bowler_hat", "Grey felt", (Label.HAT,), "#6d6258", reference="bowler"),
    Look("straw_hat", "Straw", (Label.HAT,), "#c79a58", reference="straw"),
    Look("teal_beanie", "Teal wool", (Label.HAT,), "#2f6a74", reference="beanie"),
    Look("red_beanie", "Red wool", (Label.HAT,), "#a3262c", colour="#a3262c", reference="beanie"),
    Look("green_beret", "Green felt", (Label.HAT,), "#2f8a45", reference="beret"),
    Look("navy_beret", "Navy felt", (Label.HAT,), "#26355c", colour="#26355c", reference="beret"),
    Look("grey_cap", "Grey cotton", (Label.HAT,), "#5b5c63", reference="cap"),
    Look("print_wrap", "Printed cotton", (Label.HAT,), "#b9782f", reference="head_wrap"),
)

#: Every look by its name, in the order in which swatches should be shown.
LOOKS: dict[str, Look] = {look.name: look for look in _LOOKS}

#: Parts whose look can be chosen: a name for people and the classes, the first of which says what they are made of.
PARTS: dict[str, tuple[Label, ...]] = {
    "Hair": (Label.HAIR,),
    "Lips": (Label.U_LIP, Label.L_LIP),
    "Eyes": (Label.L_EYE, Label.R_EYE),
    "Brows": (Label.L_BROW, Label.R_BROW),
    "Skin": (Label.SKIN, Label.NOSE, Label.L_EAR, Label.R_EAR, Label.NECK),
    "Clothes": (Label.CLOTH,),
    "Hat": (Label.HAT,),
    "Glasses": (Label.EYE_G,),
    "Earrings": (Label.EAR_R,),
    "Necklace": (Label.NECK_L,),
}

#: Classes that are put on and taken off.
PUT_ON = (Label.HAT, Label.EYE_G, Label.EAR_R, Label.NECK_L)

#: What a quick edit brings, and what it is made of in each of its shapes (by the shape, else by the edit).
_SUBJECTS = {
    **{"hat": Label.HAT, "glasses": Label.EYE_G, "sunglasses": Label.EYE_G},
    **{"earrings": Label.EAR_R, "necklace": Label.NECK_L},
}
_MADE_OF = {
    "hat": "teal_beanie",
    "beanie": "teal_beanie",
    "trilby": "trilby_hat",
    "bowler": "bowler_hat",
    "straw": "straw_hat",
    "cap": "grey_cap",
    "beret": "navy_beret",
    "head_wrap": "print_wrap",
    "glasses": "horn_glasses",
    "sunglasses": "dark_glasses",
    "aviators": "gold_rim_glasses",
    "stud": "pearl_jewel",
    "earrings": "gold_jewel",
    "necklace": "gold_jewel",
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
        return measured_colour(label, *name.removeprefix("mean_").split("_", 1))
    look = plain_colour(label, name.removeprefix("colour_")) if name.startswith("colour_") else LOOKS.get(name)
    if look is None or label not in look.labels:
        raise ValueError("no look for this class")
    return look


def plain_colour(label: Label, colour: str) -> Look:
    """A look of one colour for a class and those that go with it; raises ValueError when it is no colour."""
    colour = "#{:02x}{:02x}{:02x}".format(*parse_colour(colour))
    return Look(f"colour_{colour[1:]}", colour, classes_with(label), colour, colour=colour)


def measured_colour(label: Label, colour: str, skin: str | None = None) -> Look:
    """A look of the colour that a part has on a photo; raises ValueError when it is no colour.

    skin: of lips, the colour of the skin around them there.
    """
    colour, *skin = ("{:02x}{:02x}{:02x}".format(*parse_colour(each)) for each in (colour, skin) if each is not None)
    name, title = "_".join(("mean", colour, *skin)), "As on another photo"
    beside = f"#{skin[0]}" if skin else None
    return Look(name, title, classes_with(label), f"#{colour}", colour=f"#{colour}", measured=True, skin=beside)
