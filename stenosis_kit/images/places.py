"""Whether the slices of a series lie where they say: of many slices in one place nobody knows the order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.stack import orientation_groups

SAME_PLACE_MM = 0.15
"""Slices closer lie in one place: more than rounding to a decimal makes, less than any scanner's step."""

_CROWD = 3
"""Slices in one place from which on it may not be believed: a repeated instance, or two images of all, are usual."""


def placeless(planes: Sequence[Plane]) -> set[int]:
    """Indices of the planes of a series whose places cannot be true.

    Among planes of one orientation more lie in one place along their normal than there are places; or among all, more
    have one ImagePositionPatient than there are of these. What is left is looked at again.
    """
    left = list(range(len(planes)))
    while crowd := _crowds([planes[i] for i in left]):
        left = [index for at, index in enumerate(left) if at not in crowd]
    return set(range(len(planes))) - set(left)


def _crowds(planes: Sequence[Plane]) -> set[int]:
    found = _crowd(np.array([plane.origin for plane in planes])) if planes else set()
    for group in orientation_groups(planes):
        depths = np.array([[planes[i].origin @ planes[group[0]].normal] for i in group])
        found |= {group[at] for at in _crowd(depths)}
    return found


def _crowd(places: np.ndarray) -> set[int]:
    """Which of (n, axes) places, mm, are in a crowd."""
    if any((np.diff(np.sort(along)) > SAME_PLACE_MM).all() for along in places.T):
        return set()  # all are apart, as usual
    numbers = np.zeros(len(places), int)
    for along in places.T:
        numbers = numbers * len(places) + _numbered(along)
    _, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    crowded = (counts >= _CROWD) & (counts > len(counts))
    return set(np.flatnonzero(crowded[which]).tolist())


def _numbered(values: np.ndarray) -> np.ndarray:
    """(n,) the number of each value's place; values closer to the next one than `SAME_PLACE_MM` are in one place."""
    order = np.argsort(values)
    numbers = np.zeros(len(values), int)
    numbers[order[1:]] = np.cumsum(np.diff(values[order]) > SAME_PLACE_MM)
    return numbers
