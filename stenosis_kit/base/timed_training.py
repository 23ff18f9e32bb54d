"""A Keras callback that fits a training into a time budget: one-cycle learning rate and early end."""

from __future__ import annotations

import math

import keras

from stenosis_kit.base.budget import Budget

_SAVE_S = 0.5  # to restore and write the weights; chosen by hand
_WARM_UP = 0.3  # fraction of the one-cycle schedule in which the rate rises, as in PyTorch's OneCycleLR


class TimedTraining(keras.callbacks.Callback):
    """Stops training before the budget ends, with time left for the answers; may set the learning rate.

    The rate follows one cycle over the budget or the epochs, whichever passes faster, so that it is low when training
    ends. The seconds of a validation and of a step are measured as they run.

    Attributes:
        answers_s: seconds that the answers after training take.
        validation_s: seconds that the last validation took.
        spent: whether it was the time that ended training.
    """

    def __init__(
        self,
        budget: Budget,
        peak_rate: float | None = None,
        steps: int = 1,
        max_epochs: int = 1,
        answers_s: float = 0.0,
    ) -> None:
        """For a training that begins.

        Args:
            budget: its time.
            peak_rate: of the learning rate; None leaves the rate as it is, and `steps` and `max_epochs` unused.
            steps: in an epoch.
            max_epochs: the most epochs.
            answers_s: seconds to keep for the answers after training.
        """
        super().__init__()
        self.budget = budget
        self.peak_rate = peak_rate
        self.steps = steps
        self.max_epochs = max_epochs
        self.answers_s = answers_s
        self.validation_s = 0.0
        self.step_s = 0.0
        self.spent = False
        self._done = 0
        self._began = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Sets the learning rate for the step."""
        if self.peak_rate is not None:
            progress = max(self._done / (self.steps * self.max_epochs), self.budget.progress())
            self.model.optimizer.learning_rate = self.peak_rate * one_cycle(progress)
        self._began = self.budget.elapsed()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Stops where another step, a validation and the answers may not fit."""
        if self._done:  # the first step also builds the graph
            self.step_s = self.budget.elapsed() - self._began
        self._done += 1
        after = 1.25 * (self.validation_s + self.answers_s) + 2 * self.step_s + _SAVE_S
        if self.budget.remaining() < after:
            self.spent = self.model.stop_training = True

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Starts timing a validation."""
        self._began = self.budget.elapsed()

    def on_test_end(self, logs: dict | None = None) -> None:
        """Measures a validation."""
        self.validation_s = self.budget.elapsed() - self._began


def one_cycle(progress: float) -> float:
    """Fraction of the peak rate at a progress of 0 to 1: from .1 up to 1 and down to .001, along cosines."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < _WARM_UP:
        return 0.1 + 0.9 * (1 - math.cos(math.pi * progress / _WARM_UP)) / 2
    return 0.001 + 0.999 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP))) / 2
