import numpy as np
import pytest
from paper_images import squares

from stenosis_kit.paper.copies import Images, augmented, balanced
from stenosis_kit.paper.fitting import equal_weights


def test_copies_are_shifted_and_zoomed_by_a_tenth_at_most_and_edges_are_filled():
    image = np.full((100, 100), 50, np.uint8)
    image[40:60, 40:60] = 250
    rng = np.random.default_rng(0)
    centers, sides = [], []
    for _ in range(200):
        copy = augmented(image, rng)
        assert copy.min() >= 50
        rows, columns = np.where(copy > 150)
        centers.append([rows.mean() - 49.5, columns.mean() - 49.5])
        sides += [np.ptp(rows) + 1, np.ptp(columns) + 1]
    assert 8 < np.abs(centers).max() <= 12  # 10 px, seen through a zoom of .9
    assert 17 <= min(sides) < 19 < 21 < max(sides) <= 23


def test_half_of_the_copies_are_flipped_left_to_right_and_none_upside_down():
    image = np.zeros((64, 64), np.uint8)
    image[10:20, 44:54] = 255
    rng = np.random.default_rng(1)
    places = np.array([np.argwhere(augmented(image, rng) > 128).mean(axis=0) for _ in range(200)])
    assert (places[:, 0] < 32).all()
    assert 70 < (places[:, 1] < 32).sum() < 130


def test_each_class_gets_as_many_copies_and_uses_all_its_originals():
    labels = np.array([1] * 30 + [0] * 5 + [2] * 2)
    rows = balanced(np.arange(37), labels, 30)
    assert np.bincount(labels[rows]).tolist() == [30, 30, 30]
    assert set(rows) == set(range(37))


def test_only_augmented_copies_train_and_each_is_the_same_in_every_epoch():
    grey, labels, holdout = squares()
    copies = Images(grey, labels, balanced(holdout.train, labels, 20), seed=3)
    before = [copies.image(place) for place in range(60)]
    order = copies._order.tolist()
    copies.on_epoch_end()
    assert copies._order.tolist() != order
    for place, copy in enumerate(before):
        assert (copies.image(place) == copy).all()
        assert (copy != grey[copies.rows[place]]).any()


def test_batches_are_grey_in_three_channels_from_0_to_1():
    grey, labels, holdout = squares()
    batches = Images(grey, labels, holdout.validate, equal_weights(labels, holdout.validate), batch=4)
    assert len(batches) == 3
    images, classes, weights = batches[2]
    assert images.shape == (1, 32, 32, 3)
    assert (images[..., 0] == images[..., 2]).all()
    assert images[0, ..., 0] == pytest.approx(grey[holdout.validate[-1]] / 255)
    assert classes.tolist() == [labels[holdout.validate[-1]]]
    assert weights.tolist() == [1.0]
