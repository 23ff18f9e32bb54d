"""A grader's network: its answers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.network import answering, build_network
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
