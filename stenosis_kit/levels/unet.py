"""The localiser's network, a U-Net."""

from __future__ import annotations

import keras

from stenosis_kit import rsna
from stenosis_kit.base.layers import BatchNormalization, Conv2D
from stenosis_kit.levels.overview import PX

_WIDTHS = (16, 32, 64, 96, 128)  # channels at each scale, the first at half the overview's; chosen by hand


def localiser_network() -> keras.Model:
    """A U-Net with skip connections by addition: cheap enough for a CPU, its receptive field the whole column.

    Returns:
        A model from (batch, PX, PX, 1) in [0, 1] to (batch, PX / 2, PX / 2, 5) logits.
    """
    inputs = keras.Input((PX, PX, 1), name="overview")
    x = _conv(_contrast(inputs), _WIDTHS[0], 5, "stem", strides=2)
    skipped = []
    for number, width in enumerate(_WIDTHS, start=1):
        if number > 1:
            skipped.append(x)
            x = keras.layers.MaxPooling2D(name=f"down{number}_pool")(x)
        for step in (1, 2):
            x = _conv(x, width, 3, f"down{number}_{step}")
    for number, width in reversed(list(enumerate(_WIDTHS[:-1], start=1))):
        x = _conv(x, width, 1, f"up{number}_narrow")
        x = keras.layers.UpSampling2D(interpolation="bilinear", name=f"up{number}_scale")(x)
        x = keras.layers.Add(name=f"up{number}_meet")([x, skipped.pop()])
        x = _conv(x, width, 3, f"up{number}")
    outputs = Conv2D(len(rsna.LEVELS), 1, name="maps")(x)
    return keras.Model(inputs, outputs, name="localiser")


def _conv(x: keras.KerasTensor, width: int, size: int, name: str, strides: int = 1) -> keras.KerasTensor:
    x = Conv2D(width, size, strides=strides, padding="same", use_bias=False, name=name)(x)
    x = BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def _contrast(images: keras.KerasTensor) -> keras.KerasTensor:
    """(n, PX, PX, 1) to (n, PX, PX, 2), channels that depend little on the scanner.

    The square root of the signal, and that normalised by the mean and standard deviation around each pixel, in which
    dark and bright parts of an image count alike.
    """
    root = keras.ops.sqrt(keras.ops.maximum(images, 0.0) + 1e-4)
    away = root - _around(root)
    spread = keras.ops.sqrt(_around(keras.ops.square(away)) + 1e-4)
    return keras.ops.concatenate([root, away / (3 * spread)], axis=-1)


def _around(images: keras.KerasTensor) -> keras.KerasTensor:
    """The mean over some 35 pixels around each, by way of a coarse grid."""
    coarse = keras.ops.average_pool(keras.ops.average_pool(images, 5, 5), 7, 1, "same")
    return keras.ops.image.resize(coarse, images.shape[1:3], "bilinear")
