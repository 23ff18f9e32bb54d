"""Random changes of overviews: points go with their image, and stay in it."""

import numpy as np
import pytest
import tensorflow as tf

from stenosis_kit.levels.augmentation import Changes, frame, move
from stenosis_kit.levels.overview import PX


def test_changes_move_points_with_the_image():
    tf.random.set_seed(1)
    y, x = np.mgrid[:PX, :PX]
    points = np.array([[70.0, 60.0], [90.0, 100.0], [60.0, 95.0], [100.0, 70.0], [80.0, 80.0]], np.float32)
    balls = np.stack([np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18) for px, py in points], axis=-1).astype(np.float32)
    images, moved = move(tf.constant(np.tile(balls, (8, 1, 1, 1))), tf.constant(np.tile(points, (8, 1, 1))), Changes())
    images = images.numpy()
    for image, places in zip(images, moved.numpy(), strict=True):
        for level, place in enumerate(places):
            layer = image[..., level]
            center = np.array([(layer * x).sum(), (layer * y).sum()]) / layer.sum()
            if layer.sum() > 60 and place.min() > 15 and place.max() < PX - 15:
                assert center == pytest.approx(place, abs=0.5)
    assert np.ptp(moved.numpy()[:, 0, 0]) > 10  # the images differ


def test_a_changed_image_still_shows_its_levels():
    points = np.tile(np.array([[80.0, 40 + 18 * level] for level in range(5)], np.float32), (20, 1, 1))
    inside = frame(tf.constant(points), tf.constant(20), Changes(crop=1.0)).numpy()[..., 0]
    for image in inside:
        assert all(image[int(y), int(x)] == 1 for x, y in points[0])
    assert 0.02 < inside.mean() < 0.9
