"""Damage to files, seeded: what disks, networks, spreadsheets and strangers do to DICOM files and CSV tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_HEADER_BYTES = 1500  # damage there hurts more than in pixels


def mutate(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A kind of damage drawn at random, and the damaged bytes."""
    name = list(MUTATIONS)[int(rng.integers(len(MUTATIONS)))]
    return name, MUTATIONS[name](data, rng)


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Half of the time in the header."""
    return int(rng.integers(min(len(data), _HEADER_BYTES) if rng.random() < 0.5 else len(data)))


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        damaged[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def _truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _zero(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = _place(data, rng), int(rng.integers(1, 600))
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


def _garble(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = _place(data, rng), int(rng.integers(1, 60))
    return data[:start] + rng.bytes(length) + data[start + length :]


def _claim(data: bytes, rng: np.random.Generator) -> bytes:
    """Four bytes that, where they are a length, claim gigabytes or no end."""
    start = _place(data, rng)
    claim = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\x7f", b"\0\0\0\x40")[int(rng.integers(3))]
    return data[:start] + claim + data[start + 4 :]


def _insert(data: bytes, rng: np.random.Generator) -> bytes:
    start, other = _place(data, rng), _place(data, rng)
    return data[:start] + data[other : other + int(rng.integers(1, 200))] + data[start:]


MUTATIONS: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "bits flipped": _flip,
    "cut off": _truncate,
    "a block of zeros": _zero,
    "a block of noise": _garble,
    "a length that lies": _claim,
    "a block repeated": _insert,
}


# --- Tables --------------------------------------------------------------------------------------


def _lines(change: Callable[[list[list[str]]], list[list[str]]]) -> Callable[[bytes], bytes]:
    """A change of a table's fields, header first."""

    def changed(data: bytes) -> bytes:
        rows = [line.split(",") for line in data.decode().splitlines()]
        return "".join(",".join(row) + "\n" for row in change(rows)).encode()

    return changed


def _reordered(rows: list[list[str]]) -> list[list[str]]:
    return [row[::-1] for row in rows]


def _wider(rows: list[list[str]]) -> list[list[str]]:
    return [["remark", *rows[0]], *(["seen", *row] for row in rows[1:])]


def _without_first_column(rows: list[list[str]]) -> list[list[str]]:
    return [row[1:] for row in rows]


def _ids_as_floats(rows: list[list[str]]) -> list[list[str]]:
    return [rows[0], *([f"{row[0]}.0", *row[1:]] for row in rows[1:])]


CSV_MUTATIONS: dict[str, Callable[[bytes], bytes]] = {
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "CR alone": lambda data: data.replace(b"\n", b"\r"),
    "latin-1 in a further column": lambda data: data.replace(b"\n", b",caf\xe9\n"),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "semicolons": lambda data: data.replace(b",", b";"),
    "tabs": lambda data: data.replace(b",", b"\t"),
    "columns reordered": _lines(_reordered),
    "a further column": _lines(_wider),
    "a column missing": _lines(_without_first_column),
    "ids as floats": _lines(_ids_as_floats),
    "all quoted": _lines(lambda rows: [[f'"{field}"' for field in row] for row in rows]),
    "rows duplicated": _lines(lambda rows: rows + rows[1:3]),
    "rows in another order": _lines(lambda rows: [rows[0], *rows[:0:-1]]),
    "blank lines": lambda data: data.replace(b"\n", b"\n\n"),
    "header alone": lambda data: data.split(b"\n")[0] + b"\n",
    "no header": lambda data: data.split(b"\n", 1)[1],
    "cut off in a row": lambda data: data[: len(data) * 2 // 3],
    "an unclosed quote": lambda data: data.replace(b"\n", b'\n"', 1),
    "NUL bytes": lambda data: data[:40] + bytes(64) + data[40:],
    "no bytes": lambda data: b"",
    "a zip": lambda data: b"PK\3\4" + data[:100],
}
"""Name to a change of a table's bytes."""
