"""Tables as spreadsheets, downloads and scripts leave them: read, or refused in words to act on."""

from __future__ import annotations

import errno
import gzip
import io
import os
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from cohort import Tables

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import read_text
from stenosis_kit.tables.root import Root

NAME = "test_series_descriptions.csv"


def zipped(data: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(NAME, data)
    return memory.getvalue()


def with_ids(data: bytes, form: str) -> bytes:
    """The table with its numbers in another form."""
    lines = [line.split(",") for line in data.decode().splitlines()]
    return "\n".join(",".join(form.format(int(v)) if v.isdigit() else v for v in line) for line in lines).encode()


READ = {
    "BOM and CRLF": lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"),
    "123.0": lambda data: with_ids(data, "{}.0"),
    "123.00": lambda data: with_ids(data, "{}.00"),
    "leading zeros": lambda data: with_ids(data, "00{}"),
    "blanks around": lambda data: with_ids(data, " {} "),
    "a non-breaking blank": lambda data: data.replace(b"Axial T2", "Axial\u00a0T2".encode()),
    "another case": lambda data: data.replace(b"Axial T2", b"AXIAL t2").replace(b"Sagittal T1", b"sagittal t1"),
    "empty columns at the end": lambda data: data.replace(b"\n", b",,\n").replace(b",,\n", b",x,y\n", 1),
}
REFUSED = {
    "a zip archive": (zipped, "Unpack it, or save the sheet as CSV"),
    "a gzip file": (gzip.compress, "Unpack it first"),
    "UTF-16": (lambda data: data.decode().encode("utf-16"), "Save it as CSV UTF-8."),
    "UTF-16 of a big endian": (lambda data: b"\xfe\xff" + data.decode().encode("utf-16-be"), "Save it as CSV UTF-8."),
    "a web page": (lambda data: b"\n <!DOCTYPE html><html>Sign in, please</html>", "download the file itself"),
    "a Git LFS pointer": (lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull"),
    "a line for spreadsheets": (lambda data: b"sep=,\r\n" + data, "Delete the first line."),
    "a comment": (lambda data: b"# exported\n" + data, "Delete the lines that begin with #."),
    "semicolons": (lambda data: data.replace(b",", b";"), "Save it as CSV with commas"),
    "tabs": (lambda data: data.replace(b",", b"\t"), "Save it as CSV with commas"),
    "numbers cut to a few digits": (lambda data: with_ids(data, "{:.3E}"), "expected an integer; found '2.0"),
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return Tables().write(tmp_path) / NAME


@pytest.mark.parametrize("way", READ)
def test_what_can_be_read_is_the_same_table(table: Path, way: str) -> None:
    plain = Root(table.parent, "test").studies()
    table.write_bytes(READ[way](table.read_bytes()))
    assert Root(table.parent, "test").studies() == plain


@pytest.mark.parametrize("way", REFUSED)
def test_what_cannot_is_refused_with_the_file_and_the_remedy(table: Path, way: str) -> None:
    change, remedy = REFUSED[way]
    table.write_bytes(change(table.read_bytes()))
    with pytest.raises(InputError) as raised:
        _ = Root(table.parent, "test").series
    message = str(raised.value)
    assert str(table) in message and remedy in message
    assert "polars" not in message and "Error" not in message


@pytest.mark.parametrize("end", [".zip", ".gz"])
def test_a_table_that_is_still_packed_is_to_be_unpacked(table: Path, end: str) -> None:
    table.rename(f"{table}{end}")
    with pytest.raises(InputError, match=f"Unpack {NAME}{end} first."):
        _ = Root(table.parent, "test").series
    (table.parent / "train.csv").rename(table.parent / f"train.csv{end}")
    with pytest.raises(InputError, match=f"Unpack train.csv{end} first."):
        Root(table.parent).checked()


def test_a_root_that_is_still_packed_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(zipped(b""))
    with pytest.raises(InputError, match="found a file. Give the folder into which"):
        _ = Root(tmp_path / "data.zip", "test").grid


def test_what_is_no_plain_file_is_called_what_it_is(table: Path) -> None:
    table.unlink()
    table.mkdir()
    with pytest.raises(InputError, match="expected a CSV table; found a folder. Give the path of a file."):
        read_text(table)
    table.rmdir()
    os.mkfifo(table)  # which would be waited for for ever
    with pytest.raises(InputError, match="expected a CSV table; found a device or a pipe. Give the path of a file."):
        read_text(table)


@pytest.mark.parametrize(("failures", "read"), [(1, True), (2, False)])
def test_a_disk_that_fails_once_is_asked_again(
    table: Path, monkeypatch: pytest.MonkeyPatch, failures: int, read: bool
) -> None:
    whole, failing = Path.read_bytes, [OSError(errno.EIO, os.strerror(errno.EIO))] * failures

    def sleepy(path: Path) -> bytes:
        if failing:
            raise failing.pop()
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", sleepy)
    with nullcontext() if read else pytest.raises(InputError, match="cannot be read: Input/output error"):
        assert read_text(table).height
