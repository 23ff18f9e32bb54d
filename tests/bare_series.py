"""Series that know where their slices lie, and nothing else: what tests of geometry alone look at."""

import numpy as np
from fabricate import plane, stored, tilted

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import Series
from stenosis_kit.images.slice import Slice

LEVEL_Z = (66.0, 33.0, 0.0, -33.0, -62.0)
LORDOSIS = (-12.0, -6.0, 0.0, 8.0, 22.0)  # degrees of the discs about the left-right axis


def series_of(planes, kind, series_id=1, numbers=None):
    """A series that knows where its slices lie; no files."""
    named = numbers or range(1, len(planes) + 1)
    slices = [Slice(number, None, item) for number, item in zip(named, planes, strict=True)]
    return Series(series_id, kind, slices, {})


def disc_angled(each=4, gap=4.0, shape=(60, 60)):
    """Five blocks of slices along the discs, head first, and the level of each slice."""
    planes, owner = [], []
    for level, (z, degrees) in enumerate(zip(LEVEL_Z, LORDOSIS, strict=True)):
        base = tilted(plane("axial", z, mm=3.0, shape=shape), degrees, "x")
        for i in range(each):
            shift = ((each - 1) / 2 - i) * gap
            planes.append(Plane(base.origin + shift * base.normal, base.row, base.column, base.spacing, base.shape))
            owner.append(level)
    return planes, owner


def sagittal(
    kind=rsna.SAGITTAL_T2, offsets=(-8.0, -4.0, 0.0, 4.0, 8.0), mm=4.0, shape=(70, 70), how="as is", series_id=1
):
    planes = [plane("sagittal", x, mm, shape) for x in offsets]
    return series_of([stored(item, np.zeros(shape), how)[0] for item in planes], kind, series_id)


def points_at(fractions, width_mm, height_mm, x=0.0):
    """(5, 3) places at fractions of a sagittal image about the origin."""
    return np.array([[x, (fx - 0.5) * width_mm, (0.5 - fy) * height_mm] for fx, fy in fractions])
