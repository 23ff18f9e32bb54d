"""The series table."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort import problems, read_csv, swap_text, write_csv

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.series import read_series


def test_a_series_table_of_a_header_alone_is_refused(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="at least one series"):
        read_series(path)


def test_a_row_with_too_many_fields_is_an_input_error(root: Path) -> None:
    swap_text(root / "train_series_descriptions.csv", "Sagittal T1\n", "Sagittal T1,x,y\n")
    with pytest.raises(InputError):
        read_series(root / "train_series_descriptions.csv")


def test_a_file_cut_off_inside_a_row_keeps_the_others(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    plain = read_series(path).rows
    path.write_text(path.read_text().rstrip()[:-13])
    assert path.read_text().endswith("\n104,")
    table = read_series(path)
    assert table.rows[:-1].equals(plain[:-1])
    assert table.rows.height == plain.height


@pytest.mark.parametrize("again", [" study_id", "study_id"])
def test_a_column_given_twice_is_an_input_error(root: Path, again: str) -> None:
    path = root / "train_series_descriptions.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},{again}", *(f"{line},{line.split(',')[0]}" for line in lines)]))
    with pytest.raises(InputError, match="columns of different names; found 'study_id' twice"):
        read_series(path)


def test_of_two_columns_that_differ_in_case_alone_none_is_taken(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([f"STUDY_ID,{header.title()}", *(f"1,{line}" for line in lines)]))
    with pytest.raises(InputError, match="expected a column study_id; found STUDY_ID, Study_Id"):
        read_series(path)


def test_all_missing_columns_are_named(root: Path) -> None:
    rows = [{"study_id": row["study_id"], "z": "1"} for row in read_csv(root / "train_series_descriptions.csv")]
    write_csv(root / "train_series_descriptions.csv", rows)
    assert problems(root, "train_series_descriptions.csv") == [
        "row 1: expected a column series_id; found study_id, z",
        "row 1: expected a column series_description; found study_id, z",
    ]
