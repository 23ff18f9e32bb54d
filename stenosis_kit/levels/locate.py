"""The chain of ways to find the levels of a study without labels: the best that its series allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.dicom import Series
from stenosis_kit.levels import anatomy, kmeans

# Share of points within 10 mm if both coordinates of the mean place vary by .05 of a 280 mm image (14 mm), as the
# public label points do: 1 - exp(-10**2 / (2 * 14**2)).
_PRIOR_CONFIDENCE = 0.22


@dataclass(frozen=True)
class CanalPoints:
    """The canal at the five levels.

    Attributes:
        points: (5, 3) patient mm, L1/L2 first.
        method: which way found them.
        confidence: 0 to 1: about the share of such points that lie within 10 mm.
    """

    points: np.ndarray
    method: str
    confidence: float


def locate(study: Sequence[Series]) -> CanalPoints | None:
    """Finds the canal at the five levels without labels: from T2, else T1, else the axial series.

    Returns:
        None where the study has no usable series.
    """
    for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
        series = largest(study, kind)
        if series:
            return CanalPoints(anatomy.canal_points(series), anatomy.METHOD, _PRIOR_CONFIDENCE)
    series = largest(study, rsna.AXIAL_T2)
    if series:
        try:
            return CanalPoints(kmeans.canal_points(series), kmeans.METHOD, 0.2)
        except ValueError:  # too few slices to tell five levels apart
            return None
    return None


def largest(study: Sequence[Series], kind: str) -> Series | None:
    """The series of a kind with the most usable slices (the first of equals), or None where there is none."""
    offers = [series for series in study if series.kind == kind and series.slices]
    return max(offers, key=lambda series: len(series.slices), default=None)
