"""The paper's way to find levels: K-Means on slice location (Garcia de Celis & Bukaita 2025, section 4.2)."""

from __future__ import annotations

import warnings

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series

METHOD = "K-Means"


def confidence(series: Series) -> float:
    """Share of points within 10 mm: .33 to .67 where it was measured, in any series.

    Blocks of slices are found, contiguous stacks not.
    """
    return 0.5


def slice_positions(series: Series) -> np.ndarray:
    """(slices,) location of each slice's corner along the series' mean normal, mm, towards the head.

    The corner is the anterior one on the patient's right: where ImagePositionPatient, which the paper's slice location
    comes from, lies in a series stored the usual way.
    """
    normals = np.stack([plane.stacking_normal(series.orientation) for plane in series.planes])
    mean = normals.mean(axis=0)
    corners = np.stack([plane.display_corner(series.orientation) for plane in series.planes])
    return corners @ (mean / np.linalg.norm(mean))


def level_centers(positions: np.ndarray) -> np.ndarray:
    """(5,) centres of the clusters of slices, L1/L2 first; a slice is of the level whose centre is nearest.

    Args:
        positions: (slices,) location along the spine, growing towards the head, mm.

    Raises:
        ValueError: where there are fewer than five different positions.
    """
    from sklearn.cluster import KMeans

    if len(np.unique(positions)) < len(rsna.LEVELS):
        raise ValueError(f"expected at least five different slice positions; found {len(np.unique(positions))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clusters = KMeans(len(rsna.LEVELS), n_init=10, random_state=0).fit(np.asarray(positions, float)[:, None])
    return np.sort(clusters.cluster_centers_[:, 0])[::-1]


def level_slices(series: Series) -> list[int]:
    """For each level, the index of the series' slice that is nearest to its cluster's centre.

    Raises:
        ValueError: as `level_centers`.
    """
    positions = slice_positions(series)
    return [int(np.abs(positions - center).argmin()) for center in level_centers(positions)]


def canal_points(series: Series) -> np.ndarray:
    """(5, 3) canal points for a study with axial images alone: the middles of the level slices, patient mm.

    Raises:
        ValueError: as `level_centers`.
    """
    return np.stack([series.planes[index].center for index in level_slices(series)])
