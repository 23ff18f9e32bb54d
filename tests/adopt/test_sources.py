"""Files and members of archives, whatever they are called."""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stenosis_kit.adopt.sources import Source, files, is_packed, members
from stenosis_kit.images.file import UnreadableSlice


def packed(path: Path, kind: str) -> Path:
    inner = path.parent / "inner"
    inner.mkdir(exist_ok=True)
    for name in ("a", "b"):
        (inner / name).write_bytes(name.encode() * 300)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("a", "b"):
                archive.write(inner / name, f"deep/../{name}")
    else:
        with tarfile.open(path, kind) as archive:
            archive.add(inner, "x")
    return path


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_members_of_archives(tmp_path: Path, kind: str) -> None:
    path = packed(tmp_path / "any name", kind)
    assert is_packed(path)
    found = list(members(path))
    assert sorted(data for _, data in found) == [b"a" * 300, b"b" * 300]
    assert [source.path for source, _ in found] == [path, path]
    assert [source for source, _ in members(path)] == [source for source, _ in found], "numbers stay"


def test_a_gzipped_file_and_one_in_an_archive(tmp_path: Path) -> None:
    (tmp_path / "1.dcm.gz").write_bytes(gzip.compress(b"image"))
    assert list(members(tmp_path / "1.dcm.gz")) == [(Source(tmp_path / "1.dcm.gz", 0), b"image")]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "1.dcm.gz", "1.dcm.gz")
    assert [data for _, data in members(tmp_path / "x.zip")] == [b"image"]


def test_damaged_and_plain(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(bytes(range(256)) * 99)[:-40])
    with pytest.raises(UnreadableSlice, match="damaged or locked"):
        list(members(tmp_path / "x"))
    (tmp_path / "plain").write_bytes(b"DICM" * 200)
    assert not is_packed(tmp_path / "plain")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert list(files(tmp_path)) == [tmp_path / "pipe"]
    with pytest.raises(UnreadableSlice, match="not a file but a pipe or device"):
        is_packed(tmp_path / "pipe")


def test_walks_links_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1").write_bytes(b"1")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    assert [path.name for path in files(tmp_path)] == ["1"]
    assert list(files(tmp_path / "a" / "b" / "1")) == [tmp_path / "a" / "b" / "1"]


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner, path = packed(tmp_path / "docs.zip", "zip"), tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(tmp_path / "inner", "x")
        archive.add(inner, "docs.zip")
    assert [len(data) for _, data in members(path) if data] == [300, 300, inner.stat().st_size]


def test_a_zip_whose_names_cannot_be_read_is_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ä", b"1")
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(UnreadableSlice, match="damaged or locked"):
        list(members(path))


def test_a_folder_that_cannot_be_listed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "closed"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "1").write_bytes(b"1")

    def closed(honest: Callable) -> Callable:
        def listed(place: str) -> object:
            if Path(place).name == "closed":
                raise PermissionError(13, "Permission denied", str(place))
            return honest(place)

        return listed

    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, closed(getattr(os, name)))
    assert sorted(files(tmp_path)) == [tmp_path / "a" / "1", tmp_path / "closed"]
    with pytest.raises(UnreadableSlice, match="Permission denied"):
        is_packed(tmp_path / "closed")
