"""doctor: examines the tables, then the images study by study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.doctor.diagnosis import EXAMPLES, Diagnosis
from stenosis_kit.doctor.images import CONSEQUENCES, StudyFindings, examine_study
from stenosis_kit.doctor.tables import examine_broken_rows, examine_labels, examine_points, examine_series
from stenosis_kit.images.names import is_folder, list_files
from stenosis_kit.road.passed_over import first_of, nothing_readable
from stenosis_kit.tables.labels import LABEL_KEY
from stenosis_kit.tables.points import POINT_TABLE
from stenosis_kit.tables.reading import Reading
from stenosis_kit.tables.root import Root, as_root
from stenosis_kit.tables.series import SERIES_KEY
from stenosis_kit.tables.study import Study


def doctor(
    data: Root | Path | str, split: str = "train", workers: int | None = None, pixels: bool = False
) -> Diagnosis:
    """Examines the tables that are there against each other, and the images if there are any.

    Args:
        data: a competition root, or part of one.
        split: train or test.
        workers: processes that read images; all cores by default.
        pixels: decode every image too, not only its header.

    Raises:
        InputError: where the folder holds no table of the split at all.
    """
    root, found = as_root(data, split), Diagnosis()
    readings = [root.series_table]
    series, labels, points = _rows(root.series_table, SERIES_KEY, found), None, None
    if root.split == "train":
        readings += [root.label_table, root.point_table]
        labels = _rows(root.label_table, LABEL_KEY, found)
        points = _rows(root.point_table, POINT_TABLE, found)
    tables = [table for table in (labels, series, points) if table is not None]
    if not tables:
        if found.rows_lost:
            expected, remedy = "a readable table", "Download them again."
            raise InputError(root.folder, expected, "none: " + " / ".join(found.remarks), remedy)
        raise InputError(root.folder, f"tables of the {root.split} split", "none", "Give the competition's folder.")
    rows = root.grid if root.split == "test" else tables[0]  # the sample submission may know further studies
    studies = rows["study_id"].unique().sort().to_list()
    found.findings |= {"studies": len(studies), "cells": len(studies) * len(rsna.CELLS)}
    examine_broken_rows(found, readings)
    cells = root.cells if labels is not None else None
    if labels is not None:
        examine_labels(found, labels, cells)
    if points is not None:
        examine_points(found, points, cells, series, studies)
    if series is not None:
        examine_series(found, series, studies, root.split)
        if root.images.is_dir():
            listed = root.studies()
            _examine_images(found, root.with_points(listed) if points is not None else listed, workers, pixels)
        else:
            found.remarks.append(f"no {root.images.name}/: the images were not examined.")
    return found


def _rows(reading: Reading, needed: Iterable[str], found: Diagnosis) -> pl.DataFrame | None:
    """A table's rows that have the needed values; None, with a remark, where it is not there or cannot be used."""
    if reading.missing:
        found.remarks.append(f"{reading.path.name}: not there; what needs it was not examined.")
    elif reading.error:
        found.remarks.append(str(reading.error))
        found.rows_lost = True
    return None if reading.rows is None else reading.rows.drop_nulls(list(needed))


def _examine_images(found: Diagnosis, studies: list[Study], workers: int | None, pixels: bool) -> None:
    total = StudyFindings()
    results = run_tasks(partial(examine_study, pixels=pixels), studies, workers)
    for study, result in tqdm(results, "doctor", len(studies), unit="study", disable=None, leave=False):
        if isinstance(result, Exception):
            total.note("studies_not_examined", f"{study.study_id}: {result}")
        else:
            total.merge(result)
    _note_unlisted(total, studies)
    found.findings["images"] = total.counts["images"]
    found.findings["largest_file_number"] = total.largest
    found.add("transfer_syntaxes", dict(total.syntaxes.most_common()))
    unreadable = [f"{file}: {why}" for file, why in sorted(total.unreadable.items())]
    found.add("unreadable_files", unreadable, "They are passed over.", _one_of_each(total.unreadable))
    for key, consequence in CONSEQUENCES.items():
        found.add(key, total.counts[key], consequence, total.examples.get(key, []))
    if not total.counts["usable"]:
        found.rows_lost = True
        if not total.counts["studies_not_examined"]:
            found.remarks.append(f"{nothing_readable(studies[0].images, total.unreadable)}")
        found.remarks.append("no image can be read: every row would be a prior.")


def _one_of_each(unreadable: dict[str, str]) -> list[str]:
    """The first file of each reason, the most frequent reason first."""
    reasons = Counter(unreadable.values()).most_common(EXAMPLES + 1)
    return [f"{first_of(unreadable, why)}: {why}" for why, _ in reasons]


def _note_unlisted(total: StudyFindings, studies: list[Study]) -> None:
    """Folders of studies that no table knows."""
    known = {str(study.study_id) for study in studies}
    for path in list_files(studies[0].images):
        if path.name not in known and is_folder(path):
            total.note("unlisted_studies", path.name)
