"""Labels: the wide table as cells, and solutions."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from cohort import STUDIES, Tables, problems, read_cells, read_csv, write_csv

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.labels import read_solution, usable_solution


def test_cells_are_long_in_the_grids_order(root: Path) -> None:
    cells = read_cells(root / "train.csv")
    assert cells.columns == ["study_id", "condition", "level", "severity"]
    assert cells["study_id"].to_list() == [study for study in STUDIES for _ in range(25)]
    assert list(cells.filter(study_id=101).select("condition", "level").iter_rows()) == list(rsna.CELLS)


def test_each_cell_has_its_own_columns_severity(root: Path) -> None:
    rows = {int(row["study_id"]): row for row in read_csv(root / "train.csv")}
    for study, condition, level, severity in read_cells(root / "train.csv").iter_rows():
        label = rows[study][f"{condition}_{level}"]
        assert severity == rsna.SEVERITIES[rsna.SEVERITY_LABELS.index(label)]


def test_cells_do_not_depend_on_the_order_of_rows_and_columns(tmp_path: Path, root: Path) -> None:
    rows = [dict(reversed(row.items())) for row in reversed(read_csv(root / "train.csv"))]
    turned = write_csv(tmp_path / "turned.csv", rows)
    assert turned.read_text().splitlines()[0].endswith(",study_id")
    assert read_cells(turned).equals(read_cells(root / "train.csv"))


@pytest.mark.parametrize("empty", ["", "  "])
def test_missing_labels_stay_null(tmp_path: Path, empty: str) -> None:
    tables = Tables()
    tables.labels[1]["spinal_canal_stenosis_l1_l2"] = empty
    cells = read_cells(tables.write(tmp_path) / "train.csv")
    missing = cells.filter(cells["severity"].is_null())
    assert list(missing.iter_rows()) == [(102, "spinal_canal_stenosis", "l1_l2", None)]


def test_a_table_with_labels_nowhere_is_all_null(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "train.csv", [{"study_id": 101} | dict.fromkeys(rsna.LABEL_COLUMNS)])
    assert read_cells(path)["severity"].to_list() == [None] * 25


def test_doubled_keys_pass_where_they_are_to_be_counted(root: Path) -> None:
    rows = read_csv(root / "train.csv")
    write_csv(root / "train.csv", [*rows, rows[0]])
    assert read_cells(root / "train.csv").height == 25 * (len(STUDIES) + 1)


@pytest.mark.parametrize("found", ["severe", "Mild", "Normal/Mild;", "nan", "2"])
def test_an_unknown_severity_is_named_with_row_and_column(tmp_path: Path, found: str) -> None:
    tables = Tables()
    tables.labels[2]["spinal_canal_stenosis_l5_s1"] = found
    root = tables.write(tmp_path)
    expected = "Normal/Mild, Moderate, Severe or nothing"
    assert problems(root, "train.csv") == [
        f"row 4, column spinal_canal_stenosis_l5_s1: expected {expected}; found {found!r}"
    ]


def solution_rows(*rows: tuple[str, object, object, object]) -> list[dict[str, object]]:
    return [dict(zip(("row_id", *rsna.SEVERITIES), row, strict=True)) for row in rows]


def test_a_solution_is_read_by_its_one_hot_columns(tmp_path: Path) -> None:
    rows = solution_rows(("101_spinal_canal_stenosis_l1_l2", 0, 0, 1), ("101_spinal_canal_stenosis_l2_l3", "1.0", 0, 0))
    truth = read_solution(write_csv(tmp_path / "solution.csv", rows))
    assert list(truth.iter_rows()) == [
        ("101_spinal_canal_stenosis_l1_l2", 101, "spinal_canal_stenosis", "l1_l2", "severe"),
        ("101_spinal_canal_stenosis_l2_l3", 101, "spinal_canal_stenosis", "l2_l3", "normal_mild"),
    ]


def test_a_solutions_columns_may_be_spelt_in_other_case(tmp_path: Path) -> None:
    rows = solution_rows(("101_spinal_canal_stenosis_l1_l2", 0, 0, 1))
    path = write_csv(tmp_path / "solution.csv", rows)
    plain = read_solution(path)
    path.write_text(path.read_text().replace("row_id", "Row_ID"))
    assert read_solution(path).equals(plain)


def test_labels_of_train_csv_are_the_labelled_cells_alone(tmp_path: Path) -> None:
    tables = Tables(studies=(101,))
    tables.labels[0]["spinal_canal_stenosis_l1_l2"] = None
    truth = read_solution(tables.write(tmp_path) / "train.csv")
    assert truth.height == 24
    assert "101_spinal_canal_stenosis_l1_l2" not in truth["row_id"]


@pytest.mark.parametrize("onehot", [(0, 0, 0), (1, 1, 0), (0.5, 0.5, 0), (0, 0, 2), (-1, 1, 1)])
def test_a_solution_row_that_is_not_one_hot_is_refused(tmp_path: Path, onehot: tuple) -> None:
    rows = solution_rows(("101_spinal_canal_stenosis_l1_l2", 0, 0, 1), ("101_spinal_canal_stenosis_l2_l3", *onehot))
    with pytest.raises(TableError, match="row 3: expected one 1 and two 0; found"):
        read_solution(write_csv(tmp_path / "solution.csv", rows))


def test_a_solution_row_of_no_cell_is_refused(tmp_path: Path) -> None:
    rows = solution_rows(("101_spinal_canal_stenosis_l1_l3", 0, 0, 1))
    with pytest.raises(TableError, match="row 2: expected a row id of the competition; found '101_spinal"):
        read_solution(write_csv(tmp_path / "solution.csv", rows))


def test_a_doubled_solution_row_is_refused(tmp_path: Path) -> None:
    rows = solution_rows(*[("101_spinal_canal_stenosis_l1_l2", 0, 0, 1)] * 2)
    with pytest.raises(TableError, match=r"row 3: expected each \(row_id\) once"):
        read_solution(write_csv(tmp_path / "solution.csv", rows))


def test_a_wrong_row_of_a_solution_costs_itself_and_is_named(tmp_path):
    path = tmp_path / "solution.csv"
    rows = [
        "7_spinal_canal_stenosis_l1_l2,1,0,0",
        "7_spinal_canal_stenosis_l2_l3,,0,1",
        "7_spinal_canal_stenosis_l3_l4,1,0,1",
        "7_spine,1,0,0",
        "7_spinal_canal_stenosis_l5_s1,0,0,1",
        "7_spinal_canal_stenosis_l5_s1,1,0,0",
    ]
    path.write_text("\n".join(["row_id,normal_mild,moderate,severe", *rows]))
    found = usable_solution(path)
    assert found.rows.select("level", "severity").rows() == [("l1_l2", "normal_mild"), ("l5_s1", "severe")]
    told = "\n".join(found.problems)
    for part in ("row 3", "7_spinal_canal_stenosis_l3_l4", "7_spine'", "row 7"):
        assert part in told
    with pytest.raises(TableError):
        read_solution(path)


def test_of_a_solution_like_train_csv_too_a_wrong_value_costs_its_own_cell(tmp_path):
    wide = {"study_id": [1, 2]} | {name: ["Severe", "Severe"] for name in rsna.LABEL_COLUMNS}
    wide[rsna.LABEL_COLUMNS[0]] = ["Severe", "sever"]
    pl.DataFrame(wide).write_csv(tmp_path / "solution.csv")
    found = usable_solution(tmp_path / "solution.csv")
    assert found.rows.height == 49 and len(found.problems) == 1
