"""Whether a stage is done: fingerprints."""

from __future__ import annotations

from pathlib import Path

import pytest

from stenosis_kit.base.manifest import fingerprint, run_matches


@pytest.mark.parametrize(
    ("data", "matches"),
    [
        (None, False),
        (b"", False),
        (b"[]", False),
        (b"\xff", False),
        (b"{}", False),
        (b'{"fingerprint": "other"}', False),
        (b'{"fingerprint": "this"}', True),
    ],
)
def test_a_run_matches_by_its_fingerprint_alone(tmp_path: Path, data: bytes | None, matches: bool) -> None:
    if data is not None:
        (tmp_path / "run.json").write_bytes(data)
    assert run_matches(tmp_path / "run.json", "this") is matches


def test_a_fingerprint_is_the_same_for_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    assert fingerprint({"a": 1, "b": 2}, tmp_path / "a.csv") == fingerprint({"b": 2, "a": 1}, tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("one", "other"), [(("ab", "c"), ("a", "bc")), ((1, 2), (2, 1)), ((1,), (1, None)), (([1], 2), ([1, 2],))]
)
def test_other_values_have_another_fingerprint(one: tuple, other: tuple) -> None:
    assert fingerprint(*one) != fingerprint(*other)


def test_another_byte_in_a_file_is_another_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x")
    before = fingerprint(path)
    path.write_text("y")
    assert fingerprint(path) != before
