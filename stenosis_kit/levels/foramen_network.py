"""The foramen finder's network: a single patch in, a map of how likely its foramen lies in each cell out."""

from __future__ import annotations

import keras

from stenosis_kit.base.layers import BatchNormalization, Conv2D
from stenosis_kit.levels.foramen_patches import CELL, PX

_WIDTHS = (16, 24, 40)  # channels at 2.7, 5.3 and (dilated) 5.3 mm; chosen by hand


def foramen_network() -> keras.Model:
    """A small U-Net whose receptive field is about the patch.

    Returns:
        A model from (batch, PX, PX, 1) in [0, 1] to (batch, SIDE, SIDE, 1) logits. They can be compared between
        patches: the most likely cell of several neighbouring slices tells the foramen's slice too.
    """
    inputs = keras.Input((PX, PX, 1), name="patch")
    fine = _conv(_contrast(inputs), _WIDTHS[0], 5, "stem", strides=CELL)
    fine = _conv(fine, _WIDTHS[0], 3, "fine")
    x = keras.layers.MaxPooling2D(name="pool")(fine)
    x = _conv(x, _WIDTHS[1], 3, "coarse1")
    x = _conv(x, _WIDTHS[2], 3, "coarse2")
    x = _conv(x, _WIDTHS[2], 3, "coarse3", dilation_rate=2)
    x = _conv(x, _WIDTHS[1], 1, "narrow")
    x = keras.layers.UpSampling2D(interpolation="bilinear", name="scale")(x)
    x = keras.layers.Concatenate(name="meet")([x, fine])
    x = _conv(x, _WIDTHS[1], 3, "last")
    return keras.Model(inputs, Conv2D(1, 1, name="map")(x), name="foramen_finder")


def _conv(x: keras.KerasTensor, width: int, size: int, name: str, **options: int) -> keras.KerasTensor:
    x = Conv2D(width, size, padding="same", use_bias=False, name=name, **options)(x)
    x = BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def _contrast(images: keras.KerasTensor) -> keras.KerasTensor:
    """(n, PX, PX, 1) to (n, PX, PX, 2): the square root of the signal, and that against its mean and spread around."""
    root = keras.ops.sqrt(keras.ops.maximum(images, 0.0) + 1e-4)
    away = root - _around(root)
    return keras.ops.concatenate([root, away / (3 * keras.ops.sqrt(_around(keras.ops.square(away)) + 1e-4))], axis=-1)


def _around(images: keras.KerasTensor) -> keras.KerasTensor:
    """The mean over some 15 pixels around each, by way of a coarse grid."""
    coarse = keras.ops.average_pool(keras.ops.average_pool(images, 3, 3), 5, 1, "same")
    return keras.ops.image.resize(coarse, (PX, PX), "bilinear")
