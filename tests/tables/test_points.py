"""Label points."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort import Tables, problems

from stenosis_kit import rsna
from stenosis_kit.tables.points import read_points


def test_points_are_spelt_as_row_ids_spell_them(root: Path) -> None:
    points = read_points(root / "train_label_coordinates.csv").rows
    first = points.row(0, named=True)
    assert first == {
        "study_id": 101,
        "series_id": 1011,
        "instance_number": 1,
        "condition": "left_neural_foraminal_narrowing",
        "level": "l1_l2",
        "x": 3.5,
        "y": 4.25,
    }
    assert set(points.select("condition", "level").iter_rows()) == set(rsna.CELLS)


@pytest.mark.parametrize("found", ["nan", "inf", "-inf", "x"])
def test_a_pixel_that_is_not_a_finite_number_is_left_out_and_named(tmp_path: Path, found: str) -> None:
    tables = Tables()
    tables.points[4]["y"] = found
    assert problems(tables.write(tmp_path), "train_label_coordinates.csv") == [
        f"row 6, column y: expected a number; found {found!r}"
    ]


def test_a_decimal_comma_is_left_out_and_called_one(tmp_path: Path) -> None:
    tables = Tables()
    tables.points[4]["y"] = "1,5"
    assert problems(tables.write(tmp_path), "train_label_coordinates.csv") == [
        "row 6, column y: expected a number with a decimal point; found '1,5'"
    ]
