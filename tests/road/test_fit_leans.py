"""How a model comes to lean on the prior, by crops of others."""

import json
import shutil

import numpy as np
import pytest

from stenosis_kit.answers.lean import Lean, Leaning
from stenosis_kit.answers.priors import cell_priors
from stenosis_kit.answers.second_stage import SecondStage
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import open_store, severity_indices
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import read_description
from stenosis_kit.road import make_weights
from stenosis_kit.road.fit_leans import Measured, complete, fit_leaning, held_out, write_leaning

LEAN = Lean(2.0, (0.0, 0.1, -0.1), 0.5)
ALONE = SecondStage({})


@pytest.fixture
def crops(store, tmp_path):
    """Those of the store's axial canals, as others give them."""
    opened, folder = open_store(store), tmp_path / "crops"
    rows = opened.manifest.filter(view="canal_axial").sort("row")
    facts = {"study": rows["study_id"], "condition": rows["condition"].to_numpy().astype(str)}
    level = [int(name[1]) - 1 for name in rows["level"]]
    folder.mkdir()
    crops, severity = np.asarray(opened.arrays["canal_axial"]), severity_indices(rows)
    np.savez(folder / "canal_axial_open.npz", crops=crops, level=level, severity=severity, **facts)
    return folder


def test_constants_are_fitted_on_the_networks_own_answers_and_written(crops, shipped, tmp_path):
    out = tmp_path / "weights"
    shutil.copytree(shipped(), out / "graders")
    make_weights.main(["lean", "--crops", str(crops), "--out", str(out), "--scratch", str(tmp_path / "scratch")])
    description = read_description(out / "graders")
    views = {each.grader.view for each in description.graders}
    assert description.lean.keys() == views and description.moments == {}
    measured = Measured.of(out / "graders", crops)
    fitted = fit_leaning(measured)
    assert description.lean == fitted.leans and description.second_stage == fitted.second_stage
    raw, answered = measured.by_view["canal_axial"], fitted.answer(measured.by_view, measured.prior)
    assert measured.losses(answered)["canal_axial"] <= measured.losses(raw)["canal_axial"]
    assert np.array_equal(np.isfinite(held_out(measured)), np.isfinite(raw))
    assert json.loads((out / "graders" / "model.json").read_text())["lean"]["canal_axial"].keys() == {
        "temperature", "shift", "prior_weight",
    }  # fmt: skip


def test_views_that_were_not_measured_are_trusted_as_the_least_trusted_one():
    fitted = {name: Lean(t, (0.0, 0.3, 0.1), t / 10) for name, t in {"a": 2.0, "b": 5.0}.items()}
    assert complete(fitted, ["a", "b", "c"]) == {**fitted, "c": Lean(5.0, (0.0, 0.0, 0.0), 0.5)}


def test_a_view_without_constants_is_refused_before_anything_is_written(shipped, tmp_path):
    model = shutil.copytree(shipped(), tmp_path / "model")
    before = (model / "model.json").read_bytes()
    with pytest.raises(InputError, match="a lean of each view that is graded; found none for canal_sagittal, forami"):
        write_leaning(model, Leaning({"canal_axial": LEAN, "subarticular_axial": LEAN}, ALONE))
    assert (model / "model.json").read_bytes() == before


def test_a_model_that_leans_answers_by_its_constants_alone(store, shipped, tmp_path):
    from campaigns.transfer import by_study

    from stenosis_kit.crops.given_crops import GivenCrops
    from stenosis_kit.crops.views import VIEW_BY_NAME

    model = shutil.copytree(shipped(), tmp_path / "model")
    description = read_description(model)
    write_leaning(model, Leaning({each.grader.view: LEAN for each in description.graders}, ALONE))
    loaded, view = Model(model), VIEW_BY_NAME["canal_axial"]
    crops = np.asarray(open_store(store).arrays["canal_axial"][:5])
    names, levels = np.array(["spinal_canal_stenosis"] * 5), np.arange(5)
    given = GivenCrops(view, crops, np.full(5, 7), names, levels, np.zeros(5, int))
    answers, used = loaded.answer(by_study([given]))
    raw = loaded.grade("canal_axial", crops, np.full(5, 7))
    expected = LEAN.answer(raw, cell_priors(description.priors)[given.places])
    np.testing.assert_allclose(answers[0, given.places], expected, atol=1e-6)
    assert used["canal_axial"].sum() == 5
