"""The time budget, on a clock that the test turns."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from stenosis_kit.base import budget
from stenosis_kit.base.budget import Budget, Pace, Stopwatch, parse_time, process_age, show_time, slowness


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("8.5h", 30600), (".5s", 0.5), ("2.m", 120), (" 1s ", 1), ("0.001h", 3.6)],
)
def test_times_as_the_command_line_writes_them(text: str, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "90", "m", "0s", "0.0h", "-5m", "5 m", "1h30m", "1d", "5M", "1e3s", "nans", "infs", "1,5h", ".s"]
)
def test_other_times_are_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as 90s, 15m or 8.5h; found") as raised:
        parse_time(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (200, "3 min 20 s"),
        (61, "1 min 01 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (math.inf, "no limit"),
    ],
)
def test_times_for_people(seconds: float, shown: str) -> None:
    assert show_time(seconds) == shown


def test_a_budget_runs_out(clock: Clock) -> None:
    whole = Budget(100)
    assert (whole.remaining(), whole.elapsed(), whole.progress()) == (100, 0, 0)
    clock.now += 25
    assert (whole.remaining(), whole.elapsed(), whole.progress()) == (75, 25, 0.25)
    clock.now += 200
    assert (whole.remaining(), whole.elapsed(), whole.progress()) == (0, 225, 1)
    assert whole.seconds == 100


def test_time_spent_before_counts(clock: Clock) -> None:
    late = Budget(100, spent=30)
    assert (late.remaining(), late.elapsed(), late.seconds) == (70, 30, 100)


def test_more_spent_than_given_leaves_nothing(clock: Clock) -> None:
    assert Budget(10, spent=30).remaining() == 0


def test_without_a_limit_nothing_runs_out(clock: Clock) -> None:
    endless = Budget()
    clock.now += 1e9
    assert (endless.remaining(), endless.progress(), endless.elapsed()) == (math.inf, 0, 1e9)
    assert endless.share(0.5, keep=100).remaining() == math.inf


def test_a_share_is_cut_from_what_is_left(clock: Clock) -> None:
    whole = Budget(100)
    clock.now += 40
    assert whole.share(0.5).remaining() == 30
    assert whole.share(0.5, keep=20).remaining() == 20
    assert whole.share(keep=59).remaining() == 1


def test_a_share_that_ends_early_hands_its_time_back(clock: Clock) -> None:
    whole = Budget(100)
    first = whole.share(0.5)
    clock.now += 10
    assert first.remaining() == 40
    assert whole.share().remaining() == 90


def test_a_share_never_outlasts_its_budget(clock: Clock) -> None:
    whole = Budget(100)
    assert whole.share(0.9, keep=200).remaining() == 0
    clock.now += 100
    assert whole.share().remaining() == 0


def test_a_share_knows_the_whole_commands_budget(clock: Clock) -> None:
    assert Budget(100).share(0.5).share(0.5).whole == 100
    assert Budget().share(0.5).whole == math.inf


class Loop:
    """Steps of which each turns a clock."""

    def __init__(self, clock: Clock, step_s: float) -> None:
        self.clock, self.step_s = clock, step_s

    def __call__(self, steps: int) -> Iterator[int]:
        for step in range(steps):
            self.clock.now += self.step_s
            yield step


@pytest.mark.parametrize(("step_s", "slow"), [(0.0005, 1.0), (0.001, 1.0), (0.004, 4.0)], ids=["fast", "usual", "busy"])
def test_slowness_is_how_much_longer_than_usual_a_loop_takes_and_1_at_least(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, step_s: float, slow: float
) -> None:
    monkeypatch.setattr(budget, "_PROBE_STEPS", 100)
    monkeypatch.setattr(budget, "_PROBE_S", 0.1)
    monkeypatch.setattr(budget, "range", Loop(clock, step_s), raising=False)
    assert slowness() == pytest.approx(slow)


def test_on_a_slow_machine_the_time_reaches_for_less(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Budget(60)
    assert whole.reaches(60) and not whole.reaches(61)
    monkeypatch.setattr(budget, "slowness", lambda: 6.0)
    assert whole.reaches(10) and not whole.reaches(11)
    assert Budget().reaches(1e9)


def test_a_process_knows_its_age(tmp_path: Path) -> None:
    """One that began a second before it asks, and less than the test took, on the same clock."""
    code = "import time; time.sleep(1); from stenosis_kit.base.budget import process_age; print(process_age())"
    began = time.monotonic()
    age = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert age == 0 or 1 <= age <= time.monotonic() - began + 0.1


@pytest.mark.parametrize("stat", ["", "1 (a) b) S 1", "1 (python) S" + " 9" * 60], ids=["empty", "short", "long ago"])
def test_an_age_that_the_system_does_not_tell_or_that_cannot_be_is_0(
    stat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget.Path, "read_text", lambda self: stat)
    monkeypatch.setattr(budget.time, "clock_gettime", lambda clock: 1e6)
    assert process_age() == 0


def test_a_stopwatch_books_laps_and_adds_them_up(clock: Clock) -> None:
    watch = Stopwatch()
    for stage, seconds in (("format", 2.0), ("train", 5.0), ("format", 1.5)):
        clock.now += seconds
        assert watch.lap(stage) == seconds
    assert watch.seconds == {"format": 3.5, "train": 5.0}


@pytest.mark.parametrize(
    ("limit", "share"),
    [(1000, 1.0), (50, 1.0), (40, 0.5), (30, 0.0), (5, 0.0)],
    ids=["all", "just", "half", "none", "late"],
)
def test_as_much_of_a_step_is_done_as_lets_the_time_reach_for_all(clock: Clock, limit: float, share: float) -> None:
    """Ten of twenty items took 20 s, and 10 s beside the step: the rest want 20 s of it and 10 s beside it."""
    pace = Pace(Budget(limit + 10), 20)
    assert pace.share() == 1  # nothing is known yet
    clock.now += 30
    pace.note(10, 20.0)
    assert pace.share() == pytest.approx(share)


def test_a_step_done_in_part_counts_as_a_whole_one_and_the_last_part_alone(clock: Clock) -> None:
    pace = Pace(Budget(100), 30)
    clock.now += 60  # a slow start
    pace.note(10, 60.0)
    assert pace.share() == pytest.approx(1 / 3)  # 2 s of 6 an item
    clock.now += 10
    pace.note(10, 10.0, 0.5)
    assert pace.share() == 1  # 2 s an item, and 3 s are there
    assert Pace(Budget(), 5).share() == 1


def test_no_other_module_reads_a_clock() -> None:
    package = Path(budget.__file__).parents[1]
    readers = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            if {"time", "datetime"} & set(names):
                readers.add(path.relative_to(package).as_posix())
    assert readers == {"base/budget.py"}
