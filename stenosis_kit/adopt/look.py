"""What the pixels of a series tell: of a sagittal one whether it shows a lumbar spine, and where; and its weighting.

The bundled localiser finds the canal (see `levels.localiser`), on T1 as on T2. It holds fluid and roots: brighter than
the marrow before it (sagittal, between the levels) and than the muscles behind it (axial) on T2, darker on T1.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stenosis_kit.adopt.words import T1, T2
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.crop import cut
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.images.brightness import brightness_of
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.series import Series
from stenosis_kit.levels.carry import CANAL_AXIAL
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview import SLICES, STEP_MM, Overview, overview

_MARROW_MM = 24.0  # before the canal: the middle of a vertebra
_NEAR = np.arange(-1, 2)  # pixels about a place
_FAINT = 8.0  # of 255: what may be noise where fat is suppressed and marrow black
FLUID_BRIGHT = 1.25
"""Canal over marrow, from which on a sagittal series is T2.

Measured on 60 synthetic studies: T1 .1 to 1.05 (median .4), T2 1.5 to 21 (4.6); on three real ones T1 up to .4, T2 from
2.
"""
FLUID_BRIGHT_AXIAL = 1.0
"""Canal over muscle, at the level where that is most, from which on an axial series is T2.

Measured on the same: T1 .2 to 1.66 (median .6), T2 2.4 to 9.7 (5.1); T2 of the real ones from 1.4, where the canal is
narrow at most levels. So some T1 pass; no T2 is lost.
"""
_FLUID, _MUSCLES = np.s_[42:55, 42:55], np.s_[60:90, [*range(8, 24), *range(72, 88)]]  # of the view's 96 pixels, .67 mm


@dataclass(frozen=True, eq=False)
class Look:
    """What a sagittal series shows: the canal (5, 3), patient mm; how sure the localiser is; canal over marrow."""

    canal: np.ndarray
    confidence: float
    brightness: float

    @property
    def weighting(self) -> str:
        """`words.T1` or `words.T2`."""
        return T2 if self.brightness >= FLUID_BRIGHT else T1

    @property
    def certainty(self) -> float:
        """How sure that is, see `certainty`."""
        return certainty(self.brightness / FLUID_BRIGHT)


def certainty(times: float) -> float:
    """How sure a weighting is whose brightness is so many times its bound: .5 at it, .9 at twice or half, 1 at most."""
    return float(1 - 0.5 * np.exp(-1.6 * abs(np.log2(times))))


def axial_brightness(series: Series, canal: np.ndarray) -> float | None:
    """Canal over muscle of an axial series, by canal points (5, 3), patient mm.

    None where it shows no level, or nothing can be decoded.
    """
    view, found = VIEW_BY_NAME[CANAL_AXIAL], []
    try:
        bright = brightness_of(series, canal)
    except UnreadableSlice:
        return None
    for point in canal:
        with suppress(UnreadableSlice):
            if crop := cut(series, point, view, bright, mirrored=False):
                grey = crop.pixels[:, :, view.slices // 2]
                found.append((np.percentile(grey[_FLUID], 25) + _FAINT) / (np.median(grey[_MUSCLES]) + _FAINT))
    return float(max(found)) if found else None


class Eye:
    """Looks at series; the localiser is loaded when it is first needed."""

    @cached_property
    def _localiser(self) -> Localiser:
        load_tensorflow()
        return Localiser.bundled()

    def look(self, series: Series) -> Look | None:
        """What a sagittal series shows; None where that is no lumbar spine, or nothing can be decoded."""
        seen = overview(series)
        canal = self._localiser.locate([[seen]])[0] if seen else None
        if canal is None:
            return None
        return Look(canal.points, float(canal.confidence.mean()), _brightness(seen.about(canal.points), canal.points))


def _brightness(seen: Overview, canal: np.ndarray) -> float:
    """Canal over marrow, half way between the levels: the median of the three middle slices."""
    points = seen.middle_pixels(canal)
    down, middles = np.diff(points, axis=0), (points[1:] + points[:-1]) / 2
    ahead = np.stack([-down[:, 1], down[:, 0]], axis=1) / np.linalg.norm(down, axis=1)[:, None]  # anterior is left
    fluid, marrow = (_greys(seen, places) for places in (middles, middles + ahead * _MARROW_MM / STEP_MM))
    return float(np.median((fluid + _FAINT) / (marrow + _FAINT)))


def _greys(seen: Overview, places: np.ndarray) -> np.ndarray:
    """(3,) of each of the middle slices, the median grey about places (n, 2), pixels."""
    x, y = ((places[:, i].round().astype(int)[:, None] + _NEAR).clip(0, seen.size[1 - i] - 1) for i in (0, 1))
    middle = seen.pixels[SLICES // 2 - 1 : SLICES // 2 + 2]
    return np.median(middle[:, y[:, :, None], x[:, None, :]], axis=(1, 2, 3))
