"""A folder that a killed command left."""

from __future__ import annotations

from pathlib import Path

from stenosis_kit.base.unfinished import UNFINISHED, begin, end, is_unfinished


def test_it_is_known_until_the_command_has_ended(tmp_path: Path) -> None:
    assert not is_unfinished(tmp_path)
    begin(tmp_path, "paper")
    assert is_unfinished(tmp_path)
    assert "stenosis-kit paper has not finished here" in (tmp_path / UNFINISHED).read_text()
    for _ in range(2):
        end(tmp_path)
        assert not is_unfinished(tmp_path)
