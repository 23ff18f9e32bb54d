"""The anatomical prior: levels at their mean place in a sagittal image."""

from __future__ import annotations

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.geometry import SAGITTAL
from stenosis_kit.images.series import Series

METHOD = "anatomical prior"
_CONFIDENCE, _SD_MM = 0.22, 14.0
"""Share of points within 10 mm if both coordinates vary by .05 of a 280 mm image (14 mm), as the public label points
do: 1 - exp(-10**2 / (2 * 14**2)).
"""
_USUAL_MM = 330.0
"""The competition's fields of view reach so far; in a larger one the lumbar spine need not lie near the middle."""


def confidence(series: Series) -> float:
    """About the share of points within 10 mm: .22, and the less the larger the field of view.

    What is more than usual may lie at either end: to the usual spread comes a uniform one, of variance length**2 / 12.
    """
    plane = series.planes[len(series.slices) // 2]
    spare = [max(0.0, plane.extent(axis) - _USUAL_MM) for axis in plane.display_axes(SAGITTAL)]
    return _CONFIDENCE * float(np.prod(_SD_MM / np.hypot(_SD_MM, np.array(spare) / np.sqrt(12))))


def canal_points(series: Series) -> np.ndarray:
    """(5, 3) canal points of the five levels on the middle slice of a sagittal series, patient mm.

    At the mean fractions of the public label points on sagittal T2 (sd about .05 of the image), as it is displayed
    (anterior left, head up). Of a larger field than usual only the middle counts: a spine is no longer for it.

    Raises:
        ValueError: where the series has no slices.
    """
    if not series.slices:
        raise ValueError("a series without slices")
    plane = series.planes[len(series.slices) // 2]
    right, down = plane.display_axes(SAGITTAL)
    width, height = (min(plane.extent(axis), _USUAL_MM) for axis in (right, down))
    x, y = np.array(rsna.CANAL_FRACTIONS).T[:, :, None] - 0.5
    return plane.center + x * width * right + y * height * down
