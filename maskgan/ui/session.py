"""What one visitor has open: immutable values, so that sessions cannot mix and every step can be restored."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from maskgan.editing.faces import DetectedFace, upright
from maskgan.editing.looks import Look
from maskgan.editing.pipeline import Edit, Face, MaskGANPipeline, NoFaceFound
from maskgan.editing.warping import Motion
from maskgan.labels import Label
from maskgan.originals import Original

#: The history keeps this many results ...
MAX_STEPS = 24
#: ... and photos of this many bytes in all (a 12-megapixel photo takes 36 MB).
MAX_HISTORY_BYTES = 200_000_000
#: A motion takes 2 MB.
MAX_MOTIONS = 6


@dataclass(frozen=True, eq=False)
class OpenFace:
    """A face that is being edited.

    name: file name without suffix, for downloads; faces: all faces of its photo; chosen: which one this is, or None
    when the whole picture is used; turned: by how many degrees clockwise the photo was turned to be upright; original:
    the file that the photo came in, None for examples; id: unguessable and never used twice, so that a message from
    the canvas about another face, another visit or another run of the server is known to be stale.
    """

    face: Face
    name: str
    faces: tuple[DetectedFace, ...] = ()
    chosen: int | None = None
    turned: int = 0
    original: Original | None = None
    id: int = 0

    @classmethod
    def new(
        cls,
        face: Face,
        name: str,
        faces: tuple[DetectedFace, ...] = (),
        chosen: int | None = None,
        turned: int = 0,
        original: Original | None = None,
    ) -> OpenFace:
        """Open a face under a fresh id (below 2**53, the whole numbers that JavaScript knows)."""
        return cls(face, name, faces, chosen, turned, original, secrets.randbits(52))

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
        return cls.new(
            pipeline.prepare(photo, faces[0]),
            name,
            tuple(faces),
            0,
            turned,
            original and original.turned(-turned // 90),
        )

    @classmethod
    def whole(
        cls, pipeline: MaskGANPipeline, photo: np.ndarray, name: str, original: Original | None = None
    ) -> OpenFace:
        """Open a picture (H, W, 3) uint8 RGB that is a face crop already, or is taken for one."""
        return cls.new(pipeline.prepare(photo, None), name, original=original)

    def other(self, pipeline: MaskGANPipeline, index: int) -> OpenFace:
        """Another of the faces of this photo.

        Raises ValueError when the photo has no such face.
        """
        if not 0 <= index < len(self.faces):
            raise ValueError("This face is not in the photo that is open; drop its photo again.")
        return self.new(
            pipeline.prepare(self.face.photo, self.faces[index]),
            self.name,
            self.faces,
            index,
            self.turned,
            self.original,
        )

    def with_own_mask(self, pipeline: MaskGANPipeline, mask: np.ndarray) -> OpenFace:
        """This face, under a fresh id, with another mask (S, S) uint8 as the one that it has unedited."""
        return replace(self, face=pipeline.with_mask(self.face, mask), id=secrets.randbits(52))


@dataclass(frozen=True, eq=False)
class Step:
    """A result of the session: the face, its mask (H, W) uint8, a small picture of it as a JPEG file, and its looks."""

    opened: OpenFace
    mask: np.ndarray
    thumbnail: bytes
    label: str
    looks: Mapping[Label, Look] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Session:
    """Everything a visitor's page stands on.

    replaced: the mask that the canvas held when the server last gave it another one: until that arrives, the canvas
    goes on reporting this one; pending: a photo (H, W, 3) in which no face was found, with its name and file, until the
    visitor decides about it; motions: how the pixels got to masks of the open face, from tools that know it, the
    newest last; looks: what was chosen for classes of the open face, never changed in place.
    """

    opened: OpenFace | None = None
    edit: Edit | None = None
    mask: np.ndarray | None = None
    replaced: np.ndarray | None = None
    history: tuple[Step, ...] = ()
    pending: tuple[np.ndarray, str, Original | None] | None = None
    motions: tuple[Motion, ...] = ()
    looks: Mapping[Label, Look] = field(default_factory=dict)

    def require_open(self) -> OpenFace:
        """The face that is open; raises ValueError when there is none."""
        if self.opened is None:
            raise ValueError("No face is open, perhaps after a long pause; choose a face or drop your photo again.")
        return self.opened

    def open(
        self, opened: OpenFace, edit: Edit, mask: np.ndarray, looks: Mapping[Label, Look] | None = None
    ) -> Session:
        """The session with `opened` shown; the history stays, and all other faces in it are put at rest."""
        faces = {opened.id: opened}
        for step in self.history:
            if step.opened.id not in faces:
                faces[step.opened.id] = replace(step.opened, face=step.opened.face.at_rest())
        history = tuple(replace(step, opened=faces[step.opened.id]) for step in self.history)
        shown = {"opened": opened, "edit": edit, "mask": mask, "looks": dict(looks or {})}
        return replace(self, **shown, replaced=None, history=history, pending=None, motions=())

    def painted(self, edit: Edit, mask: np.ndarray, replaced: np.ndarray | None = None) -> Session:
        """The session with another mask of the open face; `replaced`: the mask that the canvas may still report."""
        return replace(self, edit=edit, mask=mask, replaced=replaced)

    def with_look(self, labels: Collection[Label], look: Look | None) -> Session:
        """The session with another look for these classes; None: what they have by themselves."""
        looks = {label: chosen for label, chosen in self.looks.items() if label not in labels}
        return replace(self, looks=looks if look is None else looks | dict.fromkeys(labels, look))

    def motion_to(self, mask: np.ndarray) -> Motion:
        """What is known of the way to a mask (H, W): of all motions, and none, the one that ends nearest to it."""
        motions = [Motion.none(self.require_open().face.mask), *self.motions]
        return min(reversed(motions), key=lambda motion: np.count_nonzero(motion.mask != mask)).to(mask)

    def moved(self, motion: Motion) -> Session:
        """Remember a motion that a tool handed over."""
        return replace(self, motions=(*self.motions, motion)[-MAX_MOTIONS:])

    def remembered(self, thumbnail: bytes, label: str) -> Session:
        """The session with what is shown added to the history; the oldest steps make room."""
        step = Step(self.opened, self.mask, thumbnail, label, self.looks)
        return replace(self, history=_trimmed((*self.history, step)))


def _trimmed(history: tuple[Step, ...]) -> tuple[Step, ...]:
    """The newest steps that fit the limits; the last one always stays."""
    photos: dict[int, int] = {}
    kept: list[Step] = []
    for step in reversed(history[-MAX_STEPS:]):
        photo = step.opened.face.photo
        photos[id(photo)] = photo.nbytes
        if kept and sum(photos.values()) > MAX_HISTORY_BYTES:
            break
        kept.append(step)
    return tuple(reversed(kept))
