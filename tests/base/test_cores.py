"""Cores that a process may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stenosis_kit.base import cores
from stenosis_kit.base.cores import quotas, usable_cores


def cgroup(folder: Path, name: str, **limits: str) -> Path:
    """A hierarchy with quotas (`a_b` stands for a/b), and the file that names a process's own cgroup."""
    for place, text in limits.items():
        file = folder.joinpath(*place.strip("_").split("_")) / "cpu.max"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    own = folder / "own"
    own.write_text(name)
    return own


@pytest.mark.parametrize(
    ("name", "limits", "found"),
    [
        ("0::/a/b\n", {"a_b": "150000 100000\n"}, [1.5]),
        ("0::/a/b\n", {"a_b": "max 100000\n", "a": "400000 100000\n"}, [4.0]),
        ("0::/\n", {}, []),
        ("4:cpu:/a\n", {"a": "100000 100000\n"}, []),
        ("0::/a\n", {"a": "nonsense"}, []),
    ],
    ids=["a quota", "above it", "none", "another version", "nonsense"],
)
def test_quotas(tmp_path: Path, name: str, limits: dict[str, str], found: list[float]) -> None:
    assert list(quotas(tmp_path, cgroup(tmp_path, name, **limits))) == found


def test_where_there_are_no_cgroups_there_are_no_quotas(tmp_path: Path) -> None:
    assert list(quotas(tmp_path, tmp_path / "nowhere")) == []


@pytest.mark.parametrize(("quota", "usable"), [("50000 100000", 1), ("150000 100000", 2), ("max 100000", 3)])
def test_a_quota_counts_where_it_is_less_than_the_mask(tmp_path: Path, monkeypatch, quota: str, usable: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path)
    monkeypatch.setattr(cores, "_OWN_CGROUP", cgroup(tmp_path, "0::/a", a=quota))
    assert usable_cores() == usable
