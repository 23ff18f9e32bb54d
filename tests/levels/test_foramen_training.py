"""Teaching the foramen finder: what it learns, and how examples are changed."""

import numpy as np
import pytest
import tensorflow as tf

from stenosis_kit.base.budget import Budget
from stenosis_kit.levels import foramen_training
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.foramen_patches import PX, SIDE, STEP_MM, cells_mm
from stenosis_kit.levels.foramen_training import examples, learn
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS

CROP_PX = 96


def ringed_crops(count=24, slices=3):
    """Noise with a bright ring about the middle of the middle slice, a fainter one on its neighbours."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:CROP_PX, :CROP_PX] - (CROP_PX - 1) / 2
    ring = np.exp(-((np.hypot(x, y) - 9) ** 2) / 8)
    shown = 40 * rng.random((count, CROP_PX, CROP_PX, slices)) + 40
    shown += ring[..., None] * (150 - 100 * np.abs(np.arange(slices) - slices // 2))
    return shown.astype(np.uint8)


def test_a_ring_is_learnt_and_the_first_finder_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(foramen_training, "STEPS", 60)
    first = ForamenFinder()
    before = [one.copy() for one in first.network.get_weights()]
    taught = learn(ringed_crops(), np.arange(20), Budget(), start=first)
    assert taught.notes == {"foramina": 20, "steps": 60, "seed": 0, TAUGHT_ON_LABELS: True}
    assert all(np.array_equal(*pair) for pair in zip(first.network.get_weights(), before, strict=True))
    crop = ringed_crops()[23, 10:82, 10:82].reshape(PX, 2, PX, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    logits = taught.logits(np.moveaxis(crop, -1, 0))  # 2 pixels, 1.3 mm, beside the middle
    index, row, column = np.unravel_index(logits.argmax(), logits.shape)
    assert index == 1
    assert np.abs(cells_mm()[[row, column]]).max() < 4


def test_no_time_ends_it_after_few_steps():
    assert learn(ringed_crops(4), np.arange(4), Budget(0.0)).notes["steps"] <= 2


@pytest.mark.parametrize("slices", [1, 5])
def test_an_example_s_target_lies_where_the_crop_s_middle_came_to_lie(slices):
    tf.keras.utils.set_random_seed(0)
    crops = np.zeros((foramen_training.BATCH, 48, 48, slices), np.float32)
    crops[:, 22:26, 22:26] = 255
    images, targets = (np.asarray(each) for each in examples(tf.constant(crops)))
    assert images.shape == (foramen_training.BATCH, slices, PX, PX)
    assert images.min() >= 0 and images.max() <= 1
    assert targets.shape == (foramen_training.BATCH, slices, SIDE, SIDE)
    assert targets.sum(axis=(1, 2, 3)) == pytest.approx(np.ones(foramen_training.BATCH), abs=1e-5)
    middle = slices // 2
    assert targets[:, middle].sum() == pytest.approx(foramen_training.BATCH, abs=1e-3)
    along = (np.arange(PX) - (PX - 1) / 2) * STEP_MM
    away = []
    for image, target in zip(images[:, middle], targets[:, middle], strict=True):
        shown = image * (image > 0.6 * image.max())
        seen = np.array([shown.sum(axis=0) @ along, shown.sum(axis=1) @ along]) / shown.sum()
        away.append(np.linalg.norm(seen - [target.sum(axis=0) @ cells_mm(), target.sum(axis=1) @ cells_mm()]))
    assert np.median(away) < 1


def test_examples_differ_in_place_and_brightness():
    tf.keras.utils.set_random_seed(0)
    crops = np.repeat(ringed_crops(1)[:, ::2, ::2].astype(np.float32), foramen_training.BATCH, axis=0)
    images, targets = (np.asarray(each) for each in examples(tf.constant(crops)))
    assert np.std([target.sum(axis=(0, 1)) @ cells_mm() for target in targets]) > 2
    assert np.std(images.mean(axis=(1, 2, 3))) > 0.02
