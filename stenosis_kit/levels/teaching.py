"""Teaching the localiser: overviews with known points, changed at random in TensorFlow's graph.

What a network has learnt from one scanner's images it must find in another's: contrast, fat suppression, receive
bias, saturation bands, zoom, rotation, shift and cropping all vary more than they do in practice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from stenosis_kit.base.backend import untuned
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.levels.augmentation import Changes, move, recolour
from stenosis_kit.levels.overview import PX, SLICES
from stenosis_kit.levels.targets import heatmap_loss, target_maps

BATCH = 32
PEAK_RATE = 2e-3
STEPS = 1500
"""Where more steps stop paying: with 800 a localiser finds as many real levels."""
_SLICE_ODDS = (1.0, 2.0, 3.0, 2.0, 1.0)  # how often each slice of an overview is shown


@dataclass(frozen=True, eq=False)
class Lesson:
    """Overviews with known points.

    Attributes:
        pixels: (n, SLICES, PX, PX) uint8, may be memory-mapped.
        points: (n, SLICES, 5, 2) pixels (x, y) on each slice; NaN where unknown.
    """

    pixels: np.ndarray
    points: np.ndarray


def teach(network: keras.Model, lesson: Lesson, rows: np.ndarray, budget: Budget, seed: int = 0) -> int:
    """Trains a localiser's network on some overviews until the budget or `STEPS` end, whichever comes first.

    The learning rate follows one cycle (see `schedule.one_cycle`) that is over when training is.

    Returns:
        The number of steps.
    """
    keras.utils.set_random_seed(seed)
    # A model of its own over the same layers: an optimiser on `network` would be saved with its weights.
    taught = keras.Model(network.inputs, network.outputs)
    taught.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.02), heatmap_loss)
    taught.optimizer.build(taught.trainable_variables)
    timer = TimedTraining(budget, PEAK_RATE, STEPS, 1)
    examples = batches(lesson, rows, BATCH, seed, Changes())
    taught.fit(examples, steps_per_epoch=STEPS, callbacks=[timer], verbose=0, shuffle=False)
    return int(taught.optimizer.iterations)


def batches(lesson: Lesson, rows: np.ndarray, size: int, seed: int, changes: Changes | None = None) -> tf.data.Dataset:
    """Endless batches of (images (size, PX, PX, 1) in [0, 1], target maps): a random slice of each overview in turn."""
    rng = np.random.default_rng(seed)
    odds = np.array(_SLICE_ODDS) / sum(_SLICE_ODDS)

    def draw() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Overviews and points, each row once before any comes again."""
        left = np.empty(0, int)
        while True:
            while len(left) < size:
                left = np.concatenate([left, rng.permutation(rows)])
            chosen, left = left[:size], left[size:]
            place = rng.choice(SLICES, size=size, p=odds)
            yield lesson.pixels[chosen, place], lesson.points[chosen, place]

    signature = (tf.TensorSpec((size, PX, PX), tf.uint8), tf.TensorSpec((size, 5, 2), tf.float32))
    dataset = tf.data.Dataset.from_generator(draw, output_signature=signature)
    return untuned(dataset.map(_changed(changes), num_parallel_calls=2).prefetch(4))


def _changed(changes: Changes | None) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    def change(pixels: tf.Tensor, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images as a scanner might have made them, with the maps of their points."""
        images = tf.cast(pixels, tf.float32)[..., None] / 255.0
        if changes is not None:
            images, points = move(images, points, changes)
            images = recolour(images, points, changes)
        return images, target_maps(points)

    return change
