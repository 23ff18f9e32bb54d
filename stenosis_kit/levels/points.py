"""The 25 points of a study, in the columns of train_label_coordinates.csv."""

from __future__ import annotations

from typing import Any

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.carry import VIEW_OF_TERM
from stenosis_kit.levels.fallback import canal_of

_PLACE = {
    "series_id": pl.Int64,
    "instance_number": pl.Int64,
    "condition": pl.String,
    "level": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "patient_x_mm": pl.Float64,
    "patient_y_mm": pl.Float64,
    "patient_z_mm": pl.Float64,
    "method": pl.String,
    "confidence": pl.Float64,
}
COLUMNS = {"study_id": pl.Int64} | _PLACE


def study_points(located: LocatedStudy) -> list[dict[str, Any]]:
    """The 25 points of one study, in the order of `rsna.CELLS`; a row without a place where no series covers a cell."""
    wanted = located.study
    study = read_study(wanted.images, wanted.study_id, wanted.series)
    canal = canal_of(study, located.canal)
    rows = []
    for condition, level in rsna.CELLS:
        row = unplaced_point(wanted.study_id, condition, level)
        if canal:
            kind = rsna.CONDITION_BY_NAME[condition].series_kind
            index, view = rsna.LEVELS.index(level), VIEW_OF_TERM[rsna.CONDITION_BY_NAME[condition].term]
            point = located.carry.point(canal.points, view, condition, level)
            pick = nearest_slice([series for series in study if series.kind == kind], point)
            if pick:
                x, y = pick.slice.plane.to_pixel(point)
                places = (pick.series.series_id, pick.slice.number, row["condition"], row["level"], x, y)
                row |= dict(zip(_PLACE, (*places, *point, canal.method, canal.confidence[index]), strict=True))
        rows.append(row)
    return rows


def unplaced_point(study_id: int, condition: str, level: str) -> dict[str, Any]:
    """The row of a cell that was not found: names, and nothing else."""
    names = {"condition": rsna.CONDITION_BY_NAME[condition].label, "level": rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]}
    return {"study_id": study_id, **dict.fromkeys(_PLACE), **names}
