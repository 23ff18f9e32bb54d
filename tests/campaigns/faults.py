"""`make faults`: everything that can go wrong, on purpose, and a table of what was survived.

Two campaigns: damaged data (damage.py) and interrupted runs (interruptions.py, accidents.py). Seeded: a seed gives the
same damage and the same moments. Exit code 1 where anything was not survived.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from campaigns import accidents, damage, interruptions, strangers, surroundings
from campaigns.commands import end, run, start
from campaigns.tally import Tally, table

from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.phantom import phantom

SIZES = {"small": 0.1, "moderate": 0.3, "full": 1.0}
"""Share of the full number of cases: some 900 damages and 100 kills."""


def main() -> int:
    """Runs both campaigns and prints their table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="full", help="how many cases (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, default=Path("submission/local/faults"), help="emptied, then filled")
    parser.add_argument("--only", choices=("damage", "interruptions"))
    chosen = parser.parse_args()
    shutil.rmtree(chosen.scratch, ignore_errors=True)
    scratch, share = chosen.scratch.resolve(), SIZES[chosen.size]
    cohort = phantom(scratch / "cohort", studies=8, test_studies=4, seed=chosen.seed, faults="none", workers=2)
    model = _small_model(cohort, scratch)
    tallies: list[Tally] = []
    if chosen.only != "interruptions":
        tallies += _reported(_damage(cohort, model, scratch, share, chosen.seed))
    if chosen.only != "damage":
        tallies += _reported(_interruptions(cohort, model, scratch, share, chosen.seed))
    print(table(tallies))
    return int(any(tally.failures for tally in tallies))


def _small_model(cohort: Path, scratch: Path) -> Path:
    for process in (
        ("format", cohort, scratch / "store"),
        ("module:campaigns.small", scratch / "store", scratch / "model"),
    ):
        ended = end(start(*process))
        assert ended.code == 0, ended.said
    return scratch / "model"


def _reported(tallies: Iterator[Tally]) -> Iterator[Tally]:
    began = time.monotonic()
    for tally in tallies:
        print(f"[{time.monotonic() - began:6.0f} s] {tally.name}: {tally.survived} of {tally.tried}", file=sys.stderr)
        print(*tally.failures[:3], sep="\n", end="\n" if tally.failures else "", file=sys.stderr)
        yield tally


def _damage(cohort: Path, model: Path, scratch: Path, share: float, seed: int) -> Iterator[Tally]:
    load_tensorflow()
    run("doctor", cohort)  # whatever is imported for the first time
    sets = damage.fault_sets(round(50 * share), seed)
    yield damage.faults_in_test(model, scratch / "test", sets)
    yield damage.faults_in_train(scratch / "train", sets)
    yield strangers.odd_studies(model, cohort, scratch / "strangers")
    yield damage.damaged_files(model, cohort, scratch, round(500 * share), seed)
    yield damage.damaged_tables(cohort, scratch / "tables")
    yield damage.damaged_stores(scratch / "store", scratch / "damage", round(60 * share), seed)
    yield damage.damaged_models(model, cohort, scratch / "damage", round(60 * share), seed)


def _interruptions(cohort: Path, model: Path, scratch: Path, share: float, seed: int) -> Iterator[Tally]:
    out, times = scratch / "out", max(2, round(20 * share))
    stages = {
        "phantom": ("phantom", out / "phantom", "--studies", 8, "--test-studies", 4),
        "format": ("format", cohort, out / "store"),
        "train": ("module:campaigns.small", scratch / "store", out / "model"),
        "predict": ("predict", cohort, model, "-o", out / "submission.csv"),
        "submit": ("submit", cohort, out, "--model", model),
    }
    lasted = {}
    for name, command in stages.items():
        shutil.rmtree(out, ignore_errors=True)
        began = time.monotonic()
        ended = end(start(*command))
        assert ended.code == 0, ended.said
        lasted[name] = time.monotonic() - began
    for name, command in stages.items():
        yield interruptions.killed(name, command, out, cohort, times, seed, lasted[name])
        yield interruptions.signalled(name, command, out, cohort, max(2, times // 3), seed, lasted[name])
        yield interruptions.full_disk(name, command, out, cohort, (0, 1000, 20_000, 200_000))
    for name in ("format", "submit"):
        yield accidents.twice(name, stages[name], out, cohort)
    for name, place in (("format", out / "store"), ("predict", out), ("submit", out)):
        yield accidents.workers_killed(name, stages[name], place, cohort, max(2, times // 4), seed)
    yield accidents.passing(stages["format"], out / "store", cohort, scratch)
    yield surroundings.odd_surroundings(cohort, model, scratch)
    yield interruptions.read_only("format", lambda place: ("format", cohort, place))
    yield interruptions.read_only("submit", lambda place: ("submit", cohort, place, "--model", model))
    yield interruptions.read_only("predict", lambda place: ("predict", cohort, model, "-o", place / "s.csv"))
    yield interruptions.read_only("phantom", lambda place: ("phantom", place))
    yield accidents.half_written(stages["format"], out / "store", cohort)


if __name__ == "__main__":
    sys.exit(main())
