"""A grader's network: building it from the settings (another backbone would go here), loading it, and its answers."""

from __future__ import annotations

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


def grade(network: keras.Model, grader: Grader, crops: np.ndarray) -> np.ndarray:
    """(n, 3) probabilities in severity order of (n, px, px, slices) uint8 crops of the grader's view."""
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import central, sample

    view = VIEW_BY_NAME[grader.view]
    answers = [np.empty((0, len(rsna.SEVERITIES)), np.float32)]
    for start in range(0, len(crops), _BATCH):
        batch = tf.constant(np.asarray(crops[start : start + _BATCH]))
        transforms = central(view, grader.mm, grader.px, len(batch))
        answers.append(np.asarray(network.predict_on_batch(sample(batch, transforms, grader.px))))
    return np.concatenate(answers)
