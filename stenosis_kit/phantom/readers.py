"""Labels and points as the competition's readers would give them, with their errors."""

from __future__ import annotations

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.stack import nearest_plane
from stenosis_kit.phantom.faults import uncovered_levels
from stenosis_kit.phantom.study import Point, Study

_JITTER = {"none": 0.0, "real": 1.0, "hard": 1.5}
"""mm, sd of the points' errors along each patient axis, train split only, by `--faults`: chosen by hand."""


def read(study: Study, rng: np.random.Generator) -> None:
    """Fills in a study's labels and points, in place."""
    faults, labels = study.faults, study.labels
    _leave_out(labels, faults)
    shift = int(rng.choice([-1, 1])) if "shifted_levels" in faults else 0
    if shift:
        _miscount(labels, shift)
    jitter = _JITTER[study.order.mode] if study.order.split == "train" else 0.0
    for index, condition in enumerate(rsna.CONDITIONS):
        swapped = "swapped_sides" in faults and condition.term == "foraminal"
        pointed = rsna.mirrored(condition) if swapped else condition
        for level in range(5):
            if labels[index, level] < 0:
                continue
            truth = _point(study, condition, level, 0.0, rng)
            found = _point(study, pointed, level + shift, jitter, rng)
            if truth:
                study.true_points[index, level] = truth
            lost = "missing_points" in faults and condition.term == "spinal" and rng.random() < 0.25
            if found and not lost:
                study.points[index, level] = found


def _miscount(labels: np.ndarray, shift: int) -> None:
    """Moves labels by a level, in place; the disc that comes in from outside is healthy."""
    known = labels.copy()
    for level in range(5):
        inside = 0 <= level + shift < 5
        labels[:, level] = known[:, level + shift] if inside else np.where(known[:, level] < 0, -1, 0)


def _leave_out(labels: np.ndarray, faults: frozenset[str]) -> None:
    """Removes labels of levels that no axial slice shows, and of whole conditions that nobody read, in place."""
    for index, condition in enumerate(rsna.CONDITIONS):
        if condition.term == "subarticular":
            labels[index, : uncovered_levels(faults)] = -1
        if "missing_side" in faults and (condition.term, condition.side) == ("foraminal", rsna.LEFT):
            labels[index] = -1
        if "missing_canal" in faults and condition.term == "spinal":
            labels[index] = -1


def _point(
    study: Study, condition: rsna.Condition, level: int, jitter: float, rng: np.random.Generator
) -> Point | None:
    """The label point on the nearest slice of the condition's series kind, or None where no slice shows it."""
    place = study.spine.point(condition, level)
    place = place + jitter * rng.normal(size=3)
    series = [(key, one) for key, one in study.series.items() if one.kind == condition.series_kind]
    slices = [(key, n, plane) for key, one in series for n, plane in zip(one.numbers, one.planes, strict=True)]
    if not slices:
        return None
    nearest, distance = nearest_plane([plane for *_, plane in slices], place)
    key, number, plane = slices[nearest]
    if distance > rsna.LEVEL_GUARD_MM or not plane.shows(place):
        return None
    x, y = plane.to_pixel(place)
    return key, number, float(x), float(y), plane.drop(place) + study.offset
