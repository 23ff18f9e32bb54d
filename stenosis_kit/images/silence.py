"""What of an image is no signal: padding that its header declares, values that are no numbers, and values far off.

Far off are burned-in text and frames, saturated columns, padding that no header declares, and negative values that were
stored as unsigned ones: so few and so far from all others that no tissue can have them.

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
_SAMPLE = 1 << 12  # pixels of an image, about, among which values far off are looked for,
_LEAST = 200  # where there are so many; they are
_SHARES = (0.001, 0.25)  # more of the sample than hot pixels are, and less than tissue is, unless they are dark,
_ABOVE, _BELOW = 0.5, 2.0  # farther from the others than so many times their range (masked air is near below them),
_TIGHT = 0.1  # and nearer to each other than so many times that gap
_NARROW = 1 / (1 / _ABOVE + 1 + _TIGHT)  # follows: of all values' range, up to which a gap is none of these


def silent_pixels(stored: np.ndarray, signal: np.ndarray, padding: Padding | None) -> np.ndarray | None:
    """(rows, columns) bool, or None where all of an image is signal.

    Padding should lie outside the range of the image's own values; where it does not, it is not believed: the image's
    black, as air is in files that declare nothing, and a value that is as frequent as those beside it remain signal.

    Args:
        stored: (rows, columns) values as the file has them.
        signal: what they mean, of the same shape.
        padding: that the header declares.
    """
    silent = None
    if stored.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            silent = ~(np.abs(stored) <= LARGEST_SIGNAL)
    if padding:
        silent = np.zeros(stored.shape, bool) if silent is None else silent
        padded = _between(stored, *padding) & ~silent
        if padded.any() and not (_is_black(signal, padded, silent) or _is_usual(stored, padded)):
            silent |= padded
    low, high = _limits(_sampled(signal, silent, max(_EVERY, signal.size // _SAMPLE | 1)))
    if low > -np.inf or high < np.inf:
        far_off = (signal < low) | (signal > high)
        silent = far_off if silent is None else silent | far_off
    return silent if silent is not None and silent.any() else None


def is_blank(signal: np.ndarray) -> bool:
    """Whether values are of two kinds at most, as those of no image are: a mask, or nothing at all."""
    some = signal.ravel()[:: signal.size // _LEAST | 1]  # which tell nearly always
    return _has_two_kinds(some) and _has_two_kinds(signal)


def _has_two_kinds(values: np.ndarray) -> bool:
    return bool(((values == values.min()) | (values == values.max())).all())


def _sampled(signal: np.ndarray, silent: np.ndarray | None, step: int) -> np.ndarray:
    """Every so many of an image's pixels that are signal."""
    values = signal.ravel()[::step]
    return values if silent is None else values[~silent.ravel()[::step]]


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Between which values signal lies, by a sample of it; infinite where none are far off."""
    values = np.sort(values)
    gaps = np.diff(values)
    if len(values) < _LEAST or gaps.max() <= _NARROW * (values[-1] - values[0]):  # as in nearly all images
        return -np.inf, np.inf
    middles = (values[:-1] + values[1:]) / 2
    below, above = values[:-1] - values[0], values[-1] - values[1:]  # ranges on either side of a gap
    lower = np.arange(1, len(values))
    upper, (few, many) = len(values) - lower, np.multiply(_SHARES, len(values)).clip(3)
    too_high = (gaps > _ABOVE * below) & (above < np.minimum(below, _TIGHT * gaps)) & (few <= upper) & (upper <= many)
    too_low = (gaps > _BELOW * above) & (below < np.minimum(above, _TIGHT * gaps)) & (few <= lower)
    return float(max(middles[too_low], default=-np.inf)), float(min(middles[too_high], default=np.inf))


def _between(stored: np.ndarray, low: float, high: float) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        if stored.dtype.kind == "f":
            low, high = stored.dtype.type(low), stored.dtype.type(high)  # rounded as the pixels are
        return stored == low if low == high else (stored >= low) & (stored <= high)


def _is_black(signal: np.ndarray, padded: np.ndarray, silent: np.ndarray) -> bool:
    """Whether padding is about as dark as the darkest of the other pixels, and no signal below zero among none."""
    others = _sampled(signal, padded | silent, _EVERY)
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
