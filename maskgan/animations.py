"""Sequences of masks or faces as files: GIF, MP4, and a numbered set of PNG.

A frame is a label map (H, W) uint8, shown in the palette's colours, or a picture (H, W, 3) uint8 RGB. `weights`
identifies the networks that drew the pictures and is written to the file's metadata; None for masks and for unedited
photos.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from maskgan.labels import colourise
from maskgan.mask_files import write_mask
from maskgan.provenance import gif_with_provenance, mp4_with_provenance, save_picture
from maskgan.snapshots import Weights


def gif(frames: Sequence[np.ndarray], fps: float = 12, weights: Weights | None = None) -> bytes:
    """An animated GIF that loops forever; masks keep their exact colours, repeated frames are merged into a longer one.

    Raises ValueError for an empty sequence, frames of different sizes, or fps <= 0.
    """
    pictures = [Image.fromarray(picture) for picture in _pictures(frames, fps)]
    if frames[0].ndim == 3:
        pictures = [picture.quantize(256, Image.Quantize.MEDIANCUT) for picture in pictures]
    file = io.BytesIO()
    duration = max(2, round(100 / fps)) * 10  # ms; GIF stores hundredths of a second
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return file.getvalue() if weights is None else gif_with_provenance(file.getvalue(), weights)


def mp4(frames: Sequence[np.ndarray], fps: float = 12, weights: Weights | None = None) -> bytes:
    """An H.264 video in the pixel format that every browser plays (yuv420p), with its index first for streaming.

    Raises ValueError for an empty sequence, frames of different sizes, an odd width or height (which yuv420p cannot
    hold), or fps <= 0.
    """
    import av  # here, for an app needs it for this alone, and it takes long

    pictures = _pictures(frames, fps)
    height, width = pictures[0].shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"A video needs even width and height, not {width} x {height}; use GIF or PNG instead.")
    with tempfile.TemporaryDirectory() as folder:  # faststart rewrites the file to move the index to its front
        path = Path(folder) / "frames.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=round(fps), options={"crf": "16", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        content = path.read_bytes()
    return content if weights is None else mp4_with_provenance(content, weights)


def numbered_pngs(frames: Sequence[np.ndarray], name: str = "frame", weights: Weights | None = None) -> bytes:
    """A zip file of `name_000.png`, `name_001.png`, ...; masks as indexed PNG of class ids.

    Raises ValueError for an empty sequence or frames of different sizes.
    """
    _pictures(frames, 1)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
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
        raise ValueError("The sequence has no frames; make one first.")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("The frames differ in size; all must have the same.")
    if not fps > 0:
        raise ValueError(f"A sequence needs more than 0 frames a second, not {fps:g}.")
    return [colourise(frame) if frame.ndim == 2 else frame for frame in frames]
