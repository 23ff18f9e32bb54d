"""Ways to find the levels of a study without a network: what is left where the localiser has no answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.dicom import Series, largest
from stenosis_kit.levels import anatomy, kmeans
from stenosis_kit.study import CanalPoints

# Share of points within 10 mm if both coordinates of the mean place vary by .05 of a 280 mm image (14 mm), as the
# public label points do: 1 - exp(-10**2 / (2 * 14**2)).
_PRIOR_CONFIDENCE = 0.22
_KMEANS_CONFIDENCE = 0.2


def locate(study: Sequence[Series]) -> CanalPoints | None:
    """Finds the canal at the five levels without labels: from T2, else T1, else the axial series.

    Returns:
        None where the study has no usable series.
    """
    for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
        series = largest(study, kind)
        if series:
            return CanalPoints(anatomy.canal_points(series), anatomy.METHOD, _alike(_PRIOR_CONFIDENCE))
    series = largest(study, rsna.AXIAL_T2)
    if series:
        try:
            return CanalPoints(kmeans.canal_points(series), kmeans.METHOD, _alike(_KMEANS_CONFIDENCE))
        except ValueError:  # too few slices to tell five levels apart
            return None
    return None


def _alike(confidence: float) -> np.ndarray:
    return np.full(len(rsna.LEVELS), confidence)
