"""What of an image is no signal: padding that its header declares, and values that are no numbers.

Of silent pixels nothing is known: they count neither for brightness nor as part of the image.
"""

from __future__ import annotations

import numpy as np

LARGEST_SIGNAL = 1e9
"""Chosen by hand: real signals stay below 2**16; far larger values stand for nothing, and would overflow in float32."""

Padding = tuple[float, float]
"""Lowest and highest stored value that is padding (PS3.3 C.7.5.1.1.2)."""

# Chosen by hand:
_RANGE, _EVERY = (1.0, 99.5), 7  # an image's range: percentiles of every so many of its pixels
_BLACK = 0.1  # of that range: padding as near to its dark end looks like air,
_BACKGROUND = 0.5  # and so does what at least half of the image has, as near as that
_BESIDE = 8  # values on either side, whose frequency is compared with the padding's,
_MORE_OFTEN = 10  # which has to be so many times as frequent


def silent_pixels(stored: np.ndarray, signal: np.ndarray, padding: Padding | None) -> np.ndarray | None:
    """(rows, columns) bool, or None where all of an image is signal.

    Padding should lie outside the range of the image's own values; where it does not, it is not believed: the image's
    black, as air is in files that declare nothing, and a value that is as frequent as those beside it remain signal.

    Args:
        stored: (rows, columns) values as the file has them.
        signal: what they mean, of the same shape.
        padding: that the header declares.
    """
    silent = np.zeros(stored.shape, bool)
    if stored.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            silent = ~(np.abs(stored) <= LARGEST_SIGNAL)
    if padding:
        padded = _between(stored, *padding) & ~silent
        if padded.any() and not (_is_black(signal, padded, silent) or _is_usual(stored, padded)):
            silent |= padded
    return silent if silent.any() else None


def _between(stored: np.ndarray, low: float, high: float) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        if stored.dtype.kind == "f":
            low, high = stored.dtype.type(low), stored.dtype.type(high)  # rounded as the pixels are
        return stored == low if low == high else (stored >= low) & (stored <= high)


def _is_black(signal: np.ndarray, padded: np.ndarray, silent: np.ndarray) -> bool:
    """Whether padding is about as dark as the darkest of the other pixels, and no signal below zero among none."""
    others = signal.ravel()[::_EVERY][~(padded | silent).ravel()[::_EVERY]]
    if not others.size:
        return False
    low, high = np.percentile(others, _RANGE)
    paddings = signal[padded]
    darkest, brightest = paddings.min(), paddings.max()
    reach = (_BLACK if 2 * np.count_nonzero(padded) < padded.size else _BACKGROUND) * (high - low)
    near = low - reach <= darkest and brightest <= low + _BLACK * (high - low)
    return bool(near and not darkest < 0 <= others.min())


def _is_usual(stored: np.ndarray, padded: np.ndarray) -> bool:
    """Whether whole numbers are hardly more frequent than those beside them."""
    if stored.dtype.kind == "f":
        return False
    values, counts = np.unique(stored[padded], return_counts=True)
    around = _between(stored, int(values[0]) - _BESIDE, int(values[-1]) + _BESIDE)
    beside = np.count_nonzero(around) - counts.sum()
    return bool(counts.mean() <= _MORE_OFTEN * beside / (2 * _BESIDE))
