"""CSV files: odd but good ones, wrong values with row and column, and files that are no table."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cohort import TABLE_READERS, Tables, problems, read_cells, read_csv, swap_text, write_csv

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError, read_text
from stenosis_kit.tables.points import read_points
from stenosis_kit.tables.series import read_series


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


def _in_capitals(data: bytes) -> bytes:
    header, _, rows = data.partition(b"\n")
    return header.title() + b"\n" + rows


def _with_apostrophes(data: bytes) -> bytes:
    """As a spreadsheet marks numbers that are to stay text."""
    return data.replace(b"\n1", b"\n'1")


@pytest.mark.parametrize("name", TABLE_READERS)
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
        _in_capitals,
        _with_apostrophes,
    ],
)
def test_odd_spelling_of_a_good_table_changes_nothing(root: Path, name: str, rewrite) -> None:
    plain = TABLE_READERS[name](root / name)
    data = (root / name).read_bytes()
    (root / name).write_bytes(rewrite(data))
    assert (root / name).read_bytes() != data
    assert TABLE_READERS[name](root / name).rows.equals(plain.rows)


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
def test_an_id_that_is_no_natural_number_is_left_out_and_named(root: Path, name: str, column: str, found: str) -> None:
    rows = read_csv(root / name)
    rows[1][column] = found
    write_csv(root / name, rows)
    assert problems(root, name) == [f"row 3, column {column}: expected an integer; found {found!r}"]


def test_an_empty_id_is_left_out_and_named(root: Path) -> None:
    swap_text(root / "train.csv", "\n101,", "\n,")
    assert problems(root, "train.csv") == ["row 2, column study_id: expected an integer; found nothing"]


@pytest.mark.parametrize(
    ("name", "column", "found"),
    [
        ("train_label_coordinates.csv", "condition", "spinal_canal_stenosis"),
        ("train_label_coordinates.csv", "level", "L1L2"),
    ],
)
def test_an_unknown_word_is_named_with_what_was_expected(root: Path, name: str, column: str, found: str) -> None:
    rows = read_csv(root / name)
    rows[0][column] = found
    write_csv(root / name, rows)
    (problem,) = problems(root, name)
    assert problem.startswith(f"row 2, column {column}: expected ")
    assert problem.endswith(f"; found {found!r}")


def test_each_wrong_value_of_a_row_is_named(tmp_path: Path) -> None:
    tables = Tables()
    tables.points[0] |= {"study_id": "a", "x": "b"}
    tables.points[1]["level"] = "c"
    found = problems(tables.write(tmp_path), "train_label_coordinates.csv")
    assert [line.partition(":")[0] for line in found] == [
        "row 2, column study_id",
        "row 3, column level",
        "row 2, column x",
    ]


def test_a_wrong_value_leaves_all_others_where_they_were(tmp_path: Path) -> None:
    whole = read_points(Tables().write(tmp_path / "whole") / "train_label_coordinates.csv")
    tables = Tables()
    tables.points[1] |= {"x": "b", "y": "c"}
    table = read_points(tables.write(tmp_path / "broken") / "train_label_coordinates.csv")
    assert (whole.broken, table.broken) == (0, 1)
    assert table.rows.row(1, named=True)["x"] is None
    assert table.rows[[0, *range(2, 100)]].equals(whole.rows[[0, *range(2, 100)]])


def test_a_table_no_row_of_which_has_a_study_is_refused_with_all_problems(tmp_path: Path) -> None:
    tables = Tables(studies=(101,))
    for row in tables.series:
        row["study_id"] = "?"
    path = tables.write(tmp_path) / "train_series_descriptions.csv"
    with pytest.raises(TableError) as raised:
        read_series(path)
    lines = str(raised.value).splitlines()
    assert lines[:-1] == [f"{path}: row {row}, column study_id: expected an integer; found '?'" for row in (2, 3, 4)]


@pytest.mark.parametrize("column", ["study_id", "series_id", "instance_number"])
def test_integers_spelt_as_decimals_are_read_and_said_once(tmp_path: Path, column: str) -> None:
    tables = Tables()
    for row in tables.points[:40]:
        row[column] = f"{row[column]}.0"
    whole = read_points(Tables().write(tmp_path / "whole") / "train_label_coordinates.csv")
    table = read_points(tables.write(tmp_path / "decimals") / "train_label_coordinates.csv")
    assert table.rows.equals(whole.rows)
    assert not table.problems
    (note,) = table.notes
    assert note.startswith(f"column {column}: 40 integers are spelt as decimals, such as ")


def test_many_alike_problems_are_shown_thrice_and_counted(tmp_path: Path) -> None:
    tables = Tables()
    for point in tables.points[:10]:
        point["x"] = "?"
    found = problems(tables.write(tmp_path), "train_label_coordinates.csv")
    assert [line[:6] for line in found[:3]] == ["row 2,", "row 3,", "row 4,"]
    assert found[3:] == ["… and 7 more like it"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("train.csv", "(study_id)"),
        ("train_label_coordinates.csv", "(study_id, condition, level)"),
        ("train_series_descriptions.csv", "(study_id, series_id)"),
    ],
)
def test_a_doubled_key_is_named(root: Path, name: str, key: str) -> None:
    rows = read_csv(root / name)
    write_csv(root / name, [*rows, rows[1]])
    (problem,) = problems(root, name)
    assert problem.startswith(f"row {len(rows) + 2}: expected each {key} once; found ({rows[1]['study_id']},")
    assert problem.endswith(" again")


@pytest.mark.parametrize("name", TABLE_READERS)
@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf"], ids=["no bytes", "a newline", "a BOM"])
def test_an_empty_file_is_an_input_error(root: Path, name: str, data: bytes) -> None:
    (root / name).write_bytes(data)
    with pytest.raises(InputError, match="expected .*; found|: row 1: expected .*; found") as raised:
        TABLE_READERS[name](root / name)
    assert str(root / name) in str(raised.value)


@pytest.mark.parametrize("name", TABLE_READERS)
def test_a_file_that_is_not_there_is_an_input_error(root: Path, name: str) -> None:
    (root / name).unlink()
    with pytest.raises(InputError, match="found no such file") as raised:
        TABLE_READERS[name](root / name)
    assert raised.value.path == str(root / name)


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 20, b"PK\x03\x04" + bytes(200), b"<html><body>Sign in, please"], ids=str
)
def test_what_is_not_csv_is_an_input_error(root: Path, data: bytes) -> None:
    (root / "train.csv").write_bytes(data)
    with pytest.raises(InputError) as raised:
        read_cells(root / "train.csv")
    assert str(root / "train.csv") in str(raised.value)


@pytest.mark.parametrize("name", ["train.csv", "train_label_coordinates.csv"])
def test_a_header_alone_is_a_table_without_rows(root: Path, name: str) -> None:
    path = root / name
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert TABLE_READERS[name](path).rows.is_empty()


def test_errors_travel_back_from_workers() -> None:
    error = InputError("a/b", "this", "that", "Do so.")
    assert str(pickle.loads(pickle.dumps(error))) == "a/b: expected this; found that. Do so."
    table_error = TableError("a/b", ["row 2: x", "row 3: y"])
    assert str(pickle.loads(pickle.dumps(table_error))) == str(table_error)
    assert pickle.loads(pickle.dumps(table_error)).problems == ["row 2: x", "row 3: y"]


def test_a_folder_name_with_brackets_is_a_folder_name(tmp_path: Path) -> None:
    root = Tables().write(tmp_path / "data [1]")
    assert read_cells(root / "train.csv").height


def test_a_row_with_too_many_fields_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("study_id,series_id\n1,2\n3,4,5\n")
    with pytest.raises(InputError, match="expected a CSV table; found 3 fields in row 3, where the header has 2"):
        read_text(tmp_path / "t.csv")
