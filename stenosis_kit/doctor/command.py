"""The doctor's round: tables first, then the images study by study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.doctor.diagnosis import EXAMPLES, Diagnosis
from stenosis_kit.doctor.images import CONSEQUENCES, StudyFindings, examine_study
from stenosis_kit.doctor.tables import examine_labels, examine_points, examine_series
from stenosis_kit.errors import InputError
from stenosis_kit.predict import unlabelled_tasks
from stenosis_kit.study import LabelPoint, StudyTask
from stenosis_kit.tables import SERIES_TABLE, read_cells, read_points, read_series
from stenosis_kit.tabular import TEXT, Column, read_table
from stenosis_kit.workers import run_tasks


def doctor(data: Path | str, split: str = "train", workers: int | None = None, pixels: bool = False) -> Diagnosis:
    """Examines the tables that are there against each other, and the images if there are any.

    Args:
        data: a competition root, or part of one.
        split: train or test.
        workers: processes that read images; all cores by default.
        pixels: decode every image too, not only its header.

    Raises:
        InputError: where the folder holds no table of the split at all.
    """
    data, found = Path(data), Diagnosis()
    reader = read_series if split == "train" else _read_test_series
    series = _table(data / rsna.series_table(split), reader, found)
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
        examine_labels(found, cells)
    if points is not None:
        examine_points(found, points, cells, series, studies)
    if series is not None:
        examine_series(found, series, studies, split)
        if (data / rsna.images_folder(split)).is_dir():
            _examine_images(found, _tasks(data, split, series, points), workers, pixels)
        else:
            found.remarks.append(f"no {rsna.images_folder(split)}/: the images were not examined.")
    return found


def _table(path: Path, reader: Callable[..., pl.DataFrame], found: Diagnosis) -> pl.DataFrame | None:
    if not path.exists():
        found.remarks.append(f"{path.name}: not there; what needs it was not examined.")
        return None
    try:
        return reader(path, unique=False)
    except InputError as error:
        found.remarks.append(str(error))
        found.rows_lost = True
        return None


def _read_test_series(path: Path, unique: bool) -> pl.DataFrame:
    """As prediction reads it: a series of an unknown kind is no reason to refuse the table."""
    frame = read_table(path, SERIES_TABLE | {"series_description": Column(TEXT, optional=True)})
    if frame.is_empty():
        raise InputError(path, "at least one series", "a table without rows", "Download it again.")
    return frame


def _studies(*frames: pl.DataFrame | None) -> list[int]:
    """Of the first table that is there: labels, else series, else points."""
    frame = next(frame for frame in frames if frame is not None)
    return frame["study_id"].unique().sort().to_list()


def _tasks(data: Path, split: str, series: pl.DataFrame, points: pl.DataFrame | None) -> list[StudyTask]:
    """A task for each study, with its label points."""
    by_study: dict[int, dict[tuple[str, str], LabelPoint]] = {}
    columns = ("study_id", "condition", "level", "series_id", "instance_number", "x", "y")
    for study, condition, level, *place in points.select(columns).iter_rows() if points is not None else ():
        by_study.setdefault(study, {})[condition, level] = LabelPoint(*place)
    return [replace(task, points=by_study.get(task.study_id, {})) for task in unlabelled_tasks(data, split, series)]


def _examine_images(found: Diagnosis, tasks: list[StudyTask], workers: int | None, pixels: bool) -> None:
    total = StudyFindings()
    results = run_tasks(partial(examine_study, pixels=pixels), tasks, workers)
    for task, result in tqdm(results, "doctor", len(tasks), unit="study", disable=None, leave=False):
        if isinstance(result, Exception):
            total.note("studies_not_examined", f"{task.study_id}: {result}")
        else:
            total.merge(result)
    _note_strangers(total, tasks)
    found.findings["images"] = total.counts["images"]
    found.findings["largest_file_number"] = total.largest
    found.add("transfer_syntaxes", dict(total.syntaxes.most_common()))
    unreadable = sorted(total.unreadable)
    found.add("unreadable_files", unreadable, "They are passed over.", unreadable[: EXAMPLES + 1])
    for key, consequence in CONSEQUENCES.items():
        found.add(key, total.counts[key], consequence, total.examples.get(key, []))
    if not total.counts["usable"]:
        found.rows_lost = True
        found.remarks.append("no image can be read: every row would be a prior.")


def _note_strangers(total: StudyFindings, tasks: list[StudyTask]) -> None:
    """Folders of studies that no table knows."""
    known = {str(task.study_id) for task in tasks}
    for path in sorted(tasks[0].images.iterdir()):
        if path.name not in known and path.is_dir():
            total.note("unlisted_studies", path.name)
