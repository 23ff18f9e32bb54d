"""Training the paper's network on one split, inside its time."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.paper.copies import Images
from stenosis_kit.paper.holdout import Holdout
from stenosis_kit.paper.plan import compiled
from stenosis_kit.paper.recipe import EPOCHS, PATIENCE

EARLY, TIME, ALL = "early stopping", "the time limit", "all epochs were done"


@dataclass(frozen=True)
class Fitted:
    """A trained network and how it came about.

    Attributes:
        network: with its best weights.
        history: a dict an epoch: loss, accuracy, val_loss, val_accuracy.
        best: the epoch, from 0, whose weights were kept.
        ended_by: `EARLY`, `TIME` or `ALL`.
        seconds: that it took.
    """

    network: keras.Model
    history: list[dict[str, float]]
    best: int
    ended_by: str
    seconds: float


def fit(copies: Images, holdout: Holdout, budget: Budget, seed: int = 0) -> Fitted:
    """Trains by the recipe: Adam, sparse categorical cross-entropy, early stopping, best weights restored.

    Args:
        copies: the augmented images to learn from.
        holdout: which of their originals validate.
        budget: the time.
        seed: of the weights.
    """
    keras.utils.set_random_seed(seed)
    network = compiled(copies.grey.shape[1], len(copies))
    weights = equal_weights(copies.labels, holdout.validate)
    validation = Images(copies.grey, copies.labels, holdout.validate, weights)
    timer = TimedTraining(budget)
    network.evaluate(validation, verbose=0)  # builds the graph,
    network.evaluate(validation, verbose=0, callbacks=[timer])  # so that the timer learns what validation costs
    timer.answers_s = timer.validation_s  # there are about as many test images
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)
    history = network.fit(
        copies, epochs=EPOCHS, validation_data=validation, callbacks=[timer, stopping], shuffle=False, verbose=0
    ).history
    epochs = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
    best = int(np.argmin([epoch["val_loss"] for epoch in epochs]))
    ended_by = TIME if timer.spent else EARLY if len(epochs) < EPOCHS else ALL
    return Fitted(network, epochs, best, ended_by, budget.elapsed())


def answer(fitted: Fitted, grey: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows, 3) probabilities of images, in the paper's class order."""
    if not len(rows):
        return np.empty((0, len(rsna.PAPER_CLASSES)))
    batches = Images(grey, np.zeros(len(grey), int), rows)
    return np.concatenate([np.asarray(fitted.network.predict_on_batch(batches[i][0])) for i in range(len(batches))])


def equal_weights(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) float32 weights by which the classes of `rows` count alike; their mean over `rows` is 1."""
    return compute_sample_weight("balanced", labels, indices=rows).astype(np.float32)
