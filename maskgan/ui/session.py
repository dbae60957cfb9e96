"""What one visitor has open: immutable values, so that sessions cannot mix and every step can be restored.

A session has one face open. The other faces of its photo, and the photos before it, stand beside it as they were left
(`Left`): an edit of one face is made of the photo with the edits of all others in it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from maskgan.editing.beards import without_beard
from maskgan.editing.carrying import Carried, carried_offsets
from maskgan.editing.compositing import Change
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment, DetectedFace, upright
from maskgan.editing.looks import PUT_ON, Look, wearing
from maskgan.editing.packed_changes import packed_change
from maskgan.editing.pipeline import MaskGANPipeline, NoFaceFound
from maskgan.editing.warping import Motion
from maskgan.labels import DISPLAY_NAMES, Label
from maskgan.originals import Original
from maskgan.provenance import drawn_by
from maskgan.sizes import CROP_SIZE
from maskgan.snapshots import Weights
from maskgan.ui.keeping.motions import KnownMotion
from maskgan.ui.pictures import webp
from maskgan.ui.steps import Step, with_mask

#: The history of a face keeps this many results beside its first ...
MAX_STEPS = 24
#: In how many of its newest steps a mask is looked for that has no beard.
_NEWEST = 4
#: ... a session this many faces that were open before, with files of this many bytes in all.
MAX_LEFT, MAX_LEFT_BYTES = 24, 200_000_000
#: A motion takes 2 MB.
MAX_MOTIONS = 6

_NOTHING = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class OpenFace:
    """A face that is being edited.

    name: file name without suffix, for downloads; faces: all faces of its photo; chosen: which one this is, or None
    when the whole picture is used; turned: by how many degrees clockwise the photo was turned to be upright; original:
    the file that the photo came in, None for examples; id: unguessable and never used twice, so that a message from
    the canvas about another face, another visit or another run of the server is known to be stale; photo_id: such an
    id, shared by all faces of a photo; base: the photo (H, W, 3) without any edit, None where that is the face's own;
    source: where the photo can be read again, an example's name or a file, None where it cannot.
    """

    face: Face
    name: str
    faces: tuple[DetectedFace, ...] = ()
    chosen: int | None = None
    turned: int = 0
    original: Original | None = None
    id: int = 0
    photo_id: int = 0
    base: np.ndarray | None = None
    source: str | Original | None = None

    @classmethod
    def new(cls, face: Face, name: str, **more: object) -> OpenFace:
        """Open a face under fresh ids (below 2**53, the whole numbers that JavaScript knows)."""
        return cls(face, name, **{"photo_id": secrets.randbits(52)} | more, id=secrets.randbits(52))

    @classmethod
    def largest_in(
        cls, pipeline: MaskGANPipeline, photo: np.ndarray, name: str, original: Original | None = None
    ) -> OpenFace:
        """Find the faces of a photo (H, W, 3) uint8 RGB, turn it upright by them, and open the largest.

        Raises NoFaceFound when there is none.
        """
        photo, faces, turned = upright(photo, pipeline.detect(photo))
        if not faces:
            raise NoFaceFound("No face was found in this photo; use the whole picture, or choose another photo.")
        original = original and original.turned(-turned // 90)
        face = pipeline.prepare(photo, faces[0])
        return cls.new(face, name, faces=tuple(faces), chosen=0, turned=turned, original=original, source=original)

    @classmethod
    def whole(
        cls, pipeline: MaskGANPipeline, photo: np.ndarray, name: str, original: Original | None = None
    ) -> OpenFace:
        """Open a picture (H, W, 3) uint8 RGB that is a face crop already, or is taken for one."""
        return cls.new(pipeline.prepare(photo, None), name, original=original, source=original)

    @cached_property
    def crop_file(self) -> bytes:
        """The crop as a file for the screen, beside every result."""
        return webp(self.face.crop)

    @property
    def unedited(self) -> np.ndarray:
        """The photo (H, W, 3) without any edit."""
        return self.face.photo if self.base is None else self.base

    def other(self, pipeline: MaskGANPipeline, index: int, photo: np.ndarray | None = None) -> OpenFace:
        """Another of the faces of this photo; `photo`: that one with edits (H, W, 3), where there are any.

        Raises ValueError when the photo has no such face.
        """
        if not 0 <= index < len(self.faces):
            raise ValueError("This face is not in the photo that is open; drop its photo again.")
        face = pipeline.prepare(self.unedited if photo is None else photo, self.faces[index])
        face = replace(face, drawn=self.face.drawn)
        return replace(self, face=face, chosen=index, id=secrets.randbits(52), base=self.unedited)

    def with_own_mask(self, pipeline: MaskGANPipeline, mask: np.ndarray) -> OpenFace:
        """This face, under a fresh id, with another mask (S, S) uint8 as the one that it has unedited."""
        return replace(self, face=pipeline.with_mask(self.face, mask), id=secrets.randbits(52))

    def asleep(self) -> OpenFace:
        """This face without pixels; `awake` brings them back."""
        face = replace(self.face, photo=_NOTHING, crop=_NOTHING, confidence=_NOTHING[..., 0]).at_rest()
        return replace(self, face=face, base=None)

    def awake(self, base: np.ndarray, photo: np.ndarray | None = None) -> OpenFace:
        """A face that was `asleep`, in its photo (H, W, 3); `photo`: that one with edits of other faces.

        Raises ValueError when the photo has another size.
        """
        photo = base if photo is None else photo
        crop = self.face.alignment.crop(photo, CROP_SIZE)
        certain = np.ones(self.face.mask.shape, np.float32)
        return replace(self, face=replace(self.face, photo=photo, crop=crop, confidence=certain), base=base)


@dataclass(frozen=True, eq=False)
class Tuned:
    """A quick edit whose strength can still be changed: its name and shape, and the session before it."""

    name: str
    shape: str | None
    before: Session


@dataclass(frozen=True, eq=False)
class Left:
    """A face that was open before, as it was left.

    opened: asleep; state: what it looked like; history: see `Session`; change: what is done to the photo, None where it
    has to be worked out again; seamless: whether colours are matched at its border; drawn: weights that drew in it.
    """

    opened: OpenFace
    state: Step
    history: tuple[Step, ...] = ()
    change: Change | None = None
    seamless: bool = False
    drawn: Weights | None = None

    @property
    def edited(self) -> bool:
        """Whether there is anything in it that the photo has not."""
        return bool(self.state.looks) or self.drawn is not None or not self.state.is_of(self.opened.face.mask)

    @property
    def alignment(self) -> Alignment:
        """Where the face lies in its photo."""
        return self.opened.face.alignment

    @property
    def worth_keeping(self) -> bool:
        """Whether it would be missed: an edited face, or an upload."""
        return self.opened.source is not None and (self.edited or isinstance(self.opened.source, Original))


@dataclass(frozen=True, eq=False)
class Session:
    """Everything a visitor's page stands on.

    version: how many masks the server gave the canvas: until one arrives there, the canvas goes on reporting what it
    had before, under the version before; history: of the open face, its original first; pending: a photo (H, W, 3) in
    which no face was found, with its name and file, until the visitor decides about it; motions: how the pixels got to
    masks of the open face, from tools that know it, the newest last; looks: what was chosen for classes of the open
    face, never changed in place; left: faces that were open before, the last one last; key: of the visit, see
    `keeping/traces.py`; tuned: the last quick edit, while nothing came after it; stroke:
    the number of the canvas's message that it knows, see `MaskCanvas.number`.
    """

    opened: OpenFace | None = None
    edit: Edit | None = None
    mask: np.ndarray | None = None
    version: int = 0
    history: tuple[Step, ...] = ()
    pending: tuple[np.ndarray, str, Original | None] | None = None
    motions: tuple[KnownMotion, ...] = ()
    looks: Mapping[Label, Look] = field(default_factory=dict)
    left: tuple[Left, ...] = ()
    key: str = ""
    tuned: Tuned | None = None
    stroke: int = 0

    def require_open(self) -> OpenFace:
        """The face that is open; raises ValueError when there is none."""
        if self.opened is None:
            raise ValueError("No face is open, perhaps after a long pause; choose a face or drop your photo again.")
        return self.opened

    def leave(self, seamless: bool = False) -> Session:
        """The session with the open face put aside, as it is."""
        if self.opened is None or self.mask is None:
            return self
        change = drawn = None
        if self.edit is not None:
            change, drawn = packed_change(self.edit.change, self.edit.face.alignment), drawn_by(self.edit)
        opened = self.opened.asleep()
        aside = Left(opened, self.state(), self.history, change, seamless, drawn)
        left = tuple(item for item in self.left if item.opened.id != opened.id)
        return replace(self, left=(*left, aside))

    def state(self, thumbnail: bytes = b"", label: str = "") -> Step:
        """What the open face looks like now, as a step."""
        known = self.known_motion(self.mask)
        return Step.of(self.mask, thumbnail, label, self.looks, known.packed if known else b"")

    def open(
        self,
        opened: OpenFace,
        edit: Edit,
        mask: np.ndarray,
        looks: Mapping[Label, Look] | None = None,
        motions: tuple[KnownMotion, ...] = (),
        history: tuple[Step, ...] = (),
    ) -> Session:
        """The session with `opened` shown; what is open now should have been left before."""
        shown = {"opened": opened, "edit": edit, "mask": mask, "looks": dict(looks or {}), "motions": motions}
        place = opened.photo_id, opened.chosen
        left = tuple(item for item in self.left if (item.opened.photo_id, item.opened.chosen) != place)
        left = _trimmed(left, opened.photo_id)
        return replace(self, **shown, version=self.version + 1, history=history, pending=None, left=left, tuned=None)

    def painted(self, edit: Edit, mask: np.ndarray) -> Session:
        """The session with a mask of the open face that the canvas has."""
        tuned = self.tuned if np.array_equal(mask, self.mask) else None
        return replace(self, edit=edit, mask=mask, tuned=tuned)

    def given(self, edit: Edit, mask: np.ndarray) -> Session:
        """The session with another mask of the open face, which the canvas is given."""
        return replace(self.painted(edit, mask), version=self.version + 1)

    def with_look(self, labels: Collection[Label], look: Look | None) -> Session:
        """The session with another look for these classes; None: what they have by themselves.

        Hairpieces stay on.
        """
        looks = {label: chosen for label, chosen in self.looks.items() if label not in labels}
        present = self.looks.get(Label.HAIR)
        if Label.HAIR in labels and present is not None and present.worn:
            look = wearing(present.worn, look)
        return replace(self, looks=looks if look is None else looks | dict.fromkeys(labels, look))

    def with_looks_of_step(self, mask: np.ndarray) -> Session:
        """The session with what was put on in the newest step with a mask (H, W), to which undo and redo lead.

        Colours that were chosen since then stay.
        """
        steps = with_mask(self.history, mask)
        if not steps:
            return self
        step = self.history[steps[0]]
        looks = dict(self.looks) | {label: step.looks[label] for label in PUT_ON if label in step.looks}
        present, then = (of.get(Label.HAIR) for of in (self.looks, step.looks))
        hair = wearing(then.worn if then else (), present)
        looks = {label: look for label, look in looks.items() if label != Label.HAIR}
        looks |= {} if hair is None else {Label.HAIR: hair}
        same = {label: look.name for label, look in looks.items()} == {k: v.name for k, v in self.looks.items()}
        return self if same else replace(self, looks=looks)

    def known_motion(self, mask: np.ndarray) -> KnownMotion | None:
        """Of the motions that tools handed over, the one that ends nearest to a mask (H, W); None where none is.

        Undo may lead farther back than `motions` do; what led to a step is in the history.
        """
        if not self.motions:
            return None
        bare = self._bare(mask)
        misses = [np.count_nonzero(known.motion.mask != bare) for known in self.motions]
        own = np.count_nonzero(self.require_open().face.mask != bare)
        if own < min(misses):
            return None
        if min(misses):
            for number in with_mask(self.history, mask):
                if self.history[number].motion:
                    return KnownMotion.unpacked(self.history[number].motion, mask.shape)[0]
        return self.motions[len(misses) - 1 - int(np.argmin(misses[::-1]))]

    def motion_to(self, mask: np.ndarray) -> Motion:
        """What is known of the way to a mask (H, W)."""
        known = self.known_motion(mask)
        return (known.motion if known else Motion.none(self.require_open().face.mask)).to(self._bare(mask))

    def _led_to_a_step(self, mask: np.ndarray) -> bool:
        """Whether a mask (H, W) is that of a step, or, but for a beard, of one of the newest."""
        newest = reversed(self.history[-_NEWEST:])
        return bool(with_mask(self.history, mask)) or any(np.array_equal(self._bare(s.mask), mask) for s in newest)

    def _bare(self, mask: np.ndarray) -> np.ndarray:
        """A mask (H, W) without a beard that was painted, which only lies over what moves."""
        return without_beard(mask, self.require_open().face.mask)

    def moved(self, motion: Motion) -> Session:
        """Remember a motion that a tool handed over.

        It takes the place of one that was only seen on the way there, during a stroke.
        """
        known = self.motions
        if known and not self._led_to_a_step(known[-1].motion.mask):
            known = known[:-1]
        return replace(self, motions=(*known, KnownMotion(motion))[-MAX_MOTIONS:])

    def carried(self, mask: np.ndarray, before: np.ndarray, regions: Iterable[Carried]) -> Session:
        """The session that knows how its pixels get to a mask (H, W): regions of another one were carried there.

        Raises ValueError where `carried_offsets` does.
        """
        told = carried_offsets(before, mask, regions)
        return self.moved(self.motion_to(before).to(self._bare(mask), told))

    def knows_way_to(self, mask: np.ndarray) -> bool:
        """Whether a tool handed over a motion to just this mask (H, W), or it is the face's own."""
        if np.array_equal(mask, self.require_open().face.mask):
            return True
        known = self.known_motion(mask)
        return known is not None and np.array_equal(known.motion.mask, self._bare(mask))

    def remembered(self, thumbnail: bytes, label: str) -> Session:
        """The session with what is shown added to the history; old steps make room, but never the first."""
        history = (*self.history, self.state(thumbnail, label))
        return replace(self, history=history[:1] + history[1:][-MAX_STEPS:])

    def siblings(self) -> tuple[Left, ...]:
        """The other faces of the open photo."""
        photo = self.require_open().photo_id
        return tuple(item for item in self.left if item.opened.photo_id == photo)

    def left_face(self, chosen: int | None) -> Left | None:
        """One of the faces of the open photo, where it was open before."""
        return next((item for item in self.siblings() if item.opened.chosen == chosen), None)

    def step_like_now(self) -> int | None:
        """The number of the newest step that looks as the face does now."""
        now = {label: look.name for label, look in self.looks.items()}
        steps = with_mask(self.history, self.mask)
        return next((n for n in steps if {k: look.name for k, look in self.history[n].looks.items()} == now), None)

    def stroke_name(self) -> str:
        """What a stroke since the last step did, for people."""
        before = self.history[-1].mask if self.history else self.opened.face.mask
        changed = before != self.mask
        if not changed.any():
            return "Painted"
        if np.array_equal(self.mask[changed], self.opened.face.mask[changed]):
            return "Erased"
        return f"Painted: {DISPLAY_NAMES[Label(np.bincount(self.mask[changed]).argmax())].lower()}"

    @property
    def drawn(self) -> Weights | None:
        """Weights that drew in the photo that is shown; None when all of its pixels are as they came."""
        own = None if self.edit is None else drawn_by(self.edit)
        found = (own, *(item.drawn for item in self.siblings()))
        return next((weights for weights in found if weights is not None), None)

    @property
    def drawn_in_crop(self) -> Weights | None:
        """The same of the crop of the open face."""
        own = drawn_by(self.edit)
        if own is not None or self.drawn is None:
            return own
        face = self.opened.face
        beneath = face.alignment.crop(self.opened.unedited, len(face.crop))
        return None if np.array_equal(beneath, face.crop) else self.drawn


def _trimmed(left: tuple[Left, ...], photo_id: int) -> tuple[Left, ...]:
    """Those that fit the limits, the oldest photos make room; faces of the photo `photo_id` stay."""
    files: dict[int, int] = {}
    kept: list[Left] = []
    for item in reversed(left):
        source = item.opened.source
        data = source.data if isinstance(source, Original) else b""
        same = item.opened.photo_id == photo_id
        if not same and not item.worth_keeping:
            continue
        size = {**files, id(data): len(data)}
        if not same and (len(kept) >= MAX_LEFT or sum(size.values()) > MAX_LEFT_BYTES):
            continue
        files = size
        kept.append(item)
    return tuple(reversed(kept))
