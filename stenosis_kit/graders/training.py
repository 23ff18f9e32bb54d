"""Training one grader inside its share of the time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from stenosis_kit import rsna
from stenosis_kit.base.backend import untuned
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.base.weights_file import load_weights
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.augmentation import Augmentation, central, change, random_parts, sample
from stenosis_kit.graders.network import build_network, grade
from stenosis_kit.graders.settings import Grader, Training

_VALIDATED = 256  # crops after each epoch: a look at the curve, and no time wasted
_LAPS, _LAP_STEPS = 4, 10  # of measuring: two to four seconds


@dataclass(frozen=True)
class Lesson:
    """What a grader learns from: crops of its view with labels, and which of them validate.

    Attributes:
        crops: (n, px, px, slices) uint8, may be memory-mapped.
        severity: (n,) class index.
        weight: (n,) the metric's weight.
        learn, validate: indices into them.
    """

    crops: np.ndarray
    severity: np.ndarray
    weight: np.ndarray
    learn: np.ndarray
    validate: np.ndarray


class GraderTraining:
    """A grader's network, compiled once and trained anew for each fold: building its graph takes seconds.

    Attributes:
        network: with the weights of the last training.
    """

    def __init__(self, grader: Grader, training: Training) -> None:
        self.grader = grader
        self.training = training
        self.network = build_network(grader, training)
        # A model of its own over the same layers: an optimiser on `network` would be saved with its weights.
        self._learner = keras.Model(self.network.inputs, self.network.outputs)
        self._learner.compile(
            keras.optimizers.AdamW(training.peak_rate, weight_decay=training.weight_decay),
            keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing),
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
        training, network, learner = self.training, self.network, self._learner
        self._start_over(seed, start)
        learn = batches(lesson, lesson.learn, self.grader, training.batch, ranges or Augmentation(), seed)
        sample = lesson.validate[:: math.ceil(len(lesson.validate) / _VALIDATED) or 1]
        held_out = _at_once(batches(lesson, sample, self.grader, _VALIDATED)) if len(sample) else None
        steps, epochs = math.ceil(len(lesson.learn) / training.batch), round(training.max_epochs * self.grader.repeats)
        timer = TimedTraining(budget, training.peak_rate, steps, epochs, self._answers_s(lesson, sample))
        if held_out:
            learner.evaluate(held_out, verbose=0)  # builds the graph,
            learner.evaluate(held_out, verbose=0, callbacks=[timer])  # so that the timer learns what validation costs
        history = learner.fit(
            learn,
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=held_out,
            callbacks=[timer],
            shuffle=False,  # the dataset is shuffled
            verbose=0,
        ).history
        figures = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
        return figures, grade(network, self.grader, lesson.crops[lesson.validate])

    def _answers_s(self, lesson: Lesson, sample: np.ndarray) -> float:
        """Seconds that the answers to all held-out crops take, measured on a sample of them."""
        if not len(sample):
            return 0.0
        grade(self.network, self.grader, lesson.crops[sample[:1]])  # builds the graph
        watch = Stopwatch()
        grade(self.network, self.grader, lesson.crops[sample])
        return watch.lap("answers") * len(lesson.validate) / len(sample)

    def build(self, lesson: Lesson, ranges: Augmentation) -> None:
        """Builds the graph of training with one step: seconds that no budget can stop, and best spent beforehand."""
        self._learn(lesson, ranges, 1)

    def pixels_a_second(self, lesson: Lesson, ranges: Augmentation) -> float:
        """Input pixels that this machine learns from in a second, reading and augmenting included.

        The best of several laps: a machine that stands still for a moment would have the whole run planned too small,
        while one that stands still later only gets fewer epochs.
        """
        self.build(lesson, ranges)
        laps = _Laps()
        self._learn(lesson, ranges, _LAP_STEPS, _LAPS, [laps])
        return _LAP_STEPS * self.training.batch * self.grader.px**2 / min(laps.seconds)

    def _learn(
        self,
        lesson: Lesson,
        ranges: Augmentation,
        steps: int,
        epochs: int = 1,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        learn = batches(lesson, lesson.learn, self.grader, self.training.batch, ranges)
        self._learner.fit(
            learn, epochs=epochs, steps_per_epoch=steps, callbacks=list(callbacks), shuffle=False, verbose=0
        )

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


class _Laps(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._watch = Stopwatch()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the lap."""
        self._watch = Stopwatch()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Ends the lap."""
        self.seconds.append(self._watch.lap("lap"))


def batches(
    lesson: Lesson, rows: np.ndarray, grader: Grader, size: int, ranges: Augmentation | None = None, seed: int = 0
) -> tf.data.Dataset:
    """Batches of (images, one-hot severities, weights); where ranges are given, augmented, shuffled and without end.

    Without end, because to begin anew at each epoch costs .05 to .6 s. Crops are read from the memory map batch by
    batch and become floats in the graph; weights have mean 1 over `rows`.
    """
    view = VIEW_BY_NAME[grader.view]
    onehot = np.eye(len(rsna.SEVERITIES), dtype=np.float32)[lesson.severity]
    weight = (lesson.weight / lesson.weight[rows].mean()).astype(np.float32)

    def read(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The crops, labels and weights of some rows."""
        crops, labels, weights = tf.numpy_function(
            lambda chosen: (lesson.crops[chosen], onehot[chosen], weight[chosen]),
            [batch],
            [tf.uint8, tf.float32, tf.float32],
        )
        crops.set_shape([None, view.px, view.px, view.slices])
        labels.set_shape([None, len(rsna.SEVERITIES)])
        weights.set_shape([None])
        return crops, labels, weights

    def prepare(crops: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What the network sees of them."""
        count = tf.shape(crops)[0]
        if ranges is None:
            return sample(crops, central(view, grader.mm, grader.px, count), grader.px), labels, weights
        parts = sample(crops, random_parts(view, grader.mm, grader.px, count, ranges), grader.px)
        return change(parts, view, ranges), labels, weights

    dataset = tf.data.Dataset.from_tensor_slices(rows)
    if ranges is not None:
        dataset = dataset.shuffle(len(rows), seed=seed).repeat()
    return untuned(dataset.batch(size).map(read).map(prepare).prefetch(2))


def _at_once(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The first batch, which is all of it, in memory: it is wanted after each epoch."""
    return untuned(tf.data.Dataset.from_tensors(next(iter(dataset))))
