"""What lies in a file that should be a CSV and is none: said in words that whoever saved it can act on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stenosis_kit.base.errors import InputError, once_more
from stenosis_kit.base.files import in_its_place

_EXPECTED = "a CSV table"
_HEAD = 4096  # bytes that are looked at


class _Kind(NamedTuple):
    """A kind of file by its first bytes, and what to do about it."""

    starts: tuple[bytes, ...]
    found: str
    remedy: str


_KINDS = (
    _Kind((b"PK\x03\x04",), "a zip archive or a spreadsheet (.xlsx)", "Unpack it, or save the sheet as CSV (UTF-8)."),
    _Kind((b"\x1f\x8b",), "a gzip file", "Unpack it first: gunzip."),
    _Kind((b"\xff\xfe", b"\xfe\xff"), "UTF-16 text", "Save it as CSV UTF-8."),
    _Kind((b"<",), "a web page", "Log in, accept the competition's rules, and download the file itself."),
    _Kind((b"version https://git-lfs",), "a Git LFS pointer", "Fetch the file itself: git lfs pull."),
    _Kind((b"sep=",), "a line for spreadsheets (sep=) before the header", "Delete the first line."),
    _Kind((b"#",), "a comment before the header", "Delete the lines that begin with #."),
)


def table_bytes(path: Path) -> bytes:
    """What a file holds that may be a CSV.

    Raises:
        InputError: where there is none, it cannot be read, or it is no CSV with commas, by its first bytes.
    """
    if found := in_its_place(path):
        remedy = unpacking(path) or "Is this the competition's folder?"
        raise InputError(path, _EXPECTED, found, remedy if found == "no such file" else "Give the path of a file.")
    try:
        data = once_more(path.read_bytes)
    except OSError as error:
        raise InputError(path, _EXPECTED, f"a file that cannot be read: {error.strerror}", "Copy it again.") from None
    _refuse_no_table(path, data[:_HEAD])
    return data


def _refuse_no_table(path: Path, head: bytes) -> None:
    """Raises InputError where a file is by its first bytes no CSV whose columns are separated by commas."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise InputError(path, _EXPECTED, "an empty file", "Download it again.")
    for kind in _KINDS:
        if head.startswith(kind.starts):
            raise InputError(path, _EXPECTED, kind.found, kind.remedy)
    header = head.splitlines()[0]
    for sign, name in ((b";", "semicolons"), (b"\t", "tabs")):
        if sign in header and b"," not in header:
            raise InputError(
                path, "columns separated by commas", name, "Save it as CSV with commas, points in decimals."
            )


def unpacking(path: Path) -> str:
    """What to do about a missing file where its archive lies in its place; empty where none does."""
    packed = next((other for end in (".zip", ".gz") if (other := Path(f"{path}{end}")).is_file()), None)
    return f"Unpack {packed.name} first." if packed else ""
