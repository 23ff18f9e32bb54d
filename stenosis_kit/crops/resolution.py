"""How fine the images are that a store's crops were cut from."""

from __future__ import annotations

import polars as pl

from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.levels.points import PATIENT_MM

_FAR_PX = 5.0  # between two crops' centres: nearer ones tell the pixel's size too roughly; chosen by hand


def pixel_mm(manifest: pl.DataFrame, series_kind: str) -> float | None:
    """Side of a pixel of the images of a kind, mm, the median of all; None where the manifest does not tell.

    It says where crops lie on their slice, in pixels, and in the patient, in mm: where two lie on the same slice, as
    the recesses of both sides do, the distances tell the pixel's size.

    Args:
        manifest: of a store.
        series_kind: the competition's name of it.
    """
    views = [view.name for view in VIEW_BY_NAME.values() if view.series_kind == series_kind]
    places = ("x", "y", *PATIENT_MM)
    slices = manifest.filter(pl.col("view").is_in(views)).group_by("study_id", "series_id", "instance_number")
    spread = slices.agg((pl.col(name).max() - pl.col(name).min()).alias(name) for name in places)
    px = (pl.col("x") ** 2 + pl.col("y") ** 2).sqrt()
    mm = pl.sum_horizontal(pl.col(name) ** 2 for name in PATIENT_MM).sqrt()
    sizes = spread.filter(px > _FAR_PX).select((mm / px).alias("size")).filter(pl.col("size") > 0)["size"]
    return sizes.median()
