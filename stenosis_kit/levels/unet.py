"""The localiser's network, a U-Net."""

from __future__ import annotations

import keras

from stenosis_kit import rsna
from stenosis_kit.base.layers import Conv2D
from stenosis_kit.levels.contrast_layers import contrast, conv_block
from stenosis_kit.levels.overview import PX

_WIDTHS = (16, 32, 64, 96, 128)  # channels at each scale, the first at half the overview's; chosen by hand


def localiser_network() -> keras.Model:
    """A U-Net with skip connections by addition: cheap enough for a CPU, its receptive field the whole column.

    Returns:
        A model from (batch, PX, PX, 1) in [0, 1] to (batch, PX / 2, PX / 2, 5) logits.
    """
    inputs = keras.Input((PX, PX, 1), name="overview")
    x = conv_block(contrast(inputs, grid=5, cells=7), _WIDTHS[0], 5, "stem", strides=2)
    skipped = []
    for number, width in enumerate(_WIDTHS, start=1):
        if number > 1:
            skipped.append(x)
            x = keras.layers.MaxPooling2D(name=f"down{number}_pool")(x)
        for step in (1, 2):
            x = conv_block(x, width, 3, f"down{number}_{step}")
    for number, width in reversed(list(enumerate(_WIDTHS[:-1], start=1))):
        x = conv_block(x, width, 1, f"up{number}_narrow")
        x = keras.layers.UpSampling2D(interpolation="bilinear", name=f"up{number}_scale")(x)
        x = keras.layers.Add(name=f"up{number}_meet")([x, skipped.pop()])
        x = conv_block(x, width, 3, f"up{number}")
    outputs = Conv2D(len(rsna.LEVELS), 1, name="maps")(x)
    return keras.Model(inputs, outputs, name="localiser")
