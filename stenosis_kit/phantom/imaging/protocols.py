"""Where the slices of a study lie: series kinds, stacks and blocks, fields of view, order and numbers.

Planes are in the spine's frame, mm. Means and spreads are those of the competition's images where they could be seen
(fields of view, slice distances, places of the levels), else chosen by hand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.column import FIRST_DISC
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.faults import uncovered_levels
from stenosis_kit.phantom.imaging.series import Block, Series, Size, even, rotation_of, steps_of


class _Scan(NamedTuple):
    """What every series of a study is drawn from."""

    rng: np.random.Generator
    spine: Spine
    size: Size
    faults: frozenset[str]


def draw_series(rng: np.random.Generator, spine: Spine, size: Size, faults: frozenset[str]) -> list[Series]:
    """All series of a study: sagittal T2, sagittal T1, axial T2, and what faults add or take away."""
    scan = _Scan(rng, spine, size, faults)
    series = _draw_sagittals(scan)
    if "missing_axial" not in faults:
        series += _draw_axials(scan)
    return [_numbered(scan, one) for one in series]


def _numbered(scan: _Scan, series: Series) -> Series:
    """The series with instance numbers: from 1 without gaps, or as faults will have it."""
    numbers = np.arange(1, len(series.planes) + 1)
    if "instance_gap" in scan.faults:
        numbers[scan.rng.integers(1, len(numbers)) :] += int(scan.rng.integers(1, 9))
    if "instance_offset" in scan.faults:
        numbers += int(scan.rng.integers(1, 40))
    if "instance_huge" in scan.faults:
        numbers += 5000
    return replace(series, numbers=tuple(numbers.tolist()))


# --- Sagittal --------------------------------------------------------------------------------

_Field = tuple[Block, tuple[float, float]]
"""Slices, and how tall and wide they are, mm."""


def _draw_sagittals(scan: _Scan) -> list[Series]:
    """T2 and T1: the same block of slices, often in another matrix."""
    rng, faults = scan.rng, scan.faults
    canal = np.array([scan.spine.canal(level) for level in range(5)])
    distance = float(np.clip(rng.normal(4.5, 0.45), 3.9, 5.5))
    tall = rng.uniform(262, 328)  # the levels take .43 of the height of the competition's images: 300 mm on average
    wide = tall if rng.random() < 0.2 else tall * rng.uniform(0.62, 0.75)
    rotation = rotation_of(*np.deg2rad(rng.normal(size=3) * (0.4, 1.0, 1.5)))
    row, column = rotation @ (0, 1, 0), rotation @ (0, 0, -1)
    middle = canal.mean(0) + np.array([rng.normal(0, 1.2), 0, 0])
    # Where the canal lies as a share of the image: the competition's means; sd .05.
    along = (0.52 + 0.04 * rng.normal() + (0.05 if wide < tall else 0), 0.515 + 0.042 * rng.normal())
    center = middle + row * wide * (0.5 - along[0]) + column * tall * (0.5 - along[1])
    count = int(rng.integers(scan.size.slices[0], scan.size.slices[1] + 1))
    thickness = round(distance * rng.uniform(0.82, 0.95), 1)
    distance = round(distance, 2)
    steps = steps_of(count, distance)  # from the patient's right to left
    block = Block(center, row, column, steps[::-1] if "reversed_sagittal" in faults else steps)
    fields = dict.fromkeys((rsna.SAGITTAL_T2, rsna.SAGITTAL_T1), (block, (tall, wide)))
    if "tall_field" in faults:
        fields |= _draw_tall_fields(scan, block, middle)
    of_t2, of_t1 = fields.values()
    planes = _sagittal_planes(scan, *of_t2)
    series = [] if "missing_t2" in faults else [Series(rsna.SAGITTAL_T2, planes, thickness, distance)]
    for _ in range(0 if "missing_t1" in faults else 2 if "two_t1" in faults else 1):
        same = rng.random() < 0.34 and of_t1 is of_t2
        other = planes if same else _sagittal_planes(scan, *of_t1)
        series.append(Series(rsna.SAGITTAL_T1, other, thickness, distance))
    return series


def _draw_tall_fields(scan: _Scan, block: Block, middle: np.ndarray) -> dict[str, _Field]:
    """The field of a thoracolumbar or whole-spine protocol, for both sagittal series or one of them, by kind.

    It ends below the sacrum and reaches up as far as the neck, or less often the other way, to the pelvic floor.

    Args:
        scan: of the study.
        block: the slices of the usual field.
        middle: (3,) of the canal at the five levels, mm.
    """
    rng, neck = scan.rng, float(scan.spine.column.centers[0, 1] - middle[2])
    tall = rng.uniform(350, 550)
    square = rng.random() < 0.3
    wide = tall if square else max(220.0, tall * rng.uniform(0.5, 0.7))
    rest = rng.uniform(95, 150)  # on the short side of the canal's middle
    above = min(tall - rest, neck) if rng.random() < 0.75 else max(rest, tall - 280)
    front = wide * float(rng.uniform(0.34, 0.7) if square else 0.55 + 0.05 * rng.normal())
    center = middle + block.row * (wide / 2 - front) + block.column * (tall / 2 - above)
    kinds = ((rsna.SAGITTAL_T2, rsna.SAGITTAL_T1), (rsna.SAGITTAL_T2,), (rsna.SAGITTAL_T1,))
    return dict.fromkeys(kinds[rng.choice(3, p=(0.6, 0.2, 0.2))], (block._replace(center=center), (tall, wide)))


def _sagittal_planes(scan: _Scan, block: Block, fov: tuple[float, float]) -> list[Plane]:
    """The block in a matrix drawn for one series, over a field of view (tall, wide) in mm."""
    spacing = scan.size.sagittal_px * scan.rng.uniform(0.93, 1.1) * np.sqrt(min(1.35, fov[1] / fov[0] / 0.7))
    return block.planes(round(float(spacing), 6), (even(fov[0] / spacing), even(fov[1] / spacing)))


# --- Axial -----------------------------------------------------------------------------------


def _draw_axials(scan: _Scan) -> list[Series]:
    """One series over all levels; by faults two or three that share them out, or two over all."""
    rng, faults, first = scan.rng, scan.faults, uncovered_levels(scan.faults)
    levels = list(range(first, 5))
    groups = [levels]
    if "three_axial" in faults:
        groups = [levels[:2], levels[2:3], levels[3:]]
    elif "two_axial" in faults:
        cut = 3 - first if rng.random() < 0.7 else 2 - first
        groups = [levels, levels] if rng.random() < 0.42 else [levels[:cut], levels[cut:]]
    series = [_draw_axial(scan, group) for group in groups if group]
    for one in series:
        _spoil(one.planes, faults)
    return series


def _draw_axial(scan: _Scan, levels: list[int]) -> Series:
    """One axial series over some levels."""
    rng, faults, size = scan.rng, scan.faults, scan.size
    fov = rng.uniform(136, 164) if size.axial_px > 1 else rng.uniform(150, 210)
    spacing = round(float(size.axial_px * rng.uniform(0.92, 1.12)), 6)
    thin = "thin_axial" in faults
    distance = round(1.2 if thin else float(np.clip(rng.normal(4.5, 0.4), 3.6, 5.4)), 2)
    turn = np.deg2rad(rng.normal(size=2) * 1.2)
    forward = rng.uniform(-8, 14)
    stacked = thin or not faults.isdisjoint({"contiguous_axial", "steep_axial"})
    planes = []
    for center, angle, steps in (_stack if stacked else _blocks)(scan, levels, distance):
        rotation = rotation_of(np.deg2rad(angle), *turn)
        row, column = rotation @ (1, 0, 0), rotation @ (0, 1, 0)
        planes += Block(center - forward * column, row, column, steps).planes(spacing, (even(fov / spacing),) * 2)
    if "reversed_axial" in faults:
        planes.reverse()
    thickness = distance if thin else round(distance * rng.uniform(0.82, 0.95), 1)
    return Series(rsna.AXIAL_T2, planes, thickness, distance)


_Layout = list[tuple[np.ndarray, float, np.ndarray]]
"""Of each block: its middle (3,), mm; its tilt, degrees; its slices' distances from the middle, head first, mm."""


def _blocks(scan: _Scan, levels: list[int], distance: float) -> _Layout:
    """A few slices a level, parallel to the disc as far as the technologist got it right."""
    rng, spine = scan.rng, scan.spine
    steps = steps_of(int(rng.integers(scan.size.block[0], scan.size.block[1] + 1)), distance)
    layout = []
    for level in levels:
        angle = np.rad2deg(spine.column.disc_angles[FIRST_DISC + level])
        angle = float(np.clip(angle + 2.5 * rng.normal(), -25, 32))
        layout.append((spine.canal(level) + np.array([0, 0, rng.normal(0, 1.2)]), angle, steps))
    return layout


def _stack(scan: _Scan, levels: list[int], distance: float) -> _Layout:
    """One stack of parallel slices from above the first level to below the last."""
    rng, top, bottom = scan.rng, scan.spine.canal(levels[0]), scan.spine.canal(levels[-1])
    angle = float(np.clip(rng.normal(4, 5), -8, 16))
    if "steep_axial" in scan.faults:
        angle = float(rng.uniform(46, 52))
    up = rotation_of(np.deg2rad(angle), 0, 0) @ (0, 0, 1)
    reach = float((top - bottom) @ up) + rng.uniform(12, 24)
    most = 180 if "thin_axial" in scan.faults else scan.size.most_slices
    return [((top + bottom) / 2, angle, steps_of(int(np.clip(np.ceil(reach / distance), 3, most)), distance))]


def _spoil(planes: list[Plane], faults: frozenset[str]) -> None:
    """Takes a slice twice, or the last third in larger pixels, in place."""
    if "duplicate_positions" in faults:
        planes.insert(len(planes) // 2, planes[len(planes) // 2])
    if "mixed_shapes" in faults:
        start = 2 * len(planes) // 3
        planes[start:] = [_coarser(plane, 1.25) for plane in planes[start:]]


def _coarser(plane: Plane, factor: float) -> Plane:
    """The same square field of view on fewer, larger pixels."""
    count = int(plane.shape[0] / factor)
    spacing = round(plane.spacing[0] * plane.shape[0] / count, 6)
    return Block(plane.center, plane.row, plane.column, np.zeros(1)).planes(spacing, (count, count))[0]
