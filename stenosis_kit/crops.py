"""The views, and cutting them: one call for training and prediction.

A crop lies in the plane of its slice, on a grid in mm along the patient's axes: sagittal crops have anterior at the
left and the head up, axial crops anterior up and the patient's right at the left. Right-sided crops are mirrored in
the patient (axial: left and right of the image; sagittal: the order of the slices), so that one grader serves both
sides. How a series was stored (flipped, reversed, rotated) makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform

from stenosis_kit import rsna
from stenosis_kit.dicom import Series, Slice, UnreadableSlice
from stenosis_kit.geometry import AXIAL, Plane, orientation_groups, sampling_matrix
from stenosis_kit.levels.projection import nearest_slice


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
    View("subarticular_axial", "subarticular", rsna.AXIAL_T2, mm=64.0, px=96, slices=3, step_mm=4.0),
)
VIEW_BY_NAME = {view.name: view for view in VIEWS}


_FINEST = 8  # samples along a crop's pixel: a header's tiny PixelSpacing must not take all memory


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
        low, high = series.window()
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
        matrices = [_matrix(item.plane, point, view, series.orientation, mirrored) for item in chosen]
        layers = [
            _resample(each, matrix, view, item.plane, low)
            for each, matrix, item in zip(signal, matrices, chosen, strict=True)
        ]
        pixels = np.clip((np.stack(layers, axis=-1) - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
        x, y = pick.slice.plane.to_pixel(point)
        return Crop(
            pixels, pick.slice, float(x), float(y), _padding(matrices[view.slices // 2], view, pick.slice.plane)
        )
    return None


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


def _matrix(plane: Plane, point: np.ndarray, view: View, orientation: str, mirrored: bool) -> np.ndarray:
    right, down = plane.display_axes(orientation)
    if mirrored and orientation == AXIAL:
        right = -right
    return sampling_matrix(plane, point, (right, down), view.px, view.mm)


def _resample(signal: np.ndarray, matrix: np.ndarray, view: View, plane: Plane, outside: float) -> np.ndarray:
    """(px, px) float32, linear; where the crop's pixels are much larger than the image's, their mean."""
    fine = min(max(1, round(view.mm / view.px / min(plane.spacing))), _FINEST)
    step, corner = matrix[:, :2] / fine, matrix[:, 2] - matrix[:, :2].sum(axis=1) * (fine - 1) / (2 * fine)
    swapped = step[::-1, ::-1]  # scipy counts (row, column)
    side = view.px * fine
    dense = affine_transform(signal, swapped, corner[::-1], (side, side), order=1, mode="constant", cval=outside)
    return dense.reshape(view.px, fine, view.px, fine).mean(axis=(1, 3))


def _padding(matrix: np.ndarray, view: View, plane: Plane) -> float:
    y, x = np.mgrid[: view.px, : view.px]
    image_x, image_y = np.einsum("ij,jyx->iyx", matrix, np.stack([x, y, np.ones_like(x)]))
    inside = (image_x >= 0) & (image_x <= plane.shape[1] - 1) & (image_y >= 0) & (image_y <= plane.shape[0] - 1)
    return float(1 - inside.mean())
