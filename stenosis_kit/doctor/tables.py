"""The tables against each other."""

from __future__ import annotations

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.doctor.diagnosis import EXAMPLES, Diagnosis
from stenosis_kit.tables.csv_table import duplicate_rows
from stenosis_kit.tables.labels import LABEL_KEY
from stenosis_kit.tables.points import POINT_KEY
from stenosis_kit.tables.reading import Reading
from stenosis_kit.tables.series import SERIES_KEY

_CELL = ["study_id", "condition", "level"]
_AS_PREDICTED = "Their crops are placed as prediction would place them."
_CARRIED = "Their crops are carried from the labels of canals, else placed as prediction would place them."
_ELSEWHERE = "Canals are placed by them all the same, foramina and recesses without them."
_IDLE = "Those of canals help to place others of their level; the others are not used."
_FIRST = "The first of each is used: keep the right one."
_MEND = "They are not used: mend or delete those rows."


def examine_broken_rows(found: Diagnosis, readings: list[Reading]) -> None:
    """Values that cannot be read, by table; and those that are read though they are spelt oddly."""
    there = {reading.path.name: reading.table for reading in readings if reading.table}
    lines = [f"{name}: {line}" for name, table in there.items() for line in table.wrong]
    counts = {name: table.broken for name, table in there.items() if table.broken}
    found.lose("broken_rows", counts, "A broken row costs its own cells: mend it.", lines)
    found.remarks += [f"{name}: {note}." for name, table in there.items() for note in table.notes]


def examine_labels(found: Diagnosis, labels: pl.DataFrame, cells: pl.DataFrame) -> None:
    """Labels alone: doubled studies in the wide table, missing labels among the cells."""
    doubled = labels[duplicate_rows(labels, LABEL_KEY)]
    found.lose("duplicate_studies", doubled.height, _FIRST, _named(doubled, "study_id"))
    missing = cells.filter(pl.col("severity").is_null())
    found.add("labels_missing", missing.height, "Those cells are neither trained on nor scored.", _named(missing))
    found.add("studies_with_missing_labels", missing["study_id"].n_unique())


def examine_points(
    found: Diagnosis, points: pl.DataFrame, cells: pl.DataFrame | None, series: pl.DataFrame | None, studies: list[int]
) -> None:
    """Label points alone, and against the labels and the series where those are at hand."""
    found.findings["points"] = points.height
    if cells is not None:
        _points_and_labels(found, points, cells)
    if series is not None:
        _points_and_series(found, points, series)
    doubled = points[duplicate_rows(points, POINT_KEY)]
    found.lose("duplicate_points", doubled.height, _FIRST, _named(doubled))
    without = sorted(set(studies) - set(points["study_id"]))
    found.add("studies_without_points", len(without), _AS_PREDICTED, map(str, without))
    found.findings["max_instance_number"] = points["instance_number"].max() or 0


def _points_and_labels(found: Diagnosis, points: pl.DataFrame, cells: pl.DataFrame) -> None:
    labelled = cells.drop_nulls("severity")
    lonely = labelled.join(points, on=_CELL, how="anti", maintain_order="left")
    found.add("labels_without_point", lonely.height, _CARRIED, _named(lonely))
    strangers = points.join(cells, on="study_id", how="anti", maintain_order="left")
    found.lose("points_of_unknown_studies", strangers.height, _MEND, _named(strangers))
    idle = points.join(labelled, on=_CELL, how="anti", maintain_order="left")
    found.add("points_without_label", idle.height, _IDLE, _named(idle))


def _points_and_series(found: Diagnosis, points: pl.DataFrame, series: pl.DataFrame) -> None:
    kinds = points.join(series.unique(SERIES_KEY), on=SERIES_KEY, how="left", maintain_order="left")
    expected = pl.col("condition").replace_strict(rsna.CONDITION_NAMES, [c.series_kind for c in rsna.CONDITIONS])
    odd = kinds.filter(pl.col("series_description").is_not_null() & (pl.col("series_description") != expected))
    found.add("points_on_unexpected_series", odd.height, _ELSEWHERE, _named(odd))
    unknown = kinds.filter(pl.col("series_description").is_null())
    found.lose("points_on_unknown_series", unknown.height, _MEND, _named(unknown))


def examine_series(found: Diagnosis, series: pl.DataFrame, studies: list[int], split: str) -> None:
    """The series table: doubled rows, unknown kinds, and how many of each kind the studies have."""
    note = found.lose if split == "train" else found.add  # a submission is none the worse for them
    doubled = series[duplicate_rows(series, SERIES_KEY)]
    note("duplicate_series", doubled.height, _FIRST, _named(doubled, *SERIES_KEY))
    series = series.unique(SERIES_KEY, maintain_order=True)
    strange = series.filter(~pl.col("series_description").is_in(rsna.SERIES_KINDS).fill_null(False))
    note("series_of_unknown_kind", strange.height, "They are not read.", _named(strange, *SERIES_KEY))
    counts = series.group_by("study_id", "series_description", maintain_order=True).len()
    lacking, several = {}, {}
    for kind in rsna.SERIES_KINDS:
        of_kind = counts.filter(series_description=kind)
        lacking[kind] = sorted(set(studies) - set(of_kind["study_id"]))
        several[kind] = sorted(of_kind.filter(pl.col("len") > 1)["study_id"])
    consequence = "Other views or the prior answer there."
    found.add("studies_without_series", _counted(lacking), consequence, _first_of_each(lacking))
    consequence = "Each level takes the nearest slice of any of them."
    found.add("studies_with_several_series", _counted(several), consequence, _first_of_each(several))


def _counted(studies: dict[str, list[int]]) -> dict[str, int]:
    return {kind: len(found) for kind, found in studies.items()}


def _first_of_each(studies: dict[str, list[int]]) -> list[str]:
    return [f"{found[0]} ({kind})" for kind, found in studies.items() if found]


def _named(frame: pl.DataFrame, *columns: str) -> list[str]:
    """The first rows of a frame by their cell, or by other columns; one more than is shown, where there are more."""
    return [" ".join(map(str, row)) for row in frame.select(columns or _CELL).head(EXAMPLES + 1).iter_rows()]
