"""The networks: the five-block CNN of Garcia de Celis & Bukaita (2025), section 4.4, and the localiser's U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras

from stenosis_kit import rsna
from stenosis_kit.errors import InputError
from stenosis_kit.files import make_room, replacing
from stenosis_kit.layers import BatchNormalization, Conv2D

_H5_OVERHEAD = 1 << 19  # bytes beside the values; a grader's file has a third of that
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

    The paper gives the dense layers' dropout (50 %) and is silent on the blocks': .25 is taken.

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


def localiser_network(
    px: int, points: int = len(rsna.LEVELS), widths: Sequence[int] = (16, 32, 64, 96, 128), name: str = "localiser"
) -> keras.Model:
    """A U-Net whose ways down and up meet by addition: cheap enough for a CPU, deep enough to see the whole column.

    Args:
        px: rows and columns of the overview, a multiple of 2 ** len(widths).
        points: number of maps.
        widths: channels at each scale, the first at half the overview's.
        name: of the model.

    Returns:
        A model from (batch, px, px, 1) in [0, 1] to (batch, px / 2, px / 2, points) logits.
    """
    inputs = keras.Input((px, px, 1), name="overview")
    x = _Contrast(name="contrast")(inputs)
    x = Conv2D(widths[0], 5, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = _normed(x, "stem")
    ways = []
    for number, width in enumerate(widths, start=1):
        if number > 1:
            ways.append(x)
            x = keras.layers.MaxPooling2D(name=f"down{number}_pool")(x)
        for step in (1, 2):
            x = _conv(x, width, 3, f"down{number}_{step}")
    for number, width in reversed(list(enumerate(widths[:-1], start=1))):
        x = _conv(x, width, 1, f"up{number}_narrow")
        x = keras.layers.UpSampling2D(interpolation="bilinear", name=f"up{number}_scale")(x)
        x = keras.layers.Add(name=f"up{number}_meet")([x, ways.pop()])
        x = _conv(x, width, 3, f"up{number}")
    outputs = Conv2D(points, 1, name="maps")(x)
    return keras.Model(inputs, outputs, name=name)


def _conv(x: keras.KerasTensor, width: int, size: int, name: str) -> keras.KerasTensor:
    x = Conv2D(width, size, padding="same", use_bias=False, name=name)(x)
    return _normed(x, name)


def _normed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


class _Contrast(keras.layers.Layer):
    """Two channels that depend little on the scanner: the square root of the signal, and the signal against its
    neighbourhood, in which dark and bright parts of an image count alike.
    """

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """(n, px, px, 1) to (n, px, px, 2)."""
        root = keras.ops.sqrt(keras.ops.maximum(images, 0.0) + 1e-4)
        away = root - _around(root)
        spread = keras.ops.sqrt(_around(keras.ops.square(away)) + 1e-4)
        return keras.ops.concatenate([root, away / (3 * spread)], axis=-1)


def _around(images: keras.KerasTensor) -> keras.KerasTensor:
    """The mean over some 35 pixels around each, by way of a coarse grid."""
    coarse = keras.ops.average_pool(keras.ops.average_pool(images, 5, 5), 7, 1, "same")
    return keras.ops.image.resize(coarse, images.shape[1:3], "bilinear")


def save_weights(network: keras.Model, path: Path) -> None:
    """Writes a network's weights atomically.

    Raises:
        InputError: where they cannot be written.
    """
    with replacing(path) as partial:
        make_room(partial, 4 * network.count_params() + _H5_OVERHEAD)  # HDF5 ends the process where a disk is full
        network.save_weights(partial)


def load_weights(network: keras.Model, path: Path) -> None:
    """Gives a network the weights of a file.

    Raises:
        InputError: where the file is missing, damaged or of another network.
    """
    try:
        network.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds
        found = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(path, f"weights of {network.name}", found, "Train again, or copy the folder again.") from None
