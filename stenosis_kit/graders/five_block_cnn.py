"""The five-block CNN of Garcia de Celis & Bukaita (2025), section 4.4."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from stenosis_kit import rsna
from stenosis_kit.base.layers import BatchNormalization, Conv2D

PAPER_FILTERS = (32, 64, 128, 256, 512)


def five_block_cnn(
    input_shape: tuple[int, int, int] = (256, 256, 3),
    filters: Sequence[int] = PAPER_FILTERS,
    dense: Sequence[int] = (512, 256),
    block_dropout: float = 0.25,
    dense_dropout: float = 0.5,
    momentum: float = 0.99,
    name: str = "five_block_cnn",
) -> keras.Model:
    """Builds the network; as called without arguments it is the paper's, with 21,633,059 parameters.

    The paper gives the dense layers' dropout (50 %) and not that of the blocks; .25 is chosen by hand.

    Args:
        input_shape: (rows, columns, channels) of float images in [0, 1]; at least 32 pixels a side.
        filters: of each block's two convolutions.
        dense: units of the dense layers.
        block_dropout: after each block's pooling; 0 leaves the layer out.
        dense_dropout: after each dense layer.
        momentum: of the batch normalisations' running means.
        name: of the model.

    Returns:
        A model from (batch, *input_shape) to (batch, 3) probabilities in severity order.
    """
    if min(input_shape[:2]) < 2 ** len(filters):
        raise ValueError(f"input_shape should be at least {2 ** len(filters)} pixels a side. Received: {input_shape}")
    # === Functional Model ===
    inputs = keras.Input(input_shape, name="crop")
    x = inputs
    for number, width in enumerate(filters, start=1):
        x = _conv_block(x, width, block_dropout, momentum, f"block{number}")
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(dense, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"dense{number}")(x)
        x = BatchNormalization(momentum=momentum, name=f"dense{number}_norm")(x)
        x = keras.layers.Dropout(dense_dropout, name=f"dense{number}_dropout")(x)
    outputs = keras.layers.Dense(len(rsna.SEVERITIES), activation="softmax", name="severity")(x)
    return keras.Model(inputs, outputs, name=name)


def _conv_block(x: keras.KerasTensor, width: int, dropout: float, momentum: float, name: str) -> keras.KerasTensor:
    """Two 3x3 convolutions, each with ReLU and then batch normalisation; max pooling; dropout."""
    for number in (1, 2):
        x = Conv2D(width, 3, padding="same", activation="relu", name=f"{name}_conv{number}")(x)
        x = BatchNormalization(momentum=momentum, name=f"{name}_norm{number}")(x)
    x = keras.layers.MaxPooling2D(name=f"{name}_pool")(x)
    return keras.layers.Dropout(dropout, name=f"{name}_dropout")(x) if dropout else x
