"""A labelled study as the localiser learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stenosis_kit.images.series import Series
from stenosis_kit.levels.label_points import canal_labels
from stenosis_kit.levels.midline import midline
from stenosis_kit.levels.overview import Overview, study_overviews
from stenosis_kit.tables.study import Cell, LabelPoint


@dataclass(frozen=True, eq=False)
class Example:
    """A study as the localiser learns from it.

    Attributes:
        overviews: of its sagittal series.
        canal: (5, 3) the canal's label points, patient mm; NaN where there is none.
        midline: (5,) patient x of the midline there, as `levels.midline` finds it, mm; NaN where it does not.
    """

    overviews: list[Overview]
    canal: np.ndarray
    midline: np.ndarray


def example(study: Sequence[Series], points: dict[Cell, LabelPoint]) -> Example:
    """What the localiser learns from a study: what it sees, and where the canal truly is."""
    canal = canal_labels(study, points)
    return Example(study_overviews(study), canal, midline(study, canal))
