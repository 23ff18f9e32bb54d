from dataclasses import replace

import h5py
import numpy as np
import pytest
from easy_lesson import GRADER, easy_lesson

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.timed_training import one_cycle
from stenosis_kit.base.weights_file import save_weights
from stenosis_kit.graders.batches import Lesson, batches
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.trainer import Trainer

SMALL = Training(filters=(4, 4, 4, 8, 8), dense=(16, 8), dense_dropout=0.0, batch=16)


@pytest.fixture(scope="module")
def compiled():
    """One network for all tests: building its graphs takes seconds, and every training of it starts over."""
    return Trainer(GRADER, SMALL)


@pytest.fixture
def trainer(compiled):
    """The network, to be trained with other settings."""

    def with_(**changes):
        compiled.training = replace(SMALL, **changes)
        return compiled

    return with_


def test_what_can_be_learnt_is_learnt(trainer):
    lesson = easy_lesson()
    history, answers = trainer(max_epochs=30).run(lesson, Budget(), seed=0)
    assert history[-1]["val_nats"] < history[0]["val_nats"]
    assert answers.shape == (len(lesson.validate), 3)
    assert (answers.argmax(axis=1) == lesson.severity[lesson.validate]).mean() > 0.6  # by chance: a third


def test_the_answers_are_those_of_the_weights_that_are_kept(trainer):
    lesson, trained = easy_lesson(), trainer(max_epochs=3)
    history, answers = trained.run(lesson, Budget(), seed=0)
    ((images, labels, weights),) = batches(lesson, lesson.validate, GRADER, 256).as_numpy_iterator()
    right = (trained.network(images, training=False).numpy() * labels).sum(axis=1)
    assert -np.average(np.log(right), weights=weights) == pytest.approx(history[-1]["val_nats"], rel=1e-4)
    np.testing.assert_array_equal(trained.answer(lesson.crops[lesson.validate]), answers)


def test_of_many_held_out_crops_some_are_looked_at_after_an_epoch_and_all_answered(trainer):
    lesson = easy_lesson(600)
    lesson = replace(lesson, learn=lesson.learn[:16], validate=np.arange(16, 600))
    _, answers = trainer(max_epochs=1).run(lesson, Budget(), seed=0)
    assert answers.shape == (584, 3)


def test_speed_is_measured_in_input_pixels(trainer):
    assert 1e4 < trainer().pixels_a_second(easy_lesson()) < 1e9


class Clock:
    """Seconds that pass only where they are read, the same on every machine."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 0.01
        return self.now


def test_training_ends_inside_its_budget(trainer, monkeypatch):
    monkeypatch.setattr("stenosis_kit.base.budget.time", Clock())
    pupil = trainer(batch=4, max_epochs=100_000)
    budget = Budget(8.0)
    history, _ = pupil.run(easy_lesson(24), budget, seed=0)
    assert 1 < len(history) < 1000
    assert 6.0 < budget.elapsed() < 8.0


def test_without_anything_to_validate_on_it_trains_all_the_same(trainer):
    lesson = easy_lesson(24)
    lesson = Lesson(lesson.crops, lesson.severity, lesson.weight, np.arange(24), np.arange(0))
    history, answers = trainer(max_epochs=1).run(lesson, Budget(), seed=0)
    assert len(history) == 1
    assert answers.shape == (0, 3)


def test_one_cycle_rises_then_falls():
    rates = [one_cycle(p) for p in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1)
    assert rates.index(max(rates)) == 30
    assert rates[-1] < 0.01


def test_a_second_training_of_the_same_network_starts_from_nothing(trainer):
    lesson, trained = easy_lesson(48), trainer(max_epochs=1)
    first, _ = trained.run(lesson, Budget(), seed=3)
    trained.run(lesson, Budget(), seed=4)
    again, _ = trained.run(lesson, Budget(), seed=3)
    assert again[0]["val_nats"] == pytest.approx(first[0]["val_nats"], abs=0.02)


def test_a_networks_file_holds_its_weights_and_nothing_of_the_optimiser(trainer, tmp_path):
    trained = trainer(max_epochs=1)
    trained.run(easy_lesson(24), Budget(), seed=0)
    path = tmp_path / "grader.weights.h5"
    save_weights(trained.network, path)
    names: list[str] = []
    with h5py.File(path) as file:
        file.visit(names.append)
    assert any("conv2d" in name for name in names)
    assert not any("optimizer" in name for name in names)
