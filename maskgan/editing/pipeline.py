"""MaskGANPipeline: photo -> Face once per photo, then Face and edited mask -> Edit, any number of times."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from maskgan import labels
from maskgan.editing.abandoning import go_on
from maskgan.editing.apart import Apart
from maskgan.editing.compositing import Overlay, Patch, Retouch, warp_window
from maskgan.editing.drawn_back import DrawnBack
from maskgan.editing.edit import Edit, Face
from maskgan.editing.engine import Engine, most_probable
from maskgan.editing.faces import Alignment, DetectedFace, detect_faces, feathered_square, paste_back, upright
from maskgan.editing.flows import moves, warp_mask, warp_picture
from maskgan.editing.frames_left import frames_left
from maskgan.editing.implausible import without_covered_neck, without_implausible
from maskgan.editing.lasting import LastingCache, fingerprint, fingerprint_of_style
from maskgan.editing.rough import show_first
from maskgan.editing.strays import carried_hair, hair_over_neck, stray_hair, stray_strands, without_slivers
from maskgan.editing.tones import in_tone_of
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import Motion
from maskgan.editing.windows import Window
from maskgan.editing.with_engine import WEIGHTS, WithEngine
from maskgan.images import differs
from maskgan.labels import Label
from maskgan.mask_files import nearest, resize_mask
from maskgan.quick_edits.regions import class_region
from maskgan.sizes import CROP_SIZE, NETWORK_SIZE
from maskgan.snapshots import WeightsRefused
from maskgan.styles import Style

#: How many painted pixels are at hand for edits that follow; at most 44 MB.
_PAINTED = 32 * NETWORK_SIZE**2


class NoFaceFound(ValueError):  # noqa: N818
    """The photo has no such face; the message says what to do."""


class MaskGANPipeline(WithEngine):
    """Face editing by semantic masks: a Dense Mapping Network and a face parser, which are all that an edit needs.

    Any number of threads may call it at once. The networks run on torch, or on ONNX Runtime (`load` of a folder that
    `python -m maskgan export-onnx` wrote, `over`), where there is no torch and no network to get at.

    Args:
        dmn, parser: the generator and the parser.
        mask_vae: for masks between masks, see `maskgan.editing.morphing`.
        others: networks that only training needs, by their names in the registry (the `alpha_blender` of EBST).

    Attributes:
        engine, weights: see `WithEngine`.
        painted: paint of the last edits, which edits that follow them need not paint again.
    """

    def _start(self, engine: Engine) -> None:
        super()._start(engine)
        self._refreshed: WeakKeyDictionary[Face, Face] = WeakKeyDictionary()
        self._refreshing = threading.Lock()
        self.painted: LastingCache[Patch] = LastingCache(_PAINTED, lambda patch: patch.window.pixels**2)

    def detect(self, photo: np.ndarray) -> list[DetectedFace]:
        """All faces of a photo (H, W, 3) uint8 RGB, largest first, where they lie in it whichever way up it is."""
        return detect_faces(photo)

    def _probabilities(self, crop: np.ndarray) -> np.ndarray:
        """Class probabilities (19, S, S) float32 of a crop (S, S, 3) uint8 RGB."""
        return without_implausible(self.engine.parse(crop))

    def parse(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Face crop (S, S, 3) uint8 RGB -> mask (S, S) uint8 and its probability (S, S) float32 in 0..1."""
        probabilities = self._probabilities(Window.whole(NETWORK_SIZE).picture(crop))
        mask, confidence = most_probable(probabilities, len(crop))
        return without_covered_neck(crop, mask), confidence

    def prepare(self, photo: np.ndarray, face: int | DetectedFace | None = 0) -> Face:
        """Find, crop and parse a face and encode its style: the slow part, once per photo.

        A picture that is a face crop already, as those of CelebA-HQ and FFHQ, is taken whole: its own mask fits then.

        Args:
            photo: (H, W, 3) uint8 RGB. When the face is given by its number and the photo lies on its side or stands
                on its head, it is turned upright first, so that `Face.photo` and what is edited are upright.
            face: which of the detected faces (0 is the largest), one from `detect` (its photo is taken as it is), or
                None to take the whole picture as a face crop.

        Raises:
            NoFaceFound: when the photo has no such face, or its parts do not lie as in a face.
        """
        quarters = 0
        if face is None:
            alignment = Alignment.whole_picture(photo.shape[:2])
        else:
            if isinstance(face, int):
                found = self.detect(photo)
                if not found:
                    raise NoFaceFound("No face was found in this photo; use the whole picture, or another photo.")
                if not 0 <= face < len(found):
                    faces = "1 face" if len(found) == 1 else f"{len(found)} faces"
                    raise NoFaceFound(f"The photo has {faces}; choose one from 0 to {len(found) - 1}.")
                quarters = found[0].quarters
                photo, found, _ = upright(photo, found)
                face = found[face]
            alignment = Alignment.of_face(face, photo.shape[:2])
        crop = alignment.crop(photo, CROP_SIZE)
        mask, confidence = self.parse(crop)
        if face is not None and is_upside_down(mask, confidence):
            raise NoFaceFound(
                "What was found in this photo is no upright face; turn the photo upright, use the whole "
                "picture, or another photo."
            )
        style = self.encode_style(crop, mask)
        return Face(photo, crop, mask, confidence, style, alignment, self.weights, quarters)

    def face_with(self, photo: np.ndarray, mask: np.ndarray) -> Face:
        """An aligned face crop (H, W, 3) uint8 RGB with its mask (H, W), both padded to a square, ready to be edited.

        Raises:
            ValueError: when the mask is no label map.
        """
        shape = photo.shape[:2]
        alignment = Alignment.whole_picture(shape)
        mask = _square(self._checked(mask, shape), CROP_SIZE)
        crop, certain = alignment.crop(photo, CROP_SIZE), np.ones(mask.shape, np.float32)
        return Face(photo, crop, mask, certain, self.encode_style(crop, mask), alignment, self.weights)

    def refresh(self, face: Face) -> Face:
        """The face with its style by this pipeline's networks; other networks' styles are meaningless.

        Returns the face itself when this pipeline made it. Otherwise its style is encoded from its crop and mask, once
        for as long as that face is referenced.
        """
        if face.weights is None or face.weights is self.weights:
            return face
        with self._refreshing:
            refreshed = self._refreshed.get(face)
        if refreshed is None:
            refreshed = replace(face, style=self.encode_style(face.crop, face.mask), weights=self.weights)
            with self._refreshing:
                self._refreshed[face] = refreshed
        return refreshed

    def _drawing_size(self, size: int) -> int:
        """The side at which whole faces are drawn for a crop of `size`; the published network draws 512 px."""
        return min(size, self.engine.drawing_size or size)

    def encode_style(self, crop: np.ndarray, mask: np.ndarray) -> Style:
        """The style of a crop (S, S, 3) uint8 RGB with its mask (S, S)."""
        whole = Window.whole(self._drawing_size(len(crop)))
        return self.engine.encode_style(whole.picture(crop), whole.mask(mask))

    def generate(self, mask: np.ndarray, style: Style) -> np.ndarray:
        """The DMN's own picture (S, S, 3) float32 in 0..255 for a mask (S, S) and a style: the paper's network."""
        picture = self.engine.draw(Window.whole(self._drawing_size(len(mask))).mask(mask), style)
        if len(mask) == len(picture):
            return picture
        return cv2.resize(picture, mask.shape[::-1], interpolation=cv2.INTER_CUBIC)

    def paint(
        self,
        mask: np.ndarray,
        style: Style,
        photo: np.ndarray,
        unknown: np.ndarray,
        window: Window,
        complete: bool = True,
        hair: np.ndarray | None = None,
    ) -> Patch:
        """Paint what is unknown of a face.

        Args:
            mask: the edited mask, (S, S).
            style: of the whole face.
            photo: the window's part of the photo with its moved pixels in place, (n, n, 3) uint8 or float32.
            unknown: (S, S) bool.
            window: the part of the face that the network sees, n pixels wide.
            complete: whether large holes in an uneven background are filled with pieces of it, which may come from
                elsewhere when little changes. Without, all of the window is drawn too, so that little changes little.
            hair: (S, S) float32 in 0..1, how far hair that came along lies before what is painted; none without it.

        A network that cannot be shown what is known (`Engine.kept`) redraws the window.
        """
        mask, unknown = window.mask(mask), window.covers(unknown)
        hair = None if hair is None else window.picture(hair)
        drawn = window.drawn(unknown, mask) if self.engine.kept and complete else (slice(0, window.pixels),) * 2
        share = window.share(drawn)
        if share != (0, 0, 1, 1):
            style = style.window(*share)
        known = (photo[drawn], ~unknown[drawn]) if self.engine.kept else None
        painted = self.engine.draw(mask[drawn], style, known)
        go_on()
        return Patch.joined(painted, photo, unknown, mask, window, complete, hair, drawn)

    def with_mask(self, face: Face, mask: np.ndarray) -> Face:
        """The face with another original mask, for instance a corrected one, and the style encoded with that mask."""
        mask = self._checked(mask, face.mask.shape)
        certain = np.ones(mask.shape, np.float32)
        style = self.encode_style(face.crop, mask)
        return replace(face, mask=mask, confidence=certain, style=style, weights=self.weights)

    def edit(
        self,
        face: Face,
        mask: np.ndarray,
        keep_untouched: bool = True,
        original_mask: np.ndarray | None = None,
        motion: Motion | None = None,
    ) -> Edit:
        """A face in the shapes of an edited mask.

        Args:
            face: from `prepare`; faces of other pipelines are re-encoded, see `refresh`.
            mask: (S, S) class ids; another square size is scaled.
            keep_untouched: make the edit of the photo, whose pixels stay or move with the mask, and paint what none
                of them can show; otherwise the network redraws the whole face, as the published method does.
            original_mask: what the user started from, when not `face.mask`.
            motion: what is known of how the photo's pixels got to a mask on the way to this one, from tools that
                know their transform; the rest is read off the masks.

        Raises:
            ValueError: the mask is not a label map.
            Abandoned: see `maskgan.editing.abandoning`.

        Whoever waits for a picture can see one sooner, see `maskgan.editing.rough`.
        """
        mask = self._checked(mask, face.mask.shape)
        if original_mask is not None:
            original_mask = self._checked(original_mask, face.mask.shape)
            if (original_mask != face.mask).any():
                face, motion = self.with_mask(face, original_mask), None
        face = self.refresh(face)
        changed = mask != face.mask
        if not keep_untouched:
            crop = in_tone_of(face.tone, self.generate(mask, face.style)).round().clip(0, 255).astype(np.uint8)
            region, detail = feathered_square(len(mask)), np.zeros(mask.shape, np.float32)
            return Edit(face, crop, changed, region, Overlay(crop, region, detail))
        if not changed.any():
            nothing = np.zeros(mask.shape, np.float32)
            return Edit(face, face.crop, changed, nothing, Retouch(None), Motion.none(mask))
        motion = (motion or Motion.none(face.mask)).to(mask)
        go_on()
        moved = warp_picture(face.crop, motion.flow)
        patches = tuple(
            patch._replace(picture=in_tone_of(face.tone, patch.picture)) for patch in self._patches(face, motion, moved)
        )
        go_on()
        paint, whole = Retouch(None, patches), Alignment.whole_picture(mask.shape)
        show_first(lambda: paint.onto(moved, whole, grain=False))
        crop = paint.onto(moved, whole)
        region = moves(motion.flow).astype(np.float32)
        for patch in patches:
            part = patch.window.slices(len(mask))
            side = part[0].stop - part[0].start
            alpha = cv2.resize(patch.alpha, (side, side), interpolation=cv2.INTER_LINEAR)
            region[part] = np.maximum(region[part], alpha)
        region[differs(crop, face.crop) & (region == 0)] = 1 / 255  # where paint ends between two pixels
        flow = motion.flow if motion.flow.any() else None
        return Edit(face, crop, changed, region, Retouch(flow, patches), motion)

    def _patches(self, face: Face, motion: Motion, moved: np.ndarray) -> list[Patch]:
        """Paint what is unknown when the photo's pixels have moved; nothing where they can show all of the mask."""
        unknown = unknown_after(face.mask, motion.mask, motion.flow)
        if not unknown.any():
            return []
        go_on()
        seen = face.crop, face.mask, motion.mask
        arrived = warp_mask(face.mask, motion.flow) if motion.flow.any() else face.mask
        bared, behind, share = DrawnBack.of(*seen, arrived, motion.flow)
        hair = share if share.any() else None
        unknown |= behind | stray_hair(*seen) | stray_strands(moved, arrived, motion.mask, bared) | frames_left(*seen)
        unknown |= hair_over_neck(*seen)
        unknown |= carried_hair(moved, arrived, motion.mask, motion.flow)
        unknown = without_slivers(unknown, face.mask, motion.mask)
        if not self.engine.kept:
            window = Window.whole(self._drawing_size(len(moved)))
            return [self.paint(motion.mask, face.style, window.picture(moved), unknown, window, hair=hair)]
        style = fingerprint_of_style(face.style)
        windows = Window.several(unknown, face.alignment.side, motion.mask == Label.HAIR)
        patches, apart = [], Apart(face, motion, moved, [part for _, part in windows])
        for number, (window, part) in enumerate(windows):
            go_on()
            mask, flow, below = apart.only(number)
            if window.pixels > round(window.side * len(moved)):  # finer than the crop
                photo = warp_window(face.photo, face.alignment, flow, window)
            else:
                photo = window.picture(below)
            seen = (window.mask(mask), photo, window.covers(part))
            if hair is not None:
                seen = (*seen, window.picture(hair))
            paint = partial(self.paint, mask, face.style, photo, part, window, hair=hair)
            patches.append(self.painted.get(face.photo, fingerprint(style, window, *seen), paint))
        return patches

    @staticmethod
    def _checked(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        mask = labels.check_mask(mask)
        return mask if mask.shape == shape else resize_mask(mask, shape, smooth=True)

    def parse_picture(self, photo: np.ndarray) -> np.ndarray:
        """An aligned face crop (H, W, 3) uint8 RGB of any size -> its mask (H, W)."""
        height, width = photo.shape[:2]
        side = max(height, width)
        whole = Alignment.whole_picture((height, width))
        crop = whole.crop(photo, NETWORK_SIZE)
        fine = min(side, 4 * NETWORK_SIZE)  # a higher resolution does not improve the borders between classes
        mask, _ = most_probable(self._probabilities(crop), fine)
        mask = without_covered_neck(whole.crop(photo, fine), mask)
        rows, columns = (nearest(side, fine)[(side - n) // 2 :][:n] for n in (height, width))
        return mask[rows[:, None], columns]

    def edit_picture(
        self,
        photo: np.ndarray,
        mask: np.ndarray,
        original_mask: np.ndarray | None = None,
        keep_untouched: bool = True,
    ) -> np.ndarray:
        """Redraw an aligned face crop (H, W, 3) uint8 RGB of any size in the shapes of a mask (H, W).

        Arguments and errors as for `edit`; returns (H, W, 3) uint8 RGB.
        """
        height, width = photo.shape[:2]
        if original_mask is None:
            original_mask = self.parse_picture(photo)
        face = self.face_with(photo, original_mask)
        edit = self.edit(face, _square(self._checked(mask, (height, width)), CROP_SIZE), keep_untouched)
        if keep_untouched:
            return edit.photo
        return paste_back(photo, face.alignment, edit.crop, np.ones(face.mask.shape, np.float32), edit.change.detail)


def is_upside_down(mask: np.ndarray, confidence: np.ndarray) -> bool:
    """Whether the parser is sure of a mouth that lies above the eyes: mask (S, S) and its probability (S, S)."""
    middles = []
    for parts in (
        (Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW, Label.EYE_G),
        (Label.MOUTH, Label.U_LIP, Label.L_LIP),
    ):
        own = class_region(mask, parts)
        if not 0 < own.mean() < 0.1 or confidence[own].mean() < 0.6:
            return False
        middles.append(np.flatnonzero(own.any(1)).mean() / len(mask))
    return middles[1] < middles[0] - 0.05


def _square(mask: np.ndarray, size: int) -> np.ndarray:
    """A mask of any shape, padded to a square (edges repeated) and resized to `size`.

    A larger square than that is never built: of a mask of 30000 x 2000 pixels it would take a gigabyte.
    """
    side = max(mask.shape)
    places = np.arange(side) if side <= size else nearest(size, side)
    rows, columns = (np.clip(places - (side - n) // 2, 0, n - 1) for n in mask.shape)
    return resize_mask(mask[rows[:, None], columns], (size, size), smooth=True)


__all__ = ["WEIGHTS", "MaskGANPipeline", "NoFaceFound", "WeightsRefused"]
