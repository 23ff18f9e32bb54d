"""The localiser's network, a U-Net."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from stenosis_kit import rsna
from stenosis_kit.base.layers import BatchNormalization, Conv2D


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
