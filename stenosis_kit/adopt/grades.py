"""A user's own grades, as train.csv or solution.csv."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.adopt.series import Found
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_frame
from stenosis_kit.tables.csv_table import EXAMPLES, TableError, and_more, read_text, with_names
from stenosis_kit.tables.labels import solution_of
from stenosis_kit.tables.points import POINT_TABLE
from stenosis_kit.tables.rewritten_ids import INTEGER

_STUDY = ("study", "study_id", "accession", "accession_number", "study_uid", "studyinstanceuid")
_SCALES = {
    "grade": {"normal": 0, "none": 0, "mild": 0, "normal/mild": 0, "normal_mild": 0, "moderate": 1, "severe": 2},
    "grade_0_2": {"0": 0, "1": 1, "2": 2},
    "grade_0_3": {"0": 0, "1": 0, "2": 1, "3": 2},
}
"""Columns of grades: in words, 0 to 2 (normal or mild, moderate, severe), 0 to 3 (normal, mild, moderate, severe)."""
_TERMS = (("foraminal", "foram"), ("subarticular", "subart|recess"), ("spinal", "spinal|canal|central"))
"""By words, the first that fit: foramina and recesses may be called parts of a canal, the canal no part of these."""
_SIDES = {"l": rsna.LEFT, "left": rsna.LEFT, "r": rsna.RIGHT, "right": rsna.RIGHT}

Grades = dict[tuple[int, str, str], str]
"""{(study_id, condition, level): severity}."""


def known_names(found: list[Found]) -> dict[str, int]:
    """{what a table may call a study: its id}: the id itself, its UID, its accession number where no other has it."""
    ids = {name: one.key[0] for one in found for name in (str(one.key[0]), one.study)}
    accessions: dict[str, set[int]] = defaultdict(set)
    for one in found:
        for image in one.images.values():
            accessions[image.accession].add(one.key[0])
    return {name: min(own) for name, own in accessions.items() if name and len(own) == 1} | ids


def read_grades(path: Path, studies: Mapping[str, int]) -> Grades:
    """Reads a table with a column that names the study, level, side (empty for the canal), condition, and a grade.

    Args:
        path: of the CSV.
        studies: see `known_names`; rows of others, and rows without a grade, are ignored.

    Raises:
        InputError: where the table cannot be used, or has no grade of these studies.
        TableError: with the rows that cannot be, or that contradict one another.
    """
    text = with_names(read_text(path), [*_STUDY, *_SCALES, "level", "side", "condition"])
    study, scale = (next((name for name in some if name in text.columns), "") for some in (_STUDY, _SCALES))
    if not study or not scale or not {"level", "condition"} <= set(text.columns):
        expected = f"a study ({', '.join(_STUDY)}), level, side, condition, and one of {', '.join(_SCALES)}"
        raise InputError(path, expected, ", ".join(text.columns), "Rename its columns: the last says what grades mean.")
    grades: Grades = {}
    problems = []
    for number, row in enumerate(text.iter_rows(named=True), 2):
        if not row[scale]:
            continue
        cell, grade = _cell(row), _SCALES[scale].get(_whole(row[scale].lower()))
        named = row[study] if row[study] in studies else _whole(row[study] or "")
        if cell is None or grade is None:
            shown = ", ".join(f"{name} {row.get(name)!r}" for name in ("level", "side", "condition", scale))
            problems.append(f"row {number}: {'no such cell' if cell is None else f'no {scale}'}: {shown}")
        elif named in studies:
            key = (studies[named], *cell)
            if grades.setdefault(key, rsna.SEVERITIES[grade]) != rsna.SEVERITIES[grade]:
                problems.append(f"row {number}: another grade of {key[1]} {key[2]} stands in an earlier row")
    if problems:
        raise TableError(path, [*problems[:EXAMPLES], *and_more(problems)])
    if not grades:
        raise InputError(path, "grades of the folder's studies", "those of others", "Name them as adopted.csv does.")
    return grades


def write_grades(root: Path, split: str, grades: Grades) -> None:
    """Writes train.csv, and a table of points without rows: labels are placed where the localiser finds their levels.

    Of the test split solution.csv.
    """
    cells = pl.DataFrame([(*key, severity) for key, severity in sorted(grades.items())], schema=_SCHEMA, orient="row")
    if split == "test":
        write_frame(root / rsna.SOLUTION, solution_of(cells))
        return
    words = dict(zip(rsna.SEVERITIES, rsna.SEVERITY_LABELS, strict=True))
    rows: dict[int, dict[str, object]] = {}
    for (study, condition, level), severity in grades.items():
        blank = {"study_id": study} | dict.fromkeys(rsna.LABEL_COLUMNS)
        rows.setdefault(study, blank)[f"{condition}_{level}"] = words[severity]
    write_frame(
        root / rsna.TRAIN_TABLE, pl.DataFrame([rows[study] for study in sorted(rows)], infer_schema_length=None)
    )
    write_frame(root / rsna.POINTS_TABLE, pl.DataFrame({name: [] for name in POINT_TABLE}))


def _whole(text: str) -> str:
    """An integer as it was before pandas wrote it as a decimal, as it does in a column with gaps; other text stays."""
    return re.sub(INTEGER, r"\1", text)


_SCHEMA = {"study_id": pl.Int64, "condition": pl.String, "level": pl.String, "severity": pl.String}


def _cell(row: Mapping[str, str | None]) -> tuple[str, str] | None:
    """(condition, level) of a row; None where it names none: foramina and recesses have a side, the canal has none."""
    named, level = (row["condition"] or "").lower(), _level((row["level"] or "").lower())
    term = next((term for term, words in _TERMS if re.search(words, named)), "")
    words = [(row.get("side") or "").lower(), *(side for side in ("left", "right") if side in named)]
    sides = {_SIDES.get(word, word) for word in words if word} or {None}
    if not level or len(sides) > 1:
        return None
    try:
        return rsna.condition_of(term, *sides).name, level
    except StopIteration:
        return None


def _level(text: str) -> str:
    """A level as row ids spell it; nothing where it is none."""
    found = re.fullmatch(r"l?([1-5])[^0-9]*?([ls]?)([1-5])", text)
    below = "s" if found and found[1] == "5" else "l"
    level = f"l{found[1]}_{below}{found[3]}" if found and found[2] in ("", below) else ""
    return level if level in rsna.LEVELS else ""
