"""What both level networks are built of: convolution blocks, and an input that depends little on the scanner."""

from __future__ import annotations

import keras

from stenosis_kit.base.layers import BatchNormalization, Conv2D

_TINY = 1e-4  # keeps the square root's slope finite on black pixels
_SPREADS = 3  # standard deviations that become 1, so that both channels are about as large


def conv_block(x: keras.KerasTensor, width: int, size: int, name: str, **options: int) -> keras.KerasTensor:
    """(n, h, w, channels) to (n, h, w, width): convolution, batch normalisation, ReLU; options are Conv2D's."""
    x = Conv2D(width, size, padding="same", use_bias=False, name=name, **options)(x)
    x = BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)


def contrast(images: keras.KerasTensor, grid: int, cells: int) -> keras.KerasTensor:
    """(n, h, w, 1) in [0, 1] to (n, h, w, 2).

    The square root of the signal, and that normalised by the mean and standard deviation around each pixel, in which
    dark and bright parts of an image count alike.

    Args:
        images: theirs.
        grid: pixels a side of a coarse grid's cells, on which means are taken.
        cells: a side, odd, that count as around a pixel.
    """
    root = keras.ops.sqrt(keras.ops.maximum(images, 0.0) + _TINY)
    away = root - _around(root, grid, cells)
    spread = keras.ops.sqrt(_around(keras.ops.square(away), grid, cells) + _TINY)
    return keras.ops.concatenate([root, away / (_SPREADS * spread)], axis=-1)


def _around(images: keras.KerasTensor, grid: int, cells: int) -> keras.KerasTensor:
    coarse = keras.ops.average_pool(keras.ops.average_pool(images, grid, grid), cells, 1, "same")
    return keras.ops.image.resize(coarse, images.shape[1:3], "bilinear")
