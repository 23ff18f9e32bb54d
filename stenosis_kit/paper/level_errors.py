"""How often K-Means picks a slice of the wrong level, where the true levels are known."""

from __future__ import annotations

import polars as pl

from stenosis_kit import rsna

NEAR_MM = 5.0
"""A slice whose plane lies farther than this from the level's true point does not show it; about one slice spacing."""


def level_errors(rows: pl.DataFrame) -> dict[str, float | int]:
    """Counts of images whose slice does not show the level whose label they carry.

    Args:
        rows: as `images.make_images` gives them. The truth is the readers' subarticular points: it counts only where
            a level has both.

    Returns:
        known: images whose true level is known; off: farther than `NEAR_MM`; other_level: nearest to another level's
        point; wrong_class: of these, how many carry a class that is not that level's; studies, studies_right: with all
        five levels known, and with all five within `NEAR_MM`.
    """
    known = rows.drop_nulls("own_mm")
    other = known.filter(pl.col("nearest_level") != pl.col("level"))
    labels = rows.select("study_id", pl.col("level").alias("nearest_level"), pl.col("severity").alias("shown"))
    wrong = other.join(labels, on=["study_id", "nearest_level"], how="inner").filter(
        pl.col("shown") != pl.col("severity")
    )
    whole = known.group_by("study_id").agg(pl.len(), pl.col("own_mm").max())
    whole = whole.filter(pl.col("len") == len(rsna.LEVELS))
    return {
        "known": known.height,
        "off": known.filter(pl.col("own_mm") > NEAR_MM).height,
        "other_level": other.height,
        "wrong_class": wrong.height,
        "studies": whole.height,
        "studies_right": whole.filter(pl.col("own_mm") <= NEAR_MM).height,
    }
