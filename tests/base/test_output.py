"""What an output may not be: an input in any spelling, a folder, or what no file can be written to."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.output import check_outputs, followed, is_stream


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "train.csv"
    path.parent.mkdir()
    path.write_text("study_id\n")
    return path


def spelled(source: Path, way: str) -> Path:
    """Another path that leads to the same file."""
    beside = source.parents[1] / "beside"
    if way == "link":
        beside.symlink_to(source)
    elif way == "link to a link":
        (source.parents[1] / "first").symlink_to(source)
        beside.symlink_to("first")
    elif way == "hard link":
        os.link(source, beside)
    elif way == "folder's link":
        beside.symlink_to(source.parent)
        return beside / source.name
    elif way == "relative":
        return Path(os.path.relpath(source))
    else:
        return source.parent / ".." / source.parent.name / "." / source.name
    return beside


WAYS = ("link", "link to a link", "hard link", "folder's link", "relative", "dots")


@pytest.mark.parametrize("way", WAYS)
def test_an_input_is_refused_in_every_spelling(source: Path, way: str) -> None:
    output = spelled(source, way)
    with pytest.raises(InputError, match=f"^{output}: expected a file that is no input.* found {source}"):
        check_outputs([source.with_name("other.csv"), output], [source])


@pytest.mark.parametrize("way", [way for way in WAYS if way != "hard link"])
def test_so_is_one_that_is_not_there(source: Path, way: str) -> None:
    output = spelled(source, way)
    source.unlink()
    with pytest.raises(InputError, match="expected a file that is no input"):
        check_outputs([output], [source])


@pytest.mark.parametrize("linked", [False, True])
def test_nothing_may_be_written_in_a_folder_of_inputs(tmp_path: Path, linked: bool) -> None:
    (tmp_path / "images" / "1").mkdir(parents=True)
    folder = tmp_path / "link" if linked else tmp_path / "images"
    if linked:
        folder.symlink_to("images")
    for output in (folder / "x.json", tmp_path / "images" / "1" / "2" / "x.json"):
        with pytest.raises(InputError, match="expected a file that is no input"):
            check_outputs([output], [tmp_path / "images"])
    check_outputs([tmp_path / "x.json"], [tmp_path / "images", tmp_path / "no-images"])
    with pytest.raises(InputError, match="expected a file that is no input"):
        check_outputs([tmp_path / "no-images" / "x.json"], [tmp_path / "no-images"])


def test_two_outputs_in_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no other output"):
        check_outputs([tmp_path / "a.csv", tmp_path / "b" / ".." / "a.csv"], [])


def test_a_terminal_may_be_input_and_output(tmp_path: Path) -> None:
    main, other = os.openpty()
    terminal = Path(os.ttyname(other))
    (tmp_path / "link").symlink_to(terminal)
    check_outputs([terminal, tmp_path / "link"], [terminal])
    with pytest.raises(InputError, match="expected a plain file.* found a device"):
        check_outputs([terminal], [], streams=False)
    os.close(main)
    os.close(other)


def test_a_pipe_may_be_an_output_or_not(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert is_stream(tmp_path / "pipe")
    check_outputs([tmp_path / "pipe"], [])
    with pytest.raises(InputError, match="expected a plain file.* found a device or a pipe"):
        check_outputs([tmp_path / "pipe"], [], streams=False)


@pytest.mark.parametrize("name", [".", "folder", "link", ""])
def test_a_folder_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="expected a file to write; found a folder"):
        check_outputs([Path(name)], [])


def test_a_socket_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("s")
        with pytest.raises(InputError, match="found a disk or a socket"):
            check_outputs([Path("s")], [])


def test_what_no_file_can_be_written_to_is_refused_at_once(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"found a file in the folder's place, {source}"):
        check_outputs([source / "below" / "x.json"], [])
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="found links that lead in a circle"):
        check_outputs([tmp_path / "loop"], [])


def test_inputs_that_cannot_be_looked_at_are_no_fault_of_an_output(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    broken, real = tmp_path / "broken", os.stat

    def failing(path: Path, *rest: Any, **named: Any) -> os.stat_result:
        if path == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "stat", failing)
    check_outputs([tmp_path / "new.csv"], [tmp_path / "loop", broken, source])
    with pytest.raises(InputError, match=f"found {source}"):
        check_outputs([source], [tmp_path / "loop", broken, source])


def test_a_read_only_folder_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(InputError, match=f"found a read-only one, {tmp_path}"):
        check_outputs([tmp_path / "new" / "x.json"], [])


def test_new_files_old_ones_and_links_to_nowhere_are_fine(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere/x.json")
    assert followed(tmp_path / "link") == Path(os.path.realpath(tmp_path)) / "nowhere" / "x.json"
    old = tmp_path / "old.json"
    old.touch()
    check_outputs([old, tmp_path / "new" / "x.json", tmp_path / "link"], [source, source.parent])
    assert not is_stream(old)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "link", "old.json"]
