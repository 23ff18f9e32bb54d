"""Target maps and the localiser's loss."""

import numpy as np
import pytest
import tensorflow as tf

from stenosis_kit.levels.heatmaps import SIDE, to_cells
from stenosis_kit.levels.targets import heatmap_loss, target_maps


def test_targets_lie_at_the_points_and_unknown_ones_count_for_nothing():
    points = np.array([[[80.0, 40.0], [np.nan, np.nan], [-60.0, 20.0], [159.0, 159.0], [0.0, 0.0]]], np.float32)
    maps = target_maps(tf.constant(points)).numpy()
    y, x = np.mgrid[:SIDE, :SIDE]
    assert [(maps[0, ..., 0] * x).sum(), (maps[0, ..., 0] * y).sum()] == pytest.approx(to_cells(points[0, 0]), abs=1e-3)
    assert maps.sum(axis=(1, 2))[0] == pytest.approx([1, 0, 0, 1, 1], abs=1e-5)
    right, wrong = (heatmap_loss(maps, sign * 20.0 * maps).numpy()[0] for sign in (1, -1))
    assert right < wrong
