"""Leaning on the prior where data are unlike the training's."""

from __future__ import annotations

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.dataset_shift import lean, leanings, moments
from stenosis_kit.answers.second_stage import evidence_of

PRIOR = np.tile([0.6, 0.25, 0.15], (25, 1))


def answers(studies: int, seed: int = 0, shift: float = 0.0, spread: float = 1.0) -> np.ndarray:
    """Answers whose evidence is normal: a part is the study's, a part the cell's."""
    rng = np.random.default_rng(seed)
    evidence = shift + spread * (rng.normal(size=(studies, 1, 2)) + rng.normal(size=(studies, 25, 2)))
    odds = np.exp(np.log(PRIOR) + np.pad(evidence, ((0, 0), (0, 0), (1, 0))))
    return odds / odds.sum(axis=2, keepdims=True)


TRAINING = moments(answers(400), PRIOR)


def test_moments_are_of_the_studies_means() -> None:
    for mean, sd in TRAINING.values():
        assert mean == pytest.approx((0, 0), abs=0.2)
        assert sd == pytest.approx((1.1, 1.1), abs=0.15)
    assert set(TRAINING) == set(rsna.TERMS)


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("studies", [3, 30, 300])
def test_data_like_the_trainings_are_left_nearly_as_they_are(studies: int, seed: int) -> None:
    found = leanings(answers(studies, seed), PRIOR, TRAINING)
    assert np.mean([each.trust for each in found]) > 0.6 if studies == 3 else min(each.trust for each in found) > 0.8


def test_the_farther_off_the_less_the_answers_count() -> None:
    trust = [leanings(answers(50, 1, shift), PRIOR, TRAINING)[0].trust for shift in (0.0, 1.0, 2.0, 4.0)]
    assert trust == sorted(trust, reverse=True)
    assert trust[-1] < 0.15


def test_leaning_brings_the_mean_back() -> None:
    foreign = answers(100, 1, shift=2.0)
    leant = lean(foreign, PRIOR, leanings(foreign, PRIOR, TRAINING))
    assert np.abs(evidence_of(leant, PRIOR).mean(axis=(0, 1))).max() < 0.1
    np.testing.assert_allclose(leant.sum(axis=2), 1)
    order = [evidence_of(each, PRIOR)[0, 0:5, 1].argsort().tolist() for each in (foreign, leant)]
    assert order[0] == order[1]  # what the model says of one cell against another stays


def test_rows_without_an_answer_stay_without() -> None:
    foreign = answers(10, shift=2.0)
    foreign[3] = np.nan
    leant = lean(foreign, PRIOR, leanings(foreign, PRIOR, TRAINING))
    assert np.isnan(leant[3]).all()
    assert np.isfinite(np.delete(leant, 3, axis=0)).all()


def test_a_term_that_nothing_is_known_of_is_left_alone() -> None:
    foreign = answers(10, shift=2.0)
    np.testing.assert_allclose(lean(foreign, PRIOR, leanings(foreign, PRIOR, {})), foreign)
