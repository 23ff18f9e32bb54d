"""Opening files that are none, too large, deflated, or that the system does not give."""

from __future__ import annotations

import errno
import io
import os
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
from fabricate import write_dicom
from hostile import PIXELS, PLANE, deflated, refuse

from stenosis_kit.images.file import MAX_BYTES, Kind, UnreadableSlice, open_image
from stenosis_kit.images.slice import read_pixels, read_slice

pytestmark = pytest.mark.usefixtures("little_memory")


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    refuse(path, "not a file but")


def test_a_device_is_not_read(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")
    refuse(path, "not a file but")


def test_a_giant_file_is_not_opened(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    refuse(path, f"expected at most {MAX_BYTES} bytes")


def test_a_file_is_never_read_to_its_end_in_one_go(path: Path) -> None:
    with open_image(path) as file, pytest.raises(UnreadableSlice, match="a length of -1"):
        file.read()


def test_a_folder_belongs_one_up(path: Path) -> None:
    path.unlink()
    path.mkdir()
    refuse(path, "not a file but a folder: images that lie in it belong one folder up", Kind.DEEPER)


def test_a_reason_keeps_its_kind_on_its_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(UnreadableSlice("why", Kind.PLACE)))
    assert (str(error), error.reason, error.reason.kind) == ("why", "why", Kind.PLACE)


# --- What the system does not give ---------------------------------------------------------------


class _Failing(io.FileIO):
    """A file that can be opened, on a disk that does not answer."""

    def readinto(self, buffer) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_disk_that_fails_is_said_to_be_read_in_vain_by_header_and_by_pixels(path: Path, monkeypatch) -> None:
    item = read_slice(path)
    monkeypatch.setattr("stenosis_kit.images.file.io.FileIO", _Failing)
    why = "expected a file that can be read; found: Input/output error. Mind its permissions, and its disk"
    refuse(path, why, Kind.UNREAD)
    with pytest.raises(UnreadableSlice, match=why):
        read_pixels(item)


def test_a_file_that_may_not_be_read_is_said_to_be_so(path: Path, monkeypatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("stenosis_kit.images.file.io.FileIO", forbidden)
    refuse(path, "expected a file that can be read; found: Permission denied", Kind.UNREAD)


def test_a_link_to_nowhere_cannot_be_read(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")
    refuse(path, "found: No such file", Kind.DAMAGED)


# --- The deflated transfer syntax ----------------------------------------------------------------


def test_a_deflated_file_is_read(path: Path) -> None:
    size = path.stat().st_size
    item = read_slice(deflated(path))
    assert path.stat().st_size < size
    assert item.header.coding.syntax.is_deflated
    assert np.array_equal(read_pixels(item), PIXELS)


def test_a_deflated_file_without_preamble_is_read(path: Path) -> None:
    path.write_bytes(deflated(path).read_bytes()[132:])
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_the_name_of_the_deflated_syntax_in_another_file_does_not_make_it_one(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, ImageType="1.2.840.10008.1.2.1.99")
    assert b"1.2.840.10008.1.2.1.99" in path.read_bytes()[:1024]
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


@pytest.mark.parametrize("left", [400, 700, -30])
def test_a_deflated_file_that_is_cut_off_is_refused(path: Path, left: int) -> None:
    path.write_bytes(deflated(path).read_bytes()[:left])
    with pytest.raises(UnreadableSlice):
        read_pixels(read_slice(path))


def test_deflated_bytes_that_are_none_are_damaged(path: Path) -> None:
    data = deflated(path).read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    path.write_bytes(data[:start] + b"\xff" * 100 + data[start + 100 :])  # no kind of block begins so
    refuse(path, "its deflated bytes are damaged")


def test_a_deflated_bomb_is_refused_before_it_takes_memory(path: Path) -> None:
    start = deflated(path).read_bytes()[:144]
    start = path.read_bytes()[: 144 + int.from_bytes(start[140:144], "little")]
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(start + b"".join(squeezed.compress(bytes(1 << 20)) for _ in range(100)) + squeezed.flush())
    refuse(path, "deflated: expected at most 25165824 bytes in it; found more")
