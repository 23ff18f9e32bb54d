"""Series of single-frame DICOM files: headers first, pixels on demand, slices in order along the normal.

Of a header only geometry and pixels are trusted. Descriptions and UIDs in the competition's files are often wrong: a
slice goes by its file name, and a series' kind comes from the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.file import Kind, Reason, UnreadableSlice, unreadable
from stenosis_kit.images.geometry import AXIAL, SAGITTAL, Plane
from stenosis_kit.images.names import by_preference, image_number, list_now, no_image, nothing_listed
from stenosis_kit.images.places import placeless
from stenosis_kit.images.slice import Signal, Slice, read_signal, read_slice
from stenosis_kit.images.stack import stacking_order

Made = TypeVar("Made")

STEEPEST_DEG = 60.0
"""Slices tilted more are scouts, or of another kind of series; axial slices along a disc have up to some 45 degrees."""

_PLACELESS = Reason("ImagePositionPatient: one place for too many slices: nobody knows where they lie", Kind.PLACE)
THE_FOLDER = "its folder"
"""Stands for a file name where the whole folder could not be listed."""

SAMPLE_SLICES = 5
SAMPLE_PERCENTILES = (1.0, 99.5)
"""What `Series.window` is made from; chosen by hand."""


class Series:
    """One MR acquisition: its usable slices in stacking order; pixels are read on demand and kept.

    Attributes:
        series_id: as in the tables.
        kind: one of `rsna.SERIES_KINDS`, from the tables.
        slices: ordered by orientation group and along its normal (see `stack.stacking_order`).
        skipped: {file name: why} of the files that cannot be used; files whose pixels cannot be decoded join it.
    """

    def __init__(self, series_id: int, kind: str, slices: Iterable[Slice], skipped: dict[str, Reason]) -> None:
        self.series_id = series_id
        self.kind = kind
        found = []
        for item in sorted(slices, key=lambda item: item.number):
            if item.plane.tilt_deg(self.orientation) > STEEPEST_DEG:
                why = f"not {self.orientation}: its plane lies across the series"
                skipped[item.path.name] = Reason(why, Kind.ACROSS)
            else:
                found.append(item)
        lost = placeless([item.plane for item in found])
        skipped |= {found[i].path.name: _PLACELESS for i in lost}
        found = [item for i, item in enumerate(found) if i not in lost]
        order = stacking_order([item.plane for item in found], self.orientation)
        self.slices = [found[i] for i in order]
        self.skipped = skipped
        self._signals: dict[int, Signal] = {}
        self._window: tuple[float, float] | None = None

    @property
    def orientation(self) -> str:
        """`geometry.SAGITTAL` or `geometry.AXIAL`: how the kind is displayed and stacked."""
        return AXIAL if self.kind == rsna.AXIAL_T2 else SAGITTAL

    @property
    def planes(self) -> list[Plane]:
        """The slices' planes, in their order."""
        return [item.plane for item in self.slices]

    def index_of(self, number: int) -> int | None:
        """The index in `slices` of an instance number, or None where that file is missing or unusable."""
        return next((i for i, item in enumerate(self.slices) if item.number == number), None)

    def pixels(self, item: Slice) -> np.ndarray:
        """(rows, columns) float32: a slice's signal; silent pixels are as dark as what lies outside an image.

        Raises:
            UnreadableSlice: as `signal`.
        """
        values, silent = self.signal(item)
        if silent is not None:
            values[silent] = self.dark()
        return values

    def dark(self) -> float:
        """The signal of nothing: 0, or where signals are negative (signed or inverted pixels) the window's low end.

        Raises:
            UnreadableSlice: as `window`.
        """
        return 0.0 if all(item.is_positive for item in self.slices) else min(0.0, self.window()[0])

    def signal(self, item: Slice) -> Signal:
        """The signal of a slice, decoded once; see `read_signal`.

        Raises:
            UnreadableSlice: where it cannot be decoded; it then has moved from `slices` to `skipped`.
        """
        if item.number not in self._signals:
            try:
                self._signals[item.number] = read_signal(item)
            except UnreadableSlice as error:
                if item in self.slices:  # it may have left already
                    self.slices.remove(item)
                self.skipped[item.path.name] = error.reason
                raise
        return self._signals[item.number]

    def forget(self, item: Slice) -> None:
        """Drops a slice's decoded signal."""
        self._signals.pop(item.number, None)

    def window(self) -> tuple[float, float]:
        """Low and high of the series: percentiles 1 and 99.5 of the signal of up to five evenly spaced slices.

        DICOM's own window tags vary from slice to slice. Where both are one value v, (v, v + 1).

        Raises:
            UnreadableSlice: where no slice can be decoded.
        """
        if self._window is None:
            low, high = np.percentile(np.concatenate(self._sample()), SAMPLE_PERCENTILES)
            self._window = (float(low), float(high) if high > low else float(low) + 1)
        return self._window

    def _sample(self) -> list[np.ndarray]:
        sample = []
        for item in _evenly_spaced(self.slices, SAMPLE_SLICES):
            try:
                values, silent = self.signal(item)
                sample.append(values.ravel() if silent is None else values[~silent])
            except UnreadableSlice:
                continue
        if not sample and not self.slices:
            raise UnreadableSlice("no slice of the series can be decoded")
        return sample or self._sample()  # all of the sample has moved to `skipped`: take others


def read_series(folder: Path, series_id: int, kind: str) -> Series:
    """Reads the headers of all images in a folder, see `names`; one that does not exist gives an empty series."""
    slices: dict[int, Slice] = {}
    skipped: dict[str, Reason] = {}
    try:
        paths = by_preference(list_now(folder))
    except OSError as error:
        paths, skipped[THE_FOLDER] = [], unreadable(error, "a folder").reason
    skipped |= {} if paths or skipped else nothing_listed(folder)
    for path in paths:
        number = image_number(path.name)
        if number is None:
            skipped[path.name] = no_image(path)
        elif number in slices:
            why = f"the same instance number as {slices[number].path.name}"
            skipped[path.name] = Reason(why, Kind.TWICE)
        else:
            try:
                slices[number] = read_slice(path)
            except UnreadableSlice as error:
                skipped[path.name] = error.reason
    return Series(series_id, kind, slices.values(), skipped)


def read_study(images: Path, study_id: int, series: Sequence[tuple[int, str]]) -> list[Series]:
    """The series of a study, headers only: <images>/<study_id>/<series_id>/; `series` is (series_id, kind)."""
    return [read_series(images / str(study_id) / str(series_id), series_id, kind) for series_id, kind in series]


def made_of_study(
    images: Path, study_id: int, series: Sequence[tuple[int, str]], make: Callable[[list[Series]], Made]
) -> tuple[Made, str]:
    """What is made of a study, see `read_study`; made again where a file could not be read for a moment.

    Returns:
        It, and what could not be read at the second try either, see `in_short`.
    """
    for _ in range(2):
        study = read_study(images, study_id, series)
        made, unread = make(study), skipped_files(study, Kind.UNREAD)
        if not unread:
            break
    return made, in_short(unread)


def skipped_files(study: Iterable[Series], kind: Kind | None = None) -> dict[str, str]:
    """{series_id/file name: why} of a study's files, or those of a kind, that cannot be used as far as is known."""
    skipped = [(f"{one.series_id}/{name}", why) for one in study for name, why in one.skipped.items()]
    return {name: str(why) for name, why in skipped if kind in (None, why.kind)}


def in_short(reasons: Mapping[str, str]) -> str:
    """The first of {what: why}, and how many more there are; empty where there is none."""
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return next((f"{what}: {why}{more}" for what, why in reasons.items()), "")


def largest(study: Sequence[Series], kind: str) -> Series | None:
    """The series of a kind with the most usable slices (the first of equals), or None where there is none."""
    offers = [series for series in study if series.kind == kind and series.slices]
    return max(offers, key=lambda series: len(series.slices), default=None)


def _evenly_spaced(items: list, count: int) -> list:
    return [items[i] for i in np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)]
