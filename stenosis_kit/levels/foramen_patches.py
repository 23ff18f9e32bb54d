"""Patches of sagittal T1 about the places where foramina are expected: what the foramen finder looks at.

A patch lies in its slice on a grid in mm, anterior at the left and the head up, for either side. In training it is
taken out of a store's crops, in prediction out of the series, with the same brightness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.brightness import Brightness, brightness_of
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import SAGITTAL, SquareGrid
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.resampling import resample
from stenosis_kit.images.series import Series, made_of_study
from stenosis_kit.images.stack import orientation_groups
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.levels.carry import FORAMINAL, Carry
from stenosis_kit.levels.midline import on_midline
from stenosis_kit.tables.study import Cell

PX, STEP_MM = 36, 64 / 48
"""The grid: 48 mm, which hold a foramen that lies up to 20 mm beside its expected place; a pixel is two by two of a
store's crops."""
CELL = 2
"""Pixels of a patch along a cell of the map that the finder makes of it: 2.7 mm."""
SIDE = PX // CELL
SLICES = 5
"""The slices nearest to the expected place: of real foramina one in sixty lies farther away."""
FORAMINA = tuple(cell for cell in rsna.CELLS if rsna.CONDITION_BY_NAME[cell[0]].term == "foraminal")


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of one foramen.

    Attributes:
        pixels: (k, PX, PX) uint8 of up to SLICES slices.
        middles: (k, 3) the patches' middles, patient mm.
        axes: (2, 3) unit vectors of the patches' x and y.
        away: (k,) distance of each slice from the expected place, mm.
    """

    pixels: np.ndarray
    middles: np.ndarray
    axes: np.ndarray
    away: np.ndarray


@dataclass(frozen=True, eq=False)
class ForamenPatches:
    """The patches of a study, by cell, and its canal on the midline, from which they were expected."""

    canal: CanalPoints
    patches: dict[Cell, Patches]


def cells_mm() -> np.ndarray:
    """(SIDE,) how far the middles of a map's cells lie from the patch's middle along either axis, mm."""
    return (np.arange(SIDE) - (SIDE - 1) / 2) * CELL * STEP_MM


def read_patches(located: LocatedStudy) -> tuple[ForamenPatches, str]:
    """The patches of a study whose canal was found, as far as they can be read; runs in a worker.

    And what of it could not be read, see `made_of_study`.
    """
    wanted = located.study
    series = [(series_id, kind) for series_id, kind in wanted.series if kind != rsna.SAGITTAL_T2]  # nothing looks there
    return made_of_study(wanted.images, wanted.study_id, series, partial(_patches, located))


def _patches(located: LocatedStudy, study: Sequence[Series]) -> ForamenPatches:
    canal = on_midline(study, located.canal)
    return ForamenPatches(canal, dict(_by_cell(study, canal, located.carry)))


def _by_cell(study: Sequence[Series], canal: CanalPoints, carry: Carry) -> Iterator[tuple[Cell, Patches]]:
    offers = [series for series in study if series.kind == rsna.SAGITTAL_T1]
    looks: dict[int, Brightness] = {}
    for condition, level in FORAMINA:
        expected = carry.point(canal.points, FORAMINAL, condition, level)
        while pick := nearest_slice(offers, expected):
            series = pick.series
            try:
                if series.series_id not in looks:
                    looks[series.series_id] = brightness_of(series, canal.points)
                    continue  # slices that cannot be decoded have left their series: choose again
                yield (condition, level), _about(series, expected, looks[series.series_id])
            except UnreadableSlice:
                continue
            break


def _about(series: Series, point: np.ndarray, brightness: Brightness) -> Patches:
    """The patches of the slices nearest to a point (3,), patient mm, from the patient's right to left."""
    index = series.slices.index(nearest_slice([series], point).slice)
    group = next(g for g in orientation_groups(series.planes) if index in g)
    away = np.abs([float(series.planes[i].distance(point)) for i in group])
    chosen = sorted(np.argsort(away, kind="stable")[:SLICES].tolist())
    slices = [series.slices[group[place]] for place in chosen]
    axes = slices[0].plane.display_axes(SAGITTAL)
    pixels = []
    for item in slices:
        grid = SquareGrid(point, axes, PX, PX * STEP_MM)
        signal = resample(series.pixels(item), item.plane, grid, brightness.dark)
        pixels.append(brightness.greys(signal, item.plane, grid))
    middles = np.array([item.plane.drop(point) for item in slices])
    return Patches(np.stack(pixels), middles, np.array(axes), away[chosen])
