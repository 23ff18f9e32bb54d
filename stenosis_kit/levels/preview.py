"""A picture of the levels that were found: canal, foramina and recesses on the slices that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import replacing
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.resampling import as_bytes
from stenosis_kit.images.series import Series, read_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STUDIES = 6
"""As many studies are drawn, a row each."""
_AXIAL_LEVELS = ("L3/L4", "L4/L5", "L5/S1")
_COLORS = ("#4cc9f0", "#80ed99", "#ffd166", "#ff9f1c", "#ef476f")  # L1/L2 … L5/S1
_TITLES = ("canal, sagittal T2", "left foramina, sagittal T1", "right foramina, sagittal T1")


def save_preview(images: Path, points: pl.DataFrame, path: Path) -> None:
    """Draws the first studies of which something was found.

    Args:
        images: the split's image folder.
        points: what `levels` found.
        path: of the picture, in any format that matplotlib knows.

    Raises:
        InputError: where nothing was found, matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("--preview", "matplotlib", "none", "Install it: pip install matplotlib") from None
    found = points.drop_nulls("series_id")
    studies = found["study_id"].unique(maintain_order=True).to_list()[:STUDIES]
    if not studies:
        raise InputError(images, "a study whose levels were found", "none", "stenosis-kit doctor DATA tells more.")
    columns = len(_TITLES) + len(_AXIAL_LEVELS)
    figure = Figure(figsize=(2.7 * columns, 2.9 * len(studies)), layout="constrained", facecolor="black")
    grid = figure.subplots(len(studies), columns, squeeze=False)
    for row, study in zip(grid, studies, strict=True):
        _draw_study(row, images / str(study), found.filter(study_id=study))
    with replacing(path) as partial:
        figure.savefig(partial, dpi=100)


def _draw_study(row: Sequence[Axes], folder: Path, points: pl.DataFrame) -> None:
    conditions = [
        rsna.condition_of("spinal", None),
        *(rsna.condition_of("foraminal", s) for s in (rsna.LEFT, rsna.RIGHT)),
    ]
    for axes, condition, title in zip(row, conditions, _TITLES, strict=False):
        _draw(axes, folder, points.filter(condition=condition.label), condition.series_kind, title)
    recesses = points.filter(pl.col("condition").is_in([c.label for c in rsna.CONDITIONS if c.term == "subarticular"]))
    for axes, level in zip(row[len(_TITLES) :], _AXIAL_LEVELS, strict=True):
        _draw(axes, folder, recesses.filter(level=level), rsna.AXIAL_T2, f"{level}, axial T2")


def _draw(axes: Axes, folder: Path, points: pl.DataFrame, kind: str, title: str) -> None:
    """The slice that holds most of the points, with all of them on it."""
    axes.set_axis_off()
    axes.set_title(title, color="white", fontsize=8)
    if points.is_empty():
        axes.text(0.5, 0.5, "no slice covers it", color="white", ha="center", transform=axes.transAxes)
        return
    counts = points.group_by("series_id", "instance_number", maintain_order=True).len().sort("len", descending=True)
    series_id, number, _ = counts.row(0)
    pixels, place = _pixels(read_series(folder / str(series_id), series_id, kind), number)
    if pixels is None:
        return
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, aspect=place.plane.spacing[0] / place.plane.spacing[1])
    for point in points.iter_rows(named=True):
        x, y = place.plane.to_pixel(np.array([point[f"patient_{axis}_mm"] for axis in "xyz"]))
        color = _COLORS[rsna.LEVEL_LABELS.index(point["level"])]
        axes.plot(x, y, "+", color=color, ms=9, mew=1.6)
        if kind != rsna.AXIAL_T2:
            text = f"{point['level']} {point['confidence']:.2f}"
            axes.annotate(text, (x, y), (8, -2), color=color, fontsize=6, textcoords="offset points")


def _pixels(series: Series, number: int) -> tuple:
    place = series.index_of(number)
    if place is None:
        return None, None
    item = series.slices[place]
    try:
        return as_bytes(series.pixels(item), series.window()), item
    except UnreadableSlice:
        return None, None
