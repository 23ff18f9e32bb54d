"""Severities: prevalences, correlations, and what the best grader could score."""

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.phantom.anatomy import severity


@pytest.fixture(scope="module")
def drawn() -> list[severity.Severity]:
    streams = (np.random.Generator(np.random.PCG64(np.random.SeedSequence([11, i]))) for i in range(2000))
    return [severity.draw(rng) for rng in streams]


def test_prevalences_match_the_competitions(drawn):
    labels = np.array([one.labels for one in drawn])
    for index, condition in enumerate(rsna.CONDITIONS):
        for level, name in enumerate(rsna.LEVELS):
            shares = rsna.typical_shares(condition.name, name)
            for k in (1, 2):
                sd = np.sqrt(shares[k] * (1 - shares[k]) / len(labels))
                assert abs((labels[:, index, level] == k).mean() - shares[k]) < 4 * sd + 0.006, (
                    condition.name,
                    name,
                    k,
                )
    assert 0.13 < (labels[:, 4] == 2).any(1).mean() < 0.22


def test_sides_and_neighbouring_conditions_correlate_as_in_the_competition(drawn):
    signal = np.array([one.signal for one in drawn])
    correlation = lambda a, b: np.corrcoef(signal[:, a].ravel(), signal[:, b].ravel())[0, 1]  # noqa: E731
    assert 0.45 < correlation(0, 2) < 0.75  # foraminal, left and right
    assert 0.6 < correlation(1, 3) < 0.9  # subarticular, left and right
    assert correlation(1, 4) > correlation(0, 4) > 0.3  # with the canal


def official_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The competition's metric for (studies, 5, 5) labels and (studies, 5, 5, 3) probabilities."""
    weights = np.array(rsna.SEVERITY_WEIGHTS)[labels]
    nats = -np.log(np.take_along_axis(probabilities, labels[..., None], -1)[..., 0])
    terms = []
    for term in rsna.TERMS:
        rows = [i for i, condition in enumerate(rsna.CONDITIONS) if condition.term == term]
        terms.append(np.average(nats[:, rows], weights=weights[:, rows]))
    truth, found = (labels[:, 4] == 2).any(1), probabilities[:, 4, :, 2].max(1)
    terms.append(np.average(-np.log(np.where(truth, found, 1 - found)), weights=weights[:, 4].max(1)))
    return float(np.mean(terms))


def test_oracle_scores_where_the_best_graders_do_and_beats_prior_and_uniform(drawn):
    labels, oracle = np.array([one.labels for one in drawn]), np.array([one.oracle for one in drawn])
    shares = np.array([[rsna.typical_shares(c.name, level) for level in rsna.LEVELS] for c in rsna.CONDITIONS])
    prior = shares * rsna.SEVERITY_WEIGHTS
    prior = np.broadcast_to(prior / prior.sum(-1, keepdims=True), oracle.shape)
    uniform = np.full(oracle.shape, 1 / 3)
    score = official_score(labels, oracle)
    assert 0.38 < score < 0.42
    assert score + 0.3 < official_score(labels, prior) < official_score(labels, uniform) - 0.1


def test_without_noise_labels_follow_the_signal():
    quiet = [severity.draw(np.random.default_rng(i), noise=0.0) for i in range(100)]
    labels, oracle = np.array([one.labels for one in quiet]), np.array([one.oracle for one in quiet])
    assert official_score(labels, oracle) < 0.03
    assert (oracle.argmax(-1) == labels).all()


def test_compromise_is_a_third_and_two_thirds_at_the_thresholds():
    for thresholds in severity.THRESHOLDS.values():
        np.testing.assert_allclose(severity.compromise_of(thresholds[:, 0], thresholds), 1 / 3)
        np.testing.assert_allclose(severity.compromise_of(thresholds[:, 1], thresholds), 2 / 3)
