"""Training in this process, by a clock that only graphs and jobs turn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.graders import dispatch
from stenosis_kit.graders.job import Diverged, Job
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.settings import GRADERS


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock; how long a graph takes; by how much a job outlasts its share, how much of
    that it uses, and the seconds that all of its epochs take; what was built and trained, and
    the seconds given."""
    turned = SimpleNamespace(now=0.0, graph_s=5.0, late_s=0.0, used=1.0, whole_s=1.0, built=[], trained=[], given=[])

    def build(job: Job) -> None:
        turned.now += turned.graph_s
        turned.built.append(job.trained.grader)

    def train(job: Job, seconds: float) -> str:
        turned.now += turned.used * seconds + turned.late_s
        turned.given.append(seconds)
        turned.trained.append(job.trained)
        return "done"

    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: turned.now))
    monkeypatch.setattr(dispatch, "build_graphs", build)
    monkeypatch.setattr(dispatch, "train_job", train)
    monkeypatch.setattr(dispatch, "part_trained", lambda job: min(1.0, turned.given[-1] / turned.whole_s))
    return turned


def jobs(folds: int = 1) -> list[Job]:
    return [Job(None, TrainedGrader.of(grader, fold)) for fold in range(folds) for grader in GRADERS]


def lost(outcomes: list) -> list[str]:
    return [job.trained.name for job, outcome in outcomes if isinstance(outcome, TimeUp)]


def test_where_there_is_time_all_are_trained_and_use_all_of_it(turned: SimpleNamespace) -> None:
    outcomes = list(dispatch.train_here(jobs(2), Budget(600.0)))
    assert [outcome for _, outcome in outcomes] == ["done"] * 12
    assert turned.built == list(GRADERS)
    assert turned.now == pytest.approx(600)


def test_graphs_that_take_too_long_are_not_begun_and_those_there_are_trained(turned: SimpleNamespace) -> None:
    """Of 300 s a graph takes 50: three of them leave 150 s, and a fourth one would leave its grader too little."""
    turned.graph_s = 50.0
    outcomes = list(dispatch.train_here(jobs(2), Budget(300.0)))
    assert turned.built == list(GRADERS[:3])
    assert lost(outcomes) == [f"{grader.view}.fold{fold}" for fold in range(2) for grader in GRADERS[3:]]
    assert {each.grader for each in turned.trained} == set(GRADERS[:3])
    assert turned.now == pytest.approx(300)


def test_one_graph_that_took_the_whole_time_is_the_last_step(turned: SimpleNamespace) -> None:
    turned.graph_s = 300.0
    outcomes = list(dispatch.train_here(jobs(), Budget(240.0)))
    assert len(lost(outcomes)) == 6
    assert turned.now == 300


def test_jobs_that_outlast_their_shares_take_the_place_of_the_last_ones(turned: SimpleNamespace) -> None:
    turned.late_s = 20.0
    outcomes = list(dispatch.train_here(jobs(2), Budget(200.0)))
    assert len(turned.trained) == 12 - len(lost(outcomes)) < 12
    assert turned.now <= 200 + turned.late_s


def works(*each: float) -> list[Job]:
    return [Job(None, TrainedGrader.of(grader, 0), work=work) for grader, work in zip(GRADERS, each, strict=False)]


def test_the_time_is_shared_by_what_the_networks_take(turned: SimpleNamespace) -> None:
    turned.graph_s = 0.0
    list(dispatch.train_here(works(6.0, 3.0, 1.0), Budget(100.0)))
    assert turned.given == pytest.approx([60.0, 30.0, 10.0])


def test_what_one_leaves_the_others_get(turned: SimpleNamespace) -> None:
    turned.graph_s, turned.used = 0.0, 0.5
    list(dispatch.train_here(works(2.0, 1.0, 1.0), Budget(100.0)))
    assert turned.given == pytest.approx([50.0, 37.5, 56.25])


@pytest.mark.parametrize(("whole_s", "folds"), [(20.0, 5), (70.0, 5), (130.0, 3), (400.0, 1)])
def test_where_the_machine_became_slow_the_last_folds_are_left_out_and_the_others_trained(
    turned: SimpleNamespace, whole_s: float, folds: int
) -> None:
    """Of 600 s each of six networks has 20 at first; a quarter of its epochs is the least."""
    turned.graph_s, turned.whole_s = 0.0, whole_s
    outcomes = list(dispatch.train_here(jobs(5), Budget(600.0)))
    assert lost(outcomes) == [f"{grader.view}.fold{fold}" for fold in range(folds, 5) for grader in GRADERS]
    assert len(turned.trained) == 6 * folds
    assert turned.now == pytest.approx(600) or folds == 1


def test_no_graph_is_begun_where_the_time_does_not_reach_for_it(turned: SimpleNamespace) -> None:
    outcomes = list(dispatch.train_here(jobs(), Budget(1.0)))
    assert len(lost(outcomes)) == 6
    assert turned.built == []


def test_a_network_that_goes_astray_costs_no_other(turned: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = dispatch.train_job

    def train(job: Job, seconds: float) -> str:
        if job.trained.grader == GRADERS[2]:
            raise Diverged("no numbers")
        return honest(job, seconds)

    monkeypatch.setattr(dispatch, "train_job", train)
    outcomes = dict(dispatch.train_here(jobs(), Budget(600.0)))
    astray = [job.trained.grader for job, outcome in outcomes.items() if isinstance(outcome, Diverged)]
    assert astray == [GRADERS[2]]
    assert list(outcomes.values()).count("done") == 5
