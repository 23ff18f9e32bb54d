"""A study's label points against its images, in patient space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series
from stenosis_kit.tables.study import Study

Note = Callable[[str, str, int], None]
"""Takes a finding's key, a case, and how often."""

# Steps between levels on sagittal T2 are 35, 34.5, 33 and 27 mm on average; limits chosen by hand, wide for any spine.
_STEP_MM = (14.0, 58.0)
_UNLIKE_MM = 15.0  # between the heights of left and right of one level; chosen by hand

POINT_CONSEQUENCES = {
    "points_without_image": "Their crops are placed as prediction would place them.",
    "points_outside_their_image": "Nothing is cut there: other views are used, where they show it.",
    "sides_that_contradict_x": "They are used as labelled, on the wrong side of the patient: mend or delete them.",
    "sides_at_unlike_heights": "They are used as labelled; one of the two is likely on another level.",
    "levels_out_of_order": "They are used as labelled; two levels are likely exchanged.",
    "levels_at_implausible_distance": "They are used as labelled; one is likely on another level.",
}
"""What can be wrong with points, and what the kit does about it."""


def examine_study_points(note: Note, task: Study, study: Sequence[Series]) -> None:
    """Notes the points that lie on no image or outside theirs, and those that contradict each other."""
    by_id = {one.series_id: one for one in study}
    placed: dict[tuple[str, str], np.ndarray] = {}
    for (condition, level), point in task.points.items():
        series, name = by_id.get(point.series_id), f"{task.study_id} {condition} {level}"
        index = series.index_of(point.instance_number) if series else None
        if index is None:
            note("points_without_image", f"{name} ({point.series_id}/{point.instance_number}.dcm)", 1)
            continue
        plane = series.planes[index]
        note("points_outside_their_image", name, int(not plane.holds(point.x, point.y)))
        placed[condition, level] = plane.to_patient(np.array([point.x, point.y]))
    _compare_sides(note, task.study_id, placed)
    _compare_levels(note, task.study_id, placed)


def _compare_sides(note: Note, study_id: int, placed: dict[tuple[str, str], np.ndarray]) -> None:
    """Left has the larger patient x, and both sides of a level lie about as high."""
    for (condition, level), left in placed.items():
        if rsna.CONDITION_BY_NAME[condition].side != rsna.LEFT:
            continue
        right = placed.get((rsna.mirrored(rsna.CONDITION_BY_NAME[condition]).name, level))
        if right is not None:
            name = f"{study_id} {rsna.CONDITION_BY_NAME[condition].term} {level}"
            note("sides_that_contradict_x", name, int(left[0] <= right[0]))
            note("sides_at_unlike_heights", name, int(abs(left[2] - right[2]) > _UNLIKE_MM))


def _compare_levels(note: Note, study_id: int, placed: dict[tuple[str, str], np.ndarray]) -> None:
    """From L1/L2 down, each level lies lower than the one before, by a step that a spine can have."""
    for condition in rsna.CONDITION_NAMES:
        chain = [placed.get((condition, level)) for level in rsna.LEVELS]
        pairs = zip(chain, chain[1:], strict=False)
        steps = [upper - lower for upper, lower in pairs if upper is not None and lower is not None]
        name = f"{study_id} {condition}"
        note("levels_out_of_order", name, int(sum(step[2] <= 0 for step in steps)))
        lengths = np.array([np.linalg.norm(step[1:]) for step in steps])
        far = (lengths < _STEP_MM[0]) | (lengths > _STEP_MM[1])
        note("levels_at_implausible_distance", name, int(far.sum()))
