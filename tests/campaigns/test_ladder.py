"""The score ladder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaigns.ladder import draw, ladder, shown


def run(folder: Path, limit_s: float, score: float) -> Path:
    folder.mkdir()
    beside = {"uniform": 1.0, "prior": 0.8, "own_prior": 0.79, "oracle": 0.4}
    (folder / "run.json").write_text(
        json.dumps({"time_limit_s": limit_s, "score": {"score": score, "baselines": beside}})
    )
    return folder


def test_rungs_stand_in_order_and_say_how_much_was_closed(tmp_path: Path) -> None:
    rungs = ladder([run(tmp_path / "long", 480.0, 0.5), run(tmp_path / "short", 180.0, 0.6)])
    assert [rung.name for rung in rungs] == ["uniform", "prior", "kit, 3 min", "kit, 8 min", "oracle"]
    assert [rung.closed for rung in rungs] == [None, None, pytest.approx(0.5), pytest.approx(0.75), None]
    assert shown(rungs[3]) == "0.500  (75% of prior to oracle)"


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(ladder([run(tmp_path / "one", 480.0, 0.5)]), tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")
