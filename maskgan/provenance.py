"""What a result picture tells about itself: that trained networks drew a part of it, and which weights they had.

Written as XMP, in properties of the IPTC Photo Metadata Standard, extension schema: Digital Source Type, and AI System
Used and AI System Version Used (of version 2025.1); the IPTC Video Metadata Hub uses the same. Pixels are what they are
without it. Masks carry nothing: they are label maps, not pictures of anybody.
"""

from __future__ import annotations

import io
import struct
from os import PathLike
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import XMP as TIFF_XMP

from maskgan.editing.pipeline import Edit
from maskgan.snapshots import Weights

#: A photo of which a part was drawn by trained networks, or a face in its style.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
AI_SYSTEM = "MaskGAN Studio"

#: The schema's namespace in XMP.
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

#: Where the XMP specification, part 3, puts the packet in MP4 and GIF. A reader of GIF that knows no XMP takes the
#: text's bytes for lengths of blocks; wherever it lands in the trailer, it is led to the end of it.
_MP4_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_GIF_BLOCK, _GIF_TRAILER = b"!\xff\x0bXMP DataXMP", bytes([1, *range(255, -1, -1), 0])

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt={schema}
 Iptc4xmpExt:DigitalSourceType={source} Iptc4xmpExt:AISystemUsed={system} Iptc4xmpExt:AISystemVersionUsed={version}/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def drawn_by(edit: Edit) -> Weights | None:
    """The weights that drew in an edit's picture; None where it is the photo's own pixels all over."""
    return edit.weights or Weights() if edit.region.any() else None


def xmp_packet(weights: Weights) -> bytes:
    """The XMP packet of a picture in which networks with these weights drew; their version is the weights' hash."""
    fields = {
        "schema": IPTC_EXTENSION,
        "source": DIGITAL_SOURCE_TYPE,
        "system": AI_SYSTEM,
        "version": weights.hash or weights.short_hash,
    }
    return _PACKET.format(**{name: quoteattr(value) for name, value in fields.items()}).encode()


def save_picture(
    target: str | PathLike[str] | BinaryIO, picture: np.ndarray, weights: Weights | None, format: str, **options: Any
) -> None:
    """Write a picture (H, W, 3) uint8 RGB.

    Args:
        target: a path or an open binary file.
        weights: those that drew in it (see `drawn_by`); None for a picture that nobody edited, which says nothing.
        format: "PNG", "JPEG", "WEBP" or "TIFF".
        options: of Pillow's writer.
    """
    if weights is not None:
        packet = xmp_packet(weights)
        if format == "PNG":
            options["pnginfo"] = PngInfo()
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
        elif format == "TIFF":
            options["tiffinfo"] = {TIFF_XMP: packet}
        else:
            options["xmp"] = packet
    Image.fromarray(picture).save(target, format, **options)


def encode_picture(picture: np.ndarray, weights: Weights | None, format: str, **options: Any) -> bytes:
    """Like `save_picture`, to bytes."""
    file = io.BytesIO()
    save_picture(file, picture, weights, format, **options)
    return file.getvalue()


def gif_that_tells(content: bytes, weights: Weights) -> bytes:
    """A GIF file, as bytes, with the XMP packet as its last block."""
    return content.removesuffix(b";") + _GIF_BLOCK + xmp_packet(weights) + _GIF_TRAILER + b";"


def mp4_that_tells(content: bytes, weights: Weights) -> bytes:
    """An MP4 file, as bytes, with the XMP packet as its last box, which moves nothing before it."""
    packet = xmp_packet(weights)
    return content + struct.pack(">I4s16s", 24 + len(packet), b"uuid", _MP4_BOX) + packet
