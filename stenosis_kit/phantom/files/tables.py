"""The cohort's tables: the competition's, and of the test split what only a phantom can know."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stenosis_kit import rsna
from stenosis_kit.base.files import replacing
from stenosis_kit.phantom.study import Cell, Point, Study

LATENTS = "latents.csv"

_SERIES_COLUMNS = ("study_id", "series_id", "series_description")
_POINT_COLUMNS = ("study_id", "series_id", "instance_number", "condition", "level", "x", "y")
_MM_COLUMNS = ("patient_x_mm", "patient_y_mm", "patient_z_mm")
_LATENT_COLUMNS = ("study_id", "split", "condition", "level", "signal", "compromise", "severity")
# train.csv lists the canal first, then the foramina and the recesses, left before right.
_TRAIN_ORDER = sorted(rsna.CONDITIONS, key=lambda condition: rsna.TERMS.index(condition.term))


def write_tables(out: Path, studies: Sequence[Study]) -> None:
    """Writes all tables of a cohort."""
    of_split = {split: [study for study in studies if study.order.split == split] for split in rsna.SPLITS}
    for split, some in of_split.items():
        rows = ((s.order.study_id, key, series.kind) for s in some for key, series in s.series.items())
        _write(out / rsna.series_table(split), _SERIES_COLUMNS, rows)
    _write_train_tables(out, of_split["train"])
    _write_test_tables(out, of_split["test"])
    _write(out / LATENTS, _LATENT_COLUMNS, (one.latents for study in studies for one in _answers(study)))


def _write_train_tables(out: Path, studies: Sequence[Study]) -> None:
    columns = [f"{condition.name}_{level}" for condition in _TRAIN_ORDER for level in rsna.LEVELS]
    _write(out / rsna.TRAIN_TABLE, ("study_id", *columns), map(_label_row, studies))
    points = (row[: len(_POINT_COLUMNS)] for study in studies for row in _point_rows(study, study.points))
    _write(out / rsna.POINTS_TABLE, _POINT_COLUMNS, points)


def _write_test_tables(out: Path, studies: Sequence[Study]) -> None:
    answers = [one for study in studies for one in _answers(study)]
    _write(out / rsna.SAMPLE_SUBMISSION, rsna.SUBMISSION_COLUMNS, ((one.row_id, *[1 / 3] * 3) for one in answers))
    _write(out / rsna.ORACLE, rsna.SUBMISSION_COLUMNS, ((one.row_id, *one.oracle) for one in answers))
    known = ((one.row_id, *one.truth) for one in answers if one.truth)
    _write(out / rsna.SOLUTION, (*rsna.SUBMISSION_COLUMNS, "sample_weight"), known)
    points = (row for study in studies for row in _point_rows(study, study.true_points))
    _write(out / rsna.SOLUTION_POINTS, (*_POINT_COLUMNS, *_MM_COLUMNS), points)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _label_row(study: Study) -> tuple:
    labels = [label for condition in _TRAIN_ORDER for label in study.labels[rsna.CONDITIONS.index(condition)]]
    return study.order.study_id, *("" if label < 0 else rsna.SEVERITY_LABELS[label] for label in labels)


def _point_rows(study: Study, points: dict[Cell, Point]) -> Iterator[tuple]:
    for (condition, level), (series_id, number, x, y, place) in points.items():
        names = rsna.CONDITIONS[condition].label, rsna.LEVEL_LABELS[level]
        yield study.order.study_id, series_id, number, *names, x, y, *place.tolist()


class _Answer(NamedTuple):
    """What is known about one cell: its submission id, and rows of three tables.

    `truth` is three one-hot columns and the sample weight, or nothing where the cell has no label.
    """

    row_id: str
    truth: tuple[int, ...]
    oracle: list[float]
    latents: tuple


def _answers(study: Study) -> Iterator[_Answer]:
    """All 25 cells in the submission's order."""
    order, severity = study.order, study.severity
    for place, (condition, level) in enumerate(rsna.CELLS):
        cell = divmod(place, len(rsna.LEVELS))
        label, truth, name = int(study.labels[cell]), (), ""
        if label >= 0:
            truth = *(int(label == k) for k in range(3)), int(rsna.SEVERITY_WEIGHTS[label])
            name = rsna.SEVERITIES[label]
        signal, lost = float(severity.signal[cell]), float(severity.compromise[cell])
        latents = order.study_id, order.split, condition, level, signal, lost, name
        yield _Answer(rsna.row_id(order.study_id, condition, level), truth, severity.oracle[cell].tolist(), latents)
