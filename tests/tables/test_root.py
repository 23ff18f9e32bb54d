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


def test_tables_that_cannot_be_used_come_in_one_error(root: Path) -> None:
    for name in TABLE_READERS:
        swap_text(root / name, "study_id", "study")
    with pytest.raises(TableError) as raised:
        Root(root).checked()
    assert [problem.split(":")[0] for problem in raised.value.problems] == list(TABLE_READERS)


def told(root: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What is said of a root's tables as they are checked for training."""
    Root(root).checked()
    return [record.getMessage().removeprefix(f"{root}/") for record in caplog.records]


def test_broken_rows_of_all_three_tables_are_named(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    swap_text(root / "train.csv", "Moderate", "Medium")
    swap_text(root / "train_label_coordinates.csv", "L1/L2", "L0/L1")
    swap_text(root / "train_series_descriptions.csv", "1011", "series")
    lines = told(root, caplog)
    assert {line.split(":")[0] for line in lines} == set(TABLE_READERS)
    assert all(line.endswith(": not used") for line in lines)


def test_a_healthy_root_is_silent(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert told(root, caplog) == []


def test_a_point_of_a_series_that_is_not_in_the_table_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tables = Tables()
    tables.points[3]["series_id"] = 9999
    assert told(tables.write(tmp_path), caplog) == [
        "train_label_coordinates.csv: row 5, column series_id: "
        "expected a series_id of train_series_descriptions.csv; found 9999: not used"
    ]


def test_a_point_on_another_studys_series_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = Tables()
    assert tables.points[0]["study_id"] == 101
    tables.points[0]["series_id"] = 1021
    (line,) = told(tables.write(tmp_path), caplog)
    assert "row 2, column series_id: " in line
    assert line.endswith("found 1021: not used")


def test_points_of_a_study_without_labels_row_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = Tables()
    del tables.labels[3]
    lines = told(tables.write(tmp_path), caplog)
    first = (
        "train_label_coordinates.csv: row 77, column study_id: expected a study_id of train.csv; found 104: not used"
    )
    assert lines[0] == first
    assert lines[-1].endswith("… and 22 more like it: not used")


# --- A broken row costs its own cells at most -------------------------------------------------------


def test_a_broken_label_costs_its_cell(tmp_path: Path) -> None:
    tables = Tables()
    tables.labels[1]["spinal_canal_stenosis_l4_l5"] = "Medium"
    cells = Root(tables.write(tmp_path)).checked().cells
    unlabelled = cells.filter(cells["severity"].is_null())
    assert list(unlabelled.iter_rows()) == [(102, "spinal_canal_stenosis", "l4_l5", None)]


def test_a_broken_study_id_costs_its_study_in_that_table(tmp_path: Path) -> None:
    tables = Tables()
    tables.labels[1]["study_id"] = "1o2"
    studies = Root(tables.write(tmp_path)).checked().labelled_studies()
    assert [study.study_id for study in studies] == [101, 103, 104]


def test_a_broken_series_id_costs_its_series(tmp_path: Path) -> None:
    tables = Tables()
    tables.series[4]["series_id"] = ""
    studies = Root(tables.write(tmp_path)).checked().labelled_studies()
    assert [len(study.series) for study in studies] == [3, 2, 3, 3]


@pytest.mark.parametrize("column", ["series_id", "instance_number", "condition", "level", "x", "y"])
def test_a_broken_point_costs_its_point(tmp_path: Path, column: str) -> None:
    tables = Tables()
    tables.points[30][column] = ""
    studies = Root(tables.write(tmp_path)).checked().labelled_studies()
    assert [len(study.points) for study in studies] == [25, 24, 25, 25]


def test_points_that_are_broken_are_nobodys_knowledge(tmp_path: Path) -> None:
    tables = Tables()
    for row, column in ((30, "x"), (31, "level"), (32, "condition")):
        tables.points[row][column] = ""
    tables.points.append(tables.points[0] | {"x": 99})
    known = Root(tables.write(tmp_path)).true_points
    assert known.height == len(tables.points) - 4
    assert not any(known[name].has_nulls() for name in known.columns)
    assert Root(tmp_path, "test").true_points is None


def test_of_doubled_rows_the_first_counts(tmp_path: Path) -> None:
    tables = Tables()
    plain = Root(tables.write(tmp_path / "plain")).checked().labelled_studies()
    tables.labels.append(tables.labels[0] | {"spinal_canal_stenosis_l1_l2": None})
    tables.points.append(tables.points[0] | {"x": 99})
    tables.series.append(tables.series[0] | {"series_description": "Axial T2"})
    doubled = Root(tables.write(tmp_path / "plain")).checked().labelled_studies()
    assert doubled == plain


def test_a_test_study_has_its_rows_though_all_its_series_are_broken(tmp_path: Path) -> None:
    tables = Tables()
    for row in tables.test_series:
        if row["study_id"] == 201:
            row["series_id"] = "?"
    root = tables.write(tmp_path)
    (root / "sample_submission.csv").unlink()
    test = Root(root, "test")
    assert test.grid.height == 50
    assert [(study.study_id, len(study.series)) for study in test.studies()] == [(201, 0), (202, 3)]


def test_where_the_series_table_cannot_be_used_the_samples_rows_stand(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = Root(root, "test").grid
    swap_text(root / "test_series_descriptions.csv", "series_id", "series")
    assert Root(root, "test").grid.equals(rows)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "expected a column series_id" in said


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
