"""The loss, and the same without smoothing as it is reported."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest

from stenosis_kit.graders.loss import training_loss, weighted_log_loss
from stenosis_kit.graders.settings import Training

ANSWERS = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])


def test_the_reported_loss_is_the_metrics_weighted_mean():
    found = weighted_log_loss(ANSWERS, np.array([0, 1]), np.array([1.0, 2.0]))
    assert found == pytest.approx((math.log(2) + 2 * math.log(8)) / 3)


def test_a_probability_of_nothing_costs_a_lot_and_not_everything():
    assert 10 < weighted_log_loss(np.array([[0.0, 1.0, 0.0]]), np.array([0]), np.array([4.0])) < 20


def test_without_answers_there_is_no_loss():
    assert math.isnan(weighted_log_loss(np.empty((0, 3)), np.empty(0, int), np.empty(0)))


def test_training_weighs_crops_and_smooths_labels():
    onehot, weights = np.eye(3)[[0, 1]], np.array([1.0, 2.0])
    plain = training_loss(replace(Training(), label_smoothing=0.0))
    expected = 1.5 * weighted_log_loss(ANSWERS, np.array([0, 1]), weights)  # Keras divides by the number of crops
    assert keras.ops.convert_to_numpy(plain(onehot, ANSWERS, weights)) == pytest.approx(expected, rel=1e-5)
    smoothed = training_loss(Training())(onehot, ANSWERS, weights)
    assert keras.ops.convert_to_numpy(smoothed) != pytest.approx(expected, rel=1e-3)
