"""The smallest forms of the fault and the interruption campaign; `make campaigns` and `make faults` run larger ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from campaigns import damage, interruptions
from campaigns.bench.roots import assemble
from campaigns.commands import Ended
from campaigns.tally import Tally, table


def survived(tally: Tally) -> None:
    assert tally.failures == []
    assert tally.tried == tally.survived > 0


# --- Damaged data ---------------------------------------------------------------------------------

TABLE_MUTATIONS = ("BOM", "UTF-16", "semicolons", "ids as floats", "cut off in a row", "no bytes")


@pytest.fixture
def two_studies(cohort: Path, tmp_path: Path) -> Path:
    """A root of two training studies: as many as take a second to format."""
    root = assemble(cohort, 2, tmp_path / "two")
    (root / "test_images").mkdir()
    return root


def test_faulty_studies_cost_their_neighbours_nothing(model: Path, tmp_path: Path) -> None:
    survived(damage.faults_in_test(model, tmp_path, [("truncated_file", "missing_t2"), ("missing_study_folder",)]))


def test_damaged_files_cost_other_series_nothing(model: Path, cohort: Path, tmp_path: Path) -> None:
    tally = damage.damaged_files(model, cohort, tmp_path, 6, seed=1)
    survived(tally)
    assert tally.rows > 20 and tally.lost == 0


@pytest.mark.parametrize("name", TABLE_MUTATIONS)
def test_a_damaged_table_is_read_or_refused_clearly(two_studies: Path, tmp_path: Path, name: str) -> None:
    survived(damage.damaged_tables(two_studies, tmp_path, [name], tables=["train.csv"]))


def test_damaged_models_predict_or_are_refused(model: Path, cohort: Path, tmp_path: Path) -> None:
    survived(damage.damaged_models(model, cohort, tmp_path, 1, seed=2))


def test_damaged_stores_are_refused_or_used(store: Path, tmp_path: Path) -> None:
    survived(damage.damaged_stores(store, tmp_path, 4, seed=2))


# --- Interrupted runs -----------------------------------------------------------------------------


def test_a_run_killed_at_a_random_moment_leaves_whole_files_and_finishes(two_studies: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    survived(interruptions.killed("format", ("format", two_studies, out), out, two_studies, 1, seed=3, whole_s=4.0))


def test_an_output_that_is_read_only_is_said(two_studies: Path) -> None:
    survived(interruptions.read_only("format", lambda place: ("format", two_studies, place)))


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
