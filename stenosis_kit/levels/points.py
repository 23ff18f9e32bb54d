"""The 25 points of a study, in the columns of train_label_coordinates.csv."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import Series, made_of_study, skipped_files
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.carry import VIEW_OF_TERM
from stenosis_kit.levels.fallback import canal_of

PATIENT_MM = ("patient_x_mm", "patient_y_mm", "patient_z_mm")
COLUMNS = {
    **dict.fromkeys(("study_id", "series_id", "instance_number"), pl.Int64),
    **dict.fromkeys(("condition", "level"), pl.String),
    **dict.fromkeys(("x", "y", *PATIENT_MM), pl.Float64),
    "method": pl.String,
    "confidence": pl.Float64,
}
"""Those of train_label_coordinates.csv; the place in the patient; what found it, and how sure."""


@dataclass(frozen=True)
class StudyPoints:
    """The points of a study.

    Attributes:
        rows: 25, with `COLUMNS`, in the order of `rsna.CELLS`; one without a place where no series covers a cell.
        images: slices of the study that can be read.
        skipped_files: {series_id/file name: why} of its other files.
        accident: what could not be read this time, and why; empty where all could.
    """

    rows: list[dict[str, Any]]
    images: int
    skipped_files: dict[str, str]
    accident: str = ""


def study_points(located: LocatedStudy) -> StudyPoints:
    """Reads a study's images, and places its points; runs in a worker."""
    wanted = located.study
    points, unread = made_of_study(wanted.images, wanted.study_id, wanted.series, partial(_points, located))
    return replace(points, accident=unread)


def _points(located: LocatedStudy, study: list[Series]) -> StudyPoints:
    return StudyPoints(_rows(located, study), sum(len(one.slices) for one in study), skipped_files(study))


def _rows(located: LocatedStudy, study: list[Series]) -> list[dict[str, Any]]:
    canal = canal_of(study, located.canal)
    rows = []
    for condition, level in rsna.CELLS:
        row = unplaced_point(located.study.study_id, condition, level)
        if canal:
            kind = rsna.CONDITION_BY_NAME[condition]
            place = canal.place(located.carry, VIEW_OF_TERM[kind.term], condition, level)
            point = place.point
            pick = nearest_slice([series for series in study if series.kind == kind.series_kind], point)
            if pick:
                x, y = pick.slice.plane.to_pixel(point)
                row |= {"series_id": pick.series.series_id, "instance_number": pick.slice.number, "x": x, "y": y}
                row |= dict(zip(PATIENT_MM, point, strict=True))
                row |= {"method": place.method, "confidence": place.confidence}
        rows.append(row)
    return rows


def unplaced_point(study_id: int, condition: str, level: str) -> dict[str, Any]:
    """The row of a cell that was not found: names, and nothing else."""
    names = {"condition": rsna.CONDITION_BY_NAME[condition].label, "level": rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]}
    return dict.fromkeys(COLUMNS) | {"study_id": study_id} | names
