"""A session as a list of files that a browser can keep, and back; all that comes back is checked, for it may be forged.

    kept = pack(session, settings, {}) # files lie where Gradio serves them; faces, photos and steps are named once
    visit = unpack(kept)               # faces as they were left, and the settings; nothing is drawn yet

A photo is its file, or the name of an example; a face its place in the photo and its mask; a step a mask, its looks and
its motion. Results are not kept: they are drawn again.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from gradio import utils

from maskgan.editing.borrowed_looks import look_named
from maskgan.editing.edit import Face
from maskgan.editing.faces import Alignment, DetectedFace
from maskgan.editing.transplants import Lender
from maskgan.labels import Label
from maskgan.originals import Original
from maskgan.sizes import CROP_SIZE
from maskgan.snapshots import Weights
from maskgan.ui.keeping.tabs import KeptTab
from maskgan.ui.kit import saved_once
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs
from maskgan.ui.session import MAX_LEFT, MAX_LEFT_BYTES, MAX_STEPS, Left, OpenFace, Session
from maskgan.ui.steps import Step

VERSION = 1

#: A step's file is never larger, in bytes, nor a photo's, nor all of a visit; nor are there more faces in a photo.
_STEP_BYTES, _PHOTO_BYTES, _ALL_BYTES, _FACES = 4_000_000, 200_000_000, 3 * MAX_LEFT_BYTES, 1000

#: The tabs beside Paint have no more faces open, together.
_TAB_FACES = 4

_SHAPE = (CROP_SIZE, CROP_SIZE)
_T = TypeVar("_T")


class NotKept(ValueError):  # noqa: N818
    """What a browser brought back cannot be used; the message is one sentence for people."""


@dataclass(frozen=True)
class Visit:
    """What was kept: all faces, which of them was open, the tab's settings by name, and other tabs by their ids."""

    faces: tuple[Left, ...]
    open: Left
    settings: Mapping[str, Any]
    tabs: Mapping[str, KeptTab]


# ---------------------------------------------------------------- to the browser


def pack(
    session: Session, settings: Mapping[str, Any], tabs: Mapping[str, KeptTab] | None = None
) -> dict[str, Any] | None:
    """What a browser should keep of a session, and of the tabs beside Paint by their ids.

    None where nothing was done, or it could not be opened again.
    """
    if session.opened is None or session.opened.source is None:
        return None
    here = Left(session.opened, session.state(), session.history)
    if not (tabs or session.left or len(session.history) > 1 or here.worth_keeping):
        return None
    photos: dict[int, int] = {}
    packed_photos: list[dict[str, Any]] = []

    def packed(left: Left) -> dict[str, Any]:
        opened = left.opened
        if opened.photo_id not in photos:
            photos[opened.photo_id] = len(packed_photos)
            packed_photos.append(_photo(opened))
        return _face(left, photos[opened.photo_id])

    faces = [packed(left) for left in (*session.left, here) if left.opened.source is not None]
    beside = {
        name: {"faces": {key: packed(left) for key, left in tab.faces.items()}, "settings": dict(tab.settings)}
        for name, tab in (tabs or {}).items()
    }
    kept = {"version": VERSION, "key": session.key, "photos": packed_photos, "faces": faces, "tabs": beside}
    return {**kept, "settings": dict(settings)}


def files_of(kept: Mapping[str, Any]) -> set[str]:
    """Paths of the files that `pack` wrote for what it returned."""
    files = [photo["file"] for photo in kept["photos"] if "file" in photo]
    faces = [*kept["faces"], *(face for tab in kept["tabs"].values() for face in tab["faces"].values())]
    files += [file for face in faces for file in (face["own"], face["state"], *face["steps"])]
    return {file["path"] for file in files}


def _file(thing: Any, make: Callable[[], bytes], name: str) -> dict[str, Any]:
    """A file for what outlives an event, as Gradio tells browsers of a file."""
    return {"path": saved_once(thing, name, make), "meta": {"_type": "gradio.FileData"}}


def _photo(opened: OpenFace) -> dict[str, Any]:
    source = opened.source
    place: dict[str, Any]
    if isinstance(source, Original):
        place = {"file": _file(source, lambda: source.data, "photo.bin"), "quarters": source.quarters}
    else:
        place = {"example": source}
    faces = [[*face.box, face.confidence, *face.points.ravel().tolist()] for face in opened.faces]
    drawn = None if opened.face.drawn is None else opened.face.drawn.hash
    size = list(opened.face.alignment.photo_size)
    told = {"name": opened.name, "turned": opened.turned, "drawn": drawn, "faces": faces, "size": size}
    return place | told | {"whole": isinstance(source, Original) and opened.original is source}


def _face(left: Left, photo: int) -> dict[str, Any]:
    opened = left.opened
    state = next((step for step in reversed(left.history) if _same(step, left.state)), left.state)
    steps = [_file(step, lambda step=step: _packed_step(step), "step.json") for step in left.history]
    return {
        "photo": photo,
        "id": opened.id,
        "chosen": opened.chosen,
        "matrix": opened.face.alignment.matrix.ravel().tolist(),
        "own": _file(opened.face, lambda: encode_runs(opened.face.mask).encode(), "mask.txt"),
        "state": _file(state, lambda: _packed_step(state), "step.json"),
        "steps": steps,
        "seamless": left.seamless,
    }


def _same(one: Step, other: Step) -> bool:
    same_looks = {k: look.name for k, look in one.looks.items()} == {k: look.name for k, look in other.looks.items()}
    return same_looks and one.motion == other.motion and one.runs == other.runs


def _packed_step(step: Step) -> bytes:
    told = {
        "mask": step.runs.decode(),
        "label": step.label,
        "looks": {int(label): look.name for label, look in step.looks.items()},
        "lenders": {
            look.name: {"mask": encode_runs(look.lender.mask), "picture": base64.b64encode(look.lender.packed).decode()}
            for look in step.looks.values()
            if look.lender is not None
        },
        "thumbnail": base64.b64encode(step.thumbnail).decode(),
        "motion": base64.b64encode(step.motion).decode(),
    }
    return json.dumps(told).encode()


# ---------------------------------------------------------------- and back


def unpack(kept: Any) -> Visit:
    """The visit that `pack` wrote, as a browser sent it.

    Photos are not decoded yet. Raises NotKept when anything in it is not as it was written.
    """
    try:
        if _typed(kept, dict).get("version") != VERSION:
            raise NotKept("Your last visit was kept by another version of this page and cannot be opened.")
        photos = [_typed(photo, dict) for photo in _typed(kept["photos"], list)[: MAX_LEFT + 1 + _TAB_FACES]]
        ids = [secrets.randbits(52) for _ in photos]
        files = _Files()
        sources = [_source(photo, files) for photo in photos]

        def left(face: Any) -> Left:
            number = _whole(_typed(face, dict)["photo"], 0, len(photos) - 1)
            return _left(face, photos[number], sources[number], ids[number], files)

        faces = [left(face) for face in _typed(kept["faces"], list)[-2 * MAX_LEFT :]]
        tabs = {}
        for name, tab in list(_typed(kept.get("tabs", {}), dict).items())[:_TAB_FACES]:
            beside = list(_typed(_typed(tab, dict)["faces"], dict).items())[:_TAB_FACES]
            tabs[name] = KeptTab({key: left(face) for key, face in beside}, _typed(tab["settings"], dict))
        live = kept.get("live")
        settings = _settings(_typed(kept["settings"], dict))
        if live is not None:
            faces[-1] = _with_live_mask(faces[-1], _typed(live, dict))
        return Visit(tuple(faces[:-1]), faces[-1], settings, tabs)
    except NotKept:
        raise
    except (KeyError, IndexError, TypeError, ValueError, OSError, OverflowError, RecursionError) as problem:
        raise NotKept("Your last visit could not be read, so the page starts fresh.") from problem


def _typed(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected")
    return value


def _whole(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError("no such number")
    return value


def _numbers(values: Any, count: int) -> list[float]:
    numbers = [float(value) for value in _typed(values, list)]
    if len(numbers) != count or not all(math.isfinite(number) and abs(number) < 1e6 for number in numbers):
        raise ValueError("no such numbers")
    return numbers


class _Files:
    """Uploaded files, each read once, and not more than a visit may have."""

    def __init__(self) -> None:
        self._read: dict[Path, bytes] = {}
        self._left = _ALL_BYTES

    def read(self, file: Any, limit: int) -> bytes:
        """The content of a file that a browser named; its name is unguessable, and it lies among uploads."""
        path = Path(_typed(_typed(file, dict)["path"], str)).resolve()
        if path in self._read:
            return self._read[path]
        if not path.is_relative_to(Path(utils.get_upload_folder()).resolve()):
            raise ValueError("no such file")
        size = path.stat().st_size
        self._left -= size
        if size > limit or self._left < 0:
            raise ValueError("too large")
        self._read[path] = path.read_bytes()
        return self._read[path]


def _source(photo: dict[str, Any], files: _Files) -> str | Original:
    if "example" in photo:
        return _typed(photo["example"], str)
    return Original(files.read(photo["file"], _PHOTO_BYTES), _whole(photo["quarters"], 0, 3))


def _check_place(alignment: Alignment) -> None:
    """A crop that is no smaller than a pixel, and lies in or beside its photo."""
    side = max(alignment.photo_size)
    corners = alignment.to_photo(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64), 1)
    area = abs(np.linalg.det(alignment.matrix[:, :2]))
    if not (area >= 1 and 1 <= alignment.side <= 8 * side and np.abs(corners).max() <= 16 * side):
        raise ValueError("no such place")


def _left(face: dict[str, Any], photo: dict[str, Any], source: str | Original, photo_id: int, files: _Files) -> Left:
    size = tuple(_whole(side, 1, 2**16) for side in _typed(photo["size"], list))
    if len(size) != 2:
        raise ValueError("no such size")
    alignment = Alignment(np.array(_numbers(face["matrix"], 6)).reshape(2, 3), size)
    _check_place(alignment)
    own = decode_runs(files.read(face["own"], _STEP_BYTES).decode("ascii"), _SHAPE)
    nothing = np.zeros((0, 0, 3), np.uint8)
    found = tuple(_detected(values, size) for values in _typed(photo["faces"], list)[:_FACES])
    chosen = None if face["chosen"] is None else _whole(face["chosen"], 0, max(0, len(found) - 1))
    drawn = photo["drawn"]
    if drawn is not None and not re.fullmatch(r"[0-9a-f]{0,64}", _typed(drawn, str)):
        raise ValueError("no such weights")
    drawn = None if drawn is None else Weights(drawn)
    opened = OpenFace(
        Face(nothing, nothing, own, nothing[..., 0], None, alignment, drawn=drawn).at_rest(),
        Path(_typed(photo["name"], str)[:200]).name or "photo",
        found,
        chosen,
        _whole(photo["turned"], 0, 359),
        source if isinstance(source, Original) and _typed(photo["whole"], bool) else None,
        _whole(face["id"], 0, 2**53),
        photo_id,
        source=source,
    )
    steps = [_step(files.read(step, _STEP_BYTES)) for step in _typed(face["steps"], list)[-MAX_STEPS - 1 :]]
    state = _step(files.read(face["state"], _STEP_BYTES))
    return Left(opened, state, tuple(steps), seamless=_typed(face["seamless"], bool))


def _detected(values: Any, photo_size: tuple[int, int]) -> DetectedFace:
    numbers = _numbers(values, 15)
    box = tuple(int(number) for number in numbers[:4])
    face = DetectedFace(box, numbers[4], np.array(numbers[5:]).reshape(5, 2))
    _check_place(Alignment.from_face(face, photo_size))
    return face


def _step(content: bytes) -> Step:
    told = _typed(json.loads(content), dict)
    lenders = {name: _lender(_typed(lender, dict)) for name, lender in _typed(told.get("lenders", {}), dict).items()}
    named = {Label(int(label)): _typed(name, str) for label, name in _typed(told["looks"], dict).items()}
    looks = {label: look_named(label, name, lenders) for label, name in named.items()}
    thumbnail, motion = (base64.b64decode(_typed(told[name], str), validate=True) for name in ("thumbnail", "motion"))
    if thumbnail and not thumbnail.startswith(b"\xff\xd8\xff"):
        raise ValueError("no JPEG")
    mask = decode_runs(_typed(told["mask"], str), _SHAPE)
    return Step.of(mask, thumbnail, _typed(told["label"], str)[:80], looks, motion)


def _lender(told: dict[str, Any]) -> Lender:
    packed = base64.b64decode(_typed(told["picture"], str), validate=True)
    return Lender.read(packed, decode_runs(_typed(told["mask"], str), _SHAPE))


def _settings(told: dict[str, Any]) -> dict[str, Any]:
    if told["view"] not in ("face", "photo"):
        raise ValueError("no such view")
    strength = float(told["strength"])
    if not 0.2 <= strength <= 2:
        raise ValueError("no such strength")
    flags = {name: _typed(told[name], bool) for name in ("keep", "seamless")}
    return {"view": told["view"], **flags, "strength": strength}


def _with_live_mask(left: Left, live: dict[str, Any]) -> Left:
    """A face with the mask that the canvas last held, which the server may never have heard of."""
    if live["id"] != left.opened.id:
        return left
    mask = decode_runs(_typed(live["mask"], str), _SHAPE)
    if left.state.is_of(mask):
        return left
    state = Step.of(mask, b"", "", left.state.looks, left.state.motion)
    return Left(left.opened, state, left.history, seamless=left.seamless)


__all__ = ["NotKept", "Visit", "pack", "unpack"]
