"""From images to series: by UID, by echo where one series holds several, and without what is there twice."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stenosis_kit.adopt.image import Acquisition, Image
from stenosis_kit.adopt.words import LUMBAR, is_made, is_scout, region
from stenosis_kit.images.geometry import AXIAL, SAGITTAL, Plane

_STEEPEST_DEG = {SAGITTAL: 45.0, AXIAL: 55.0}
"""Along a disc axial slices have up to some 50 degrees; coronal ones begin beyond. Chosen by hand."""
_FEWEST = {SAGITTAL: 5, AXIAL: 3}  # slices of a series that is no scout; the competition's have 8 and more
_TALL_MM, _LOW_MM = 450.0, 150.0  # the five levels take 130 mm; beyond the first it is a whole spine. By hand.
_LARGEST_NUMBER = 10**9  # beyond what `images.names` takes for an instance number


def integer_id(*parts: str) -> int:
    """An id of a UID that stays the same wherever it is met: up to 11 digits of its SHA-256.

    A spreadsheet writes longer ones as 1.23457E+14. Among 1,000 studies two have one id in 1 of 200,000 cases.
    """
    return int(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16], 16) % 10**11


@dataclass
class Found:
    """A series as it was found.

    Attributes:
        study, uid, part: StudyInstanceUID, SeriesInstanceUID, and which of several echoes; empty where there is one.
        images: each once, {the number that it gets: image}.
        doubles: how many images were there again.
    """

    study: str
    uid: str
    part: str
    images: dict[int, Image]
    doubles: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """study_id and series_id in the tables."""
        return integer_id(self.study), integer_id(self.study, self.uid, *([self.part] if self.part else []))

    @property
    def acquisition(self) -> Acquisition:
        """That of the middle image."""
        return list(self.images.values())[len(self.images) // 2].acquisition

    @cached_property
    def planes(self) -> list[Plane]:
        """Of the images that have one."""
        return [image.plane for image in self.images.values() if image.plane]

    @cached_property
    def orientation(self) -> str:
        """`SAGITTAL`, `AXIAL` or coronal: that of all images; empty where they differ, or none has a place."""
        found = {
            next((name for name, most in _STEEPEST_DEG.items() if plane.tilt_deg(name) <= most), "coronal")
            for plane in self.planes
        }
        return found.pop() if len(found) == 1 else ""

    @property
    def field_mm(self) -> float:
        """The height of a sagittal image along the patient, mm."""
        plane = self.planes[len(self.planes) // 2]
        return plane.extent(plane.display_axes(SAGITTAL)[1])

    def left_out(self) -> str:
        """Why it can be none of the three kinds, by its header alone; empty where it may be one."""
        found, count = self.acquisition, len(self.planes)
        if found.modality not in ("MR", ""):
            return f"no MR but {found.modality}" if found.modality.isalpha() else "no MR"
        for holds, why in (
            (is_made(found), "made from other images, or a screenshot"),
            (is_scout(found), "a localiser"),
        ):
            if holds:
                return why
        if not self.orientation:
            return "a localiser: its images lie in several planes" if count else "its images do not say where they lie"
        if count < _FEWEST.get(self.orientation, np.inf):
            few = f"{count} slices: a localiser, or cut off"
            return few if self.orientation in _FEWEST else self.orientation
        if self.orientation == SAGITTAL and not _LOW_MM <= self.field_mm <= _TALL_MM:
            return "a field of less than 150 mm" if self.field_mm < _LOW_MM else "the whole spine: a field above 450 mm"
        return region(found).replace(LUMBAR, "")


def series_of(images: Iterable[Image]) -> list[Found]:
    """All series, by study and UID; an image that comes again, under whatever name and wherever, is counted once."""
    kept: dict[tuple[str, str], dict[tuple, Image]] = defaultdict(dict)
    doubles: Counter[tuple[str, str]] = Counter()
    for image in images:
        key, name = (image.study, image.series), (image.instance or str(image.source), image.frame)
        doubles[key] += name in kept[key]
        kept[key].setdefault(name, image)
    return [
        Found(*key, part, _numbered(some), doubles[key])
        for key in sorted(kept)
        for part, some in sorted(_parts(list(kept[key].values())).items())
    ]


def _parts(images: list[Image]) -> dict[str, list[Image]]:
    """The images by echo and image type, where a series shows places several times; else together, under ""."""
    places = [tuple(np.round(image.plane.origin, 1)) for image in images if image.plane]
    parts: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        parts[f"{image.acquisition.te} {sorted(image.acquisition.codes)}"].append(image)
    return parts if len(parts) > 1 and len(set(places)) < len(places) else {"": images}


def _numbered(images: list[Image]) -> dict[int, Image]:
    """{number: image}: InstanceNumbers where they tell the images apart; else from 1 in the order of their places."""
    images = sorted(images, key=_along)
    numbers = {image.number for image in images if image.number is not None and 0 <= image.number < _LARGEST_NUMBER}
    if len(numbers) == len(images):
        return {image.number: image for image in images}
    return dict(enumerate(images, start=1))


def _along(image: Image) -> tuple:
    plane = image.plane
    return (round(float(plane.origin @ plane.normal), 2) if plane else 0.0, image.instance, image.frame or 0)
