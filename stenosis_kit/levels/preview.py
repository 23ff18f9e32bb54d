"""A picture of the levels that were found: canal, foramina and recesses on the slices that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.picture import new_figure, save_figure, show_fullest_slice

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STUDIES = 6
"""How many studies are drawn, a row each."""

_SAGITTAL = {
    rsna.condition_of("spinal", None): "canal, sagittal T2",
    rsna.condition_of("foraminal", rsna.LEFT): "left foramina, sagittal T1",
    rsna.condition_of("foraminal", rsna.RIGHT): "right foramina, sagittal T1",
}
_AXIAL_LEVELS = ("L3/L4", "L4/L5", "L5/S1")
_COLORS = ("#4cc9f0", "#80ed99", "#ffd166", "#ff9f1c", "#ef476f")  # L1/L2 … L5/S1


def save_preview(images: Path, points: pl.DataFrame, path: Path) -> None:
    """Draws the first studies of which something was found.

    Args:
        images: the split's image folder.
        points: what `levels` found.
        path: of the picture, see `picture.save_figure`.

    Raises:
        InputError: where nothing was found, matplotlib is missing, or the file cannot be written.
    """
    found = points.drop_nulls("series_id")
    studies = found["study_id"].unique(maintain_order=True).to_list()[:STUDIES]
    if not studies:
        raise InputError(images, "a study whose levels were found", "none", "stenosis-kit doctor DATA tells more.")
    columns = len(_SAGITTAL) + len(_AXIAL_LEVELS)
    figure, grid = new_figure(len(studies), columns, (2.7 * columns, 2.9 * len(studies)))
    for row, study in zip(grid, studies, strict=True):
        _draw_study(row, images, found.filter(study_id=study))
    save_figure(figure, path, dpi=100)


def _draw_study(row: Sequence[Axes], images: Path, points: pl.DataFrame) -> None:
    for axes, (condition, title) in zip(row, _SAGITTAL.items(), strict=False):
        _draw(axes, images, points.filter(condition=condition.label), condition.series_kind, title)
    recesses = points.filter(pl.col("condition").is_in([c.label for c in rsna.CONDITIONS if c.term == "subarticular"]))
    for axes, level in zip(row[len(_SAGITTAL) :], _AXIAL_LEVELS, strict=True):
        _draw(axes, images, recesses.filter(level=level), rsna.AXIAL_T2, f"{level}, axial T2")


def _draw(axes: Axes, images: Path, points: pl.DataFrame, kind: str, title: str) -> None:
    """The slice that holds most of the points, with all of them on it."""
    axes.set_title(title, color="white", fontsize=8)
    if points.is_empty():
        axes.text(0.5, 0.5, "no slice covers it", color="white", ha="center", transform=axes.transAxes)
        return
    shown = show_fullest_slice(axes, images, points, kind)
    for point in points.iter_rows(named=True) if shown else ():
        x, y = shown.plane.to_pixel(np.array([point[f"patient_{axis}_mm"] for axis in "xyz"]))
        color = _COLORS[rsna.LEVEL_LABELS.index(point["level"])]
        axes.plot(x, y, "+", color=color, ms=9, mew=1.6)
        if kind != rsna.AXIAL_T2:
            text = f"{point['level']} {point['confidence']:.2f}"
            axes.annotate(text, (x, y), (8, -2), color=color, fontsize=6, textcoords="offset points")
