"""A user's own grades become labels."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from cohort import write_csv

from stenosis_kit.adopt.grades import read_grades, write_grades
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.labels import read_solution
from stenosis_kit.tables.root import Root

STUDIES = {"A1": 11, "1.2.3": 12, "12": 12}
CANAL, LEFT_FORAMEN, RIGHT_RECESS = (
    "spinal_canal_stenosis", "left_neural_foraminal_narrowing", "right_subarticular_stenosis",
)  # fmt: skip


def grades(tmp_path: Path, *rows: tuple, scale: str = "grade", study: str = "Accession"):
    named = [dict(zip((study, "level", "side", "condition", scale), row, strict=True)) for row in rows]
    return read_grades(write_csv(tmp_path / "grades.csv", named), STUDIES)


@pytest.mark.parametrize(
    ("row", "cell", "scale"),
    [
        (("A1", "L4/L5", "", "Spinal canal stenosis", "Severe"), (11, CANAL, "l4_l5", "severe"), "grade"),
        (("12", "l5_s1", "L", "foraminal", "mild"), (12, LEFT_FORAMEN, "l5_s1", "normal_mild"), "grade"),
        (("1.2.3", "L3-4", "right", "lateral recess", "1"), (12, RIGHT_RECESS, "l3_l4", "moderate"), "grade_0_2"),
        (("A1", "L5-S1", "", "central", "1"), (11, CANAL, "l5_s1", "normal_mild"), "grade_0_3"),
        (("A1", "1/2", "", "left neural foraminal narrowing", "3"), (11, LEFT_FORAMEN, "l1_l2", "severe"), "grade_0_3"),
        (("A1", "L4/L5", "L", "Foraminal canal stenosis", "Severe"), (11, LEFT_FORAMEN, "l4_l5", "severe"), "grade"),
        (("12", "L4/L5", "R", "lateral recess of the canal", "2"), (12, RIGHT_RECESS, "l4_l5", "severe"), "grade_0_2"),
        (("A1", "L4 to L5", "", "spinal", "2.0"), (11, CANAL, "l4_l5", "severe"), "grade_0_2"),
        (("12.0", "L5/S1", "left", "left foraminal", "mild"), (12, LEFT_FORAMEN, "l5_s1", "normal_mild"), "grade"),
    ],
    ids=[
        "words",
        "mild",
        "0 to 2",
        "0 to 3",
        "side in the condition",
        "a foramen's canal",
        "a canal's recess",
        "a decimal grade",
        "a decimal study",
    ],
)
def test_spellings_and_scales(tmp_path: Path, row: tuple, cell: tuple, scale: str) -> None:
    assert grades(tmp_path, row, scale=scale) == {cell[:3]: cell[3]}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("A1", "L6/S1", "", "canal", "mild"), "no such cell"),
        (("A1", "L4/L5", "", "foraminal", "mild"), "no such cell"),
        (("A1", "L4/L5", "", "listhesis", "mild"), "no such cell"),
        (("A1", "L4/L5", "L", "canal", "mild"), "no such cell"),
        (("A1", "L4/L5", "", "Right spinal canal", "mild"), "no such cell"),
        (("A1", "L4/L5", "", "canal", "2"), "no grade"),
        (("A1", "L5/L1", "", "canal", "mild"), "no such cell"),
        (("A1", "L4/S1", "", "canal", "mild"), "no such cell"),
        (("A1", "L4/L5", "links", "canal", "mild"), "no such cell"),
        (("A1", "L4/L5", "left", "right foraminal", "mild"), "no such cell"),
    ],
    ids=[
        "level",
        "no side",
        "condition",
        "a canal's side",
        "a canal's side in words",
        "a number without a scale",
        "the first vertebra",
        "two levels",
        "an unknown side",
        "two sides",
    ],
)
def test_rows_that_are_no_good_are_named(tmp_path: Path, row: tuple, told: str) -> None:
    with pytest.raises(TableError, match=f"row 2: {told}") as error:
        grades(tmp_path, row)
    assert "A1" not in str(error.value), "an accession number tells who it is"


def test_contradictions_strangers_and_columns(tmp_path: Path) -> None:
    row = ("A1", "L4/L5", "", "canal", "mild")
    with pytest.raises(TableError, match="row 3: another grade"):
        grades(tmp_path, row, (*row[:4], "severe"))
    assert len(grades(tmp_path, row, row, ("unknown", *row[1:]))) == 1
    assert len(grades(tmp_path, row, ("A1", "L3/L4", "", "canal", None))) == 1, "not graded"
    with pytest.raises(InputError, match="those of others"):
        grades(tmp_path, ("unknown", *row[1:]))
    with pytest.raises(InputError, match="one of grade, grade_0_2, grade_0_3"):
        grades(tmp_path, row, scale="score")


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    given = {(11, CANAL, "l4_l5"): "severe", (12, LEFT_FORAMEN, "l1_l2"): "normal_mild"}
    pl.DataFrame({"study_id": [11, 12], "series_id": [1, 1], "series_description": ["Axial T2"] * 2}).write_csv(
        tmp_path / "train_series_descriptions.csv"
    )
    write_grades(tmp_path, "train", given)
    write_grades(tmp_path, "test", given)
    root = Root(tmp_path).checked()
    for cells in (root.cells.drop_nulls("severity"), read_solution(tmp_path / "solution.csv")):
        rows = cells.select("study_id", "condition", "level", "severity").iter_rows()
        assert {row[:3]: row[3] for row in rows} == given
    assert root.points.is_empty()
