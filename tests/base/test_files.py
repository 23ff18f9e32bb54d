"""Atomic writing, JSON and output folders."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import (
    in_its_place,
    make_folder,
    read_json,
    remove_stale,
    replacing,
    write_json,
    write_text,
)

IMPORTABLE = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


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


@pytest.mark.parametrize("name", [None, "folder", "f.csv"])
def test_what_the_system_refuses_while_the_block_writes_is_said_of_the_file(tmp_path: Path, name: str | None) -> None:
    place = tmp_path / "folder" / "f.csv"
    named = place if name == "f.csv" else name and place.parent
    with pytest.raises(InputError, match=f"{place}: expected a file that can be written"), replacing(place):
        raise OSError(errno.EIO, "Input/output error", named and str(named))


def test_a_file_that_the_block_cannot_read_is_not_said_to_be_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"image\.dcm"), replacing(tmp_path / "f.csv"):
        (tmp_path / "images" / "image.dcm").read_bytes()
    assert names(tmp_path) == []


def test_the_partial_file_keeps_the_suffixes_and_is_hidden(tmp_path: Path) -> None:
    with replacing(tmp_path / "net.weights.h5") as partial:
        assert partial.suffixes[-2:] == [".weights", ".h5"]
        assert partial.name.startswith(".")
        assert partial.parent == tmp_path
        partial.write_text("")


# --- What is no plain file ---------------------------------------------------------------------


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "f.csv"
    target.parent.mkdir()
    target.write_text("old")
    (tmp_path / "second").symlink_to("first")
    (tmp_path / "first").symlink_to(target)
    with replacing(tmp_path / "second") as partial:
        assert partial.parent == target.parent
        partial.write_text("new")
        assert target.read_text() == "old"
    assert (tmp_path / "second").is_symlink()
    assert (tmp_path / "first").is_symlink()
    assert target.read_text() == "new"
    assert names(target.parent) == ["f.csv"]


def test_a_link_to_nowhere_makes_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("new/folder/f.csv")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new" / "folder" / "f.csv").read_text() == "new"


def test_a_failure_leaves_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("old")
    (tmp_path / "link").symlink_to("f.csv")
    with pytest.raises(Failure), replacing(tmp_path / "link") as partial:
        partial.write_text("half")
        raise Failure
    assert (tmp_path / "link").read_text() == "old"
    assert names(tmp_path) == ["f.csv", "link"]


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in (tmp_path / "a", tmp_path / "b" / "f.csv"):
        with pytest.raises(InputError, match="links that lead in a circle"):
            write_text(path, "new")
    assert names(tmp_path) == ["a", "b"]


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(pipe.read_text)
            write_text(path, "new")
            assert read.result() == "new"
    assert pipe.is_fifo()
    assert names(tmp_path) == ["link", "pipe"]


def test_a_device_is_written_to_and_stays_one() -> None:
    main, other = os.openpty()
    terminal = Path(os.ttyname(other))
    write_text(terminal, "new\n")
    assert os.read(main, 9).strip() == b"new"
    assert terminal.is_char_device()
    os.close(main)
    os.close(other)


def test_a_socket_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s")
        with pytest.raises(InputError, match="a file that can be written"):
            write_text(Path("s"), "new")
        assert Path("s").is_socket()


TO_STDOUT = """
import sys
from pathlib import Path
from stenosis_kit.base.files import write_json
print("before")
write_json(Path(sys.argv[1]), {"a": 1})
print("after")
"""
TOLD = 'before\n{\n  "a": 1\n}\nafter\n'


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "out.txt"])
def test_a_file_that_our_messages_go_to_gets_all_in_its_order(tmp_path: Path, name: str) -> None:
    with (tmp_path / "out.txt").open("w") as file:
        subprocess.run([sys.executable, "-c", TO_STDOUT, tmp_path / name], stdout=file, check=True, env=IMPORTABLE)
    assert (tmp_path / "out.txt").read_text() == TOLD
    assert names(tmp_path) == ["out.txt"]


def test_a_pipe_or_a_socket_that_is_our_output_gets_all_in_its_order() -> None:
    line = [sys.executable, "-c", TO_STDOUT, "/dev/stdout"]
    assert subprocess.run(line, stdout=subprocess.PIPE, check=True, env=IMPORTABLE).stdout.decode() == TOLD
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run(line, stdout=theirs, check=True, env=IMPORTABLE)
        assert ours.recv(100).decode() == TOLD


# --- JSON --------------------------------------------------------------------------------------


def test_json_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"naïve": [1, 2.5, None]})
    assert "naïve" in (tmp_path / "run.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "run.json", "a run") == {"naïve": [1, 2.5, None]}


def test_json_takes_numpys_numbers_and_text_that_is_not_utf_8(tmp_path: Path) -> None:
    value = {"counts": np.int64(3), "share": np.float32(0.5), "odd": np.bool_(True), "name": "R\udcf6ntgen"}
    write_json(tmp_path / "run.json", value)
    assert read_json(tmp_path / "run.json", "a run") == {"counts": 3, "share": 0.5, "odd": True, "name": "R\udcf6ntgen"}


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        (np.float64("nan"), None),
        (np.float32("-inf"), None),
        (np.float64(0.1), 0.1),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (np.array(7), 7),
        ((1, [np.uint8(2)]), [1, [2]]),
        ({np.int64(5): np.float64(2)}, {"5": 2.0}),
        (Path("a") / "b", "a/b"),
        ([Path("R\udcf6ntgen")], ["R\udcf6ntgen"]),
        ({"R\udcf6ntgen": True}, {"R\udcf6ntgen": True}),
    ],
)
def test_what_python_has_and_json_has_not_is_written_as_legal_json(
    tmp_path: Path, value: object, written: object
) -> None:
    write_json(tmp_path / "run.json", {"value": value})
    text = (tmp_path / "run.json").read_bytes().decode("utf-8")
    assert json.loads(text, parse_constant=no_constant) == {"value": written}


def test_a_byte_order_mark_before_json_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "run.json", "a run") == {"a": 1}


def test_a_folder_in_the_place_of_json_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a run; found a folder"):
        read_json(tmp_path, "a run")


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


# --- Folders -----------------------------------------------------------------------------------


def test_a_link_to_no_folder_yet_makes_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("disk/run")
    make_folder(tmp_path / "link")
    assert (tmp_path / "disk" / "run").is_dir()
    assert (tmp_path / "link").is_symlink()


def test_a_folder_is_made_with_its_parents_and_may_exist(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_where_a_file_is_is_an_input_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder to write to; found a file in its place"):
        make_folder(tmp_path / name)


def test_a_file_that_a_living_process_writes_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f".{process}.partial.s.csv" for process in (os.getpid(), dead.pid)] + [f".{dead.pid}.partial.other.csv"]
    for name in names:
        (tmp_path / name).write_text("half")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "s.csv").symlink_to(tmp_path / "s.csv")
    remove_stale(tmp_path / "links" / "s.csv")
    assert [name for name in names if (tmp_path / name).exists()] == [names[0], names[2]]


def test_what_lies_in_a_file_s_place_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    found = {name: in_its_place(tmp_path / name) for name in ("file", "none", "file/below", "loop", "pipe")}
    assert found == {
        "file": "",
        "none": "no such file",
        "file/below": "no such file",
        "loop": os.strerror(errno.ELOOP),
        "pipe": "a device or a pipe",
    }
    assert in_its_place(tmp_path) == "a folder"
