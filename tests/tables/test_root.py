"""A competition root, all of its tables together."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort import TABLE_READERS, Tables, swap_text

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.root import Root


def test_train_tables_of_a_whole_root(root: Path) -> None:
    tables = Root(root).checked()
    assert (tables.cells.height, tables.points.height, tables.series.height) == (100, 100, 12)


def test_real_tables_are_valid(real_tables: Path) -> None:
    assert Root(real_tables).checked().cells.height == 25 * 1972


def test_problems_of_all_three_tables_come_in_one_error(root: Path) -> None:
    swap_text(root / "train.csv", "Moderate", "Medium")
    swap_text(root / "train_label_coordinates.csv", "L1/L2", "L0/L1")
    swap_text(root / "train_series_descriptions.csv", "1011", "series")
    with pytest.raises(TableError) as raised:
        Root(root).checked()
    assert [problem.split(":")[0] for problem in raised.value.problems] == list(TABLE_READERS)


def test_a_point_of_a_series_that_is_not_in_the_table_is_named(tmp_path: Path) -> None:
    tables = Tables()
    tables.points[3]["series_id"] = 9999
    with pytest.raises(TableError) as raised:
        Root(tables.write(tmp_path)).checked()
    assert raised.value.problems == [
        "train_label_coordinates.csv: row 5, column series_id: "
        "expected a series_id of train_series_descriptions.csv; found 9999"
    ]


def test_a_point_on_another_studys_series_is_named(tmp_path: Path) -> None:
    tables = Tables()
    assert tables.points[0]["study_id"] == 101
    tables.points[0]["series_id"] = 1021
    with pytest.raises(TableError, match="row 2, column series_id: .*; found 1021"):
        Root(tables.write(tmp_path)).checked()


def test_a_point_of_a_study_without_labels_row_is_named(tmp_path: Path) -> None:
    tables = Tables()
    del tables.labels[3]
    with pytest.raises(TableError) as raised:
        Root(tables.write(tmp_path)).checked()
    first = "train_label_coordinates.csv: row 77, column study_id: expected a study_id of train.csv; found 104"
    assert raised.value.problems[0] == first
    assert raised.value.problems[-1] == "… and 22 more like it"


@pytest.mark.parametrize("name", TABLE_READERS)
def test_a_root_that_lacks_a_table_is_an_input_error(root: Path, name: str) -> None:
    (root / name).unlink()
    with pytest.raises(InputError, match=name):
        Root(root).checked()


def test_a_root_that_does_not_exist_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no such folder"):
        Root(tmp_path / "nowhere").checked()


def test_a_folder_that_is_no_root_is_an_input_error_that_lists_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match=r"expected test_series_descriptions.csv; found notes.txt\."):
        _ = Root(tmp_path, "test").grid
