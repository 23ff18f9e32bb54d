"""CSV files: odd but good ones, wrong values with row and column, and files that are no table."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cohort import TABLE_READERS, Tables, problems, read_cells, read_csv, swap_text, write_csv

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.points import read_points


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
    ],
)
def test_odd_spelling_of_a_good_table_changes_nothing(root: Path, name: str, rewrite) -> None:
    plain = TABLE_READERS[name](root / name)
    data = (root / name).read_bytes()
    (root / name).write_bytes(rewrite(data))
    assert (root / name).read_bytes() != data
    assert TABLE_READERS[name](root / name).equals(plain)


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
    assert TABLE_READERS[name](path).height == 0


def test_errors_travel_back_from_workers() -> None:
    error = InputError("a/b", "this", "that", "Do so.")
    assert str(pickle.loads(pickle.dumps(error))) == "a/b: expected this; found that. Do so."
    table_error = TableError("a/b", ["row 2: x", "row 3: y"])
    assert str(pickle.loads(pickle.dumps(table_error))) == str(table_error)
    assert pickle.loads(pickle.dumps(table_error)).problems == ["row 2: x", "row 3: y"]


def test_a_folder_name_with_brackets_is_a_folder_name(tmp_path: Path) -> None:
    root = Tables().write(tmp_path / "data [1]")
    assert read_cells(root / "train.csv").height
