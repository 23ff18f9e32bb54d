"""Out-of-fold answers."""

from __future__ import annotations

import numpy as np

from stenosis_kit.answers.out_of_fold import Answers


def test_of_several_answers_to_a_row_the_mean_stands() -> None:
    once, first, second = [0.2, 0.3, 0.5], [0.8, 0.1, 0.1], [0.4, 0.3, 0.3]
    found = Answers.mean_of(np.array([7, 3, 7]), np.array([first, once, second]))
    assert found.rows.tolist() == [3, 7]
    np.testing.assert_allclose(found.probabilities, [once, [0.6, 0.2, 0.2]])


def test_no_answers_stay_none() -> None:
    found = Answers.mean_of(np.empty(0, int), np.empty((0, 3)))
    assert (found.rows.shape, found.probabilities.shape) == ((0,), (0, 3))
