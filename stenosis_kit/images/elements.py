"""The values of a header's elements, as files really write them."""

from __future__ import annotations

import re
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.values import convert_value

from stenosis_kit.images.file import Kind, UnreadableSlice

_DECIMAL = re.compile(rb"[+-]?(0|[0-9]{4,})?,[0-9]+|[+-]?[0-9]*,([0-9]{1,2}|[0-9]{4,})")
"""What cannot be a whole number with commas between its thousands, as 1,234 could."""

_SHOWN = 60  # bytes of a text that a message shows


def element_values(dataset: Dataset, tag: BaseTag, kind: Kind = Kind.DAMAGED) -> tuple[Any, ...]:
    """The values of an element that was just read, empty where it is absent.

    `Dataset.get` gives the same, but would make reading a header take a third longer (measured).

    Args:
        dataset: as pydicom has read it, nothing asked of it yet.
        tag: of the element.
        kind: of the reason why a file whose values are none cannot be used.

    Raises:
        UnreadableSlice: where the values are not what the element's VR says.
    """
    element = dataset.get_item(tag)
    if not isinstance(element, RawDataElement):
        return ()
    vr = dictionary_VR(element.tag) if element.VR in (None, "UN") else element.VR  # None: implicit VR
    try:
        if vr == "DS":  # pydicom's own numbers (DSfloat) keep the text too, and take twice the time
            return _numbers(element.value)
        value = convert_value(vr, element)
    except Exception:  # untrusted files: pydicom raises errors of many kinds
        if vr in ("DS", "IS"):
            return _numbers_with_commas(dataset, element, kind)
        found = f"{len(element.value or b'')} bytes that are none"
        raise UnreadableSlice(f"{keyword_for_tag(tag)}: expected a value of VR {vr}; found {found}", kind) from None
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, MultiValue | list) else (value,)


def _numbers(text: bytes) -> tuple[float, ...]:
    text = text.strip(b" \0")
    return tuple(map(float, text.split(b"\\"))) if text else ()


def _numbers_with_commas(dataset: Dataset, element: RawDataElement, kind: Kind) -> tuple[float, ...]:
    """The numbers of a text with decimal commas, where some text of the file shows that its commas are decimal."""
    text = element.value or b""
    try:
        return _numbers(text.replace(b",", b".") if b"," in text and _has_decimal_commas(dataset) else text)
    except ValueError:
        found = text[:_SHOWN].decode("ascii", "replace").strip(" \0")
        why = f"{keyword_for_tag(element.tag)}: expected numbers with decimal points; found {found!r}"
        raise UnreadableSlice(why, kind) from None


def _has_decimal_commas(dataset: Dataset) -> bool:
    texts = [one.value for one in dataset.values() if isinstance(one, RawDataElement) and isinstance(one.value, bytes)]
    return any(_DECIMAL.fullmatch(part.strip(b" \0")) for text in texts for part in text.split(b"\\"))
