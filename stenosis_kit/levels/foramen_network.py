"""The foramen finder's network: a single patch in, a map of how likely its foramen lies in each cell out."""

from __future__ import annotations

import keras

from stenosis_kit.base.layers import Conv2D
from stenosis_kit.levels.contrast_layers import contrast, conv_block
from stenosis_kit.levels.foramen_patches import CELL, PX

_WIDTHS = (16, 24, 40)  # channels at 2.7, 5.3 and (dilated) 5.3 mm; chosen by hand


def foramen_network() -> keras.Model:
    """A small U-Net whose receptive field is about the patch.

    Returns:
        A model from (batch, PX, PX, 1) in [0, 1] to (batch, SIDE, SIDE, 1) logits. They can be compared between
        patches: the most likely cell of several neighbouring slices tells the foramen's slice too.
    """
    inputs = keras.Input((PX, PX, 1), name="patch")
    fine = conv_block(contrast(inputs, grid=3, cells=5), _WIDTHS[0], 5, "stem", strides=CELL)
    fine = conv_block(fine, _WIDTHS[0], 3, "fine")
    x = keras.layers.MaxPooling2D(name="pool")(fine)
    x = conv_block(x, _WIDTHS[1], 3, "coarse1")
    x = conv_block(x, _WIDTHS[2], 3, "coarse2")
    x = conv_block(x, _WIDTHS[2], 3, "coarse3", dilation_rate=2)
    x = conv_block(x, _WIDTHS[1], 1, "narrow")
    x = keras.layers.UpSampling2D(interpolation="bilinear", name="scale")(x)
    x = keras.layers.Concatenate(name="meet")([x, fine])
    x = conv_block(x, _WIDTHS[1], 3, "last")
    return keras.Model(inputs, Conv2D(1, 1, name="map")(x), name="foramen_finder")
