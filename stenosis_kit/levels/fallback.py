"""Ways to find the levels of a study without a network: what is left where the localiser has no answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series, largest
from stenosis_kit.levels import kmeans
from stenosis_kit.levels import mean_place as anatomy
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import TYPICAL_CANAL
from stenosis_kit.levels.midline import on_midline

# Share of points within 10 mm if both coordinates of the mean place vary by .05 of a 280 mm image (14 mm), as the
# public label points do: 1 - exp(-10**2 / (2 * 14**2)).
_PRIOR_CONFIDENCE = 0.22
_KMEANS_CONFIDENCE = 0.5  # .33 to .67 where it was measured: blocks of slices are found, contiguous stacks are not

_FIVE_LEVELS_MM = 0.8 * float(np.linalg.norm(TYPICAL_CANAL[0] - TYPICAL_CANAL[-1]))  # of a small spine


def canal_of(study: Sequence[Series], found: CanalPoints | None) -> CanalPoints | None:
    """What the localiser found, else what needs no network, on the midline; None where there is nothing to go by."""
    canal = found or locate(study)
    return on_midline(study, canal) if canal else None


def locate(study: Sequence[Series]) -> CanalPoints | None:
    """Finds the canal at the five levels without labels or network.

    By K-Means where a single axial series is long enough to show all five levels; else by the mean place on T2, or T1;
    else by K-Means on the largest of several axial series.

    Returns:
        None where nothing can be found.
    """
    axial = [one for one in study if one.kind == rsna.AXIAL_T2 and one.slices]
    whole = len(axial) == 1 and np.ptp(kmeans.slice_positions(axial[0])) > _FIVE_LEVELS_MM
    return (
        (_by_kmeans(axial[0]) if whole else None) or _by_mean_place(study) or _by_kmeans(largest(study, rsna.AXIAL_T2))
    )


def _by_kmeans(series: Series | None) -> CanalPoints | None:
    if series:
        with suppress(ValueError):  # too few slices to tell five levels apart
            return CanalPoints(kmeans.canal_points(series), kmeans.METHOD, _alike(_KMEANS_CONFIDENCE))
    return None


def _by_mean_place(study: Sequence[Series]) -> CanalPoints | None:
    series = largest(study, rsna.SAGITTAL_T2) or largest(study, rsna.SAGITTAL_T1)
    return CanalPoints(anatomy.canal_points(series), anatomy.METHOD, _alike(_PRIOR_CONFIDENCE)) if series else None


def _alike(confidence: float) -> np.ndarray:
    return np.full(len(rsna.LEVELS), confidence)
