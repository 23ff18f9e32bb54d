import json
import math
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from stenosis_kit.answers.lean import Lean
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.graders import model as graders_model
from stenosis_kit.graders.model import Model, bundled_model
from stenosis_kit.graders.model_file import read_description
from stenosis_kit.graders.network import GraderNetwork
from stenosis_kit.graders.warm_start import read_start

LEAN = {"temperature": 2.0, "shift": [0.0, 0.1, 0.2], "prior_weight": 0.5}


@pytest.mark.parametrize("leans", [{}, {"canal_axial": Lean(2.0, (0.0, 0.1, 0.2), 0.5)}], ids=["none", "lean"])
def test_a_description_comes_back_as_it_was_saved(model, tmp_path, leans):
    description = replace(read_description(model), lean=leans)
    description.save(tmp_path)
    assert read_description(tmp_path).lean == leans
    description = read_description(model)
    description.save(tmp_path)
    assert (tmp_path / "model.json").read_text() == (model / "model.json").read_text()


def test_a_model_grades_its_training_studies_by_the_network_that_did_not_see_them(model, store, monkeypatch):
    monkeypatch.setattr(graders_model, "dealt_zooms", lambda networks, share: [(1.0,)] * networks)
    opened, loaded = open_store(store), Model(model)
    manifest = opened.manifest.filter(view="canal_axial")
    studies = manifest["study_id"].to_numpy()
    crops = np.asarray(opened.arrays["canal_axial"])
    held_out = loaded.grade("canal_axial", crops, studies)
    strangers = loaded.grade("canal_axial", crops, np.zeros_like(studies))
    assert held_out.shape == (len(crops), 3)
    np.testing.assert_allclose(held_out.sum(axis=1), 1, atol=1e-5)
    other = loaded.grade("canal_axial", crops, np.array([_study_of_fold(loaded, 1 - loaded.folds[s]) for s in studies]))
    np.testing.assert_allclose(strangers, (held_out + other) / 2, atol=1e-6)
    assert np.abs(held_out - other).max() > 1e-4


def test_where_fewer_networks_answer_they_are_the_first_and_known_studies_keep_theirs(model, store, monkeypatch):
    opened, loaded = open_store(store), Model(model)
    manifest, crops = opened.manifest.filter(view="canal_axial"), np.asarray(opened.arrays["canal_axial"])
    studies = manifest["study_id"].to_numpy()
    np.testing.assert_array_equal(
        loaded.grade("canal_axial", crops, studies, 0.5), loaded.grade("canal_axial", crops, studies)
    )
    strangers, first = np.zeros_like(studies), np.full_like(studies, _study_of_fold(loaded, 0))
    some = [loaded.grade("canal_axial", crops, strangers, share) for share in (0.0, 0.3)]
    monkeypatch.setattr(graders_model, "dealt_zooms", lambda networks, share: [(1.0,)] * networks)
    for answers in some:
        np.testing.assert_allclose(answers, loaded.grade("canal_axial", crops, first), atol=1e-6)


@pytest.mark.parametrize("warm", [True, False])
def test_after_warming_up_answers_build_no_graph(model, warm, monkeypatch):
    def traced(self, *args, **kwargs):
        graphs.append(self.name)
        return call(self, *args, **kwargs)

    monkeypatch.setattr(graders_model, "GraderNetwork", GraderNetwork)  # else earlier tests' graphs are there
    loaded, graphs, call = Model(model), [], keras.Model.stateless_call
    if warm:
        loaded.warm_up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "stateless_call", traced)
        for crops in (1, 2, 3):
            loaded.grade("canal_axial", np.zeros((crops, 96, 96, 3), np.uint8), np.zeros(crops, int))
    assert graphs == ([] if warm else ["canal_axial"]), "once for the networks of all folds and any number of crops"


def _study_of_fold(loaded, fold):
    return next(study for study, own in loaded.folds.items() if own == fold)


def test_one_damaged_weights_file_costs_only_its_own_network(model, tmp_path, caplog):
    folder = shutil.copytree(model, tmp_path / "m")
    (folder / "canal_axial.fold0.weights.h5").write_bytes(b"not HDF5")
    loaded = Model(folder)
    assert "canal_axial.fold0" in caplog.text
    crops = np.zeros((2, 96, 96, 3), np.uint8)
    assert np.isfinite(loaded.grade("canal_axial", crops, np.zeros(2, int))).all()


def test_weights_that_are_not_those_of_its_model_json_cost_their_networks(model, tmp_path, caplog):
    folder = shutil.copytree(model, tmp_path / "m")
    first, second = (folder / f"canal_axial.fold{fold}.weights.h5" for fold in (0, 1))
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    answers = Model(folder).grade("canal_axial", np.zeros((1, 96, 96, 3), np.uint8), np.zeros(1, int))
    assert np.isnan(answers).all()
    for fold in (0, 1):
        assert f"expected the weights of canal_axial.fold{fold} that model.json was saved with" in caplog.text


def test_weights_that_a_model_json_of_before_does_not_note_are_taken(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "m")
    value = json.loads((folder / "model.json").read_text())
    for row in value["graders"]:
        del row["content"]
    (folder / "model.json").write_text(json.dumps(value))
    assert not any(each.content for each in read_description(folder).graders)
    assert np.isfinite(Model(folder).grade("canal_axial", np.zeros((1, 96, 96, 3), np.uint8), np.zeros(1, int))).all()


def test_a_view_without_any_weights_has_no_answer(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "m")
    for path in folder.glob("canal_axial.*"):
        path.unlink()
    answers = Model(folder).grade("canal_axial", np.zeros((1, 96, 96, 3), np.uint8), np.zeros(1, int))
    assert answers.shape == (1, 3) and np.isnan(answers).all()


def test_no_readable_weights_at_all_is_an_error(model, tmp_path):
    shutil.copy(model / "model.json", tmp_path)
    with pytest.raises(InputError, match="at least one readable"):
        Model(tmp_path)


@pytest.mark.parametrize(
    ("break_it", "match"),
    [
        (lambda value: value.pop("pools"), "KeyError: 'pools'"),
        (lambda value: (value.pop("pools"), value.pop("version")), "found another program's. "),
        (lambda value: value["training"].update(wings=2), "KeyError: 'wings'"),
        (lambda value: value["graders"][0]["grader"].update(view="tail"), "known views"),
        (lambda value: value["graders"][0].update(weights="../secret.weights.h5"), "names of files"),
        (lambda value: value["graders"][0]["grader"].update(px="40"), "ValueError"),
        (lambda value: value["graders"][0]["grader"].update(mm=0), "ValueError"),
        (lambda value: value["graders"][0]["grader"].update(px=8), "inputs that the blocks can halve"),
        (lambda value: value["graders"][0]["grader"].update(mm=999.0), "inputs that the blocks can halve"),
        (lambda value: value["pools"][0].update(views=[], powers=[]), "a power for each view"),
        (lambda value: value["graders"][0].update(fold=-1), "folds and numbers from 0"),
        (lambda value: value["training"].update(filters=["a"]), "ValueError"),
        (lambda value: value["pools"][0].update(powers=[]), "a power for each view"),
        (lambda value: value["pools"][0].update(prior_power=None), "powers that are numbers"),
        (lambda value: value["moments"].update(spinal=[[0, 0], [1, math.nan]]), "moments"),
        (lambda value: value["second_stage"]["weights"].update(spinal=[[math.inf, 0]] * 15), "second stage"),
        (lambda value: value["priors"].update(spinal_canal_stenosis_l1_l2=[None] * 3), "priors"),
        (lambda value: value["priors"].update(spinal_canal_stenosis_l1_l2=[1, 0, 0]), "priors"),
        (lambda value: value.update(lean={"canal_axial": LEAN | {"temperature": 0}}), "leans of five numbers"),
        (lambda value: value.update(lean={"canal_axial": LEAN | {"shift": [0, math.inf, 0]}}), "leans of five numbers"),
        (lambda value: value.update(lean={"canal_axial": LEAN | {"shift": [0]}}), "leans of five numbers"),
        (lambda value: value.update(lean={"canal_axial": {"temperature": 1}}), "TypeError"),
        (lambda value: value.update(lean={"tail": LEAN}), "leans of known views"),
        (lambda value: value.update(cutting_version="2"), "version of the cutting"),
        (lambda value: value["priors"].update(spinal_canal_stenosis_l1_l2=[1]), "priors"),
    ],
)
def test_a_model_json_of_another_kind_is_refused_with_what_is_wrong(model, tmp_path, break_it, match):
    value = json.loads((model / "model.json").read_text())
    break_it(value)
    (tmp_path / "model.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=match):
        read_description(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_model_json_that_is_no_object_is_refused(tmp_path, text):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match="JSON"):
        read_description(tmp_path)


def test_a_study_that_all_its_networks_have_seen_is_not_graded(model, store, tmp_path):
    folder = shutil.copytree(model, tmp_path / "m")
    for path in folder.glob("canal_axial.fold1*"):
        path.unlink()
    loaded = Model(folder)
    seen = [study for study, fold in loaded.folds.items() if fold == 1]
    answers = loaded.grade("canal_axial", np.zeros((2, 96, 96, 3), np.uint8), np.array([seen[0], 0]))
    assert np.isnan(answers[0]).all()
    assert np.isfinite(answers[1]).all()


def of_version(model, folder, version):
    """A copy of a model whose model.json names a version of the cutting, or none."""
    shutil.copytree(model, folder)
    value = json.loads((folder / "model.json").read_text())
    del value["cutting_version"]
    (folder / "model.json").write_text(json.dumps(value | ({} if version is None else {"cutting_version": version})))
    return folder


def test_a_model_names_the_cutting_of_its_crops(model):
    assert json.loads((model / "model.json").read_text())["cutting_version"] == CUTTING_VERSION


def test_a_model_of_before_the_cutting_was_named_is_of_the_first(model, tmp_path):
    folder = of_version(model, tmp_path / "old", None)
    assert read_description(folder).cutting_version == 1


def test_a_model_for_crops_that_are_cut_in_another_way_is_refused_in_one_line(model, tmp_path):
    folder = of_version(model, tmp_path / "m", CUTTING_VERSION + 1)
    found = f"found one for version {CUTTING_VERSION + 1}. Train again"
    with pytest.raises(InputError, match=f"for crops of version {CUTTING_VERSION} of the cutting; {found}"):
        Model(folder)
    with pytest.raises(InputError, match=found):
        read_start(folder, tmp_path / "new")
    assert read_start(folder, tmp_path / "new", CUTTING_VERSION + 1).description.cutting_version == CUTTING_VERSION + 1


def test_the_bundled_graders_are_loaded_once_until_they_are_others(shipped, tmp_path, monkeypatch):
    first = bundled_model()
    assert bundled_model() is first
    other = shutil.copytree(shipped(), tmp_path / "other")
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: other)
    assert bundled_model().folder == other
