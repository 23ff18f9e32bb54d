"""Atomic writing, JSON and output folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json, remove_stale, replacing, write_json, write_text


class Failure(Exception):
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_its_folders_appear(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "größer")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "größer".encode()
    assert names(tmp_path / "a" / "b") == ["c.txt"]


def test_until_the_end_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["f.csv"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("old")
    with pytest.raises(Failure), replacing(path) as partial:
        partial.write_text("half of the n")
        raise Failure
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f.csv"]


def test_a_failure_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(Failure), replacing(tmp_path / "f.csv") as partial:
        partial.write_text("half")
        raise Failure
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("old")
    with pytest.raises(InputError, match="a file that can be written"), replacing(path):
        pass
    assert path.read_text() == "old"


def test_the_partial_file_keeps_the_suffixes_and_is_hidden(tmp_path: Path) -> None:
    with replacing(tmp_path / "net.weights.h5") as partial:
        assert partial.suffixes[-2:] == [".weights", ".h5"]
        assert partial.name.startswith(".")
        assert partial.parent == tmp_path
        partial.write_text("")


def test_json_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"naïve": [1, 2.5, None]})
    assert "naïve" in (tmp_path / "run.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "run.json", "a run") == {"naïve": [1, 2.5, None]}


def test_json_takes_numpys_numbers_and_text_that_is_not_utf_8(tmp_path: Path) -> None:
    value = {"counts": np.int64(3), "share": np.float32(0.5), "odd": np.bool_(True), "name": "R\udcf6ntgen"}
    write_json(tmp_path / "run.json", value)
    assert read_json(tmp_path / "run.json", "a run") == {"counts": 3, "share": 0.5, "odd": True, "name": "R\udcf6ntgen"}


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (None, "no such file"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[1]", "JSON of another kind"),
    ],
)
def test_what_is_not_a_json_object_is_an_input_error(tmp_path: Path, data: bytes | None, found: str) -> None:
    path = tmp_path / "model.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=f"expected a model; found .*{found}") as raised:
        read_json(path, "a model")
    assert raised.value.path == str(path)


def test_a_folder_is_made_with_its_parents_and_may_exist(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_where_a_file_is_is_an_input_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder to write to; found"):
        make_folder(tmp_path / name)


def test_a_file_that_a_living_process_writes_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f".{process}.partial.s.csv" for process in (os.getpid(), dead.pid)] + [f".{dead.pid}.partial.other.csv"]
    for name in names:
        (tmp_path / name).write_text("half")
    remove_stale(tmp_path / "s.csv")
    assert [name for name in names if (tmp_path / name).exists()] == [names[0], names[2]]
