"""The anatomical prior: levels where they lie on average in a sagittal image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.dicom import Series
from stenosis_kit.geometry import SAGITTAL, Plane

METHOD = "anatomical prior"

# Where the foraminal point lies from the canal point of its level, mm: the difference of the two mean
# fractions on a sagittal image of 280 mm, the usual field of view.
_FIELD_MM = 280.0
_FORAMEN_STEP_MM = (np.array(rsna.FORAMEN_FRACTIONS) - np.array(rsna.CANAL_FRACTIONS)) * _FIELD_MM
# The subarticular point lies at the front of the canal, whose depth is about 18 mm (Panjabi 1992).
_SUBARTICULAR_STEP_MM = -4.5
_OUTWARD = {rsna.LEFT: 1.0, rsna.RIGHT: -1.0, None: 0.0}  # along patient x


def canal_points(series: Series) -> np.ndarray:
    """(5, 3) canal points of the five levels on the middle slice of a sagittal series, patient mm.

    From the mean fractions of the public label points on images of that kind (sd about .05 of the image).

    Raises:
        ValueError: where the series has no slices.
    """
    if not series.slices:
        raise ValueError("a series without slices")
    plane = series.planes[len(series.slices) // 2]
    points = at_fractions(plane, rsna.CANAL_FRACTIONS)
    if series.kind == rsna.SAGITTAL_T1:  # the fractions there are of the foramina: step back into the canal
        points = at_fractions(plane, rsna.FORAMEN_FRACTIONS) - sagittal_step(_FORAMEN_STEP_MM)
    return points


def at_fractions(plane: Plane, fractions: Sequence[tuple[float, float]]) -> np.ndarray:
    """(n, 3) points at fractions (x, y) of a sagittal image as it is displayed (anterior left, head up)."""
    right, down = plane.display_axes(SAGITTAL)
    x, y = np.array(fractions, float).T[:, :, None] - 0.5
    return plane.center + x * plane.extent(right) * right + y * plane.extent(down) * down


def sagittal_step(steps_mm: np.ndarray) -> np.ndarray:
    """(..., 3) patient mm of (..., 2) steps (to the back, to the feet)."""
    return np.stack([np.zeros_like(steps_mm[..., 0]), steps_mm[..., 0], -steps_mm[..., 1]], axis=-1)


def cell_point(canal: np.ndarray, condition: str, level: str) -> np.ndarray:
    """(3,) where a condition shows, carried from the canal point (3,) of its level, patient mm."""
    facts, index = rsna.CONDITION_BY_NAME[condition], rsna.LEVELS.index(level)
    outward = np.array([_OUTWARD[facts.side], 0.0, 0.0])
    if facts.term == "foraminal":
        return canal + outward * rsna.FORAMEN_OFFSETS_MM[index] + sagittal_step(_FORAMEN_STEP_MM[index])
    if facts.term == "subarticular":
        return canal + outward * rsna.SUBARTICULAR_OFFSET_MM + np.array([0.0, _SUBARTICULAR_STEP_MM, 0.0])
    return canal
