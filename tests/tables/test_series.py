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


def test_a_column_given_twice_is_an_input_error_or_the_first_one_counts(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    plain = read_series(path).rows
    path.write_text("\n".join(f"{line}, {line.split(',')[0]}" for line in path.read_text().splitlines()))
    assert path.read_text().startswith("study_id,series_id,series_description, study_id\n")
    try:
        frame = read_series(path).rows
    except InputError:
        return
    assert frame.equals(plain)


def test_all_missing_columns_are_named(root: Path) -> None:
    rows = [{"study_id": row["study_id"], "z": "1"} for row in read_csv(root / "train_series_descriptions.csv")]
    write_csv(root / "train_series_descriptions.csv", rows)
    assert problems(root, "train_series_descriptions.csv") == [
        "row 1: expected a column series_id; found study_id, z",
        "row 1: expected a column series_description; found study_id, z",
    ]
