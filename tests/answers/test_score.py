"""The official metric."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cohort import Tables, read_csv, write_csv
from sklearn.metrics import log_loss

from stenosis_kit import rsna
from stenosis_kit.answers.priors import prior_rows, weighted_prior
from stenosis_kit.answers.score import baselines, compare, score, study_losses
from stenosis_kit.base.errors import InputError
from stenosis_kit.road.split import split
from stenosis_kit.tables.labels import read_solution

WEIGHTS = dict(zip(rsna.SEVERITIES, rsna.SEVERITY_WEIGHTS, strict=True))
TERMS = ("spinal", "foraminal", "subarticular", "any_severe_spinal")
CANAL = "spinal_canal_stenosis"


def truth_of(*cells: tuple[int, str, str, str]) -> pl.DataFrame:
    """Labels from (study, condition, level, severity)."""
    names = ("row_id", "study_id", "condition", "level", "severity")
    rows = [
        (rsna.row_id(study, condition, level), study, condition, level, label)
        for study, condition, level, label in cells
    ]
    return pl.DataFrame(rows, dict.fromkeys(names, pl.String) | {"study_id": pl.Int64}, orient="row")


def answers(truth: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    return truth.select("row_id").with_columns(**{name: rows[:, k] for k, name in enumerate(rsna.SEVERITIES)})


def uniform(truth: pl.DataFrame) -> pl.DataFrame:
    return answers(truth, np.full((truth.height, 3), 1 / 3))


def hashed(truth: pl.DataFrame) -> pl.DataFrame:
    digests = [hashlib.sha256(row_id.encode()).digest()[:3] for row_id in truth["row_id"]]
    rows = 1.0 + np.array([list(digest) for digest in digests], float)
    return answers(truth, rows / rows.sum(axis=1, keepdims=True))


def random_answers(truth: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    return answers(truth, np.random.default_rng(seed).dirichlet([2, 1, 1], truth.height))


@pytest.fixture
def train_csv(tmp_path: Path) -> Path:
    return Tables().write(tmp_path / "data") / "train.csv"


@pytest.fixture
def truth(train_csv: Path) -> pl.DataFrame:
    return read_solution(train_csv)


# --- The terms ---------------------------------------------------------------------------------


def test_uniform_by_hand() -> None:
    truth = truth_of(
        (101, CANAL, "l1_l2", "moderate"),  # study 101: negative, weight 2
        (101, CANAL, "l2_l3", "normal_mild"),
        (102, CANAL, "l1_l2", "severe"),  # study 102: positive, weight 4
        (101, "left_neural_foraminal_narrowing", "l1_l2", "severe"),
        (101, "right_subarticular_stenosis", "l1_l2", "normal_mild"),
    )
    result = score(uniform(truth), truth)
    any_severe = (2 * -math.log(2 / 3) + 4 * -math.log(1 / 3)) / 6
    for term in rsna.TERMS:
        assert result[term] == pytest.approx(math.log(3), abs=1e-12)
    assert result["any_severe_spinal"] == pytest.approx(any_severe, abs=1e-12)
    assert result["score"] == pytest.approx((3 * math.log(3) + any_severe) / 4, abs=1e-12)
    assert (result["rows"], result["studies"], result["rows_ignored"]) == (5, 2, 0)


@pytest.mark.parametrize("term", rsna.TERMS)
def test_each_term_is_scikit_learns_weighted_log_loss(truth: pl.DataFrame, term: str) -> None:
    submission = random_answers(truth)
    kept = truth.with_columns(
        term=pl.col("condition").replace_strict(rsna.CONDITION_NAMES, [c.term for c in rsna.CONDITIONS])
    )
    chosen = (kept["term"] == term).to_numpy()
    severities = truth["severity"].to_numpy()[chosen]
    expected = log_loss(
        [rsna.SEVERITIES.index(name) for name in severities],
        submission.select(rsna.SEVERITIES).to_numpy()[chosen],
        sample_weight=[WEIGHTS[name] for name in severities],
        labels=[0, 1, 2],
    )
    assert set(severities) == set(rsna.SEVERITIES)
    assert score(submission, truth)[term] == pytest.approx(expected, abs=1e-12)


def test_any_severe_takes_the_largest_severe_label_and_weight_of_a_study() -> None:
    truth = truth_of(
        (101, CANAL, "l1_l2", "normal_mild"),
        (101, CANAL, "l2_l3", "severe"),
        (102, CANAL, "l1_l2", "moderate"),
        (102, CANAL, "l2_l3", "normal_mild"),
        (103, CANAL, "l1_l2", "normal_mild"),
    )
    severe = [0.7, 0.2, 0.1, 0.4, 0.05]  # the largest need not stand where the label is
    submission = answers(truth, np.array([[0.1, 0.9 - p, p] for p in severe]))
    expected = (4 * -math.log(0.7) + 2 * -math.log(1 - 0.4) + 1 * -math.log(1 - 0.05)) / 7
    sklearns = log_loss([1, 0, 0], [0.7, 0.4, 0.05], sample_weight=[4, 2, 1], labels=[0, 1])
    assert score(submission, truth)["any_severe_spinal"] == pytest.approx(expected, abs=1e-12)
    assert expected == pytest.approx(sklearns, abs=1e-12)


def test_any_severe_looks_at_the_canal_alone() -> None:
    truth = truth_of((101, CANAL, "l1_l2", "normal_mild"), (101, "left_subarticular_stenosis", "l1_l2", "severe"))
    submission = answers(truth, np.array([[0.5, 0.3, 0.2], [0.05, 0.05, 0.9]]))
    assert score(submission, truth)["any_severe_spinal"] == pytest.approx(-math.log(0.8))


def test_the_score_is_the_plain_mean_of_the_four(truth: pl.DataFrame) -> None:
    result = score(random_answers(truth), truth)
    assert result["score"] == pytest.approx(np.mean([result[term] for term in TERMS]), abs=1e-15)


@pytest.mark.parametrize(("severity", "weight"), WEIGHTS.items())
def test_a_zero_on_the_truth_costs_36_nats_times_its_weight(severity: str, weight: float) -> None:
    place = rsna.SEVERITIES.index(severity)
    truth = truth_of((101, CANAL, "l1_l2", severity), (102, CANAL, "l1_l2", "normal_mild"))
    wrong, right = np.eye(3)[(place + 1) % 3], np.eye(3)[0]
    losses = study_losses(answers(truth, np.stack([wrong, right])), truth)
    assert losses.loss[0, 0] == pytest.approx(36.0437 * weight, abs=1e-3)
    assert losses.loss[1, 0] == pytest.approx(0, abs=1e-12)
    assert losses.weight[0, 0] == weight


def test_a_perfect_submission_scores_0(truth: pl.DataFrame) -> None:
    onehot = np.eye(3)[[rsna.SEVERITIES.index(name) for name in truth["severity"]]]
    assert score(answers(truth, onehot), truth)["score"] == pytest.approx(0, abs=1e-12)


def test_rows_that_do_not_sum_to_1_are_divided_by_their_sum_but_not_for_any_severe() -> None:
    truth = truth_of((101, CANAL, "l1_l2", "severe"))
    result = score(answers(truth, np.array([[0.1, 0.1, 0.2]])), truth)
    assert result["spinal"] == pytest.approx(-math.log(0.5))
    assert result["any_severe_spinal"] == pytest.approx(-math.log(0.2))


def test_float32_is_scored_in_float64(truth: pl.DataFrame) -> None:
    single = uniform(truth).with_columns(pl.col(rsna.SEVERITIES).cast(pl.Float32))
    result = score(single, truth)
    assert result["spinal"] == pytest.approx(math.log(3), abs=1e-12)
    assert result["any_severe_spinal"] == pytest.approx(score(uniform(truth), truth)["any_severe_spinal"], abs=1e-7)


# --- Rows --------------------------------------------------------------------------------------


def test_rows_are_joined_by_id_not_by_position(truth: pl.DataFrame) -> None:
    submission = random_answers(truth)
    shuffled = submission.sample(fraction=1, shuffle=True, seed=1)
    assert not shuffled.equals(submission)
    assert score(shuffled, truth) == score(submission, truth)


def test_a_missing_labelled_row_is_an_input_error_that_names_the_first(truth: pl.DataFrame) -> None:
    submission = uniform(truth)
    lost = submission["row_id"][7]
    with pytest.raises(InputError, match=f"2 labelled row.s. missing, the first {lost}"):
        score(submission.filter(~pl.col("row_id").is_in([lost, submission["row_id"][30]])), truth)


def test_a_missing_labelled_row_names_the_submissions_file(tmp_path: Path, train_csv: Path) -> None:
    path = tmp_path / "mine.csv"
    uniform(read_solution(train_csv))[1:].write_csv(path)
    with pytest.raises(InputError) as raised:
        score(path, train_csv)
    assert str(path) in str(raised.value)


def test_rows_without_label_are_counted_and_ignored(truth: pl.DataFrame) -> None:
    submission = random_answers(truth)
    before = score(submission[:-3], truth[:-3])
    after = score(submission, truth[:-3])
    assert after == before | {"rows_ignored": 3}


@pytest.mark.parametrize(
    ("condition", "lacking"),
    [
        (CANAL, {"foraminal", "subarticular"}),
        ("left_neural_foraminal_narrowing", {"spinal", "subarticular", "any_severe_spinal"}),
    ],
)
def test_a_term_without_rows_is_none_and_then_so_is_the_score(condition: str, lacking: set[str]) -> None:
    truth = truth_of((101, condition, "l1_l2", "moderate"))
    result = score(uniform(truth), truth)
    assert {name for name, value in result.items() if value is None} == lacking | {"score"}


def test_labels_without_a_severe_canal_have_all_four_terms() -> None:
    cells = [(101, condition, "l1_l2", "normal_mild") for condition in rsna.CONDITION_NAMES]
    truth = truth_of(*cells)
    assert score(uniform(truth), truth)["any_severe_spinal"] == pytest.approx(-math.log(2 / 3))


def test_solution_csv_and_train_csv_give_the_same(tmp_path: Path) -> None:
    tables = Tables()
    tables.labels[0]["spinal_canal_stenosis_l1_l2"] = None
    root = tables.write(tmp_path / "data")
    split(root, tmp_path / "split", test_share=0.5)
    held_out = {row["row_id"].split("_")[0] for row in read_csv(tmp_path / "split" / "solution.csv")}
    rows = [row for row in read_csv(root / "train.csv") if row["study_id"] in held_out]
    labels = write_csv(tmp_path / "labels.csv", rows)
    submission = tmp_path / "submission.csv"
    hashed(read_solution(labels)).write_csv(submission)
    assert len(held_out) == 2
    assert score(submission, tmp_path / "split" / "solution.csv") == score(submission, labels)


def test_labels_without_any_label_are_an_input_error(tmp_path: Path, truth: pl.DataFrame) -> None:
    labels = write_csv(tmp_path / "train.csv", [{"study_id": 101} | dict.fromkeys(rsna.LABEL_COLUMNS)])
    with pytest.raises(InputError, match="expected at least one labelled cell; found none"):
        score(uniform(truth), labels)


def test_baselines_are_uniform_the_public_prior_and_the_labels_own(truth: pl.DataFrame) -> None:
    found = baselines(truth)
    own = prior_rows(truth, weighted_prior(truth))
    assert set(found) == {"uniform", "prior", "own_prior"}
    assert found["uniform"] == score(uniform(truth), truth)["score"]
    assert found["own_prior"] == pytest.approx(score(answers(truth, own), truth)["score"])


# --- Comparing ---------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> pl.DataFrame:
    return read_solution(Tables(studies=range(101, 161)).write(tmp_path / "many") / "train.csv")


def leaning(truth: pl.DataFrame, share: float) -> pl.DataFrame:
    """Answers that give the truth this much."""
    onehot = np.eye(3)[[rsna.SEVERITIES.index(name) for name in truth["severity"]]]
    return answers(truth, np.where(onehot == 1, share, (1 - share) / 2))


def test_a_submission_does_not_differ_from_itself(many: pl.DataFrame) -> None:
    result = compare(random_answers(many), random_answers(many), many, resamples=200)
    assert (result.difference, result.low, result.high, result.share_better) == (0, 0, 0, 0)


def test_a_clearly_better_submission_has_an_interval_below_0(many: pl.DataFrame) -> None:
    better, worse = leaning(many, 0.6), uniform(many)
    result = compare(better, worse, many, resamples=500)
    assert result.low <= result.difference <= result.high < 0
    assert result.share_better == 1
    assert result.difference == pytest.approx(score(better, many)["score"] - score(worse, many)["score"])


def test_the_comparison_is_antisymmetric(many: pl.DataFrame) -> None:
    one, other = random_answers(many, 1), random_answers(many, 2)
    there, back = compare(one, other, many, resamples=200), compare(other, one, many, resamples=200)
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))


def test_equally_good_submissions_have_an_interval_around_0(many: pl.DataFrame) -> None:
    result = compare(random_answers(many, 1), random_answers(many, 2), many, resamples=500)
    assert result.low < 0 < result.high
    assert 0 < result.share_better < 1


def test_the_bootstrap_is_paired(many: pl.DataFrame) -> None:
    one = random_answers(many, 1)
    slightly = one.with_columns(pl.col(name) * 0.99 + 0.01 / 3 for name in rsna.SEVERITIES)
    near = compare(slightly, one, many, resamples=200)
    far = compare(random_answers(many, 2), one, many, resamples=200)
    assert near.high - near.low < 0.1 * (far.high - far.low)


def test_a_comparison_without_rows_of_a_term_is_an_input_error() -> None:
    truth = truth_of((101, CANAL, "l1_l2", "moderate"))
    with pytest.raises(InputError, match="a term without rows"):
        compare(uniform(truth), uniform(truth), truth)


# --- The reference table of metric.md, on the real labels --------------------------------------


def assert_terms(result: dict, *expected: float) -> None:
    found = [result[name] for name in (*TERMS, "score")]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.fixture(scope="module")
def real_truth(real_tables: Path) -> pl.DataFrame:
    return read_solution(real_tables / "train.csv")


def test_reference_uniform(real_truth: pl.DataFrame) -> None:
    result = score(uniform(real_truth), real_truth)
    assert result["rows"] == 48728
    assert_terms(result, *[1.0986122886681096] * 3, 0.701598410600911, 0.9993588191513099)


def test_reference_weighted_prior(real_truth: pl.DataFrame) -> None:
    rows = prior_rows(real_truth, weighted_prior(real_truth))
    result = score(answers(real_truth, rows), real_truth)
    assert_terms(
        result, 0.7062320603803256, 0.8029005740905256, 0.9510722280373725, 0.698050518296381, 0.7895638452011511
    )


def test_reference_hashed(real_truth: pl.DataFrame) -> None:
    assert_terms(
        score(hashed(real_truth), real_truth),
        1.3461952481439985,
        1.3233872973135197,
        1.320378353862654,
        0.7544766161026384,
        1.1861093788557027,
    )


def test_reference_hashed_on_three_studies(real_studies: Path) -> None:
    truth = read_solution(real_studies / "train.csv")
    result = score(hashed(truth), real_studies / "train.csv")
    assert (result["rows"], result["studies"]) == (75, 3)
    assert_terms(
        result, 1.4279309145309032, 1.3861048029756045, 1.4031494228732193, 0.8783174139249321, 1.2738756385761647
    )


def test_reference_prior_of_all_on_three_studies(real_truth: pl.DataFrame, real_studies: Path) -> None:
    truth = read_solution(real_studies / "train.csv")
    rows = prior_rows(truth, weighted_prior(real_truth))
    assert_terms(
        score(answers(truth, rows), truth),
        0.6005205403200379,
        0.6544161549535188,
        0.7901901690760536,
        0.8545207457125819,
        0.724911902515548,
    )
