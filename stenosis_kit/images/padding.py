"""The padding that a header declares: which stored values are no signal (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

import math

from stenosis_kit.images.coding import Coding
from stenosis_kit.images.elements import Elements
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.silence import Padding

_WHOLE = (0x0028_0120, 0x0028_0121)  # PixelPaddingValue, PixelPaddingRangeLimit
_BY_KEYWORD = {  # of the element with the pixels
    "PixelData": _WHOLE,
    "FloatPixelData": (0x0028_0122, 0x0028_0124),
    "DoubleFloatPixelData": (0x0028_0123, 0x0028_0125),
}
PADDING_TAGS = [tag for tags in _BY_KEYWORD.values() for tag in tags]
"""What has to be read of a file to know its padding."""


def declared_padding(elements: Elements, coding: Coding) -> Padding | None:
    """The range of padding; a value that is none declares nothing, and a limit that is none leaves the value alone."""
    value, limit = _BY_KEYWORD[coding.keyword]
    first = _stored(elements, value, coding)
    if first is None and coding.is_float:
        value, limit = _WHOLE  # as some files have it that were made floats later
        first = _stored(elements, value, coding)
    if first is None:
        return None
    last = _stored(elements, limit, coding)
    return (first, first) if last is None else (min(first, last), max(first, last))


def _stored(elements: Elements, tag: int, coding: Coding) -> float | None:
    """A padding value as the decoded pixels have it, whatever VR it came in; None where it is absent or no number."""
    if tag not in elements.raw:
        return None
    try:
        value = elements.values(tag)[0]
        if isinstance(value, bytes):  # its VR does not tell whether it is signed; `wrap` does
            value = int.from_bytes(value[:2], "little" if elements.little else "big") if value else None
        number = float(value)
        found = number if coding.is_float else coding.wrap(int(number))
    except (UnreadableSlice, IndexError, TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found
