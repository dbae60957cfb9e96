"""Sequences of masks or faces as files: GIF, MP4, and a numbered set of PNG.

A frame is a label map (H, W) uint8, shown in the palette's colours, or a picture (H, W, 3) uint8 RGB. `weights`
are those that drew the pictures, which the file's metadata then tells; None for masks, and for pictures as taken.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from maskgan.labels import colourise
from maskgan.mask_files import write_mask
from maskgan.provenance import gif_that_tells, mp4_that_tells, save_picture
from maskgan.snapshots import Weights


def gif(frames: Sequence[np.ndarray], fps: float = 12, weights: Weights | None = None) -> bytes:
    """An animated GIF that repeats for ever; masks keep their exact colours, equal frames become one that stays longer.

    Raises ValueError when there is no frame, their sizes differ, or fps is not above 0.
    """
    pictures = [Image.fromarray(picture) for picture in _pictures(frames, fps)]
    if frames[0].ndim == 3:
        pictures = [picture.quantize(256, Image.Quantize.MEDIANCUT) for picture in pictures]
    file = io.BytesIO()
    duration = max(2, round(100 / fps)) * 10  # GIF counts in hundredths of a second
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return file.getvalue() if weights is None else gif_that_tells(file.getvalue(), weights)


def mp4(frames: Sequence[np.ndarray], fps: float = 12, weights: Weights | None = None) -> bytes:
    """A video in H.264, in the pixel format that every browser plays (yuv420p), ready to start before it is all there.

    Raises ValueError as `gif`, and when width or height is odd, which that format cannot hold.
    """
    pictures = _pictures(frames, fps)
    height, width = pictures[0].shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"A video needs even width and height, not {width} x {height}; use GIF or PNG instead.")
    with tempfile.TemporaryDirectory() as folder:  # the index is moved to the front at the end, which needs a file
        path = Path(folder) / "frames.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=round(fps), options={"crf": "16", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        content = path.read_bytes()
    return content if weights is None else mp4_that_tells(content, weights)


def numbered_pngs(frames: Sequence[np.ndarray], name: str = "frame", weights: Weights | None = None) -> bytes:
    """A zip file of `name_000.png`, `name_001.png`, ...; masks as indexed PNG of class ids.

    Raises ValueError as `gif`.
    """
    _pictures(frames, 1)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNG is packed already
        for number, frame in enumerate(frames):
            one = io.BytesIO()
            if frame.ndim == 2:
                write_mask(one, frame)
            else:
                save_picture(one, frame, weights, "PNG")
            archive.writestr(f"{name}_{number:03d}.png", one.getvalue())
    return file.getvalue()


def _pictures(frames: Sequence[np.ndarray], fps: float) -> list[np.ndarray]:
    """Frames as pictures (H, W, 3) uint8 RGB of one size."""
    if not frames:
        raise ValueError("There are no frames to save; make a sequence first.")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("The frames differ in size; all must have the same.")
    if not fps > 0:
        raise ValueError(f"A sequence needs more than 0 frames a second, not {fps:g}.")
    return [colourise(frame) if frame.ndim == 2 else frame for frame in frames]
