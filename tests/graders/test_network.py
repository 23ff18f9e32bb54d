"""A grader's network: its answers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.network import ZOOMS, answering, build_network, dealt_zooms, looks
from stenosis_kit.graders.settings import Grader


@pytest.mark.parametrize(
    ("name", "is_alike"), [("canal_axial", True), ("canal_sagittal", True), ("subarticular_axial", False)]
)
def test_a_mirrored_canal_has_the_same_answer_and_what_has_a_side_another(small_training, name, is_alike):
    keras.utils.set_random_seed(0)
    view = VIEW_BY_NAME[name]
    grader = Grader(name, mm=40.0, px=40)
    answer = answering(build_network(grader, small_training), grader)
    crops = np.random.default_rng(0).integers(0, 256, (6, *view.shape)).astype(np.uint8)
    mirrored = crops[..., ::-1] if name == "canal_sagittal" else crops[:, :, ::-1]
    found = answer(crops)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(found, answer(np.ascontiguousarray(mirrored)), atol=1e-5) == is_alike


def test_an_answer_is_the_mean_of_those_at_its_zooms(small_training):
    grader = Grader("subarticular_axial", mm=40.0, px=40)
    view = VIEW_BY_NAME[grader.view]
    network = build_network(grader, small_training)
    answer = answering(network, grader)
    crops = np.random.default_rng(0).integers(0, 256, (5, *view.shape)).astype(np.uint8)
    each = [answer(crops, [zoom]) for zoom in ZOOMS]
    assert np.abs(each[0] - each[1]).max() > 1e-4
    np.testing.assert_allclose(answer(crops), np.mean(each, axis=0), atol=1e-5)
    larger = answering(network, Grader(grader.view, mm=40.0 * ZOOMS[2], px=40))
    np.testing.assert_allclose(larger(crops, [1.0]), answer(crops, [ZOOMS[2]]), atol=1e-5)


@pytest.mark.parametrize("networks", range(1, 8))
def test_zooms_are_dealt_out_among_networks_so_that_all_are_answered_at_and_no_more_often_than_needed(networks):
    each = dealt_zooms(networks)
    assert {zoom for zooms in each for zoom in zooms} == set(ZOOMS)
    assert min(map(len, each)) >= 1
    assert sum(map(len, each)) == looks(networks) == max(networks, len(ZOOMS))


@pytest.mark.parametrize(
    ("networks", "share", "expected"),
    [
        (1, 0.4, [ZOOMS[:1]]),
        (2, 0.7, [ZOOMS[:1], ZOOMS[1:2]]),
        (5, 0.4, [ZOOMS[:1], ZOOMS[1:2], (), (), ()]),
        (5, 0.0, [ZOOMS[:1], (), (), (), ()]),
    ],
)
def test_of_a_share_of_the_looks_the_last_ones_fall_away(networks, share, expected):
    assert dealt_zooms(networks, share) == expected
