"""The paper's network, so small that it trains in seconds."""

import keras

from stenosis_kit.graders.five_block_cnn import five_block_cnn


def small_network(px, steps=1):
    """In place of `paper.plan.compiled`."""
    network = five_block_cnn((px, px, 3), (4, 4, 4, 8, 8), (16, 8), 0.0, 0.0, 0.5)
    network.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return network
