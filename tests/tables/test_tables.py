"""Reading and validating the competition's tables."""

from __future__ import annotations

import pickle
from pathlib import Path

import polars as pl
import pytest
from cohort import STUDIES, TEST_STUDIES, Tables, read_csv, swap_text, write_csv

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.labels import cells_from_wide, read_labels, read_solution
from stenosis_kit.tables.points import read_points
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.series import read_series

READERS = {
    "train.csv": read_labels,
    "train_label_coordinates.csv": read_points,
    "train_series_descriptions.csv": read_series,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Tables().write(tmp_path / "data")


def read_cells(path: Path) -> pl.DataFrame:
    return cells_from_wide(read_labels(path))


def problems(root: Path, name: str) -> list[str]:
    """What keeps a root from being learnt from, all of it in one table."""
    with pytest.raises(TableError) as raised:
        Root(root).checked()
    assert all(problem.startswith(f"{name}: ") for problem in raised.value.problems)
    return [problem.removeprefix(f"{name}: ") for problem in raised.value.problems]


# --- Good tables -------------------------------------------------------------------------------


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


def test_points_are_spelt_as_row_ids_spell_them(root: Path) -> None:
    points = read_points(root / "train_label_coordinates.csv")
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


def test_grid_is_the_sample_submissions_rows_in_its_order(root: Path) -> None:
    sample = [row["row_id"] for row in read_csv(root / "sample_submission.csv")]
    assert len(sample) == 25 * len(TEST_STUDIES)
    assert grid(read_series(root / "test_series_descriptions.csv"))["row_id"].to_list() == sample


def test_grid_of_the_real_test_study_is_the_real_sample(real_tables: Path) -> None:
    sample = [row["row_id"] for row in read_csv(real_tables / "sample_submission.csv")]
    assert grid(read_series(real_tables / "test_series_descriptions.csv"))["row_id"].to_list() == sample


def test_grid_sorts_studies_as_numbers(tmp_path: Path) -> None:
    series = read_series(Tables(test_studies=(1000, 99)).write(tmp_path) / "test_series_descriptions.csv")
    assert grid(series)["study_id"].unique(maintain_order=True).to_list() == [99, 1000]


def test_grid_has_25_rows_whatever_series_a_study_has(tmp_path: Path) -> None:
    tables = Tables(test_studies=(201,))
    tables.test_series = tables.test_series[:1] * 3
    series = read_series(tables.write(tmp_path) / "test_series_descriptions.csv")
    assert grid(series).height == 25


def test_train_tables_of_a_whole_root(root: Path) -> None:
    tables = Root(root).checked()
    assert (tables.cells.height, tables.points.height, tables.series.height) == (100, 100, 12)


def test_real_tables_are_valid(real_tables: Path) -> None:
    assert Root(real_tables).checked().cells.height == 25 * 1972


# --- Odd but good files ------------------------------------------------------------------------


def _with_bom(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


def _with_crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def _with_bom_and_crlf(data: bytes) -> bytes:
    return _with_bom(_with_crlf(data))


def _without_last_newline(data: bytes) -> bytes:
    return data.rstrip(b"\n")


def _with_a_blank_last_line(data: bytes) -> bytes:
    return data + b"\n"


def _quoted(data: bytes) -> bytes:
    lines = data.decode().splitlines()
    return "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in lines).encode() + b"\n"


def _spaced(data: bytes) -> bytes:
    return data.replace(b",", b" , ")


def _with_an_extra_column_of_latin_1(data: bytes) -> bytes:
    return b"\n".join(b"caf\xe9," + line for line in data.rstrip(b"\n").split(b"\n")) + b"\n"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "rewrite",
    [
        _with_bom,
        _with_crlf,
        _with_bom_and_crlf,
        _without_last_newline,
        _with_a_blank_last_line,
        _quoted,
        _spaced,
        _with_an_extra_column_of_latin_1,
    ],
)
def test_odd_spelling_of_a_good_table_changes_nothing(root: Path, name: str, rewrite) -> None:
    plain = READERS[name](root / name)
    data = (root / name).read_bytes()
    (root / name).write_bytes(rewrite(data))
    assert (root / name).read_bytes() != data
    assert READERS[name](root / name).equals(plain)


# --- Wrong values, row and column named --------------------------------------------------------


@pytest.mark.parametrize("found", ["severe", "Mild", "Normal/Mild;", "nan", "2"])
def test_an_unknown_severity_is_named_with_row_and_column(tmp_path: Path, found: str) -> None:
    tables = Tables()
    tables.labels[2]["spinal_canal_stenosis_l5_s1"] = found
    root = tables.write(tmp_path)
    expected = "Normal/Mild, Moderate, Severe or nothing"
    assert problems(root, "train.csv") == [
        f"row 4, column spinal_canal_stenosis_l5_s1: expected {expected}; found {found!r}"
    ]


@pytest.mark.parametrize("found", ["1.5", "-1", "x", "../101", "1e3", "0x10", "99999999999999999999", "1 2"])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("train.csv", "study_id"),
        ("train_series_descriptions.csv", "study_id"),
        ("train_series_descriptions.csv", "series_id"),
        ("train_label_coordinates.csv", "instance_number"),
    ],
)
def test_an_id_that_is_not_a_natural_number_is_refused(root: Path, name: str, column: str, found: str) -> None:
    rows = read_csv(root / name)
    rows[1][column] = found
    write_csv(root / name, rows)
    assert problems(root, name) == [f"row 3, column {column}: expected an integer; found {found!r}"]


def test_an_empty_id_is_refused(root: Path) -> None:
    swap_text(root / "train.csv", "\n101,", "\n,")
    assert problems(root, "train.csv") == ["row 2, column study_id: expected an integer; found None"]


@pytest.mark.parametrize("found", ["nan", "inf", "-inf", "x", "1,5"])
def test_a_pixel_that_is_not_a_finite_number_is_refused(tmp_path: Path, found: str) -> None:
    tables = Tables()
    tables.points[4]["y"] = found
    assert problems(tables.write(tmp_path), "train_label_coordinates.csv") == [
        f"row 6, column y: expected a number; found {found!r}"
    ]


@pytest.mark.parametrize(
    ("name", "column", "found"),
    [
        ("train_label_coordinates.csv", "condition", "spinal_canal_stenosis"),
        ("train_label_coordinates.csv", "level", "L1L2"),
        ("train_series_descriptions.csv", "series_description", "Sagittal T2"),
    ],
)
def test_an_unknown_word_is_named_with_what_was_expected(root: Path, name: str, column: str, found: str) -> None:
    rows = read_csv(root / name)
    rows[0][column] = found
    write_csv(root / name, rows)
    (problem,) = problems(root, name)
    assert problem.startswith(f"row 2, column {column}: expected ")
    assert problem.endswith(f"; found {found!r}")


def test_all_problems_of_a_table_come_in_one_error(tmp_path: Path) -> None:
    tables = Tables()
    tables.points[0] |= {"study_id": "a", "x": "b"}
    tables.points[1]["level"] = "c"
    root = tables.write(tmp_path)
    with pytest.raises(TableError) as raised:
        read_points(root / "train_label_coordinates.csv")
    lines = str(raised.value).splitlines()
    assert [line for line in lines if "; found " in line] == lines[:3]
    for line, where in zip(lines, ("row 2, column study_id", "row 3, column level", "row 2, column x"), strict=False):
        assert line.startswith(f"{root / 'train_label_coordinates.csv'}: {where}: expected ")


def test_many_alike_problems_are_shown_thrice_and_counted(tmp_path: Path) -> None:
    tables = Tables()
    for point in tables.points[:10]:
        point["x"] = "?"
    found = problems(tables.write(tmp_path), "train_label_coordinates.csv")
    assert [line[:6] for line in found[:3]] == ["row 2,", "row 3,", "row 4,"]
    assert found[3:] == ["… and 7 more like it"]


def test_all_missing_columns_are_named(root: Path) -> None:
    rows = [{"study_id": row["study_id"], "z": "1"} for row in read_csv(root / "train_series_descriptions.csv")]
    write_csv(root / "train_series_descriptions.csv", rows)
    assert problems(root, "train_series_descriptions.csv") == [
        "row 1: expected a column series_id; found study_id, z",
        "row 1: expected a column series_description; found study_id, z",
    ]


def test_semicolons_are_said_as_missing_columns(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    path.write_text(path.read_text().replace(",", ";"))
    found = problems(root, "train_series_descriptions.csv")
    assert found[0] == "row 1: expected a column study_id; found study_id;series_id;series_description"


def test_a_column_given_twice_is_an_input_error_or_the_first_one_counts(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    plain = read_series(path)
    path.write_text("\n".join(f"{line}, {line.split(',')[0]}" for line in path.read_text().splitlines()))
    assert path.read_text().startswith("study_id,series_id,series_description, study_id\n")
    try:
        frame = read_series(path)
    except InputError:
        return
    assert frame.equals(plain)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("train.csv", "(study_id)"),
        ("train_label_coordinates.csv", "(study_id, condition, level)"),
        ("train_series_descriptions.csv", "(study_id, series_id)"),
    ],
)
def test_a_doubled_key_is_refused_and_named(root: Path, name: str, key: str) -> None:
    rows = read_csv(root / name)
    write_csv(root / name, [*rows, rows[1]])
    (problem,) = problems(root, name)
    assert problem.startswith(f"row {len(rows) + 2}: expected each {key} once; found ({rows[1]['study_id']},")
    assert problem.endswith(" again")


def test_doubled_keys_pass_where_they_are_to_be_counted(root: Path) -> None:
    rows = read_csv(root / "train.csv")
    write_csv(root / "train.csv", [*rows, rows[0]])
    assert read_cells(root / "train.csv").height == 25 * (len(STUDIES) + 1)


# --- Files that are no table -------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf"], ids=["no bytes", "a newline", "a BOM"])
def test_an_empty_file_is_an_input_error(root: Path, name: str, data: bytes) -> None:
    (root / name).write_bytes(data)
    with pytest.raises(InputError, match="expected .*; found|: row 1: expected .*; found") as raised:
        READERS[name](root / name)
    assert str(root / name) in str(raised.value)


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_not_there_is_an_input_error(root: Path, name: str) -> None:
    (root / name).unlink()
    with pytest.raises(InputError, match="found no such file") as raised:
        READERS[name](root / name)
    assert raised.value.path == str(root / name)


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 20, b"PK\x03\x04" + bytes(200), b"<html><body>Sign in, please"], ids=str
)
def test_what_is_not_csv_is_an_input_error(root: Path, data: bytes) -> None:
    (root / "train.csv").write_bytes(data)
    with pytest.raises(InputError) as raised:
        read_cells(root / "train.csv")
    assert str(root / "train.csv") in str(raised.value)


def test_a_row_with_too_many_fields_is_an_input_error(root: Path) -> None:
    swap_text(root / "train_series_descriptions.csv", "Sagittal T1\n", "Sagittal T1,x,y\n")
    with pytest.raises(InputError):
        read_series(root / "train_series_descriptions.csv")


def test_a_file_cut_off_inside_a_row_is_refused(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    path.write_text(path.read_text().rstrip()[:-20])
    assert problems(root, "train_series_descriptions.csv")


@pytest.mark.parametrize("name", ["train.csv", "train_label_coordinates.csv"])
def test_a_header_alone_is_a_table_without_rows(root: Path, name: str) -> None:
    path = root / name
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert READERS[name](path).height == 0


def test_a_series_table_of_a_header_alone_is_refused(root: Path) -> None:
    path = root / "train_series_descriptions.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="at least one series"):
        read_series(path)


# --- A whole root ------------------------------------------------------------------------------


def test_problems_of_all_three_tables_come_in_one_error(root: Path) -> None:
    swap_text(root / "train.csv", "Moderate", "Medium")
    swap_text(root / "train_label_coordinates.csv", "L1/L2", "L0/L1")
    swap_text(root / "train_series_descriptions.csv", "1011", "series")
    with pytest.raises(TableError) as raised:
        Root(root).checked()
    assert [problem.split(":")[0] for problem in raised.value.problems] == list(READERS)


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


@pytest.mark.parametrize("name", READERS)
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


def test_errors_travel_back_from_workers() -> None:
    error = InputError("a/b", "this", "that", "Do so.")
    assert str(pickle.loads(pickle.dumps(error))) == "a/b: expected this; found that. Do so."
    table_error = TableError("a/b", ["row 2: x", "row 3: y"])
    assert str(pickle.loads(pickle.dumps(table_error))) == str(table_error)
    assert pickle.loads(pickle.dumps(table_error)).problems == ["row 2: x", "row 3: y"]


# --- Labels to score on ------------------------------------------------------------------------


def solution_rows(*rows: tuple[str, object, object, object]) -> list[dict[str, object]]:
    return [dict(zip(("row_id", *rsna.SEVERITIES), row, strict=True)) for row in rows]


def test_a_solution_is_read_by_its_one_hot_columns(tmp_path: Path) -> None:
    rows = solution_rows(("101_spinal_canal_stenosis_l1_l2", 0, 0, 1), ("101_spinal_canal_stenosis_l2_l3", "1.0", 0, 0))
    truth = read_solution(write_csv(tmp_path / "solution.csv", rows))
    assert list(truth.iter_rows()) == [
        ("101_spinal_canal_stenosis_l1_l2", 101, "spinal_canal_stenosis", "l1_l2", "severe"),
        ("101_spinal_canal_stenosis_l2_l3", 101, "spinal_canal_stenosis", "l2_l3", "normal_mild"),
    ]


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


def test_a_folder_name_with_brackets_is_a_folder_name(tmp_path: Path) -> None:
    root = Tables().write(tmp_path / "data [1]")
    assert read_cells(root / "train.csv").height
