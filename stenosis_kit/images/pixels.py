"""One file's pixels, decoded."""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from stenosis_kit.images import packbits
from stenosis_kit.images.coding import Coding
from stenosis_kit.images.file import BoundedFile, UnreadableSlice, open_image

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
_STREAM_START = 1 << 16  # bytes of a code stream in which its own size has to stand; chosen by hand
_CODECS_PLUGIN = "pylibjpeg"  # of the extra: its decoder of RLE, in Rust, takes half of the time of `packbits`
_RUST_PANIC = "PanicException"  # which that one may raise, and what Python sees then is no Exception
_BITS = ("bits_allocated", "bits_stored", "pixel_representation")
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # SOF markers of JPEG and JPEG-LS


def decode(path: Path, coding: Coding) -> np.ndarray:
    """(rows, columns) stored values of a file, whose header is not read again.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded or are not what the header says.
    """
    try:
        with open_image(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding and the like
            if coding.frame_at:
                _check_stream(file, coding)
            file.seek(coding.value_at)
            stored = _as_array(file, coding)
    except (UnreadableSlice, MemoryError):
        raise
    except BaseException as error:  # untrusted files: decoders raise errors of many kinds, and none may end the run
        if isinstance(error, Exception) or type(error).__name__ == _RUST_PANIC:
            why = f"expected pixels ({coding.syntax.name}) as its header describes; found some that cannot be decoded"
            raise UnreadableSlice(f"{why}: copy the file again") from None
        raise
    if stored.shape != coding.shape:  # of several frames
        raise UnreadableSlice(f"expected {coding.shape} pixels; found {stored.shape}")
    return _shifted(stored, coding) if coding.lowest_bit else stored


def _as_array(file: BoundedFile, coding: Coding) -> np.ndarray:
    if _is_usual(coding):
        with suppress(Exception):  # what cannot be read so pydicom may read, or refuse
            return _usual(file, coding)
        file.seek(coding.value_at)
    return get_decoder(coding.syntax).as_array(file, **coding.options)[0]


def _is_usual(coding: Coding) -> bool:
    """Whether pixels are coded as nearly all are, and as `_usual` reads them."""
    if coding.is_float:
        return False
    if coding.syntax == RLELossless:
        known = _CODECS_PLUGIN not in get_decoder(RLELossless).available_plugins
    else:
        known = coding.syntax in _PLAIN
    allocated, stored, sign = (coding.options[name] for name in _BITS)
    return known and allocated in (8, 16) and 1 <= stored <= allocated and sign in (0, 1)


def _usual(file: BoundedFile, coding: Coding) -> np.ndarray:
    """The values that pydicom gives, in a fraction of the time."""
    allocated, stored, sign = (coding.options[name] for name in _BITS)
    size = allocated // 8
    values = np.empty(coding.shape, f"<u{size}")
    if coding.syntax == RLELossless:
        frame = get_frame(file, 0, number_of_frames=1)
        values = packbits.unpacked(frame, values.size, size).reshape(coding.shape)
    elif file.readinto(values.data) < values.nbytes:
        raise EOFError
    values = values.view(f"<i{size}") if sign else values
    if stored < allocated:  # bits above a value's highest are not of it, but repeat that one where it is the sign
        values <<= allocated - stored
        values >>= allocated - stored
    return values


def _shifted(stored: np.ndarray, coding: Coding) -> np.ndarray:
    """Left-justified values moved to the right; what stands below them, such as overlays, falls out.

    Values that use the bits below, and none above BitsStored, are not left-justified, whatever HighBit says.
    """
    bits = coding.options["bits_stored"] - coding.lowest_bit
    below = np.bitwise_and(stored, (1 << coding.lowest_bit) - 1).any()
    if below and np.isin(stored >> bits, (0, -1)).all():
        above = 8 * stored.itemsize - bits
        return stored << above >> above  # so that the sign of signed values is that of their own highest bit
    return stored >> coding.lowest_bit


def _check_stream(file: BoundedFile, coding: Coding) -> None:
    """Refuses a code stream that gives itself another size: decoders allocate memory by that; or contradicts itself."""
    file.seek(coding.frame_at)
    start = file.read(min(_STREAM_START, file.size - coding.frame_at))
    found = stream_shape(start)
    if found and found != coding.shape:
        raise UnreadableSlice(f"expected {coding.shape} pixels; found a code stream of {found}")
    if coding.syntax == RLELossless and packbits.overlaps(start):
        raise UnreadableSlice("expected run lengths, segment after segment; found some that overlap: copy it again")


def stream_shape(data: bytes) -> tuple[int, int] | None:
    """The (rows, columns) that a JPEG, JPEG-LS or JPEG 2000 code stream gives itself; None where it is none of them."""
    if data.startswith(_J2K_START):  # SIZ: length, capabilities, then four bytes each of width, height and offsets
        width, height, left, top = (int.from_bytes(data[at : at + 4], "big") for at in (8, 12, 16, 20))
        return height - top, width - left
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_SIZES:
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
