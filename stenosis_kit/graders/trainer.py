"""Training one network inside its share of the time."""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np

from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.base.weights_file import load_weights
from stenosis_kit.crops.store import in_parts
from stenosis_kit.graders.augmentation import Augmentation
from stenosis_kit.graders.batches import Lesson, batches
from stenosis_kit.graders.loss import training_loss
from stenosis_kit.graders.network import answering, build_network
from stenosis_kit.graders.settings import Grader, Training

_VALIDATED = 256  # crops after each epoch, chosen by hand: enough for a learning curve, and hardly any time
_LAPS, _LAP_STEPS = 4, 10  # that a speed is measured in: two to four seconds on two cores


class Trainer:
    """A grader's network, compiled once and trained anew for each fold, because building its graph takes seconds.

    Attributes:
        network: with the weights of the last training.
        answer: has it answer to crops, see `network.answering`.
    """

    def __init__(self, grader: Grader, training: Training) -> None:
        self.grader = grader
        self.training = training
        self.network = build_network(grader, training)
        self.answer = answering(self.network, grader)
        # A second model over the same layers: an optimiser on `network` would be saved with its weights.
        self._learner = keras.Model(self.network.inputs, self.network.outputs)
        self._learner.compile(
            keras.optimizers.AdamW(training.peak_rate, weight_decay=training.weight_decay),
            training_loss(training),
            weighted_metrics=[keras.metrics.CategoricalCrossentropy(name="nats")],
        )
        # Variables that a function creates while it is traced make TensorFlow trace it a second time.
        self._learner.optimizer.build(self._learner.trainable_variables)

    def run(
        self,
        lesson: Lesson,
        budget: Budget,
        seed: int,
        ranges: Augmentation | None = None,
        start: Path | None = None,
    ) -> tuple[list[dict[str, float]], np.ndarray]:
        """Trains until the budget or the epochs end.

        Args:
            lesson: what is learnt.
            budget: the time.
            seed: of weights, order and augmentation.
            ranges: of the augmentation.
            start: weights to start from; None: new ones.

        Returns:
            The history (a dict an epoch; held-out figures are of at most `_VALIDATED` crops), and (validate, 3)
            answers to the held-out crops.

        Raises:
            InputError: where the weights to start from cannot be loaded.
        """
        training, learner = self.training, self._learner
        self._start_over(seed, start)
        sample = lesson.validate[:: math.ceil(len(lesson.validate) / _VALIDATED) or 1]
        held_out = batches(lesson, sample, self.grader, _VALIDATED).cache() if len(sample) else None
        steps, epochs = math.ceil(len(lesson.learn) / training.batch), training.epochs(self.grader)
        timer = TimedTraining(budget, training.peak_rate, steps, epochs, self._answers_s(lesson, sample))
        if held_out:
            learner.evaluate(held_out, verbose=0)  # builds the graph,
            learner.evaluate(held_out, verbose=0, callbacks=[timer])  # so that the timer learns what validation costs
        history = learner.fit(
            batches(lesson, lesson.learn, self.grader, training.batch, ranges or Augmentation(), seed),
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=held_out,
            callbacks=[timer],
            shuffle=False,  # the dataset is shuffled
            verbose=0,
        ).history
        figures = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
        return figures, np.concatenate([self.answer(part) for part in in_parts(lesson.crops, lesson.validate)])

    def _answers_s(self, lesson: Lesson, sample: np.ndarray) -> float:
        """Seconds that the answers to all held-out crops take, measured on a sample of them."""
        if not len(sample):
            return 0.0
        self.answer(lesson.crops[sample[:1]])  # builds the graph
        watch = Stopwatch()
        self.answer(lesson.crops[sample])
        return watch.lap("answers") * len(lesson.validate) / len(sample)

    def build(self, lesson: Lesson) -> None:
        """Builds the training graph with one step: it takes seconds that no budget can stop."""
        self._learn(lesson, 1)

    def pixels_a_second(self, lesson: Lesson) -> float:
        """Input pixels that this machine learns from in a second, reading and augmenting included.

        The best of several laps: a machine that stands still for a moment would have the whole run planned too small,
        while one that stands still later only gets fewer epochs.
        """
        self.build(lesson)
        seconds = self._learn(lesson, _LAP_STEPS, _LAPS)
        return _LAP_STEPS * self.training.batch * self.grader.px**2 / min(seconds)

    def _learn(self, lesson: Lesson, steps: int, epochs: int = 1) -> list[float]:
        """Trains without a plan; the seconds of each epoch."""
        learn = batches(lesson, lesson.learn, self.grader, self.training.batch, Augmentation())
        watch, seconds = Stopwatch(), []
        timer = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: watch.lap("between"),
            on_epoch_end=lambda epoch, logs: seconds.append(watch.lap("epoch")),
        )
        self._learner.fit(learn, epochs=epochs, steps_per_epoch=steps, callbacks=[timer], shuffle=False, verbose=0)
        return seconds

    def _start_over(self, seed: int, start: Path | None) -> None:
        """Other weights, new dropout seeds, and an optimiser that remembers nothing of the training before."""
        keras.utils.set_random_seed(seed)
        fresh = build_network(self.grader, self.training)
        if start:
            load_weights(fresh, start)
        for variable, new in zip(self.network.variables, fresh.variables, strict=True):
            variable.assign(new)
        for variable in self._learner.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
