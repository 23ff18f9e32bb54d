"""A scene of balls, and series that show it: what tests of cutting look at."""

import numpy as np
from fabricate import blobs, plane, write_series

from stenosis_kit import rsna
from stenosis_kit.crops import crop
from stenosis_kit.crops.views import View
from stenosis_kit.images.brightness import Brightness
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.series import read_series

SAGITTAL = View("sagittal", "foraminal", rsna.SAGITTAL_T1, mm=32.0, px=33, slices=3, step_mm=4.0)
AXIAL = View("axial", "subarticular", rsna.AXIAL_T2, mm=32.0, px=33, slices=3, step_mm=4.0)
KINDS = {"sagittal": SAGITTAL, "axial": AXIAL}
CENTER = np.array([2.0, -3.0, 5.0])
SCENE = blobs(CENTER + np.array([[0, 0, 0], [4, -9, 7], [-4, 8, 4]]), width_mm=3.0)
OFFSETS = (-8.0, -4.0, 0.0, 4.0, 8.0)
MIDDLE = 16  # the middle pixel of a crop; its pixels are 32/33 mm


def stack(kind, offsets=OFFSETS, mm=1.0, shape=(70, 60), about=CENTER):
    """Parallel planes at distances from the slice through a point."""
    return [plane(kind, about[0 if kind == "sagittal" else 2] + offset, mm, shape) for offset in offsets]


def series_of(folder, planes, kind, scene=SCENE, numbers=None, how="as is"):
    write_series(folder, scene, planes, numbers, how)
    return read_series(folder, 1, KINDS[kind].series_kind)


def cut(series, point, view, mirrored=False):
    """A crop with the brightness of the whole series; None where the series cannot be read."""
    try:
        return crop.cut(series, point, view, Brightness.of_series(series), mirrored)
    except UnreadableSlice:
        return None


def scene_on(kind, point, scene, view):
    """What a crop should show, straight from the scene: (px, px, slices) signal, without any image between."""
    step = view.mm / view.px
    along = (np.arange(view.px) - (view.px - 1) / 2) * step
    right, down, through = {"sagittal": ([0, 1, 0], [0, 0, -1], [1, 0, 0]), "axial": ([1, 0, 0], [0, 1, 0], [0, 0, 1])}[
        kind
    ]
    grid = point + along[None, :, None] * np.array(right, float) + along[:, None, None] * np.array(down, float)
    depths = (np.arange(view.slices) - view.slices // 2) * view.step_mm
    return np.stack([scene(grid + depth * np.array(through, float)) for depth in depths], axis=-1)


def shown(series, signal):
    low, high = series.window()
    return np.clip((signal - low) * 255 / (high - low), 0, 255)


def brightest(layer):
    """(x, y) of the middle of the brightest pixels of a layer: a ball may be brighter than the window reaches."""
    y, x = np.nonzero(layer == layer.max())
    return float(x.mean()), float(y.mean())
