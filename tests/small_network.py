"""The paper's network, so small that it trains in seconds."""

import functools

import keras

from stenosis_kit.graders.five_block_cnn import five_block_cnn

_RATE = 3e-3


def small_network(px, steps=1):
    """In place of `paper.plan.compiled`: compiled once a process, since graphs take seconds, and then started over.

    A network is good until the next one of its size is asked for.
    """
    network, fresh = _compiled(px), _built(px)
    for weights, new in zip(network.weights, fresh.weights, strict=True):
        weights.assign(new)
    for variable in network.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    network.optimizer.learning_rate = _RATE
    return network


@functools.cache
def _compiled(px):
    network = _built(px)
    network.compile(keras.optimizers.Adam(_RATE), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    network.optimizer.build(network.trainable_variables)
    return network


def _built(px):
    return five_block_cnn((px, px, 3), (4, 4, 4, 8, 8), (16, 8), 0.0, 0.0, 0.5)
