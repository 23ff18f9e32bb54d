"""The middle form of the fault and the interruption campaign, a few minutes long; `make faults` runs the large ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaigns import accidents, damage, interruptions
from campaigns.mutations import CSV_MUTATIONS
from campaigns.tally import Tally

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.road.predict import predict

pytestmark = pytest.mark.campaign


def survived(tally: Tally) -> None:
    assert tally.failures == []
    assert tally.tried == tally.survived > 0


# --- Damaged data ---------------------------------------------------------------------------------


def test_faulty_studies_cost_their_neighbours_nothing(model: Path, tmp_path: Path) -> None:
    names = ("truncated_file", "missing_t2", "missing_study_folder", "constant_image", "instance_huge")
    survived(damage.faults_in_test(model, tmp_path, [*((name,) for name in names), names[:2]]))


def test_damaged_files_cost_other_series_nothing(model: Path, cohort: Path, tmp_path: Path) -> None:
    tally = damage.damaged_files(model, cohort, tmp_path, 24, seed=1)
    survived(tally)
    assert tally.rows > 100 and tally.lost == 0


@pytest.mark.parametrize("name", CSV_MUTATIONS)
def test_a_damaged_table_is_read_or_refused_clearly(cohort: Path, tmp_path: Path, name: str) -> None:
    survived(damage.damaged_tables(cohort, tmp_path, [name], tables=["train.csv"]))


def test_damaged_models_predict_or_are_refused(model: Path, cohort: Path, tmp_path: Path) -> None:
    survived(damage.damaged_models(model, cohort, tmp_path, 3, seed=2))


def test_damaged_stores_are_refused_or_used(store: Path, tmp_path: Path) -> None:
    survived(damage.damaged_stores(store, tmp_path, 12, seed=2))


def test_every_fault_of_the_phantom_goes_down_the_road_and_costs_no_row(model, tmp_path):
    names = sorted(RATES)
    force = {index: (name,) for index, name in enumerate(names)}
    root = phantom(tmp_path / "root", studies=0, test_studies=len(names), faults="none", force=force, workers=2)
    submission = predict(root, [model], tmp_path / "submission.csv")
    assert submission.grid.height == 25 * len(names)
    assert is_legal(check(tmp_path / "submission.csv", root))
    graded = sum(source["source"] == "grader" for source in submission.sources)
    assert graded > 0.7 * submission.grid.height


# --- Interrupted runs -----------------------------------------------------------------------------


def test_a_run_killed_at_random_moments_leaves_whole_files_and_finishes(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.killed("format", ("format", cohort, out), out, cohort, 3, seed=3, whole_s=4.0))


def test_signals_end_a_run_at_once_with_their_codes(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.signalled("format", ("format", cohort, out), out, cohort, 2, seed=3, whole_s=3.0))


def test_a_full_disk_is_said_and_nothing_invalid_is_left(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.full_disk("format", ("format", cohort, out), out, cohort, [0, 20_000]))


def test_an_output_that_is_read_only_is_said(cohort: Path) -> None:
    survived(interruptions.read_only("format", lambda place: ("format", cohort, place)))


def test_a_killed_worker_costs_no_row(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(accidents.workers_killed("format", ("format", cohort, out), out, cohort, 1, seed=3))
