"""Ways to find the levels of a study without a network: what is left where the localiser has no answer."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series, largest
from stenosis_kit.levels import anatomical_prior, kmeans
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import TYPICAL_CANAL
from stenosis_kit.levels.midline import on_midline

METHODS = frozenset((kmeans.METHOD, anatomical_prior.METHOD))
"""Names of the ways, as a crop's point source has them."""
# From L1/L2 to L5/S1 in a small spine; .8 of the mean was chosen by hand.
_FIVE_LEVELS_MM = 0.8 * float(np.linalg.norm(TYPICAL_CANAL[0] - TYPICAL_CANAL[-1]))


def canal_of(study: Sequence[Series], found: CanalPoints | None) -> CanalPoints | None:
    """What the localiser found, else what needs no network, on the midline; None where there is nothing to go by."""
    canal = found or locate(study)
    return on_midline(study, canal) if canal else None


def locate(study: Sequence[Series]) -> CanalPoints | None:
    """Finds the canal at the five levels without labels or network.

    By K-Means where a single axial series is long enough to show all five levels; else by the anatomical prior on T2,
    or T1; else by K-Means on the largest of several axial series.

    Returns:
        None where nothing can be found.
    """
    axial = [one for one in study if one.kind == rsna.AXIAL_T2 and one.slices]
    whole = len(axial) == 1 and np.ptp(kmeans.slice_positions(axial[0])) > _FIVE_LEVELS_MM
    sagittal = largest(study, rsna.SAGITTAL_T2) or largest(study, rsna.SAGITTAL_T1)
    return (
        (_by(kmeans, axial[0]) if whole else None)
        or _by(anatomical_prior, sagittal)
        or _by(kmeans, largest(study, rsna.AXIAL_T2))
    )


def _by(way: ModuleType, series: Series | None) -> CanalPoints | None:
    """What a way finds; None without a series, or where too few slices tell its levels apart."""
    try:
        points = way.canal_points(series) if series else None
    except ValueError:
        points = None
    return None if points is None else CanalPoints(points, way.METHOD, np.full(len(points), way.confidence(series)))
