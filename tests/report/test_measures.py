import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score, recall_score, roc_auc_score

from stenosis_kit.answers.bootstrap import estimate, resampled
from stenosis_kit.report.measures import MEASURES, Graded, confusion, nats, reliability


def graded(n=300, studies=20, seed=0, sharpness=2.0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    logits = rng.normal(size=(n, 3)) + sharpness * np.eye(3)[truth]
    logits[:, 2] = logits[:, 2].round(1)  # with ties
    answers = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Graded(truth, answers, rng.integers(studies, size=n), studies)


def once(cells):
    return np.ones((1, cells.studies))


def test_measures_are_scikit_learns():
    cells = graded()
    kappa, auc, sensitivity = (measure(cells, once(cells))[0] for measure in MEASURES.values())
    severe = cells.truth == 2
    assert kappa == pytest.approx(cohen_kappa_score(cells.truth, cells.chosen, weights="linear"))
    assert auc == pytest.approx(roc_auc_score(severe, cells.answers[:, 2]))
    assert sensitivity == pytest.approx(recall_score(severe, cells.chosen == 2))


@pytest.mark.parametrize("name", MEASURES)
def test_a_study_drawn_twice_counts_as_if_its_cells_stood_there_twice(name):
    cells = graded(60, 5)
    counts = np.array([[2, 0, 1, 1, 3]])
    repeated = np.repeat(np.arange(60), counts[0][cells.study])
    again = cells.part(repeated)
    assert MEASURES[name](cells, counts)[0] == pytest.approx(MEASURES[name](again, once(again))[0])


@pytest.mark.parametrize("name", MEASURES)
def test_without_severe_cells_or_any_there_is_no_number_and_no_warning(name):
    cells = graded()
    mild = cells.part(cells.truth == 0)
    assert name == "kappa" or np.isnan(MEASURES[name](mild, once(mild))[0])
    nothing = cells.part(np.zeros(300, bool))
    assert np.isnan(estimate(MEASURES[name](nothing, resampled(20))).value)


def test_ties_alone_give_an_auc_of_a_half():
    cells = graded()
    flat = Graded(cells.truth, np.full_like(cells.answers, 1 / 3), cells.study, cells.studies)
    assert MEASURES["AUC of severe"](flat, once(flat))[0] == 0.5


def test_intervals_hold_the_value_and_narrow_with_the_number_of_studies():
    widths = []
    for studies, n in ((10, 200), (160, 3200)):
        cells = graded(n, studies)
        found = estimate(MEASURES["AUC of severe"](cells, resampled(studies)))
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < 0.5 * widths[0]


def test_confusion_has_the_truth_in_rows():
    answers = np.array([[0.1, 0.1, 0.8], [0.6, 0.2, 0.2]])
    assert confusion(Graded(np.array([0, 0]), answers, np.zeros(2, int), 1)).tolist() == [
        [1, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_the_weighted_posterior_is_reliable_and_the_plain_one_is_not():
    rng = np.random.default_rng(1)
    plain = rng.dirichlet([3, 1, 1], 20_000)
    truth = (rng.random((20_000, 1)) > plain.cumsum(axis=1)).sum(axis=1)
    weighted = plain * [1, 2, 4]
    weighted /= weighted.sum(axis=1, keepdims=True)
    study = np.zeros(20_000, int)
    said, true = reliability(Graded(truth, weighted, study, 1), 2)
    assert np.abs(said - true).max() < 0.03
    said, true = reliability(Graded(truth, plain, study, 1), 2)
    assert np.abs(said - true).max() > 0.1


def test_nats_are_the_metrics_own():
    answers = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]])
    found = nats(Graded(np.array([0, 2]), answers, np.zeros(2, int), 1))
    assert found.tolist() == pytest.approx([np.log(2), 4 * np.log(4)])


def test_cells_of_a_frame_keep_their_order_and_studies():
    frame = pl.DataFrame({
        "study_id": [7, 5, 7],
        "severity": ["severe", "normal_mild", "moderate"],
        "normal_mild": [0.1, 0.2, 0.3],
        "moderate": [0.1, 0.2, 0.3],
        "severe": [0.8, 0.6, 0.4],
    })  # fmt: skip
    cells = Graded.of(frame)
    assert (cells.truth.tolist(), cells.study.tolist(), cells.studies) == ([2, 0, 1], [1, 0, 1], 2)
    assert cells.answers[2].tolist() == [0.3, 0.3, 0.4]
