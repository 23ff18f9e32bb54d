"""A slice as a picture with points on it, drawn by matplotlib, which a plain installation lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import replacing
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.resampling import as_bytes
from stenosis_kit.images.series import read_series
from stenosis_kit.images.slice import Slice

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(rows: int, columns: int, inches: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    """A black figure of a width and height, and its axes (rows, columns), without frames.

    Raises:
        InputError: where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("--preview", "matplotlib", "none", "Install it: pip install matplotlib") from None
    figure = Figure(figsize=inches, layout="constrained", facecolor="black")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    return figure, grid


def save_figure(figure: Figure, path: Path, dpi: int) -> None:
    """Writes a figure in the format of its name, as PNG where that names none that matplotlib knows.

    Raises:
        InputError: where the file cannot be written.
    """
    suffix = path.suffix[1:].lower()
    with replacing(path) as partial:
        figure.savefig(partial, dpi=dpi, format=suffix if suffix in figure.canvas.get_supported_filetypes() else "png")


def show_fullest_slice(axes: Axes, images: Path, points: pl.DataFrame, kind: str) -> Slice | None:
    """Shows the slice that holds most of a study's points (of several, the first); None where it cannot be read.

    Args:
        axes: to draw on.
        images: the split's image folder.
        points: at least one, with study_id, series_id and instance_number.
        kind: of the points' series.
    """
    slices = points.group_by("study_id", "series_id", "instance_number", maintain_order=True).len()
    study_id, series_id, number, _ = slices.sort("len", descending=True, maintain_order=True).row(0)
    series = read_series(images / str(study_id) / str(series_id), series_id, kind)
    index = series.index_of(number)
    if index is None:
        return None
    found = series.slices[index]
    try:
        pixels = as_bytes(series.pixels(found), series.window())
    except UnreadableSlice:
        return None
    down, across = found.plane.spacing
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect=down / across)
    return found
