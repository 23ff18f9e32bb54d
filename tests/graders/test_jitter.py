"""A model's own localiser, and the jitter of the graders' crops."""

import json

import numpy as np
import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.jitter import augmentation, make_localiser
from stenosis_kit.levels.carry import FORAMINAL, TYPICAL
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, TAUGHT_ON_LABELS, Localiser


def test_a_model_holds_the_bundled_localiser_and_a_carry_of_its_own(model):
    own, bundled = Localiser.load(model), Localiser.bundled()
    assert all(
        np.array_equal(*pair) for pair in zip(own.network.get_weights(), bundled.network.get_weights(), strict=True)
    )
    assert not own.notes.get(TAUGHT_ON_LABELS)
    assert not np.allclose(own.carry.steps[FORAMINAL], TYPICAL.steps[FORAMINAL], atol=0.05)
    assert json.loads((model / DESCRIPTION_NAME).read_text())["carry"].keys() == TYPICAL.steps.keys()


@pytest.mark.parametrize(
    ("view", "shift"),
    [("foraminal_sagittal", (2.0, 3.0)), ("subarticular_axial", (1.0, 2.0))],
    ids=["sagittal", "axial"],
)
def test_jitter_runs_along_the_images_axes(view, shift):
    """Outward, back and up: a sagittal image shows back and up, an axial one outward and back."""
    assert augmentation(VIEW_BY_NAME[view], {view: [1.0, 2.0, 3.0]}).shift_mm == shift


def test_slices_slip_more_where_depth_is_less_certain():
    view = VIEW_BY_NAME["foraminal_sagittal"]
    slips = [augmentation(view, {view.name: [depth, 1.0, 1.0]}).slip for depth in (1.0, 2.5, 5.0)]
    assert slips == sorted(slips) and slips[0] < 0.05 and 0.5 < slips[2] < 0.8


def test_without_measured_jitter_the_default_holds():
    assert augmentation(VIEW_BY_NAME["canal_axial"], {}).slip == 0


def test_the_jitter_of_a_cohort_is_that_of_its_readers(store, tmp_path):
    """The bundled localiser is nearly exact here; what is left is the 1.5 mm by which the readers' points stray, and
    across foramina the distance of the slices on which they lie.
    """
    opened = open_store(store)
    folds = dict.fromkeys(opened.manifest["study_id"].unique().to_list(), 0)
    jitter = make_localiser(opened, tmp_path, folds, Budget(), seed=0)
    assert jitter.keys() == VIEW_BY_NAME.keys()
    for view in ("subarticular_axial", "canal_axial"):
        assert max(jitter[view]) < 3.5, view
    assert max(jitter["canal_sagittal"][1:]) < 3 and max(jitter["foraminal_sagittal"][1:]) < 3


def test_a_short_budget_measures_fewer_studies(store, tmp_path, monkeypatch):
    measured = []

    def measure(localiser, overviews, studies):
        measured.append(len(studies))
        return {}

    monkeypatch.setattr("stenosis_kit.graders.jitter.found_canals", measure)
    opened = open_store(store)
    folds = dict.fromkeys(opened.manifest["study_id"].unique().to_list(), 0)
    for seconds in (10.0, 3600.0):
        make_localiser(opened, tmp_path, folds, Budget(seconds), seed=0)
    assert measured == [4, 8]
