"""A crop, the pixels of one view of one cell, and cutting it: one call for training and prediction.

A crop lies in the plane of its slice, on a grid in mm along the patient's axes: sagittal crops have anterior at the
left and the head up, axial crops anterior up and the patient's right at the left. Right-sided crops are mirrored in
the patient (axial: left and right of the image; sagittal: the order of the slices), so that one grader serves both
sides. How a series was stored (flipped, reversed, rotated) makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit.crops.views import View
from stenosis_kit.images.brightness import Brightness
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import AXIAL, Plane, SquareGrid
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.resampling import outside_share, resample
from stenosis_kit.images.series import Series
from stenosis_kit.images.slice import Slice
from stenosis_kit.images.stack import orientation_groups


@dataclass(frozen=True, eq=False)
class Crop:
    """The pixels of one view of one cell.

    Attributes:
        pixels: (px, px, slices) uint8; see `images.brightness`.
        series_id: of the series it was cut from.
        slice: the slice in the middle.
        x, y: the crop's centre on it, pixels.
        padding: share of the middle slice's crop that lies outside its image or is no signal, 0 to 1.
    """

    pixels: np.ndarray
    series_id: int
    slice: Slice
    x: float
    y: float
    padding: float


def cut(series: Series, point: np.ndarray, view: View, brightness: Brightness, mirrored: bool = False) -> Crop | None:
    """Cuts a view of a series around a point (3,), patient mm.

    The middle slice is the one nearest to the point. Slices that cannot be decoded are passed over.

    Args:
        series: to cut from.
        point: the crop's centre.
        view: what to cut.
        brightness: of the series' crops.
        mirrored: whether it is of the right side.

    Returns:
        None where no readable slice passes within `rsna.LEVEL_GUARD_MM` of the point.
    """
    while pick := nearest_slice([series], point):
        try:
            chosen = _neighbours(series, pick.slice, point, view)
            signal = [series.pixels(item) for item in chosen]
        except UnreadableSlice:
            continue  # that slice has left the series: choose again
        if mirrored and series.orientation != AXIAL:
            signal, chosen = signal[::-1], chosen[::-1]
        grids = [SquareGrid(point, _axes(item.plane, series, mirrored), view.px, view.mm) for item in chosen]
        layers = [
            brightness.greys(resample(each, item.plane, grid, brightness.dark), item.plane, grid)
            for each, item, grid in zip(signal, chosen, grids, strict=True)
        ]
        middle = pick.slice.plane
        padding = outside_share(middle, grids[view.slices // 2], series.signal(pick.slice).silent)
        x, y = middle.to_pixel(point)
        return Crop(np.stack(layers, axis=-1), series.series_id, pick.slice, float(x), float(y), padding)
    return None


def _axes(plane: Plane, series: Series, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    right, down = plane.display_axes(series.orientation)
    return (-right, down) if mirrored and series.orientation == AXIAL else (right, down)


def _neighbours(series: Series, middle: Slice, point: np.ndarray, view: View) -> list[Slice]:
    """The view's slices along the stacking normal, parallel to the middle one and nearest to each step."""
    group = next(g for g in orientation_groups(series.planes) if series.slices.index(middle) in g)
    parallel = [series.slices[i] for i in group]
    normal = middle.plane.stacking_normal(series.orientation)
    depth = (np.array([item.plane.center for item in parallel]) - middle.plane.center) @ normal
    steps = np.arange(view.slices) - view.slices // 2
    away = np.round(np.abs(depth - steps[:, None] * view.step_mm), 3)
    # Of two equally near, the one closer to the middle: so left and mirrored right take mirrored slices.
    nearest = np.lexsort((np.broadcast_to(np.abs(depth), away.shape), away))[:, 0]
    return [parallel[index] if step else middle for step, index in zip(steps, nearest, strict=True)]
