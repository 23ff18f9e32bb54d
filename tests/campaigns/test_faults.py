"""The fault and the interruption campaign in a small form, and, marked campaign, in one of a few minutes.

`make faults` runs them whole.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from campaigns import accidents, damage, interruptions, strangers, surroundings
from campaigns.bench.roots import assemble
from campaigns.commands import Ended
from campaigns.mutations import CSV_MUTATIONS
from campaigns.tally import Tally, table

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.road.predict import predict

large = partial(pytest.param, marks=pytest.mark.campaign)


def survived(tally: Tally) -> None:
    assert tally.failures == []
    assert tally.tried == tally.survived > 0


# --- Damaged data ---------------------------------------------------------------------------------

TABLE_MUTATIONS = ("BOM", "UTF-16", "semicolons", "ids as floats", "cut off in a row", "no bytes")
FAULTS = ("truncated_file", "missing_t2", "missing_study_folder", "constant_image", "instance_huge")


@pytest.fixture
def two_studies(cohort: Path, tmp_path: Path) -> Path:
    """A root of two training studies: as many as take a second to format."""
    root = assemble(cohort, 2, tmp_path / "two")
    (root / "test_images").mkdir()
    return root


@pytest.mark.parametrize(
    "faults", [[FAULTS[:2], FAULTS[2:3]], large([*((name,) for name in FAULTS), FAULTS[:2]])], ids=["two", "six"]
)
def test_faulty_studies_cost_their_neighbours_nothing(model: Path, tmp_path: Path, faults: list) -> None:
    survived(damage.faults_in_test(model, tmp_path, faults))


@pytest.mark.parametrize("files", [6, large(24)])
def test_damaged_files_cost_other_series_nothing(model: Path, cohort: Path, tmp_path: Path, files: int) -> None:
    tally = damage.damaged_files(model, cohort, tmp_path, files, seed=1)
    survived(tally)
    assert tally.rows > 4 * files - 4 and tally.lost == 0


@pytest.mark.parametrize("name", [name if name in TABLE_MUTATIONS else large(name) for name in CSV_MUTATIONS])
def test_a_damaged_table_is_read_or_refused_clearly(two_studies: Path, tmp_path: Path, name: str) -> None:
    survived(damage.damaged_tables(two_studies, tmp_path, [name], tables=["train.csv"]))


@pytest.mark.parametrize("models", [1, large(3)])
def test_damaged_models_predict_or_are_refused(model: Path, cohort: Path, tmp_path: Path, models: int) -> None:
    survived(damage.damaged_models(model, cohort, tmp_path, models, seed=2))


@pytest.mark.parametrize("stores", [4, large(12)])
def test_damaged_stores_are_refused_or_used(store: Path, tmp_path: Path, stores: int) -> None:
    survived(damage.damaged_stores(store, tmp_path, stores, seed=2))


@pytest.mark.parametrize(
    "names", [("padding at the top", "no numbers", "one place"), large(tuple(strangers.CHANGES))], ids=["three", "all"]
)
def test_odd_files_are_answered_as_whole_ones_or_not_at_all(
    model: Path, cohort: Path, tmp_path: Path, names: tuple
) -> None:
    survived(strangers.odd_studies(model, cohort, tmp_path, names))


@pytest.mark.campaign
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


@pytest.mark.parametrize("times", [1, large(3)])
def test_a_run_killed_at_random_moments_leaves_whole_files_and_finishes(
    two_studies: Path, tmp_path: Path, times: int
) -> None:
    out = tmp_path / "store"
    survived(interruptions.killed("format", ("format", two_studies, out), out, two_studies, times, seed=3, whole_s=4.0))


def test_an_output_that_is_read_only_is_said(two_studies: Path) -> None:
    survived(interruptions.read_only("format", lambda place: ("format", two_studies, place)))


@pytest.mark.campaign
def test_signals_end_a_run_at_once_with_their_codes(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.signalled("format", ("format", cohort, out), out, cohort, 2, seed=3, whole_s=3.0))


@pytest.mark.campaign
def test_a_full_disk_is_said_and_nothing_invalid_is_left(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.full_disk("format", ("format", cohort, out), out, cohort, [0, 20_000]))


@pytest.mark.campaign
def test_a_killed_worker_costs_no_row(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(accidents.workers_killed("format", ("format", cohort, out), out, cohort, 1, seed=3))


@pytest.mark.campaign
def test_a_passing_fault_costs_nothing_for_good(two_studies: Path, tmp_path: Path) -> None:
    """In a small form: tests/road/test_format_again.py."""
    out = tmp_path / "store"
    survived(accidents.passing(("format", two_studies, out), out, two_studies, tmp_path, [*accidents.PASSING]))


@pytest.mark.campaign
def test_odd_surroundings_change_nothing(model: Path, cohort: Path, tmp_path: Path) -> None:
    survived(surroundings.odd_surroundings(cohort, model, tmp_path))


# --- The campaigns themselves can fail --------------------------------------------------------------


def test_a_differing_row_is_counted_as_lost() -> None:
    tally = Tally("case")
    tally.note("good", rows=5)
    tally.note("bad", rows=5, lost=1)
    assert (tally.tried, tally.survived, tally.rows, tally.lost) == (2, 1, 10, 1)
    assert "case: bad: 1 of 5 rows lost" in table([tally])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, ""),
        (2, "no"),
        (0, "Traceback (most recent call last)"),
        (2, "unexpected KeyError: 'expected'; found"),
        (-9, ""),
    ],
)
def test_a_bad_end_is_a_fault(code: int, said: str) -> None:
    assert Ended(code, said).faults()


def test_a_clear_refusal_is_none() -> None:
    assert Ended(2, "f.csv: expected a table; found nothing. Mend it.").faults() == []


def test_a_file_that_is_cut_off_is_broken(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    assert interruptions.broken_files(copy) == []
    path = copy / "canal_axial.npy"
    path.write_bytes(path.read_bytes()[:-1])
    (copy / ".7.partial.run.json").write_text("{")
    (line,) = interruptions.broken_files(copy)
    assert line.startswith("canal_axial.npy is broken")
