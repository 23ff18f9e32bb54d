"""doctor: what is wrong or odd about a data folder, before any work."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.dicom import list_files, read_study
from stenosis_kit.errors import InputError
from stenosis_kit.predict import unlabelled_tasks
from stenosis_kit.study import StudyTask
from stenosis_kit.tables import POINT_KEY, read_cells, read_points, read_series
from stenosis_kit.tabular import duplicate_rows
from stenosis_kit.workers import run_tasks

_CELL = ["study_id", "condition", "level"]


@dataclass
class Diagnosis:
    """What was found.

    Attributes:
        findings: by the contract's JSON keys.
        remarks: for people: a line each, with what the kit does about it.
        rows_lost: whether rows will be lost or be unusable: nothing could be done without the user.
    """

    findings: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    rows_lost: bool = False

    def add(self, key: str, value: Any, consequence: str = "") -> None:
        """Notes a finding; one that is not nothing gets a remark that says what follows from it."""
        self.findings[key] = value
        if value and consequence:
            shown = len(value) if isinstance(value, list) else value
            self.remarks.append(f"{key.replace('_', ' ')}: {shown}. {consequence}")

    def refuse(self, key: str, count: int, consequence: str) -> None:
        """Notes a finding that keeps `format` from working."""
        self.add(key, count, consequence)
        self.rows_lost |= bool(count)


def doctor(data: Path | str, split: str = "train", workers: int | None = None) -> Diagnosis:
    """Examines the tables that are there against each other, and the images if there are any.

    Raises:
        InputError: where the folder holds no table of the split at all.
    """
    data, found = Path(data), Diagnosis()
    series = _table(data / rsna.series_table(split), read_series, found)
    cells = points = None
    if split == "train":
        cells = _table(data / rsna.TRAIN_TABLE, read_cells, found)
        points = _table(data / rsna.POINTS_TABLE, read_points, found)
    if series is None and cells is None and points is None:
        if found.rows_lost:
            raise InputError(data, "a readable table", "none: " + " / ".join(found.remarks), "Download them again.")
        raise InputError(data, f"tables of the {split} split", "none", "Give the competition's folder.")
    studies = _studies(cells, series, points)
    found.findings |= {"studies": len(studies), "cells": len(studies) * len(rsna.CELLS)}
    if cells is not None:
        _examine_labels(found, cells)
    if points is not None:
        _examine_points(found, points, cells, series, studies)
    if series is not None:
        _examine_series(found, series, studies, split)
        if (data / rsna.images_folder(split)).is_dir():
            _examine_images(found, unlabelled_tasks(data, split, series), workers)
        else:
            found.remarks.append(f"no {rsna.images_folder(split)}/: the images were not examined.")
    return found


def _table(path: Path, reader: Any, found: Diagnosis) -> pl.DataFrame | None:
    if not path.exists():
        found.remarks.append(f"{path.name}: not there; what needs it was not examined.")
        return None
    try:
        return reader(path, unique=False)
    except InputError as error:
        found.remarks.append(str(error))
        found.rows_lost = True
        return None


def _studies(*frames: pl.DataFrame | None) -> list[int]:
    """Of the first table that is there: labels, else series, else points."""
    frame = next(frame for frame in frames if frame is not None)
    return frame["study_id"].unique().sort().to_list()


def _examine_labels(found: Diagnosis, cells: pl.DataFrame) -> None:
    doubled = len(duplicate_rows(cells, tuple(_CELL))) // len(rsna.CELLS)
    found.refuse("duplicate_studies", doubled, "format refuses them: keep one of each.")
    missing = cells.filter(pl.col("severity").is_null())
    found.add("labels_missing", missing.height, "Those cells are neither trained on nor scored.")
    found.add("studies_with_missing_labels", missing["study_id"].n_unique())


def _examine_points(
    found: Diagnosis, points: pl.DataFrame, cells: pl.DataFrame | None, series: pl.DataFrame | None, studies: list[int]
) -> None:
    found.findings["points"] = points.height
    if cells is not None:
        labelled = cells.drop_nulls("severity")
        lonely = labelled.join(points, on=_CELL, how="anti").height
        found.add("labels_without_point", lonely, "Their crops are placed as prediction would place them.")
        strangers = points.join(cells, on="study_id", how="anti").height
        found.refuse("points_of_unknown_studies", strangers, "format refuses them: mend or delete those rows.")
        found.add("points_without_label", points.join(labelled, on=_CELL, how="anti").height, "They are not used.")
    if series is not None:
        kinds = points.join(series.unique(["study_id", "series_id"]), on=["study_id", "series_id"], how="left")
        expected = pl.col("condition").replace_strict(rsna.CONDITION_NAMES, [c.series_kind for c in rsna.CONDITIONS])
        odd = kinds.filter(pl.col("series_description").is_not_null() & (pl.col("series_description") != expected))
        found.add("points_on_unexpected_series", odd.height, "Their crops are placed as prediction would place them.")
        unknown = kinds["series_description"].null_count()
        found.refuse("points_on_unknown_series", unknown, "format refuses them: mend or delete those rows.")
    found.refuse("duplicate_points", len(duplicate_rows(points, POINT_KEY)), "format refuses them: keep one of each.")
    without = len(set(studies) - set(points["study_id"]))
    found.add("studies_without_points", without, "Their crops are placed as prediction would place them.")
    found.findings["max_instance_number"] = points["instance_number"].max() or 0


def _examine_series(found: Diagnosis, series: pl.DataFrame, studies: list[int], split: str) -> None:
    doubled = len(duplicate_rows(series, ("study_id", "series_id")))
    if split == "train":
        found.refuse("duplicate_series", doubled, "format refuses them: keep one of each.")
    else:
        found.add("duplicate_series", doubled, "The first of each is used.")
    series = series.unique(["study_id", "series_id"])
    counts = series.group_by("study_id", "series_description").len()
    lacking, several = {}, {}
    for kind in rsna.SERIES_KINDS:
        of_kind = counts.filter(series_description=kind)
        lacking[kind] = len(set(studies) - set(of_kind["study_id"]))
        several[kind] = of_kind.filter(pl.col("len") > 1).height
    found.add("studies_without_series", lacking)
    found.add("studies_with_several_series", several)
    if any(lacking.values()):
        shown = ", ".join(f"no {kind} in {count}" for kind, count in lacking.items() if count)
        found.remarks.append(f"studies without a kind of series: {shown}. Other views or the prior answer there.")
    if any(several.values()):
        shown = ", ".join(f"{kind} in {count}" for kind, count in several.items() if count)
        found.remarks.append(f"studies with several series of a kind: {shown}. Each level takes the nearest slice.")


def _examine_images(found: Diagnosis, tasks: list[StudyTask], workers: int | None) -> None:
    images, readable, unreadable, empty = 0, 0, [], 0
    results = run_tasks(examine_study, tasks, workers)
    for task, result in tqdm(results, "doctor", len(tasks), unit="study", disable=None, leave=False):
        if isinstance(result, Exception):
            unreadable.append(f"{task.study_id}: {result}")
            continue
        images += result[0]
        readable += result[1]
        empty += result[2]
        unreadable += result[3]
    found.add("series_without_images", empty, "Other views or the prior answer there.")
    found.findings["images"] = images
    found.add("unreadable_files", sorted(unreadable), "They are passed over:")
    found.remarks += [f"  {line}" for line in sorted(unreadable)[:10]]
    if not readable:
        found.rows_lost = True
        found.remarks.append("no image can be read: every row would be a prior.")


def examine_study(task: StudyTask) -> tuple[int, int, int, list[str]]:
    """Of one study: number of .dcm files, of usable headers, of series without files; unusable files with why."""
    study = read_study(task.images, task.study_id, task.series)
    folders = {one.series_id: task.images / str(task.study_id) / str(one.series_id) for one in study}
    files = {series_id: [p for p in list_files(folder) if p.suffix == ".dcm"] for series_id, folder in folders.items()}
    unreadable = [
        f"{task.study_id}/{one.series_id}/{name}: {why}" for one in study for name, why in sorted(one.skipped.items())
    ]
    usable = sum(len(one.slices) for one in study)
    return sum(map(len, files.values())), usable, sum(not found for found in files.values()), unreadable
