"""A training that keeps to its time, on a clock that the test turns."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stenosis_kit.base import budget
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.timed_training import TimedTraining, one_cycle


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def timer(seconds: float, steps: int = 10, epochs: int = 4, answers_s: float = 0.0) -> TimedTraining:
    """A callback with what it uses of a model."""
    made = TimedTraining(Budget(seconds), 2.0, steps, epochs, answers_s)
    made.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None), stop_training=False))
    return made


def step(made: TimedTraining, clock: SimpleNamespace, seconds: float) -> float:
    """A step that takes some time; returns its learning rate."""
    made.on_train_batch_begin(0)
    clock.now += seconds
    made.on_train_batch_end(0)
    return made.model.optimizer.learning_rate


def test_the_rate_follows_the_epochs_where_they_pass_faster_than_the_time(clock: SimpleNamespace) -> None:
    made = timer(1e6)
    rates = [step(made, clock, 1.0) for _ in range(40)]
    assert rates == pytest.approx([2 * one_cycle(done / 40) for done in range(40)])


def test_the_rate_follows_the_time_where_it_passes_faster_than_the_epochs(clock: SimpleNamespace) -> None:
    made = timer(100.0)
    rates = [step(made, clock, 10.0) for _ in range(9)]
    assert rates == pytest.approx([2 * one_cycle(done / 10) for done in range(9)])


@pytest.mark.parametrize(("validation_s", "answers_s", "steps"), [(0, 0, 98), (4, 0, 89), (4, 8, 79)])
def test_training_stops_while_two_steps_a_validation_and_the_answers_still_fit(
    clock: SimpleNamespace, validation_s: float, answers_s: float, steps: int
) -> None:
    """Of 100 s, .5 s are kept for saving, 2 s for two steps, and a quarter more than validation and answers take."""
    made = timer(100.0, answers_s=answers_s)
    made.on_test_begin()
    clock.now += validation_s
    made.on_test_end()
    done = 0
    while not made.model.stop_training:
        step(made, clock, 1.0)
        done += 1
    assert done == steps


def test_without_a_peak_rate_the_rate_stays_and_the_end_is_told(clock: SimpleNamespace) -> None:
    made = TimedTraining(Budget(10.0))
    made.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=1.0), stop_training=False))
    assert step(made, clock, 1.0) == 1.0 and not made.spent
    assert step(made, clock, 9.0) == 1.0 and made.spent


def test_the_first_step_which_builds_the_graph_is_no_measure(clock: SimpleNamespace) -> None:
    made = timer(100.0)
    step(made, clock, 60.0)
    assert not made.model.stop_training
    assert made.step_s == 0
    step(made, clock, 3.0)
    assert made.step_s == 3


@pytest.mark.parametrize(("progress", "share"), [(-1, 0.1), (0, 0.1), (0.15, 0.55), (0.3, 1.0), (1, 0.001), (2, 0.001)])
def test_one_cycle(progress: float, share: float) -> None:
    assert one_cycle(progress) == pytest.approx(share)
