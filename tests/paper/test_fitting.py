import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from paper_images import squares
from small_network import small_network

from stenosis_kit.base.budget import Budget
from stenosis_kit.paper import fitting
from stenosis_kit.paper.copies import Images, balanced
from stenosis_kit.paper.fitting import EARLY, TIME, answer, equal_weights, fit


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(fitting, "compiled", small_network)


def test_classes_count_alike_in_validation():
    labels = np.array([0] * 1 + [1] * 8 + [2] * 3)
    weights = equal_weights(labels, np.arange(12))
    assert [weights[labels == k].sum() for k in range(3)] == pytest.approx([4, 4, 4])


def test_it_learns_what_shows_and_stops_early_with_the_best_weights(small):
    grey, labels, holdout = squares()
    fitted = fit(Images(grey, labels, balanced(holdout.train, labels, 40), seed=0), holdout, Budget())
    assert (
        answer(fitted, grey, holdout.test).argmax(axis=1) == labels[holdout.test]
    ).mean() > 0.6  # by chance: a third
    losses = [epoch["val_loss"] for epoch in fitted.history]
    assert fitted.best == int(np.argmin(losses))
    validation = Images(grey, labels, holdout.validate, equal_weights(labels, holdout.validate))
    assert fitted.network.evaluate(validation, verbose=0)[0] == pytest.approx(min(losses), rel=1e-3)
    if len(losses) < 25:
        assert fitted.ended_by == EARLY
        assert len(losses) - 1 - fitted.best == 5


def test_the_time_limit_ends_training_and_is_named(small, monkeypatch):
    ticks = itertools.count()  # time passes only where it is read, .01 s each time
    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: 0.01 * next(ticks)))
    grey, labels, holdout = squares()
    copies = Images(grey, labels, balanced(holdout.train, labels, 50_000), seed=0)
    fitted = fit(copies, holdout, Budget(1.0))
    assert fitted.ended_by == TIME
    assert len(fitted.history) == 1
