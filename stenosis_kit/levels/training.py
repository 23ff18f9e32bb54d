"""Training the localiser on labelled overviews, which `augmentation` changes at random in TensorFlow's graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tensorflow_start import untuned
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.levels.augmentation import Changes, move, recolour
from stenosis_kit.levels.column import Steps
from stenosis_kit.levels.heatmaps import to_cells
from stenosis_kit.levels.labelled_overviews import Overviews
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview import PX, SLICE_WEIGHTS, SLICES
from stenosis_kit.levels.targets import heatmap_loss, target_maps

BATCH = 32
PEAK_RATE = 2e-3  # as the decay: chosen by hand
STEPS = 1500
"""Where more steps stop paying: with 800 a localiser finds as many real levels."""


def learn(
    overviews: Overviews, studies: Sequence[int], budget: Budget, seed: int = 0, start: Localiser | None = None
) -> Localiser:
    """Trains a localiser on some studies of a store, until the budget or `STEPS` end, whichever comes first.

    Args:
        overviews: of the store.
        studies: ids of those that are learnt from.
        budget: the time.
        seed: of weights, order and changes.
        start: a localiser to go on from; it is not changed.

    Raises:
        ValueError: where none of the studies has an overview with a label point of the canal.
    """
    keras.utils.set_random_seed(seed)
    rows = np.flatnonzero(np.isin(overviews.study, list(overviews.labelled.intersection(studies))))
    if not len(rows):  # a batch would be waited for without end, whatever the budget
        raise ValueError("expected studies with label points of the canal; found none")
    points = overviews.points()
    localiser = Localiser(Steps.of(to_cells(points[rows, SLICES // 2]), start.steps if start else None))
    if start:
        localiser.network.set_weights(start.network.get_weights())
    steps = _fit(localiser.network, _batches(overviews.pixels, points, rows, seed), budget)
    taught = len(np.unique(overviews.study[rows]))
    localiser.notes = {"studies": taught, "steps": steps, "seed": seed, TAUGHT_ON_LABELS: True}
    return localiser


def _fit(network: keras.Model, examples: tf.data.Dataset, budget: Budget) -> int:
    """Returns the number of steps. The learning rate follows one cycle that is over when training is."""
    # A model of its own over the same layers: an optimiser on `network` would be saved with its weights.
    taught = keras.Model(network.inputs, network.outputs)
    taught.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.02), heatmap_loss)
    taught.optimizer.build(taught.trainable_variables)
    timer = TimedTraining(budget, PEAK_RATE, STEPS, 1)
    taught.fit(examples, steps_per_epoch=STEPS, callbacks=[timer], verbose=0, shuffle=False)
    return int(taught.optimizer.iterations)


def _batches(pixels: np.ndarray, points: np.ndarray, rows: np.ndarray, seed: int) -> tf.data.Dataset:
    """Endless batches of (images (BATCH, PX, PX, 1) in [0, 1], target maps): a random slice of each overview in turn.

    Args:
        pixels: (n, SLICES, PX, PX) uint8, may be memory-mapped.
        points: (n, SLICES, 5, 2) pixels (x, y) on each slice; NaN where unknown.
        rows: the overviews that are shown.
        seed: of the order.
    """
    rng = np.random.default_rng(seed)

    def draw() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Slices and points, each overview once before any comes again."""
        left = np.empty(0, int)
        while True:
            while len(left) < BATCH:
                left = np.concatenate([left, rng.permutation(rows)])
            chosen, left = left[:BATCH], left[BATCH:]
            place = rng.choice(SLICES, size=BATCH, p=SLICE_WEIGHTS)
            yield pixels[chosen, place], points[chosen, place]

    signature = (tf.TensorSpec((BATCH, PX, PX), tf.uint8), tf.TensorSpec((BATCH, 5, 2), tf.float32))
    dataset = tf.data.Dataset.from_generator(draw, output_signature=signature)
    return untuned(dataset.map(_changed, num_parallel_calls=2).prefetch(4))


def _changed(pixels: tf.Tensor, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Images as another scanner might have made them, with the maps of their points."""
    images, points = move(tf.cast(pixels, tf.float32)[..., None] / 255.0, points, Changes())
    return recolour(images, points, Changes()), target_maps(points)
