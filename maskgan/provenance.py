"""What a result picture tells about itself: that trained networks drew a part of it, and which weights they had.

Written as XMP, in properties of the IPTC Photo Metadata Standard, extension schema: Digital Source Type, and AI System
Used and AI System Version Used (of version 2025.1). Pixels are what they are without it.
"""

from __future__ import annotations

import io
from os import PathLike
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .pipeline import Edit
from .snapshots import Weights

#: A photo of which a part was drawn by trained networks.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
AI_SYSTEM = "MaskGAN Studio"

#: The schema's namespace in XMP.
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

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
        format: "PNG", "JPEG" or "WEBP".
        options: of Pillow's writer.
    """
    if weights is not None:
        packet = xmp_packet(weights)
        if format == "PNG":
            options["pnginfo"] = PngInfo()
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
        else:
            options["xmp"] = packet
    Image.fromarray(picture).save(target, format, **options)


def encode_picture(picture: np.ndarray, weights: Weights | None, format: str, **options: Any) -> bytes:
    """Like `save_picture`, to bytes."""
    file = io.BytesIO()
    save_picture(file, picture, weights, format, **options)
    return file.getvalue()
