"""Where the slices of a study lie: series kinds, stacks and blocks, fields of view, order and numbers.

Planes are in the spine's frame, mm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy import Spine
from stenosis_kit.phantom.column import FIRST_DISC


@dataclass(frozen=True)
class Size:
    """How large images are: pixels (mm) and slices of a sagittal series, pixels (mm) of an axial one."""

    sagittal_px: float
    axial_px: float
    slices: tuple[int, int]
    block: tuple[int, int]
    most_slices: int


SIZES = {
    "tiny": Size(1.2, 1.12, (11, 12), (3, 5), 45),
    "fast": Size(0.92, 0.75, (13, 17), (3, 6), 50),
    "full": Size(0.56, 0.52, (15, 19), (4, 6), 60),
}


@dataclass(frozen=True, eq=False)
class Series:
    """One series to be made.

    Attributes:
        kind: as the series table says, one of `rsna.SERIES_KINDS`.
        planes: of its slices in the order of their numbers, in the spine's frame.
        numbers: instance numbers.
        thickness, distance: of its slices, mm.
    """

    kind: str
    planes: tuple[Plane, ...]
    numbers: tuple[int, ...]
    thickness: float
    distance: float


def draw_series(rng: np.random.Generator, spine: Spine, size: Size, faults: frozenset[str]) -> list[Series]:
    """All series of a study: sagittal T2, sagittal T1, axial T2, and what faults add or take away."""
    sagittal = _draw_sagittal(rng, spine, size)
    planes = _sagittal_planes(rng, spine, size, sagittal)
    if "reversed_sagittal" in faults:
        sagittal, planes = replace(sagittal, reverse=True), planes[::-1]
    t2 = Series(rsna.SAGITTAL_T2, planes, _numbers(planes), sagittal.thickness, sagittal.distance)
    series = [] if "missing_t2" in faults else [t2]
    for _ in range(0 if "missing_t1" in faults else 2 if "two_t1" in faults else 1):
        other = planes if rng.random() < 0.34 else _sagittal_planes(rng, spine, size, sagittal)
        series.append(replace(t2, kind=rsna.SAGITTAL_T1, planes=other, numbers=_numbers(other)))
    if "missing_axial" not in faults:
        series += _draw_axials(rng, spine, size, faults)
    return [_renumbered(rng, one, faults) for one in series]


# --- Sagittal --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sagittal:
    """What both sagittal series of a study share: axes, the image's middle, distances (mm), order."""

    row: np.ndarray
    column: np.ndarray
    center: np.ndarray
    fov: tuple[float, float]
    count: int
    thickness: float
    distance: float
    reverse: bool = False


def _draw_sagittal(rng: np.random.Generator, spine: Spine, size: Size) -> _Sagittal:
    canal = np.array([_canal_point(spine, level) for level in range(5)])
    distance = float(np.clip(rng.normal(4.5, 0.45), 3.9, 5.5))
    tall = rng.uniform(262, 328)  # the levels take .43 of the height of the competition's images: 300 mm on average
    wide = tall if rng.random() < 0.2 else tall * rng.uniform(0.62, 0.75)
    rotation = _rotation(*np.deg2rad(rng.normal(size=3) * (0.4, 1.0, 1.5)))
    row, column = rotation @ (0, 1, 0), rotation @ (0, 0, -1)
    middle = canal.mean(0) + np.array([rng.normal(0, 1.2), 0, 0])
    # Where the canal lies as a share of the image: the competition's means; sd .05.
    along = (0.52 + 0.04 * rng.normal() + (0.05 if wide < tall else 0), 0.515 + 0.042 * rng.normal())
    center = middle + row * wide * (0.5 - along[0]) + column * tall * (0.5 - along[1])
    count = int(rng.integers(size.slices[0], size.slices[1] + 1))
    thickness = round(distance * rng.uniform(0.82, 0.95), 1)
    return _Sagittal(row, column, center, (tall, wide), count, thickness, round(distance, 2))


def _sagittal_planes(rng: np.random.Generator, spine: Spine, size: Size, shared: _Sagittal) -> tuple[Plane, ...]:
    """Planes from the patient's right to left (or the other way), of a matrix drawn for this series."""
    spacing = size.sagittal_px * rng.uniform(0.93, 1.1) * np.sqrt(min(1.35, shared.fov[1] / shared.fov[0] / 0.7))
    shape = tuple(int(2 * round(mm / spacing / 2)) for mm in shared.fov)
    spacing = round(float(spacing), 6)
    corner = _corner(shared.center, shared.row, shared.column, spacing, shape)
    left = -np.cross(shared.row, shared.column)
    steps = (np.arange(shared.count) - (shared.count - 1) / 2) * shared.distance
    planes = [Plane(corner + step * left, shared.row, shared.column, (spacing, spacing), shape) for step in steps]
    return tuple(planes[::-1] if shared.reverse else planes)


# --- Axial -----------------------------------------------------------------------------------


def _draw_axials(rng: np.random.Generator, spine: Spine, size: Size, faults: frozenset[str]) -> list[Series]:
    first = 2 if "uncovered_l2_l3" in faults else 1 if "uncovered_l1_l2" in faults else 0
    levels = list(range(first, 5))
    groups = [levels]
    if "three_axial" in faults:
        groups = [levels[:2], levels[2:3], levels[3:]]
    elif "two_axial" in faults:
        cut = 3 - first if rng.random() < 0.7 else 2 - first
        groups = [levels, levels] if rng.random() < 0.42 else [levels[:cut], levels[cut:]]
    series = [_draw_axial(rng, spine, size, group, faults) for group in groups if group]
    return [_spoiled(rng, one, faults) for one in series]


def _draw_axial(
    rng: np.random.Generator, spine: Spine, size: Size, levels: list[int], faults: frozenset[str]
) -> Series:
    """One axial series over some levels."""
    fov = rng.uniform(136, 164) if size.axial_px > 1 else rng.uniform(150, 210)
    spacing = round(float(size.axial_px * rng.uniform(0.92, 1.12)), 6)
    shape = (int(2 * round(fov / spacing / 2)),) * 2
    thin = "thin_axial" in faults
    distance = round(1.2 if thin else float(np.clip(rng.normal(4.5, 0.4), 3.6, 5.4)), 2)
    turn = rng.normal(size=2) * 1.2
    forward = rng.uniform(-8, 14)
    stacked = thin or not faults.isdisjoint({"contiguous_axial", "steep_axial"})
    layout = (_stack if stacked else _blocks)(rng, spine, size, levels, faults, distance)
    planes = []
    for center, angle, steps in layout:
        rotation = _rotation(np.deg2rad(angle), *np.deg2rad(turn))
        row, column = rotation @ (1, 0, 0), rotation @ (0, 1, 0)
        corner = _corner(center - forward * column, row, column, spacing, shape)
        up = np.cross(row, column)
        planes += [Plane(corner + step * up, row, column, (spacing, spacing), shape) for step in steps]
    planes = planes[::-1] if "reversed_axial" in faults else planes
    thickness = distance if thin else round(distance * rng.uniform(0.82, 0.95), 1)
    return Series(rsna.AXIAL_T2, tuple(planes), _numbers(planes), thickness, distance)


_Layout = list[tuple[np.ndarray, float, np.ndarray]]
"""Of each block: its middle (3,), mm; its tilt, degrees; its slices' distances from the middle, head first, mm."""


def _blocks(
    rng: np.random.Generator, spine: Spine, size: Size, levels: list[int], faults: frozenset[str], distance: float
) -> _Layout:
    """A few slices a level, parallel to the disc as far as the technologist got it right."""
    count = int(rng.integers(size.block[0], size.block[1] + 1))
    steps = (np.arange(count)[::-1] - (count - 1) / 2) * distance
    layout = []
    for level in levels:
        angle = np.rad2deg(spine.column.disc_angles[FIRST_DISC + level])
        angle = float(np.clip(angle + 2.5 * rng.normal(), -25, 32))
        layout.append((_canal_point(spine, level) + np.array([0, 0, rng.normal(0, 1.2)]), angle, steps))
    return layout


def _stack(
    rng: np.random.Generator, spine: Spine, size: Size, levels: list[int], faults: frozenset[str], distance: float
) -> _Layout:
    """One stack of parallel slices from above the first level to below the last."""
    top, bottom = _canal_point(spine, levels[0]), _canal_point(spine, levels[-1])
    angle = float(np.clip(rng.normal(4, 5), -8, 16))
    if "steep_axial" in faults:
        angle = float(rng.uniform(46, 52))
    up = _rotation(np.deg2rad(angle), 0, 0) @ (0, 0, 1)
    reach = float((top - bottom) @ up) + rng.uniform(12, 24)
    most = 180 if "thin_axial" in faults else size.most_slices
    count = int(np.clip(np.ceil(reach / distance), 3, most))
    return [((top + bottom) / 2, angle, (np.arange(count)[::-1] - (count - 1) / 2) * distance)]


def _spoiled(rng: np.random.Generator, series: Series, faults: frozenset[str]) -> Series:
    """The series with slices taken twice, or of two matrix sizes."""
    planes = list(series.planes)
    if "duplicate_positions" in faults:
        planes.insert(len(planes) // 2, planes[len(planes) // 2])
    if "mixed_shapes" in faults:
        for index in range(2 * len(planes) // 3, len(planes)):
            planes[index] = _coarser(planes[index], 1.25)
    return replace(series, planes=tuple(planes), numbers=_numbers(planes))


def _coarser(plane: Plane, factor: float) -> Plane:
    """The same field of view on fewer, larger pixels."""
    shape = tuple(int(count / factor) for count in plane.shape)
    spacing = tuple(
        round(old * count / new, 6) for old, count, new in zip(plane.spacing, plane.shape, shape, strict=True)
    )
    corner = _corner(plane.center, plane.row, plane.column, spacing[0], shape)
    return replace(plane, origin=corner, spacing=spacing, shape=shape)


# --- Both ------------------------------------------------------------------------------------


def _renumbered(rng: np.random.Generator, series: Series, faults: frozenset[str]) -> Series:
    """The series with gaps in its instance numbers, or numbers that do not start at 1."""
    numbers = np.array(series.numbers)
    if "instance_gap" in faults:
        numbers[rng.integers(1, len(numbers)) :] += int(rng.integers(1, 9))
    if "instance_offset" in faults:
        numbers += int(rng.integers(1, 40))
    if "instance_huge" in faults:
        numbers += 5000
    return replace(series, numbers=tuple(numbers.tolist()))


def _numbers(planes: tuple[Plane, ...] | list[Plane]) -> tuple[int, ...]:
    return tuple(range(1, len(planes) + 1))


def _canal_point(spine: Spine, level: int) -> np.ndarray:
    return spine.point(rsna.CONDITION_BY_NAME["spinal_canal_stenosis"], level)


def _corner(
    center: np.ndarray, row: np.ndarray, column: np.ndarray, spacing: float, shape: tuple[int, int]
) -> np.ndarray:
    """(3,) the centre of the first pixel of an image whose middle is given, mm."""
    return center - row * spacing * (shape[1] - 1) / 2 - column * spacing * (shape[0] - 1) / 2


def _rotation(x: float, y: float, z: float) -> np.ndarray:
    """(3, 3) rotation about the patient's axes in that order, radians."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
