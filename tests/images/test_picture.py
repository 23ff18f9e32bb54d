"""Saving a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from stenosis_kit.images.picture import new_figure, save_figure


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.png", b"\x89PNG"),
        ("a.PDF", b"%PDF"),
        ("a", b"\x89PNG"),
        ("a.b", b"\x89PNG"),
        (".hidden", b"\x89PNG"),
    ],
)
def test_the_name_gives_the_format_and_is_kept(tmp_path: Path, name: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    figure, _ = new_figure(1, 1, (1, 1))
    save_figure(figure, tmp_path / name, dpi=10)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(begins)
