"""Provenance metadata of result pictures: that trained networks drew part of them, and with which weights.

Written as XMP with three properties of the IPTC Photo Metadata Standard (2025.1, extension schema), which the IPTC
Video Metadata Hub shares: Digital Source Type, AI System Used, AI System Version Used. Pixels are not changed. Masks
carry no metadata: they are label maps, not pictures of a person.
"""

from __future__ import annotations

import io
import struct
import zlib
from os import PathLike
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import XMP as TIFF_XMP

from maskgan.editing.edit import Edit
from maskgan.snapshots import Weights

#: IPTC term for a photo of which trained networks drew a part.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
AI_SYSTEM = "MaskGAN Studio"

#: The schema's namespace in XMP.
IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

#: Where part 3 of the XMP specification puts the packet in MP4 and GIF. A GIF reader without XMP support reads bytes of
#: the packet as block lengths; the trailer leads it to its end from whichever byte it lands on.
_MP4_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_GIF_BLOCK, _GIF_TRAILER = b"!\xff\x0bXMP DataXMP", bytes([1, *range(255, -1, -1), 0])

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt={schema}
 Iptc4xmpExt:DigitalSourceType={source} Iptc4xmpExt:AISystemUsed={system} Iptc4xmpExt:AISystemVersionUsed={version}/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def drawn_by(edit: Edit) -> Weights | None:
    """The weights that drew part of an edit's picture, now or before; None when all of its pixels are a photo's own."""
    return edit.weights or Weights() if edit.replaces else edit.face.drawn


def xmp_packet(weights: Weights) -> bytes:
    """The XMP packet of a picture that networks with these weights drew part of; the version is the weights' hash."""
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
        weights: those that drew part of it (see `drawn_by`); None for an unedited picture, which gets no metadata.
        format: "PNG", "JPEG", "WEBP" or "TIFF".
        options: for Pillow's writer.
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


def png_that_tells(content: bytes, weights: Weights | None, icc: bytes | None, exif: bytes | None) -> bytes:
    """A PNG file, as bytes, with the XMP packet, a colour profile and EXIF, each where it is given."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    chunks = b""
    if icc:
        chunks += chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc))
    if exif:
        chunks += chunk(b"eXIf", exif.removeprefix(b"Exif\0\0"))
    if weights is not None:
        chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_packet(weights))
    end = 33  # of the header chunk, which comes first
    return content[:end] + chunks + content[end:]


def encode_picture(picture: np.ndarray, weights: Weights | None, format: str, **options: Any) -> bytes:
    """A picture (H, W, 3) uint8 RGB as the bytes of a file; arguments as for `save_picture`."""
    file = io.BytesIO()
    save_picture(file, picture, weights, format, **options)
    return file.getvalue()


def gif_with_provenance(content: bytes, weights: Weights) -> bytes:
    """The bytes of a GIF file with the XMP packet appended as its last block."""
    return content.removesuffix(b";") + _GIF_BLOCK + xmp_packet(weights) + _GIF_TRAILER + b";"


def mp4_with_provenance(content: bytes, weights: Weights) -> bytes:
    """The bytes of an MP4 file with the XMP packet appended as its last box, so that no offset in it changes."""
    packet = xmp_packet(weights)
    return content + struct.pack(">I4s16s", 24 + len(packet), b"uuid", _MP4_BOX) + packet
