"""The padding that a header declares: which stored values are no signal (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from stenosis_kit.images.coding import Coding
from stenosis_kit.images.elements import element_values
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.silence import Padding

_WHOLE = (Tag("PixelPaddingValue"), Tag("PixelPaddingRangeLimit"))
_BY_KEYWORD = {  # of the element with the pixels
    "PixelData": _WHOLE,
    "FloatPixelData": (Tag("FloatPixelPaddingValue"), Tag("FloatPixelPaddingRangeLimit")),
    "DoubleFloatPixelData": (Tag("DoubleFloatPixelPaddingValue"), Tag("DoubleFloatPixelPaddingRangeLimit")),
}
PADDING_TAGS = [tag for tags in _BY_KEYWORD.values() for tag in tags]
"""What has to be read of a file to know its padding."""


def declared_padding(dataset: Dataset, coding: Coding) -> Padding | None:
    """The range of padding; a value that is none declares nothing, and a limit that is none leaves the value alone."""
    value, limit = _BY_KEYWORD[coding.keyword]
    first = _stored(dataset, value, coding)
    if first is None and coding.is_float:
        value, limit = _WHOLE  # as some files have it that were made floats later
        first = _stored(dataset, value, coding)
    if first is None:
        return None
    last = _stored(dataset, limit, coding)
    return (first, first) if last is None else (min(first, last), max(first, last))


def _stored(dataset: Dataset, tag: Tag, coding: Coding) -> float | None:
    """A padding value as the decoded pixels have it, whatever VR it came in; None where it is absent or no number."""
    if tag not in dataset:
        return None
    try:
        value = element_values(dataset, tag)[0]
        if isinstance(value, bytes):  # its VR does not tell whether it is signed; `wrap` does
            value = int.from_bytes(value[:2], "little" if dataset.original_encoding[1] else "big") if value else None
        number = float(value)
        found = number if coding.is_float else coding.wrap(int(number))
    except (UnreadableSlice, IndexError, TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found
