"""The readers' label points in patient space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.tables.study import Cell, LabelPoint

LABEL, LABEL_MIDPOINT, LABEL_PROJECTED = "label", "label midpoint", "label projected"
"""Point sources of a crop that a label point centres; other crops name the method that found their level."""
OWN_POINTS = [LABEL, LABEL_MIDPOINT]
"""Those that lie where the readers would have placed the crop."""


def canal_labels(study: Sequence[Series], points: dict[Cell, LabelPoint]) -> np.ndarray:
    """(5, 3) the canal's label points, patient mm; NaN where there is none."""
    condition = rsna.condition_of("spinal", None).name
    found = np.full((len(rsna.LEVELS), 3), np.nan)
    for index, level in enumerate(rsna.LEVELS):
        point = points.get((condition, level))
        place = in_patient(study, point) if point else None
        if place:
            found[index] = place[1]
    return found


def labelled_canal(study: Sequence[Series], points: dict[Cell, LabelPoint]) -> CanalPoints | None:
    """The canal where its label points have it; None where it has none at all."""
    found = canal_labels(study, points)
    return CanalPoints(found, LABEL_PROJECTED, np.ones(len(found))) if np.isfinite(found).any() else None


def in_patient(study: Sequence[Series], point: LabelPoint) -> tuple[Series, np.ndarray] | None:
    """The series of a label point and its place (3,), patient mm; None where its slice is missing or unusable."""
    series = next((one for one in study if one.series_id == point.series_id), None)
    index = series.index_of(point.instance_number) if series else None
    if index is None:
        return None
    return series, series.planes[index].to_patient(np.array([point.x, point.y]))
