"""A grader's network: building it from the settings (another backbone would go here), loading it, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.model_file import MODEL_NAME, TrainedGrader
from stenosis_kit.graders.settings import Grader, Training

if TYPE_CHECKING:
    import keras

_BATCH = 256  # crops that are graded together

Answering = Callable[[np.ndarray], np.ndarray]
"""See `answering`."""


def build_network(grader: Grader, training: Training) -> keras.Model:
    """The untrained network of a grader."""
    from stenosis_kit.graders.five_block_cnn import five_block_cnn

    shape = (grader.px, grader.px, VIEW_BY_NAME[grader.view].slices)
    return five_block_cnn(
        shape,
        training.filters,
        training.dense,
        training.block_dropout,
        training.dense_dropout,
        training.momentum,
        name=grader.view,
    )


def load_network(folder: Path, trained: TrainedGrader, training: Training) -> keras.Model:
    """A trained network of the model in a folder.

    Raises:
        InputError: where its weights are missing, damaged, of another network, or not those that the model was saved
            with: a copy that was broken off leaves some of each.
    """
    from stenosis_kit.base.weights_file import load_weights

    network, path = build_network(trained.grader, training), folder / trained.weights
    load_weights(network, path)
    if trained.content and fingerprint(path) != trained.content:
        expected, found = f"the weights of {trained.name} that {MODEL_NAME} was saved with", "others"
        raise InputError(path, expected, found, "Copy the whole folder again, or train again.")
    return network


def answering(network: keras.Model, grader: Grader) -> Answering:
    """What has a network answer: (n, px, px, slices) uint8 crops of the grader's view to (n, 3) probabilities.

    Where a view has no side, they are the mean of those to the crop and to its mirror image: on canals of 304 real
    studies, out of fold, that takes the weighted log loss of single networks from .405 to .397, and that of two from
    .385 to .380.

    The first call builds its graph, in a third of a second; it holds for any number of crops, where Keras's own
    `predict` builds a second one for a second number.
    """
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import central, sample

    view = VIEW_BY_NAME[grader.view]

    @tf.function(input_signature=[tf.TensorSpec((None, view.px, view.px, view.slices), tf.uint8)])
    def answers(crops: tf.Tensor) -> tf.Tensor:
        """Of so many crops as one call takes."""
        images = sample(crops, central(view, grader.mm, grader.px, tf.shape(crops)[0]), grader.px)
        looks = [images, tf.reverse(images, [view.mirror_axis])] if view.mirror_axis else [images]
        found = network(tf.concat(looks, axis=0), training=False)
        return tf.reduce_mean(tf.reshape(found, [len(looks), -1, len(rsna.SEVERITIES)]), axis=0)

    def answer(crops: np.ndarray) -> np.ndarray:
        parts = [np.asarray(crops[first : first + _BATCH]) for first in range(0, len(crops), _BATCH)]
        none = np.empty((0, len(rsna.SEVERITIES)), np.float32)
        return np.concatenate([none, *(answers(part).numpy() for part in parts)])

    return answer
