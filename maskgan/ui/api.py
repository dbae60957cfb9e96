"""Named endpoints for programs: `/detect`, `/parse`, `/edit`, `/interpolate`, `/copy_style`.

>>> from gradio_client import Client, handle_file
>>> client = Client("http://127.0.0.1:7860")
>>> mask = client.predict(handle_file("photo.jpg"), api_name="/parse")  # a PNG file

The handlers' docstrings and types are what the API page, and MCP, show. Pictures come in as uploaded files and go out
as files; a request takes its networks once and waits in the same queue as the page.
"""

from __future__ import annotations

import base64
import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import numpy as np
from gradio import utils
from pydantic import ValidationError, validate_call

from maskgan.editing.borrowed_looks import look_of
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.faces import DetectedFace
from maskgan.editing.looks import LOOKS, PARTS, Look, plain_colour
from maskgan.editing.morphing import Morph
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_style
from maskgan.images import MAX_PIXELS, read_photo
from maskgan.labels import Label
from maskgan.originals import Metadata, Original, read_original
from maskgan.provenance import drawn_by
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui.interpolate.tab import MAX_FRAMES
from maskgan.ui.kit import DEVICE, saved, tell, uploaded_mask
from maskgan.ui.pictures import mask_png

#: Sides of masks that `/interpolate` takes, in pixels: it holds 19 planes of them.
MAX_MASK_SIDE = 1024

FileFormat = Literal["png", "jpeg", "same"]
_FORMS = {"png": "PNG", "jpeg": "JPEG", "same": None}
_MIME_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}

#: Names of a face's five points; left and right as seen in the picture.
_POINTS = ("left_eye", "right_eye", "nose", "left_mouth_corner", "right_mouth_corner")


def _endpoint(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Check what clients send against the handler's types; every problem with it becomes one sentence."""
    checked = validate_call(handler)

    @functools.wraps(handler)
    def wrapped(*args: Any) -> Any:
        try:
            return checked(*args)
        except ValidationError as problem:
            first = problem.errors()[0]
            name = list(inspect.signature(handler).parameters)[first["loc"][0]]
            message = first["msg"][0].lower() + first["msg"][1:]
            if first["type"] == "model_type":
                message = "it has to be an uploaded file (handle_file uploads one in gradio_client)"
            raise gr.Error(f"The value of {name} cannot be used: {message}.", print_exception=False) from problem
        except ValueError as problem:
            raise gr.Error(str(problem), print_exception=False) from problem

    # Gradio reads the return type from here, and does not look up annotations that are strings.
    wrapped.__signature__ = inspect.signature(handler, eval_str=True)
    return wrapped


class Api:
    """The endpoints; they hold nothing between requests."""

    def __init__(self, pipeline: MaskGANPipeline | Serving, max_pixels: int = MAX_PIXELS) -> None:
        """Add them to the `gr.Blocks` that is open; `max_pixels` limits pictures and masks."""
        self.serving, self.max_pixels = Serving.of(pipeline), max_pixels
        for handler in (self.detect, self.parse, self.edit, self.interpolate, self.copy_style):
            gr.api(handler, api_name=handler.__name__, **DEVICE)

    @_endpoint
    def detect(self, photo: gr.FileData) -> list[dict[str, Any]]:
        """Find the faces of a photo, largest first.

        Args:
            photo: a picture file.

        Returns:
            Per face its number, box [x, y, width, height], confidence 0..1, five points [x, y] by name, in pixels of
            the photo, and by how many degrees clockwise the photo has to be turned for the face to be upright. The
            other endpoints turn such a photo: what they return is upright.
        """
        found = self.serving.current().detect(self._photo(photo))
        return [_described(number, face) for number, face in enumerate(found)]

    @_endpoint
    def parse(self, photo: gr.FileData, face: int = 0, aligned: bool = False) -> gr.FileData:
        """The mask of a face: an indexed PNG whose pixel values are the 19 CelebAMask-HQ class ids.

        Args:
            photo: a picture file.
            face: which of the faces that /detect finds, 0 is the largest.
            aligned: the picture is a face crop already; nothing is looked for, and the mask has the picture's size.

        Returns:
            The mask of the face crop, 256 x 256 pixels unless aligned.
        """
        pipeline, picture = self.serving.current(), self._photo(photo)
        mask = pipeline.parse_picture(picture) if aligned else pipeline.prepare(picture, face).mask
        return _file(mask_png(mask), f"{_stem(photo)}_mask.png")

    @_endpoint
    def edit(
        self,
        photo: gr.FileData,
        mask: gr.FileData,
        face: int = 0,
        keep_untouched: bool = True,
        original_mask: gr.FileData | None = None,
        aligned: bool = False,
        file_format: FileFormat = "png",
        metadata: Metadata = "safe",
        looks: dict[str, str] | None = None,
        look_photo: gr.FileData | None = None,
    ) -> gr.FileData:
        """Redraw a face in the shapes of an edited mask, and give parts of it another look.

        Args:
            photo: a picture file.
            mask: the edited mask: what /parse gave for this face, painted over. Masks in the class order of
                face-parsing.PyTorch are converted.
            face: which of the faces that /detect finds, 0 is the largest.
            keep_untouched: keep the photo's own pixels where the mask did not change.
            original_mask: the picture's own mask, such as a data set's, when the edit started from it and not from the
                one of /parse; where the two masks are the same, nothing changes.
            aligned: the picture is a face crop already, and the masks have its size.
            file_format: of the result: png, jpeg, or same for that of the photo, JPEG at its own quality.
            metadata: EXIF that is kept: safe leaves out the place, the maker's notes and the thumbnail, all only the
                thumbnail, none keeps nothing.
            looks: of parts, by their names (hair, lips, eyes, brows, skin, clothes, hat, glasses, earrings, necklace):
                a colour such as #a81830, a look of the page such as blond_hair, or photo for as on look_photo. Not
                with aligned.
            look_photo: the photo whose largest face has the looks that are called photo.

        Returns:
            The whole photo with the edited face, with its colour profile and transparency.
        """
        pipeline, (picture, file) = self.serving.current(), read_original(_uploaded(photo), max_pixels=self.max_pixels)
        prepared = None if aligned else pipeline.prepare(picture, face)
        size = picture.shape[:2] if prepared is None else prepared.mask.shape
        edited = self._mask(mask, size)
        original = None if original_mask is None else self._mask(original_mask, size)
        if looks and prepared is None:
            raise ValueError("Looks need a photo in which the face is found; leave out aligned.")
        if prepared is None:
            result = pipeline.edit_picture(picture, edited, original, keep_untouched)
            weights = None if np.array_equal(result, picture) else pipeline.weights
        else:
            by_class = self._looks(looks or {}, look_photo)
            edit = edit_with_looks(pipeline, prepared, edited, by_class, original, keep_untouched=keep_untouched)
            result, weights, file = edit.photo, drawn_by(edit), file.turned(prepared.quarters)
        return _encoded(file, result, weights, file_format, metadata, f"{_stem(photo)}_edited")

    @_endpoint
    def interpolate(
        self, mask_a: gr.FileData, mask_b: gr.FileData, t: float | list[float] = 0.5
    ) -> gr.FileData | list[gr.FileData]:
        """The masks between two masks, and beyond them.

        Args:
            mask_a: a square mask, what t = 0 gives.
            mask_b: a mask of the same size, what t = 1 gives.
            t: the place on the line from A to B, -0.4 to 1.4, or a list of up to 48 places.

        Returns:
            A mask PNG for one place, a list of them for a list.
        """
        places = t if isinstance(t, list) else [t]
        if not 1 <= len(places) <= MAX_FRAMES:
            raise ValueError(f"Ask for 1 to {MAX_FRAMES} places at once, not {len(places)}.")
        masks = [self._mask(mask) for mask in (mask_a, mask_b)]
        largest = max(max(mask.shape) for mask in masks)
        if largest > MAX_MASK_SIDE:
            raise ValueError(
                f"Masks to interpolate may have {MAX_MASK_SIDE} pixels a side, not {largest}; shrink them."
            )
        morph = Morph.between(self.serving.current(), *masks)
        name = f"{_stem(mask_a)}_to_{_stem(mask_b)}"
        files = [_file(mask_png(morph.mask_at(place)), f"{name}_{place:.2f}.png") for place in places]
        return files if isinstance(t, list) else files[0]

    @_endpoint
    def copy_style(
        self,
        target: gr.FileData,
        source: gr.FileData,
        regions: list[str] = ["lips", "hair"],  # noqa: B006  (never changed, and shown as the default)
        strength: float = 1.0,
        target_face: int = 0,
        source_face: int = 0,
        file_format: FileFormat = "png",
        metadata: Metadata = "safe",
    ) -> gr.FileData:
        """Give parts of one face the style of another's; shapes stay.

        Args:
            target: the photo that is changed.
            source: the photo that gives the style.
            regions: any of lips, hair, skin, brows, eyes, clothes, accessories, background, everything.
            strength: 0 (the target as it is) to 1.
            target_face: which of the target's faces, 0 is the largest.
            source_face: which of the source's faces.
            file_format: of the result: png, jpeg, or same for that of the target, JPEG at its own quality.
            metadata: EXIF of the target that is kept: safe leaves out the place, the maker's notes and the thumbnail,
                all only the thumbnail, none keeps nothing.

        Returns:
            The target's whole photo with the result in it, with its colour profile and transparency.
        """
        pipeline = self.serving.current()
        picture, file = read_original(_uploaded(target), max_pixels=self.max_pixels)
        changed = pipeline.prepare(picture, target_face)
        edit = copy_style(pipeline, changed, pipeline.prepare(self._photo(source), source_face), regions, strength)
        file = file.turned(changed.quarters)
        return _encoded(file, edit.photo, drawn_by(edit), file_format, metadata, f"{_stem(target)}_style")

    def _looks(self, looks: dict[str, str], photo: gr.FileData | None) -> dict[Label, Look]:
        """Looks by class; raises ValueError for a part or look that there is not."""
        lender, by_class = None, {}
        for part, name in looks.items():
            labels = PARTS.get(part.capitalize())
            if labels is None:
                raise ValueError(f"There is no part {part!r} to give a look; choose from {', '.join(PARTS).lower()}.")
            if name == "photo":
                if photo is None:
                    raise ValueError(f"The look of {part} is that of look_photo; send that photo.")
                lender = lender or self.serving.current().prepare(self._photo(photo))
                look = look_of(lender.crop, lender.mask, labels[0], _stem(photo))
            elif name in LOOKS:
                look = LOOKS[name]
                if labels[0] not in look.labels:
                    raise ValueError(f"The look {name} is none for {part}; choose another one.")
            else:
                look = plain_colour(labels[0], name)
            by_class |= dict.fromkeys(labels, look)
        return by_class

    # ------------------------------------------------------------------ files

    def _photo(self, file: gr.FileData) -> np.ndarray:
        return read_photo(_uploaded(file), max_pixels=self.max_pixels)

    def _mask(self, file: gr.FileData, size: tuple[int, int] | None = None) -> np.ndarray:
        return uploaded_mask(_uploaded(file), size, self.max_pixels)


def send_files_unchanged(app: gr.Blocks) -> None:
    """Let the MCP tools of a launched app send pictures as the files that they are.

    Gradio would write them anew, without what they tell about themselves.
    """
    app.mcp_server_obj.get_base64_data = lambda image, format: base64.b64encode(
        Path(image.filename).read_bytes()
    ).decode()


def _described(number: int, face: DetectedFace) -> dict[str, Any]:
    points = dict(zip(_POINTS, face.points.round(2).tolist(), strict=True))
    return {
        "face": number,
        "box": list(face.box),
        "confidence": round(face.confidence, 4),
        "points": points,
        "turn": -90 * face.quarters % 360,
    }


def _uploaded(file: gr.FileData) -> Path:
    """Where an uploaded file lies; a client can write any path into its message, and only uploads are opened."""
    path = Path(file.path)
    try:
        uploaded = utils.is_in_or_equal(path, utils.get_upload_folder()) and path.resolve().is_file()
    except (ValueError, OSError):  # no path at all
        uploaded = False
    if not uploaded:
        raise ValueError("This file was not uploaded; upload it first (handle_file does that in gradio_client).")
    return path


def _stem(file: gr.FileData) -> str:
    """The upload's name for the result's: letters and digits of it, for clients write what they like."""
    return re.sub(r"[^\w-]+", "_", Path(file.orig_name or file.path).stem)[:40]


def _file(content: bytes, name: str, mime_type: str = "image/png") -> gr.FileData:
    """A file that Gradio serves, and deletes when its time has come."""
    return gr.FileData(path=saved(content, name), orig_name=name, mime_type=mime_type)


def _encoded(
    file: Original, result: np.ndarray, weights: Weights | None, form: FileFormat, metadata: Metadata, name: str
) -> gr.FileData:
    """A result as a file; what could not stay as it was in the photo is told. name: without its ending."""
    encoded = file.encode(result, weights, form=_FORMS[form], metadata=metadata)
    for note in encoded.notes:
        tell(note)
    return _file(encoded.content, f"{name}{encoded.suffix}", _MIME_TYPES[encoded.suffix])
