"""Metal in the body, and what it does to an image."""

from __future__ import annotations

import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.column import L5
from stenosis_kit.phantom.anatomy.spine import Spine


def spoil_with_metal(ideal: np.ndarray, plane: Plane, spine: Spine) -> None:
    """Signal voids with bright rims (susceptibility artefacts) round screws in the pedicles of L4 and L5, in place."""
    for body, side in ((L5 - 1, 18), (L5 - 1, -18), (L5, 20), (L5, -20)):
        y, z = spine.wall.at(spine.wall.s_bodies[body] + 4, 4)
        center = np.array([spine.column.midline(z) + side, y, z])
        away = abs(float(plane.distance(center)))
        if away > 9:
            continue
        x, y = plane.to_pixel(center)
        columns, rows = np.meshgrid(np.arange(plane.shape[1]) - x, np.arange(plane.shape[0]) - y)
        distance = np.sqrt((columns * plane.spacing[1] / 1.8) ** 2 + (rows * plane.spacing[0]) ** 2 + away**2) - 9
        ideal *= np.clip(0.5 + distance / 2, 0.02, 1)
        ideal += 1.2 * np.exp(-((distance - 1) ** 2))
