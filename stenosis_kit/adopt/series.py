"""From images to series: by UID, by echo where one series holds several, and without what is there twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stenosis_kit.adopt.image import Acquisition, Image
from stenosis_kit.adopt.words import LUMBAR, is_made, is_scout, region
from stenosis_kit.images.geometry import AXIAL, SAGITTAL, Plane

_STEEPEST_DEG = {SAGITTAL: 45.0, AXIAL: 55.0}
"""Along a disc axial slices have up to some 50 degrees; coronal ones begin beyond. Chosen by hand."""
_FEWEST = {SAGITTAL: 5, AXIAL: 3}  # slices of a series that is no scout; the competition's have 8 and more
_TALL_MM, _LOW_MM = 450.0, 150.0  # the five levels take 130 mm; beyond the first it is a whole spine. By hand.
_LARGEST_NUMBER = 10**9  # what `images.names` takes for an instance number


def integer_id(*parts: str) -> int:
    """An id of a UID that stays the same wherever it is met: 48 bits of its SHA-256, which a spreadsheet can hold."""
    return int(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12], 16)


@dataclass
class Found:
    """A series as it was found: the images of a SeriesInstanceUID, or of one echo in it.

    Attributes:
        study, uid: StudyInstanceUID, SeriesInstanceUID.
        part: which of several echoes; empty where there is one.
        images: each once, {the number it gets: image}, in stacking order.
        doubles: how many images were there again.
    """

    study: str
    uid: str
    part: str
    images: dict[int, Image]
    doubles: int = 0

    @property
    def study_id(self) -> int:
        """The study in the tables."""
        return integer_id(self.study)

    @property
    def series_id(self) -> int:
        """The series in the tables."""
        return integer_id(self.study, self.uid, *([self.part] if self.part else []))

    @property
    def planes(self) -> list[Plane]:
        """Of the images that have one."""
        return [image.plane for image in self.images.values() if image.plane]

    @property
    def acquisition(self) -> Acquisition:
        """That of the middle image."""
        images = list(self.images.values())
        return images[len(images) // 2].acquisition

    @cached_property
    def orientations(self) -> set[str]:
        """`SAGITTAL`, `AXIAL`, or coronal: those of its images."""
        return {_orientation(plane) for plane in self.planes}

    @property
    def orientation(self) -> str:
        """That of all images; empty where they differ, or none has a place."""
        return next(iter(self.orientations)) if len(self.orientations) == 1 else ""

    @property
    def field_mm(self) -> float:
        """The height of a sagittal image along the patient, mm."""
        plane = self.planes[len(self.planes) // 2]
        return plane.extent(plane.display_axes(SAGITTAL)[1])

    def left_out(self) -> str:
        """Why it can be none of the three kinds, by its header alone; empty where it may be one."""
        found = self.acquisition
        if found.modality not in ("MR", ""):
            return f"no MR but {found.modality}" if found.modality.isalpha() else "no MR"
        if is_made(found):
            return "made from other images, or a screenshot"
        if is_scout(found):
            return "a localiser"
        if not self.planes:
            return "its images do not say where they lie"
        if not self.orientation:
            return "a localiser: its images lie in several planes"
        if self.orientation not in _FEWEST:
            return f"{self.orientation}"
        if len(self.planes) < _FEWEST[self.orientation]:
            return f"{len(self.planes)} slices: a localiser, or cut off"
        if region(found) not in (LUMBAR, ""):
            return region(found)
        if self.orientation == SAGITTAL and not _LOW_MM <= self.field_mm <= _TALL_MM:
            return f"a field of {self.field_mm:.0f} mm: " + (
                "too low" if self.field_mm < _LOW_MM else "the whole spine"
            )
        return ""


def _orientation(plane: Plane) -> str:
    return next((name for name, most in _STEEPEST_DEG.items() if plane.tilt_deg(name) <= most), "coronal")


@dataclass
class Pile:
    """Images as they come, each kept once.

    Attributes:
        series: {(study, series): {what tells its images apart: image}}.
        doubles: {(study, series): images that came again}.
    """

    series: dict[tuple[str, str], dict[tuple, Image]] = field(default_factory=lambda: defaultdict(dict))
    doubles: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, image: Image) -> None:
        """Takes an image, unless it is there already: whatever its file is called, and wherever it lies."""
        key = image.study, image.series
        name = (image.instance or str(image.source), image.frame)
        if name in self.series[key]:
            self.doubles[key] += 1
        else:
            self.series[key][name] = image

    def found(self) -> list[Found]:
        """All series, by study and UID."""
        result = []
        for key in sorted(self.series):
            images = list(self.series[key].values())
            for part, some in sorted(_parts(images).items()):
                result.append(Found(*key, part, _numbered(some), self.doubles[key]))
        return result


def _parts(images: list[Image]) -> dict[str, list[Image]]:
    """The images by echo and image type, where a series shows places several times; else together, under ""."""
    places = [tuple(np.round(image.plane.origin, 1)) for image in images if image.plane]
    parts: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        parts[f"{image.acquisition.te} {sorted(image.acquisition.codes)}"].append(image)
    several = len(parts) > 1 and len(set(places)) < len(places)
    return parts if several else {"": images}


def _numbered(images: Iterable[Image]) -> dict[int, Image]:
    """{number: image}: InstanceNumbers where they tell the images apart; else from 1 in the order of their places."""
    images = sorted(images, key=lambda image: (image.number or 0, image.instance, image.frame or 0))
    numbers = [image.number for image in images]
    if (
        None not in numbers
        and len(set(numbers)) == len(numbers)
        and 0 <= min(numbers) <= max(numbers) < _LARGEST_NUMBER
    ):
        return dict(zip(numbers, images, strict=True))
    return dict(enumerate(sorted(images, key=_along), start=1))


def _along(image: Image) -> tuple:
    plane = image.plane
    return (round(float(plane.origin @ plane.normal), 2) if plane else 0.0, image.instance, image.frame or 0)
