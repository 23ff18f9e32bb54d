"""Images from which the paper's network can learn in seconds."""

import numpy as np

from stenosis_kit.paper.holdout import IMAGE, Holdout


def squares(n=60, px=32, seed=0):
    """Images whose class shows: a square of three sizes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    grey = rng.integers(40, size=(n, px, px)).astype(np.uint8)
    for image, label in zip(grey, labels, strict=True):
        half = 3 + 4 * label
        image[px // 2 - half : px // 2 + half, px // 2 - half : px // 2 + half] = 220
    every = np.arange(n)
    return grey, labels, Holdout(IMAGE, every[18:], every[9:18], every[:9], every[:0])
