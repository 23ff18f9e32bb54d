"""The CSV tables of a small made-up competition root: written whole, or broken the way a case needs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from fabricate import plane, write_dicom

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.labels import cells_from_wide, read_labels
from stenosis_kit.tables.points import read_points
from stenosis_kit.tables.series import read_series

STUDIES = (101, 102, 103, 104)
TEST_STUDIES = (202, 201)  # not in order: the grid has to be
KINDS = {1: rsna.SAGITTAL_T1, 2: rsna.SAGITTAL_T2, 3: rsna.AXIAL_T2}
TABLE_NAMES = (
    "train.csv",
    "train_label_coordinates.csv",
    "train_series_descriptions.csv",
    "test_series_descriptions.csv",
    "sample_submission.csv",
)
TABLE_READERS = {
    "train.csv": read_labels,
    "train_label_coordinates.csv": read_points,
    "train_series_descriptions.csv": read_series,
}

Row = dict[str, object]


class Tables:
    """The five tables as lists of rows; a test changes what it wants, then writes them.

    Study 101 has the series 1011 (T1), 1012 (T2) and 1013 (axial), and so on. All cells are labelled and have a
    point; all three severities occur in each condition.
    """

    def __init__(self, studies: Sequence[int] = STUDIES, test_studies: Sequence[int] = TEST_STUDIES) -> None:
        self.labels: list[Row] = [label_row(study) for study in studies]
        self.points: list[Row] = [point for study in studies for point in point_rows(study)]
        self.series: list[Row] = [one for study in studies for one in series_rows(study)]
        self.test_series: list[Row] = [one for study in test_studies for one in series_rows(study)]
        self.sample: list[Row] = [
            {"row_id": f"{study}_{column}", **dict.fromkeys(rsna.SEVERITIES, 1 / 3)}
            for study in sorted(test_studies)
            for column in rsna.LABEL_COLUMNS
        ]

    def write(self, root: Path) -> Path:
        """Writes all tables and returns the root."""
        contents = (self.labels, self.points, self.series, self.test_series, self.sample)
        for name, rows in zip(TABLE_NAMES, contents, strict=True):
            write_csv(root / name, rows)
        return root


def severity_label(study: int, place: int) -> str:
    """The label of a study's cell, by its place in `rsna.CELLS`. Of three studies in a row, all three labels occur in
    each condition, and one study (102 is the first) has no severe canal.
    """
    return rsna.SEVERITY_LABELS[(study + place * place) % 3]


def label_row(study: int) -> Row:
    return {"study_id": study} | {name: severity_label(study, k) for k, name in enumerate(rsna.LABEL_COLUMNS)}


def point_rows(study: int) -> list[Row]:
    digit = {kind: number for number, kind in KINDS.items()}
    return [
        {
            "study_id": study,
            "series_id": study * 10 + digit[rsna.CONDITION_BY_NAME[condition].series_kind],
            "instance_number": 1 + rsna.LEVELS.index(level),
            "condition": rsna.CONDITION_BY_NAME[condition].label,
            "level": rsna.LEVEL_LABELS[rsna.LEVELS.index(level)],
            "x": 3.5,
            "y": 4.25,
        }
        for condition, level in rsna.CELLS
    ]


def series_rows(study: int) -> list[Row]:
    return [
        {"study_id": study, "series_id": study * 10 + number, "series_description": kind}
        for number, kind in KINDS.items()
    ]


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    """Writes rows with the first one's columns; a missing or None value is an empty field."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def swap_text(path: Path, old: str, new: str, count: int = 1) -> Path:
    """Replaces the first occurrences of a text in a file; it has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


def write_images(root: Path, split: str, series: Iterable[Row], slices: int = 3) -> Path:
    """Writes tiny slices of the series of a table and returns the image folder."""
    folder = root / rsna.images_folder(split)
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    for one in series:
        kind = "axial" if one["series_description"] == rsna.AXIAL_T2 else "sagittal"
        for number in range(1, slices + 1):
            path = folder / str(one["study_id"]) / str(one["series_id"]) / f"{number}.dcm"
            write_dicom(path, plane(kind, 4.0 * number, mm=20.0, shape=(8, 8)), pixels)
    return folder


def read_cells(path: Path) -> pl.DataFrame:
    """The cells of a wide table."""
    return cells_from_wide(read_labels(path).rows)


def problems(root: Path, name: str) -> list[str]:
    """What of a root's table cannot be used, or why nothing of it can."""
    try:
        return TABLE_READERS[name](root / name).problems
    except TableError as error:
        return error.problems
