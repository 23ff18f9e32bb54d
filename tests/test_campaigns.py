"""The small forms of the fault and the interruption campaign; `make faults` runs the large ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from campaigns import accidents, damage, interruptions
from campaigns.commands import Ended
from campaigns.mutations import CSV_MUTATIONS
from campaigns.tally import Tally, table


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
