"""The elements of a header, and their values as files really write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.values import convert_value

from stenosis_kit.images.file import BoundedFile, Kind, UnreadableSlice

_DECIMAL = re.compile(rb"[+-]?(0|[0-9]{4,})?,[0-9]+|[+-]?[0-9]*,([0-9]{1,2}|[0-9]{4,})")
"""What cannot be a whole number with commas between its thousands, as 1,234 could."""

_SHOWN = 60  # bytes of a text that a message shows


@dataclass(frozen=True)
class Elements:
    """Elements of a header.

    Attributes:
        raw: {tag: the element as it was read}.
        syntax: transfer syntax: as the file says; where it does not, the one that its elements are written in.
        implicit: whether the file's elements have no VR.
        little: whether they are little endian.
    """

    raw: Mapping[int, RawDataElement | DataElement]
    syntax: UID
    implicit: bool = False
    little: bool = True

    def values(self, tag: int, kind: Kind = Kind.DAMAGED) -> tuple[Any, ...]:
        """The values of an element, empty where it is absent.

        `Dataset.get` gives the same, but would make reading a header take a third longer (measured).

        Args:
            tag: of the element.
            kind: of the reason why a file whose values are none cannot be used.

        Raises:
            UnreadableSlice: where the values are not what the element's VR says.
        """
        element = self.raw.get(tag)
        if not isinstance(element, RawDataElement):
            return ()
        vr = dictionary_VR(element.tag) if element.VR in (None, "UN") else element.VR  # None: implicit VR
        try:
            if vr == "DS":  # pydicom's own numbers (DSfloat) keep the text too, and take twice the time
                return _numbers(element.value)
            value = convert_value(vr, element)
        except Exception:  # untrusted files: pydicom raises errors of many kinds
            if vr in ("DS", "IS"):
                return self._numbers_with_commas(element, kind)
            found = f"{len(element.value or b'')} bytes that are none"
            raise UnreadableSlice(f"{keyword_for_tag(tag)}: expected a value of VR {vr}; found {found}", kind) from None
        if value is None or value == "":
            return ()
        return tuple(value) if isinstance(value, MultiValue | list) else (value,)

    def _numbers_with_commas(self, element: RawDataElement, kind: Kind) -> tuple[float, ...]:
        """The numbers of a text with decimal commas, where some text of the file shows that its commas are decimal."""
        text = element.value or b""
        try:
            return _numbers(text.replace(b",", b".") if b"," in text and self._has_decimal_commas() else text)
        except ValueError:
            found = text[:_SHOWN].decode("ascii", "replace").strip(" \0")
            why = f"{keyword_for_tag(element.tag)}: expected numbers with decimal points; found {found!r}"
            raise UnreadableSlice(why, kind) from None

    def _has_decimal_commas(self) -> bool:
        raw = [one.value for one in self.raw.values() if isinstance(one, RawDataElement)]
        parts = [part for text in raw if isinstance(text, bytes) for part in text.split(b"\\")]
        return any(_DECIMAL.fullmatch(part.strip(b" \0")) for part in parts)


def _numbers(text: bytes) -> tuple[float, ...]:
    text = text.strip(b" \0")
    return tuple(map(float, text.split(b"\\"))) if text else ()


def read_elements(file: BoundedFile, tags: Collection[int]) -> Elements:
    """Those of some tags that stand before a file's pixels, at whose element it is then. Raises what pydicom raises."""
    dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(tags))
    implicit, little = dataset.original_encoding
    written = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    syntax = DeflatedExplicitVRLittleEndian if file.inflated else dataset.file_meta.get("TransferSyntaxUID") or written
    return Elements({int(tag): dataset.get_item(tag) for tag in dataset.keys()}, syntax, implicit, little)  # noqa: SIM118
