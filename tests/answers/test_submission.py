"""The submission: legal rows, and a whole file at every moment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cohort import write_csv

from stenosis_kit import rsna
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.submission import FLOOR, Submission, legal_rows, read_submission
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.grid import grid

FIRST = "101_left_neural_foraminal_narrowing_l1_l2"
LAST = "102_spinal_canal_stenosis_l5_s1"


@pytest.fixture
def submission() -> Submission:
    return Submission(grid([102, 101]), builtin_prior())


def random_rows(kind: str, count: int = 4000) -> np.ndarray:
    random = np.random.default_rng(0)
    if kind == "mild":
        return random.dirichlet([1, 1, 1], count)
    if kind == "almost one-hot":
        return random.dirichlet([0.01, 0.01, 0.01], count)
    if kind == "one-hot":
        return np.eye(3)[random.integers(0, 3, count)]
    if kind == "float32":
        return random.dirichlet([0.1, 1, 1], count).astype(np.float32)
    if kind == "not normalised":
        return random.uniform(0, 1000, (count, 3))
    if kind == "of all magnitudes":
        return 10.0 ** random.uniform(-300, 300, (count, 3))
    return 10.0 ** random.uniform(-323, -300, (count, 3))  # tiny


KINDS = ("mild", "almost one-hot", "one-hot", "float32", "not normalised", "of all magnitudes", "tiny")


@pytest.mark.parametrize("kind", KINDS)
def test_any_scores_become_legal_rows(kind: str) -> None:
    rows = random_rows(kind)
    legal = legal_rows(rows)
    assert legal.shape == rows.shape
    assert legal.dtype == np.float64
    assert np.abs(legal.sum(axis=1) - 1).max() < 1e-12
    assert legal.min() >= FLOOR == 1e-4
    assert legal.max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_legal_rows_stay_close_to_the_shares_given(kind: str) -> None:
    rows = np.asarray(random_rows(kind), np.float64)
    shares = rows / rows.sum(axis=1, keepdims=True)
    assert np.abs(legal_rows(rows) - shares).max() < 3 * FLOOR


@pytest.mark.parametrize("row", [(0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.998, 0.001, 0.001)])
def test_rows_that_are_legal_already_do_not_change(row: tuple) -> None:
    assert legal_rows(np.array([row]))[0] == pytest.approx(row, abs=1e-15)


@pytest.mark.parametrize(
    "row",
    [(np.nan, 0.5, 0.5), (np.inf, 0, 0), (-np.inf, 1, 1), (0, 0, 0), (-0.1, 0.6, 0.5)],
)
def test_scores_without_meaning_are_refused(row: tuple) -> None:
    with pytest.raises(ValueError, match="expected finite probabilities"):
        legal_rows(np.array([(0.2, 0.3, 0.5), row]))


def test_the_prior_answers_until_something_better_is_put(submission: Submission) -> None:
    assert submission.grid.height == 50
    expected = legal_rows(builtin_prior()["spinal_canal_stenosis", "l5_s1"][None])[0]
    assert submission.probabilities[-1] == pytest.approx(expected)
    assert submission.counts() == {"prior: not graded": 50}


def test_a_graded_row_is_put_in_its_place_alone(submission: Submission) -> None:
    submission.put(LAST, np.array([0.2, 0.3, 0.5]), "canal_axial")
    assert submission.probabilities[-1] == pytest.approx([0.2, 0.3, 0.5])
    assert submission.probabilities[:-1].tolist() == submission.priors[:-1].tolist()
    assert submission.sources[-1] == {"source": "grader", "why": "canal_axial"}
    assert submission.counts() == {"prior: not graded": 49, "grader: canal_axial": 1}


def test_what_may_not_be_the_row_s_own_is_left_to_the_prior_by_that_chance(submission: Submission) -> None:
    prior, answer = submission.priors[0].copy(), np.array([0.1, 0.2, 0.7])
    for trust in (0.0, 0.25, 1.0):
        submission.put(FIRST, answer, "canal_axial", trust)
        assert submission.probabilities[0] == pytest.approx(trust * answer + (1 - trust) * prior)


def test_rows_may_be_put_in_any_order(submission: Submission) -> None:
    submission.put(LAST, np.array([0.1, 0.1, 0.8]), "a")
    submission.put(FIRST, np.array([0.8, 0.1, 0.1]), "b")
    assert submission.probabilities[0] == pytest.approx([0.8, 0.1, 0.1])
    assert submission.probabilities[-1] == pytest.approx([0.1, 0.1, 0.8])


@pytest.mark.parametrize("bad", [(np.nan, 0.5, 0.5), (np.inf, 0, 0), (0, 0, 0), (-1, 1, 1)])
def test_an_answer_that_is_not_finite_keeps_the_prior_and_says_so(submission: Submission, bad: tuple) -> None:
    submission.put(FIRST, np.array(bad), "net")
    submission.put(LAST, np.array((0.2, 0.3, 0.5)), "net")
    assert submission.probabilities[0].tolist() == submission.priors[0].tolist()
    assert submission.sources[0] == {"source": "prior", "why": "the grader's answer was not finite"}
    assert submission.sources[-1]["source"] == "grader"


@pytest.mark.parametrize("withdraw", ["put", "explain"])
def test_what_says_it_is_a_prior_holds_the_prior(submission: Submission, withdraw: str) -> None:
    submission.put(FIRST, np.array([0.2, 0.3, 0.5]), "net")
    if withdraw == "put":
        submission.put(FIRST, np.full(3, np.nan), "net")
    else:
        submission.explain([FIRST], "withdrawn")
    assert submission.sources[0]["source"] == "prior"
    assert submission.probabilities[0].tolist() == submission.priors[0].tolist()


def test_explain_says_why_rows_are_left_at_their_prior(submission: Submission) -> None:
    submission.explain([FIRST, LAST], "no series")
    assert submission.counts() == {"prior: not graded": 48, "prior: no series": 2}


def test_a_saved_file_reads_back_in_full_precision(tmp_path: Path, submission: Submission) -> None:
    submission.put(FIRST, np.array([1 / 3, 1 / 7, 11 / 21]), "net")
    submission.save(tmp_path / "out" / "submission.csv")
    assert (tmp_path / "out" / "submission.csv").read_text().startswith("row_id,normal_mild,moderate,severe\n")
    frame = read_submission(tmp_path / "out" / "submission.csv")
    assert frame["row_id"].to_list() == submission.grid["row_id"].to_list()
    assert frame.select(rsna.SEVERITIES).to_numpy().tolist() == submission.probabilities.tolist()


def test_run_json_says_where_each_row_came_from(tmp_path: Path, submission: Submission) -> None:
    submission.put(FIRST, np.array([0.2, 0.3, 0.5]), "net")
    submission.save(tmp_path / "submission.csv", {"version": "x"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["submission.csv", "submission.run.json"]
    run = json.loads((tmp_path / "submission.run.json").read_text())
    assert run["version"] == "x"
    assert run["counts"] == {"prior: not graded": 49, "grader: net": 1}
    assert list(run["rows"]) == submission.grid["row_id"].to_list()
    assert run["rows"][FIRST] == {"source": "grader", "why": "net"}
    assert run["rows"][LAST] == {"source": "prior", "why": "not graded"}


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, submission: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "submission.csv"
    submission.save(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    submission.put(FIRST, np.array([0.2, 0.3, 0.5]), "net")

    def half(target: Path, data: bytes) -> None:
        with target.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(InputError, match="No space left on device") as raised:
        submission.save(path)
    assert raised.value.path == str(path)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["file/submission.csv", "folder"])
def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path, submission: Submission, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="expected a file that can be written; found"):
        submission.save(tmp_path / name)


# --- Reading -----------------------------------------------------------------------------------


def rows_of(*rows: tuple[object, ...]) -> list[dict[str, object]]:
    return [dict(zip(rsna.SUBMISSION_COLUMNS, row, strict=True)) for row in rows]


def test_columns_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.write_text(f"severe,row_id,more,normal_mild,moderate\n.1,{FIRST},x,.7,.2\n")
    assert read_submission(path).rows() == [(FIRST, 0.7, 0.2, 0.1)]


@pytest.mark.parametrize("value", ["nan", "inf", "", "x", "0,5", "-0.1"])
def test_what_the_host_rejects_is_refused_with_its_row(tmp_path: Path, value: str) -> None:
    path = write_csv(tmp_path / "submission.csv", rows_of((FIRST, 0.2, 0.3, 0.5), (LAST, 0.5, 0.5, value)))
    with pytest.raises(TableError, match="row 3"):
        read_submission(path)


def test_a_row_of_zeros_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "submission.csv", rows_of((FIRST, 0, 0, 0)))
    with pytest.raises(TableError, match="row 2: expected no negative probability and a positive sum"):
        read_submission(path)


def test_a_doubled_row_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "submission.csv", rows_of((FIRST, 0.2, 0.3, 0.5), (FIRST, 0.2, 0.3, 0.5)))
    with pytest.raises(TableError, match="row 3: expected each"):
        read_submission(path)


def test_what_was_graded_earlier_stays_until_there_is_something_better(submission: Submission) -> None:
    submission.put(FIRST, np.array([0.2, 0.3, 0.5]), "canal_axial")
    later = Submission(submission.grid, builtin_prior(), submission)
    place = later.grid["row_id"].to_list().index(FIRST)
    assert later.graded().tolist() == submission.graded().tolist()
    later.explain([FIRST, LAST], "no image")
    np.testing.assert_allclose(later.probabilities[place], [0.2, 0.3, 0.5])
    assert later.sources[place] == {"source": "grader", "why": "canal_axial (first pass)"}
    assert later.counts()["prior: no image"] == 1
    later.put(FIRST, np.array([0.6, 0.3, 0.1]), "canal_sagittal")
    np.testing.assert_allclose(later.probabilities[place], [0.6, 0.3, 0.1])
    assert later.sources[place] == {"source": "grader", "why": "canal_sagittal"}
