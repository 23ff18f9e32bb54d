"""A picture of one study: its three series with the points and severities of its cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.images.picture import new_figure, save_figure, show_fullest_slice
from stenosis_kit.phantom.files.tables import LATENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = ("#35c46a", "#f2b134", "#ef4b4b")  # by severity
_KINDS = (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1, rsna.AXIAL_T2)
_IDS = {"study_id": pl.Int64, "series_id": pl.Int64, "instance_number": pl.Int64}


def save_preview(root: Path, path: Path) -> None:
    """Draws the train (else test) study with the most severe labels.

    Args:
        root: a finished phantom.
        path: of the picture, in any format that matplotlib knows.

    Raises:
        InputError: where matplotlib is missing, or the file cannot be written.
    """
    split, points = "train", _points(root, rsna.POINTS_TABLE)
    if points.is_empty():
        split, points = "test", _points(root, rsna.SOLUTION_POINTS)
    total = points.group_by("study_id", maintain_order=True).agg(pl.col("severity").sum())
    worst = total.sort("severity", descending=True, maintain_order=True).head(1)
    points = points.join(worst, on="study_id", how="semi")
    figure, grid = new_figure(1, len(_KINDS), (15, 5.2))
    for axes, kind in zip(grid[0], _KINDS, strict=True):
        axes.set_title(kind, color="white")
        conditions = [condition.label for condition in rsna.CONDITIONS if condition.series_kind == kind]
        mine = points.filter(pl.col("condition").is_in(conditions)).sort("severity", descending=True)
        shown = None if mine.is_empty() else show_fullest_slice(axes, root / rsna.images_folder(split), mine, kind)
        if shown:
            on_it = mine.filter(series_id=int(shown.path.parent.name), instance_number=shown.number)
            _mark_points(axes, on_it, kind)
    save_figure(figure, path, dpi=110)


def _points(root: Path, table: str) -> pl.DataFrame:
    """A table of points with each cell's severity, 0 to 2."""
    latents = (
        pl.read_csv((root / LATENTS).read_bytes(), schema_overrides=_IDS)
        .drop_nulls("severity")
        .select(
            "study_id",
            pl.col("condition").replace({one.name: one.label for one in rsna.CONDITIONS}),
            pl.col("level").replace(dict(zip(rsna.LEVELS, rsna.LEVEL_LABELS, strict=True))),
            pl.col("severity").replace_strict(rsna.SEVERITIES, range(3), return_dtype=pl.Int64),
        )
    )
    points = pl.read_csv((root / table).read_bytes(), schema_overrides=_IDS)
    return points.join(latents, on=["study_id", "condition", "level"], maintain_order="left")


def _mark_points(axes: Axes, points: pl.DataFrame, kind: str) -> None:
    for row in points.iter_rows(named=True):
        place, color = (row["x"], row["y"]), _COLORS[row["severity"]]
        axes.plot(*place, "o", mfc="none", mec=color, ms=9, mew=1.6)
        # On axial slices the right side's text goes to the left, or it would cover the left side's.
        leftwards = row["condition"].startswith("Right") and kind == rsna.AXIAL_T2
        offset, aligned = ((-9, 3), "right") if leftwards else ((9, 3), "left")
        text = f"{row['level']} {rsna.SEVERITY_LABELS[row['severity']]}"
        axes.annotate(text, place, offset, color=color, textcoords="offset points", fontsize=8, ha=aligned)
