from types import SimpleNamespace

import numpy as np
import pytest
from small_network import small_network

from stenosis_kit.base.budget import Budget
from stenosis_kit.graders.five_block_cnn import five_block_cnn
from stenosis_kit.paper import figures, fitting, plan
from stenosis_kit.paper.copies import Images, augmented, balanced
from stenosis_kit.paper.fitting import EARLY, TIME, InTime, answer, equal_weights, fit
from stenosis_kit.paper.holdout import IMAGE, Holdout
from stenosis_kit.paper.plan import FEWEST_COPIES, LEAST_EPOCHS, START_S


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(fitting, "compiled", small_network)


def squares(n=60, px=32, seed=0):
    """Images whose class shows: a square of three sizes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    grey = rng.integers(40, size=(n, px, px)).astype(np.uint8)
    for image, label in zip(grey, labels, strict=True):
        half = 3 + 4 * label
        image[px // 2 - half : px // 2 + half, px // 2 - half : px // 2 + half] = 220
    every = np.arange(n)
    return grey, labels, Holdout(IMAGE, every[18:], every[9:18], every[:9], every[:0])


# --- Copies ------------------------------------------------------------------------------------


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


def test_classes_count_alike_in_validation():
    labels = np.array([0] * 1 + [1] * 8 + [2] * 3)
    weights = equal_weights(labels, np.arange(12))
    assert [weights[labels == k].sum() for k in range(3)] == pytest.approx([4, 4, 4])


# --- Plan --------------------------------------------------------------------------------------


def speed(px):
    return 0.5 * (px / 256) ** 2


@pytest.mark.parametrize(("seconds", "px"), [(20_000, 256), (7_500, 192), (3_500, 128), (2_000, 96), (900, 64)])
def test_the_largest_side_that_leaves_eight_epochs_is_taken(seconds, px):
    found = plan.plan(1000, 200, seconds, speed=speed)
    assert (found.px, found.copies) == (px, 1000)
    assert LEAST_EPOCHS * (3000 + 70) * found.image_s <= seconds - START_S


def test_then_the_copies_get_fewer():
    found = plan.plan(1000, 200, 200, speed=speed)
    assert found.px == 64
    assert FEWEST_COPIES < found.copies < 1000
    assert LEAST_EPOCHS * (3 * found.copies + 70) * found.image_s <= 200 - START_S


def test_a_side_that_proves_slower_than_it_seemed_gives_way():
    slow = lambda px: speed(px) * (3 if px == 256 else 1)  # noqa: E731
    assert plan.plan(1000, 200, 20_000, speed=slow).px == 192


def test_a_side_that_is_asked_for_is_kept_and_said():
    found = plan.plan(1000, 200, 900, forced_px=256, speed=speed)
    assert found.px == 256
    assert found.copies < 1000
    assert "the size was asked for" in found.in_words(forced=True)


def test_what_was_done_is_said_in_a_sentence():
    assert plan.plan(1000, 0, 20_000, speed=speed).in_words(False).startswith("The paper's recipe: images of 256×256")
    shortened = plan.plan(1000, 0, 200, speed=speed).in_words(False)
    assert "shortened to the time: images of 64×64 pixels (the paper: 256×256)" in shortened
    assert "(the recipe: 1000)" in shortened


def momenta(network):
    return {layer.momentum for layer in network.layers if hasattr(layer, "momentum")}


def test_running_means_span_half_an_epoch_and_never_more_than_keras_default():
    assert momenta(plan.compiled(32)) == {0.99}
    assert momenta(plan.compiled(32, 1000)) == {0.99}
    assert momenta(plan.compiled(32, 20)) == {0.9}
    assert momenta(plan.compiled(32, 1)) == {0.5}


# --- Training ----------------------------------------------------------------------------------


def test_it_learns_what_shows_and_stops_early_with_the_best_weights(small):
    grey, labels, holdout = squares()
    fitted = fit(Images(grey, labels, balanced(holdout.train, labels, 40), seed=0), holdout, Budget(300.0))
    assert (answer(fitted, grey, holdout.test).argmax(axis=1) == labels[holdout.test]).mean() >= 7 / 9
    losses = [epoch["val_loss"] for epoch in fitted.history]
    assert fitted.best == int(np.argmin(losses))
    validation = Images(grey, labels, holdout.validate, equal_weights(labels, holdout.validate))
    assert fitted.network.evaluate(validation, verbose=0)[0] == pytest.approx(min(losses), rel=1e-3)
    if len(losses) < 25:
        assert fitted.ended_by == EARLY
        assert len(losses) - 1 - fitted.best == 5


class Clock:
    """A budget of 100 s whose time the test passes."""

    def __init__(self):
        self.now = 0.0

    def elapsed(self):
        return self.now

    def remaining(self):
        return 100 - self.now


def steps_until_stop(first_s, step_s, validation_s):
    clock = Clock()
    timer = InTime(clock)
    timer.set_model(SimpleNamespace(stop_training=False))
    timer.on_test_begin()
    clock.now += validation_s
    timer.on_test_end()
    for batch in range(1000):
        timer.on_train_batch_begin(batch)
        clock.now += step_s if batch else first_s
        timer.on_train_batch_end(batch)
        if timer.model.stop_training:
            assert timer.spent
            return clock.now
    raise AssertionError("it never stopped")


def test_training_stops_when_a_step_more_and_the_validations_would_not_fit():
    assert 95 <= steps_until_stop(1.0, 1.0, 1.0) <= 97
    assert 75 <= steps_until_stop(1.0, 1.0, 8.0) <= 80


def test_the_slow_first_step_does_not_end_training():
    assert steps_until_stop(40.0, 1.0, 1.0) >= 95


def test_the_time_limit_ends_training_and_is_named(small):
    grey, labels, holdout = squares()
    copies = Images(grey, labels, balanced(holdout.train, labels, 50_000), seed=0)
    fitted = fit(copies, holdout, Budget(10.0))
    assert fitted.ended_by == TIME
    assert len(fitted.history) == 1


# --- The network's figures ---------------------------------------------------------------------


def test_block_and_architecture_are_drawn_from_the_model(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(figures, "_chain", lambda axes, steps: drawn.append(list(steps)))
    network = five_block_cnn((256, 256, 3))
    figures.draw_block(tmp_path, network)
    figures.draw_architecture(tmp_path, network)
    block, whole = drawn
    assert block[0] == "Input: 256×256×3"
    assert block[1] == "Conv2D, 32 filters of 3×3, relu: 256×256×32"
    assert block[-1] == "Dropout 0.25: 128×128×32"
    assert whole[5].startswith("Block 5, 2 × 512 filters: 8×8×512")
    assert whole[-1] == "21,633,059 parameters in all"
