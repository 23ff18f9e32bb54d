"""Planes as a stack: which are parallel, in which order they lie, and which is nearest to a point."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from stenosis_kit.images.geometry import Plane, stacking_axis

_PARALLEL_DEG = 1.0  # chosen by hand: what rounding of the orientation's cosines may differ by, and more


def orientation_groups(planes: Sequence[Plane]) -> list[list[int]]:
    """Indices of planes that are parallel within a degree, in order of first appearance."""
    groups: list[list[int]] = []
    (normals, _), left = _normals_and_offsets(tuple(planes)), np.arange(len(planes))
    limit = np.cos(np.deg2rad(_PARALLEL_DEG))
    while left.size:
        parallel = np.abs(normals[left] @ normals[left[0]]) >= limit
        groups.append(left[parallel].tolist())
        left = left[~parallel]
    return groups


def stacking_order(planes: Sequence[Plane], orientation: str) -> list[int]:
    """Indices of the planes group by group, and inside a group along its normal.

    Groups and slices run from the patient's right to left (sagittal) or feet to head (axial).
    """
    axis = stacking_axis(orientation)
    groups = orientation_groups(planes)
    groups.sort(key=lambda group: min(planes[i].center @ axis for i in group))
    order = []
    for group in groups:
        normal = planes[group[0]].stacking_normal(orientation)
        order += sorted(group, key=lambda i: (round(float(planes[i].center @ normal), 3), i))
    return order


def nearest_plane(planes: Sequence[Plane], point: np.ndarray, within: float = np.inf) -> tuple[int, float]:
    """The plane closest to a point (3,), among those whose image shows it if any does.

    Args:
        planes: in their order.
        point: (3,), patient mm.
        within: the farthest that a plane may be, mm.

    Returns:
        Its index and the distance in mm (not signed). Of equally close planes, the first.

    Raises:
        ValueError: where no plane is so near.
    """
    normals, offsets = _normals_and_offsets(tuple(planes))
    away = np.abs(normals @ np.asarray(point, float) - offsets)
    near = np.flatnonzero(away <= within).tolist()
    shown = [index for index in near if planes[index].shows(point)]
    index = min(shown or near, key=away.round(3).__getitem__)
    return index, float(away[index])


@lru_cache(maxsize=64)
def _normals_and_offsets(planes: tuple[Plane, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3), (n,) of planes: a point p is p @ normal - offset away; kept, for a series' planes are asked for often."""
    normals = np.reshape([plane.normal for plane in planes], (-1, 3))
    return normals, np.array([plane.origin @ plane.normal for plane in planes])
