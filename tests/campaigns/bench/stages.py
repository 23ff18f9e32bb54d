"""Whole stages: what they take at several sizes, and the memory they hold."""

from __future__ import annotations

from pathlib import Path

from campaigns.bench.children import child
from campaigns.bench.rates import grow, seconds_of, steady_rate
from campaigns.bench.reading import format_seconds

from stenosis_kit.base.budget import Budget
from stenosis_kit.graders.settings import Training
from stenosis_kit.road.predict import predict

_TRAINING_S = 800.0
"""The budget of the training whose memory is measured; its epochs end it much earlier. Large enough that the localiser
is taught further (for a twentieth of it), as in a user's training."""


def measure_format(roots: dict[int, Path], store: Path, laps: int) -> tuple[dict, float]:
    """The growth of `format` and its memory, GB; the largest root's store stays."""
    with child() as process:
        return grow(list(roots), laps, lambda size: process.run(format_seconds, roots[size], store)), process.peak_gb


def measure_training(store: Path, model: Path, training: Training) -> float:
    """Trains a model, and tells the memory that took, GB."""
    with child() as process:
        process.run(_train, store, model, training)
        return process.peak_gb


def measure_predict(roots: dict[int, Path], model: Path, output: Path) -> tuple[dict, float]:
    """The growth of `predict` and its memory, GB."""
    with child() as process:
        grown = grow(list(roots), 1, lambda size: process.run(_predict_seconds, roots[size], model, output))
        return grown, process.peak_gb


def seconds_a_study(grown: dict) -> float:
    """What one more study takes, s: start-up apart."""
    return round(1 / steady_rate(grown["studies"], grown["seconds"]), 4)


def _train(store: Path, model: Path, training: Training) -> None:
    from stenosis_kit.road.train import train

    train(store, model, Budget(_TRAINING_S), training, fresh=True, start="none")


def _predict_seconds(root: Path, model: Path, output: Path) -> float:
    return seconds_of(lambda: predict(root, [model], output, split="train"))
