"""The loss: the metric's weighted log loss, on which networks are trained with smoothed labels."""

from __future__ import annotations

import keras
import numpy as np

from stenosis_kit.graders.settings import Training


def training_loss(training: Training) -> keras.losses.Loss:
    """Cross-entropy with smoothed one-hot labels; the metric's weights (1, 2, 4) come with each batch."""
    return keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing)


def weighted_log_loss(answers: np.ndarray, severity: np.ndarray, weight: np.ndarray) -> float:
    """Of (n, 3) answers, nats, with (n,) class indices and the metric's weights; NaN where there are none."""
    if not len(answers):
        return float("nan")
    right = np.take_along_axis(answers, severity[:, None], axis=1)
    return float(-np.average(np.log(np.maximum(right[:, 0], 1e-7)), weights=weight))
