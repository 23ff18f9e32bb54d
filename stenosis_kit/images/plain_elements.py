"""Headers as nearly all files have them, read in one piece: several times as fast as pydicom reads them."""

from __future__ import annotations

import struct
from collections.abc import Collection

from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from stenosis_kit.images.elements import Elements
from stenosis_kit.images.file import PREFIX, PREFIX_AT, BoundedFile

_MOST = 1 << 14  # bytes of a header that is read so; chosen by hand: the competition's have some 1,500
_SYNTAX = 0x0002_0010
_PIXELS = (0x7FE0_0010, 0x7FE0_0008, 0x7FE0_0009)  # values of pixels, of three kinds
_SHORT, _LONG = ({vr.value.encode() for vr in known} for known in (EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32))
_ELEMENT = struct.Struct("<HH2sH")  # group, number, VR and, of most VRs, length (PS3.5 7.1.2)
_LONG_LENGTH = struct.Struct("<I")
_NOT_SO = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def plain_elements(file: BoundedFile, tags: Collection[int]) -> Elements | None:
    """As `elements.read_elements`, of a file in explicit VR, little endian, whose elements stand in order.

    Returns:
        None where anything is unusual or damaged: the file is at its beginning again.
    """
    head = file.read(min(_MOST, file.size))
    try:
        found = _walk(head, {*tags, _SYNTAX})
    except struct.error:  # the pixels lie farther on, or are missing
        found = None
    raw, at = found or ({}, 0)
    syntax = UID(raw.pop(_SYNTAX).value.decode("latin-1").rstrip("\0 ")) if _SYNTAX in raw else None
    plain = syntax and not syntax.is_private and syntax not in _NOT_SO and not file.inflated
    file.seek(at if plain else 0)
    return Elements(raw, syntax) if plain else None


def _walk(head: bytes, tags: Collection[int]) -> tuple[dict[int, RawDataElement], int] | None:
    """The elements of some tags, and the offset of the element with the pixels; None where anything is unusual."""
    if head[PREFIX_AT : PREFIX_AT + len(PREFIX)] != PREFIX:
        return None
    found, last, at = {}, 0, PREFIX_AT + len(PREFIX)
    while True:
        group, number, vr, length = _ELEMENT.unpack_from(head, at)
        tag, value_at = group << 16 | number, at + _ELEMENT.size
        if tag in _PIXELS and vr in _LONG:
            return found, at
        if vr in _LONG:
            (length,) = _LONG_LENGTH.unpack_from(head, value_at)
            value_at += _LONG_LENGTH.size
        elif vr not in _SHORT:
            return None
        at = value_at + length
        if tag <= last or at > len(head) or (tag in tags and not length):
            return None
        if tag in tags:
            value = head[value_at:at]
            found[tag] = RawDataElement(BaseTag(tag), vr.decode(), length, value, value_at, False, True)
        last = tag
