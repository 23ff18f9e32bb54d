"""The cohort's tables: the competition's, and of the test split what only a phantom can know."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stenosis_kit import rsna
from stenosis_kit.base.files import replacing
from stenosis_kit.phantom.study import Study

_POINT_COLUMNS = ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")
_MM_COLUMNS = ("patient_x_mm", "patient_y_mm", "patient_z_mm")
# train.csv has another order than the submission.
_TRAIN_ORDER = [
    *("spinal_canal_stenosis", "left_neural_foraminal_narrowing", "right_neural_foraminal_narrowing"),
    *("left_subarticular_stenosis", "right_subarticular_stenosis"),
]


def write_tables(out: Path, studies: Sequence[Study]) -> None:
    """Writes all tables of a cohort."""
    for split in rsna.SPLITS:
        mine = [study for study in studies if study.order.split == split]
        header = ("study_id", "series_id", "series_description")
        _write(out / rsna.series_table(split), header, _series_rows(mine))
    train = [study for study in studies if study.order.split == "train"]
    test = [study for study in studies if study.order.split == "test"]
    columns = [f"{name}_{level}" for name in _TRAIN_ORDER for level in rsna.LEVELS]
    _write(out / rsna.TRAIN_TABLE, ("study_id", *columns), _label_rows(train))
    _write(out / rsna.POINTS_TABLE, _POINT_COLUMNS, _point_rows(train))
    _write(out / rsna.SAMPLE_SUBMISSION, rsna.SUBMISSION_COLUMNS, _uniform_rows(test))
    _write(out / rsna.SOLUTION, (*rsna.SUBMISSION_COLUMNS, "sample_weight"), _solution_rows(test))
    _write(out / rsna.SOLUTION_POINTS, (*_POINT_COLUMNS, *_MM_COLUMNS), _true_point_rows(test))
    _write(out / "oracle_submission.csv", rsna.SUBMISSION_COLUMNS, _oracle_rows(test))
    header = ("study_id", "split", "condition", "level", "signal", "compromise", "severity")
    _write(out / "latents.csv", header, _latent_rows(studies))


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _series_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for series_id, series in study.series.items():
            yield study.order.study_id, series_id, series.kind


def _label_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        rows = [study.labels[rsna.CONDITION_NAMES.index(name)] for name in _TRAIN_ORDER]
        labels = ["" if label < 0 else rsna.SEVERITY_LABELS[label] for row in rows for label in row]
        yield study.order.study_id, *labels


def _point_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for (condition, level), (series_id, number, x, y, _) in study.points.items():
            name = rsna.CONDITIONS[condition].label
            yield study.order.study_id, series_id, number, name, rsna.LEVEL_LABELS[level], x, y


def _true_point_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for (condition, level), (series_id, number, x, y, place) in study.true_points.items():
            name = rsna.CONDITIONS[condition].label
            yield study.order.study_id, series_id, number, name, rsna.LEVEL_LABELS[level], x, y, *place.tolist()


def _cells(study: Study) -> Iterator[tuple[str, int, int]]:
    """Row id, condition and level of all 25 cells in the submission's order."""
    for condition, name in enumerate(rsna.CONDITION_NAMES):
        for level, level_name in enumerate(rsna.LEVELS):
            yield rsna.row_id(study.order.study_id, name, level_name), condition, level


def _uniform_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for row, *_ in _cells(study):
            yield row, 1 / 3, 1 / 3, 1 / 3


def _solution_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for row, condition, level in _cells(study):
            label = int(study.labels[condition, level])
            if label >= 0:
                yield row, *(int(label == k) for k in range(3)), int(rsna.SEVERITY_WEIGHTS[label])


def _oracle_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for row, condition, level in _cells(study):
            yield row, *study.severity.oracle[condition, level].tolist()


def _latent_rows(studies: Iterable[Study]) -> Iterator[tuple]:
    for study in studies:
        for _, condition, level in _cells(study):
            label = int(study.labels[condition, level])
            signal, lost = (values[condition, level] for values in (study.severity.signal, study.severity.compromise))
            severity = "" if label < 0 else rsna.SEVERITIES[label]
            cell = rsna.CONDITION_NAMES[condition], rsna.LEVELS[level]
            yield study.order.study_id, study.order.split, *cell, float(signal), float(lost), severity
