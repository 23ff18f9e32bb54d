"""The paper's way to find levels: K-Means on slice location (Garcia de Celis & Bukaita 2025, section 4.2)."""

from __future__ import annotations

import warnings

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series

METHOD = "K-Means"
CONFIDENCE = 0.5
"""Share of points within 10 mm: .33 to .67 where it was measured. Blocks of slices are found, contiguous stacks not."""


def slice_positions(series: Series) -> np.ndarray:
    """(slices,) location of each slice's corner along the series' mean normal, mm, towards the head.

    The corner is the anterior one on the patient's right: where ImagePositionPatient, which the paper's slice location
    comes from, lies in a series stored the usual way.
    """
    normals = np.stack([plane.stacking_normal(series.orientation) for plane in series.planes])
    mean = normals.mean(axis=0)
    corners = np.stack([plane.display_corner(series.orientation) for plane in series.planes])
    return corners @ (mean / np.linalg.norm(mean))


def kmeans_levels(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters slices into the five levels.

    Args:
        positions: (slices,) location along the spine, growing towards the head, mm.

    Returns:
        (slices,) the index into `rsna.LEVELS` of each slice, and (5,) the clusters' centres, L1/L2 first.

    Raises:
        ValueError: where there are fewer than five different positions.
    """
    from sklearn.cluster import KMeans

    if len(np.unique(positions)) < len(rsna.LEVELS):
        raise ValueError(f"expected at least five different slice positions; found {len(np.unique(positions))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clusters = KMeans(len(rsna.LEVELS), n_init=10, random_state=0).fit(np.asarray(positions, float)[:, None])
    centers = clusters.cluster_centers_[:, 0]
    head_first = np.argsort(-centers)
    level_of_cluster = np.argsort(head_first)
    return level_of_cluster[clusters.labels_], centers[head_first]


def level_slices(series: Series) -> list[int]:
    """For each level, the index of the series' slice that is nearest to its cluster's centre.

    Raises:
        ValueError: as `kmeans_levels`.
    """
    positions = slice_positions(series)
    _, centers = kmeans_levels(positions)
    return [int(np.abs(positions - center).argmin()) for center in centers]


def canal_points(series: Series) -> np.ndarray:
    """(5, 3) canal points for a study with axial images alone: the middles of the level slices, patient mm.

    Raises:
        ValueError: as `kmeans_levels`.
    """
    return np.stack([series.planes[index].center for index in level_slices(series)])
