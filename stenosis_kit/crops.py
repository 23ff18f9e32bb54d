"""The views, and cutting them: one call for training and prediction.

A crop lies in the plane of its slice, on a grid in mm along the patient's axes: sagittal crops have anterior at the
left and the head up, axial crops anterior up and the patient's right at the left. Right-sided crops are mirrored in
the patient (axial: left and right of the image; sagittal: the order of the slices), so that one grader serves both
sides. How a series was stored (flipped, reversed, rotated) makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.dicom import Series, Slice, UnreadableSlice
from stenosis_kit.geometry import AXIAL, Plane, orientation_groups
from stenosis_kit.levels.projection import nearest_slice
from stenosis_kit.sampling import as_bytes, outside_share, resample


@dataclass(frozen=True)
class View:
    """A way of cutting a crop.

    Attributes:
        name: also the name of its array in the store.
        term: the term of the metric whose conditions it shows.
        series_kind: the series it is cut from.
        mm: side of the stored crop. Graders take a smaller part of it: the rest is margin for augmentation.
        px: side of the stored crop, pixels.
        slices: number of neighbouring slices, odd; the channels.
        step_mm: distance between them; at each step the nearest slice is taken, so a gap repeats a slice.
    """

    name: str
    term: str
    series_kind: str
    mm: float
    px: int
    slices: int
    step_mm: float


VIEWS = (
    View("canal_sagittal", "spinal", rsna.SAGITTAL_T2, mm=64.0, px=96, slices=5, step_mm=4.5),
    View("canal_axial", "spinal", rsna.AXIAL_T2, mm=64.0, px=96, slices=3, step_mm=4.0),
    View("foraminal_sagittal", "foraminal", rsna.SAGITTAL_T1, mm=64.0, px=96, slices=5, step_mm=4.5),
    View("foraminal_axial", "foraminal", rsna.AXIAL_T2, mm=64.0, px=96, slices=3, step_mm=4.0),
    View("subarticular_axial", "subarticular", rsna.AXIAL_T2, mm=64.0, px=96, slices=3, step_mm=4.0),
    View("subarticular_sagittal", "subarticular", rsna.SAGITTAL_T2, mm=64.0, px=96, slices=5, step_mm=4.5),
)
"""Each condition as the readers saw it, and once more across: learnt from 192 synthetic studies, with one network a
view, the second took the foramina's weighted log loss on 120 others from .683 to .640, the recesses' from .705 to .683.
"""
VIEW_BY_NAME = {view.name: view for view in VIEWS}


@dataclass(frozen=True, eq=False)
class Crop:
    """The pixels of one view of one cell.

    Attributes:
        pixels: (px, px, slices) uint8; the signal from the series' 1st to 99.5th percentile.
        slice: the slice in the middle.
        x, y: the crop's centre on it, pixels.
        padding: share of the middle slice's crop that lies outside its image, 0 to 1.
    """

    pixels: np.ndarray
    slice: Slice
    x: float
    y: float
    padding: float


def cut(series: Series, point: np.ndarray, view: View, mirrored: bool = False) -> Crop | None:
    """Cuts a view of a series around a point (3,), patient mm.

    The middle slice is the one nearest to the point. Slices that cannot be decoded are passed over.

    Returns:
        None where no readable slice passes within `rsna.LEVEL_GUARD_MM` of the point.
    """
    try:
        window = series.window()
    except UnreadableSlice:
        return None
    while pick := nearest_slice([series], point):
        try:
            chosen = _neighbours(series, pick.slice, point, view)
            signal = [series.pixels(item) for item in chosen]
        except UnreadableSlice:
            continue  # that slice has left the series: choose again
        if mirrored and series.orientation != AXIAL:
            signal, chosen = signal[::-1], chosen[::-1]
        layers = [
            resample(each, item.plane, point, _axes(item.plane, series, mirrored), view.px, view.mm, window[0])
            for each, item in zip(signal, chosen, strict=True)
        ]
        middle = pick.slice.plane
        padding = outside_share(middle, point, _axes(middle, series, mirrored), view.px, view.mm)
        x, y = middle.to_pixel(point)
        return Crop(as_bytes(np.stack(layers, axis=-1), window), pick.slice, float(x), float(y), padding)
    return None


def _axes(plane: Plane, series: Series, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    right, down = plane.display_axes(series.orientation)
    return (-right, down) if mirrored and series.orientation == AXIAL else (right, down)


def _neighbours(series: Series, middle: Slice, point: np.ndarray, view: View) -> list[Slice]:
    """The view's slices along the stacking normal, parallel to the middle one and nearest to each step."""
    group = next(g for g in orientation_groups(series.planes) if series.slices.index(middle) in g)
    parallel = [series.slices[i] for i in group]
    normal = middle.plane.stacking_normal(series.orientation)
    depth = np.array([(item.plane.center - middle.plane.center) @ normal for item in parallel])
    chosen = []
    for step in range(-(view.slices // 2), view.slices // 2 + 1):
        away = np.round(np.abs(depth - step * view.step_mm), 3)
        # Of two equally near, the one closer to the middle: so left and mirrored right take mirrored slices.
        nearest = np.lexsort((np.abs(depth), away))[0]
        chosen.append(middle if step == 0 else parallel[nearest])
    return chosen
