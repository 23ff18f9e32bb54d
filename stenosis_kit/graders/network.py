"""A grader's network: building it from the settings (another backbone would go here), loading it, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
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
    import tensorflow as tf

ZOOMS = (1.0, 0.88, 1.12)
"""A network answers to parts of a crop that are so large, relative to the part that it learnt from in the mean.

The mean of its answers takes the weighted log loss of the bundled graders on real recesses from .774 to .755 and on
foramina from .687 to .679 (temperature and shifts fitted for both), that of networks trained there, out of fold, from
.581 to .577 and from .475 to .474, on canals from .380 to .374. Shifts, turns and other contrasts bring less.
"""
_BATCH = 128  # crops that are graded together, each at all zooms

Answering = Callable[..., np.ndarray]
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
    network = build_network(trained.grader, training)
    _load_into(network, folder, trained)
    return network


def _load_into(network: keras.Model, folder: Path, trained: TrainedGrader) -> None:
    """Gives a grader's network the weights of a model's folder; raises as `load_network`."""
    from stenosis_kit.base.weights_file import load_weights

    path = folder / trained.weights
    load_weights(network, path)
    if trained.content and fingerprint(path) != trained.content:
        expected, found = f"the weights of {trained.name} that {MODEL_NAME} was saved with", "others"
        raise InputError(path, expected, found, "Copy the whole folder again, or train again.")


def looks(networks: int) -> int:
    """How often the crops of a view go through networks that answer together: all, and at all zooms."""
    return max(networks, len(ZOOMS))


def dealt_zooms(networks: int, share: float = 1.0) -> list[tuple[float, ...]]:
    """At which zooms each of several networks answers: they are dealt out in turn.

    Args:
        networks: whose answers are averaged.
        share: of their looks, one at least; the last ones fall away, so that some networks have none.
    """
    some = max(1, round(share * looks(networks)))
    return [tuple(ZOOMS[look % len(ZOOMS)] for look in range(place, some, networks)) for place in range(networks)]


class GraderNetwork:
    """A grader's network, and its graph, which answers with the weights of any of its folds.

    With a network and a graph of its own each of a default model's thirty would take a third of a second to load.
    """

    def __init__(self, grader: Grader, training: Training) -> None:
        self._network = build_network(grader, training)
        self._answer = answering(self._network, grader)

    def of(self, folder: Path, trained: TrainedGrader) -> Answering:
        """What answers with the weights of a model's folder.

        Raises:
            InputError: as `load_network`.
        """
        _load_into(self._network, folder, trained)
        return partial(self._answer, weights=_weights(self._network))


def answering(network: keras.Model, grader: Grader) -> Answering:
    """What has a network answer: (n, px, px, slices) uint8 crops of the grader's view to (n, 3) probabilities.

    They are the mean of its answers at the `zooms` that are given beside the crops (default: all), and, where a view
    has no side, to the mirror images of these: on canals of 304 real studies, out of fold, that takes the weighted log
    loss of single networks from .405 to .397, and that of two from .385 to .380. Other `weights` than the network's own
    may be given too.

    The first call builds its graph, in a third of a second; it holds for any number of crops, where Keras's own
    `predict` builds a second one for a second number.
    """
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import central_parts

    view = VIEW_BY_NAME[grader.view]
    kinds = [tf.TensorSpec((None, *view.shape), tf.uint8), tf.TensorSpec((None,), tf.float32)]
    kinds.append([[tf.TensorSpec(each.shape, each.dtype) for each in own] for own in _variables(network)])

    @tf.function(input_signature=kinds)
    def answers(crops: tf.Tensor, zooms: tf.Tensor, weights: list[list[tf.Tensor]]) -> tf.Tensor:
        """Of so many crops as one call takes."""
        images = central_parts(crops, view, zooms * grader.mm, grader.px)
        looks = [images, tf.reverse(images, [view.mirror_axis])] if view.mirror_axis else [images]
        found, _ = network.stateless_call(*weights, tf.concat(looks, axis=0), training=False)
        return tf.reduce_mean(tf.reshape(found, [len(looks) * tf.size(zooms), -1, len(rsna.SEVERITIES)]), axis=0)

    def answer(
        crops: np.ndarray, zooms: Sequence[float] = ZOOMS, weights: list[list[tf.Tensor]] | None = None
    ) -> np.ndarray:
        """Of any number of crops, some at a time."""
        weights = weights or _weights(network)
        sizes = np.array(zooms, np.float32)
        parts = [np.asarray(crops[first : first + _BATCH]) for first in range(0, len(crops), _BATCH)]
        none = np.empty((0, len(rsna.SEVERITIES)), np.float32)
        return np.concatenate([none, *(answers(part, sizes, weights).numpy() for part in parts)])

    return answer


def _weights(network: keras.Model) -> list[list[tf.Tensor]]:
    """A network's trainable and other weights as they are now."""
    import tensorflow as tf

    return [[tf.identity(each.value) for each in own] for own in _variables(network)]


def _variables(network: keras.Model) -> tuple[list[keras.Variable], list[keras.Variable]]:
    return network.trainable_variables, network.non_trainable_variables
