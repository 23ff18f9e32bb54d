"""Bytes of a DICOM file, for the few kinds of elements that a slice has.

pydicom's writer takes ten times as long, and a cohort has tens of thousands of files; its dictionary is used here,
and tests read every kind of file back with it.
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.uid import UID, ImplicitVRLittleEndian

Value = str | int | bytes | None

_PREAMBLE = b"\0" * 128 + b"DICM"
_WHO = {"ImplementationClassUID": "1.2.826.0.1.3680043.8.498.1", "ImplementationVersionName": "STENOSIS_KIT"}


def encode_file(elements: dict[str, Value], pixels: bytes, syntax: UID, meta: dict[str, Value]) -> bytes:
    """A whole file (PS3.10).

    Args:
        elements: keyword to value, without PixelData; several values joined by backslashes.
        pixels: the frame; where the syntax compresses, one fragment.
        syntax: TransferSyntaxUID; explicit or implicit VR little endian, or a compressed one.
        meta: keyword to value of the rest of the meta header.
    """
    meta = {**meta, "TransferSyntaxUID": syntax, **_WHO}
    version = b"\2\0\1\0OB\0\0\2\0\0\0\0\1"
    group = version + b"".join(_element(keyword, value, False) for keyword, value in _sorted(meta))
    implicit = syntax == ImplicitVRLittleEndian
    body = [_element(keyword, value, implicit) for keyword, value in _sorted(elements)]
    if syntax.is_compressed:
        body.append(b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + _item(b"") + _item(pixels) + b"\xfe\xff\xdd\xe0\0\0\0\0")
    else:
        kind = b"" if implicit else (b"OB\0\0" if elements["BitsAllocated"] == 8 else b"OW\0\0")
        body.append(b"\xe0\x7f\x10\0" + kind + struct.pack("<I", len(pixels) + len(pixels) % 2) + _even(pixels, b"\0"))
    return b"".join([_PREAMBLE, b"\2\0\0\0UL\4\0", struct.pack("<I", len(group)), group, *body])


def _item(content: bytes) -> bytes:
    content = _even(content, b"\0")
    return b"\xfe\xff\0\xe0" + struct.pack("<I", len(content)) + content


@cache
def _tag(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag, dictionary_VR(tag)


def _sorted(elements: dict[str, Value]) -> list[tuple[str, Value]]:
    return sorted(elements.items(), key=lambda item: _tag(item[0])[0])


def _element(keyword: str, value: Value, implicit: bool) -> bytes:
    tag, kind = _tag(keyword)
    if isinstance(value, int):
        content = struct.pack("<H", value)
    else:
        content = _even((value or "").encode("ascii"), b"\0" if kind == "UI" else b" ")
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", len(content)) + content
    return head + kind.encode("ascii") + struct.pack("<H", len(content)) + content


def _even(content: bytes, pad: bytes) -> bytes:
    return content + pad if len(content) % 2 else content


def rle(pixels: np.ndarray) -> bytes:
    """A frame of RLE Lossless (PS3.5 G): the high bytes as runs, the noisy low bytes as literals.

    Args:
        pixels: (rows, columns) uint16.
    """
    segments = [_runs((pixels >> 8).astype(np.uint8)), _literals((pixels & 255).astype(np.uint8))]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [2, 64, 64 + len(segments[0])]
    return np.array(offsets + [0] * 13, "<u4").tobytes() + b"".join(segments)


def _runs(plane: np.ndarray) -> bytes:
    """Every run of equal bytes in a row as a count and the byte."""
    starts_row = np.zeros(plane.shape, bool)
    starts_row[:, ::128] = True  # the longest run
    starts_row[:, 1:] |= plane[:, 1:] != plane[:, :-1]
    starts = np.flatnonzero(starts_row)
    lengths = np.diff(np.append(starts, plane.size))
    counts = np.where(lengths == 1, 0, 257 - lengths).astype(np.uint8)
    return np.stack([counts, plane.ravel()[starts]], axis=1).tobytes()


def _literals(plane: np.ndarray) -> bytes:
    """Rows cut into stretches of at most 128 bytes, each after its length."""
    parts = []
    for start in range(0, plane.shape[1], 128):
        part = plane[:, start : start + 128]
        parts += [np.full((len(plane), 1), part.shape[1] - 1, np.uint8), part]
    return np.hstack(parts).tobytes()


def jpeg2000(pixels: np.ndarray) -> bytes:
    """A JPEG 2000 codestream; OpenCV wraps it in a JP2 file, which DICOM does not want."""
    import cv2

    _, encoded = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    whole = encoded.tobytes()
    return whole[whole.index(b"\xff\x4f\xff\x51") :]
