"""How long each network may be trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.graders import dispatch
from stenosis_kit.graders.dispatch import train_here
from stenosis_kit.graders.job import Job, Recipe
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.settings import Training

TRAINING = Training()
RECIPE = Recipe(Path("store"), Path("model"), "run", TRAINING, {}, {})


def jobs(*works: float) -> list[Job]:
    graders = zip(TRAINING.graders, works, strict=False)
    return [Job(RECIPE, TrainedGrader.of(grader, 0), work=work) for grader, work in graders]


def shares(monkeypatch: pytest.MonkeyPatch, asked: list[Job], taken: float = 1.0) -> list[float]:
    """The seconds that each of them may take of 100, where each takes a part of what it may."""
    now, given = [0.0], []
    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(dispatch, "build_graphs", lambda job: None)

    def train(job: Job, seconds: float) -> str:
        given.append(seconds)
        now[0] += taken * seconds
        return "done"

    monkeypatch.setattr(dispatch, "train_job", train)
    list(train_here(asked, Budget(100.0)))
    return given


def test_the_time_is_shared_by_what_the_networks_take(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shares(monkeypatch, jobs(6.0, 3.0, 1.0)) == pytest.approx([60.0, 30.0, 10.0])


def test_what_one_leaves_the_others_get(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shares(monkeypatch, jobs(2.0, 1.0, 1.0), taken=0.5) == pytest.approx([50.0, 37.5, 56.25])
