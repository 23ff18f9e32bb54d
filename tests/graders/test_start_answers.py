"""The bundled graders' answers in the prior's place."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.lean import Lean
from stenosis_kit.answers.out_of_fold import Labels
from stenosis_kit.base.budget import Budget
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.graders import bundled
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import read_description
from stenosis_kit.graders.start_answers import before, is_affordable, start_answers
from stenosis_kit.graders.warm_start import chosen_start, read_start
from stenosis_kit.road.fit_leans import write_leans
from stenosis_kit.road.train import train


@pytest.fixture
def leaning(shipped, tmp_path, monkeypatch):
    """The folder of bundled graders that lean on the prior."""
    folder = tmp_path / "graders"
    shutil.copytree(shipped(), folder)
    views = [each.grader.view for each in read_description(folder).graders]
    write_leans(folder, dict.fromkeys(views, Lean(2.0, (0.0, 0.2, -0.2), 0.7)))
    replace(read_description(folder), fingerprint="theirs").save(folder)
    monkeypatch.setattr(bundled, "_folder", lambda: folder)
    return folder


def test_they_are_what_predict_would_answer_without_a_model(leaning, store):
    opened = open_store(store)
    manifest = labelled(opened)
    found = start_answers(opened, manifest)
    studies = Labels.of(manifest).studies.tolist()
    answered, _ = Model(leaning).answer([crops_of(opened, manifest, study) for study in studies])
    assert found.fingerprint == "theirs"
    np.testing.assert_allclose(found.answers, answered, atol=1e-6)
    assert np.isfinite(found.answers).any()


def crops_of(store, manifest, study):
    """A study's labelled crops, as `predict` has them."""
    crops = StudyCrops(study)
    for (view,), rows in manifest.filter(study_id=study).group_by("view"):
        crops.arrays[view] = np.asarray(store.arrays[view][rows["row"].to_numpy()])
        cells = rows.select("condition", "level").iter_rows()
        crops.rows += [
            {"condition": name, "level": level, "view": view, "row": k} for k, (name, level) in enumerate(cells)
        ]
    return crops


def test_a_model_that_started_from_them_pools_with_them_and_says_so(
    leaning, store, small_training, tmp_path, quick_jobs
):
    folder = tmp_path / "model"
    train(store, folder, Budget(), small_training)
    assert read_description(folder).start == "theirs"
    manifest = labelled(open_store(store))
    study = manifest["study_id"][0]
    crops = [crops_of(open_store(store), manifest, study)]
    beside, own = Model(leaning).answer(crops)[0][0], Model(folder).answer(crops)[0][0]
    known = np.isfinite(own).all(axis=1)
    # Seven studies count for little beside the bundled graders, whose weights the networks have here.
    assert np.abs(own - beside)[known].max() < 0.1


def test_a_model_of_new_weights_pools_with_the_prior(model):
    assert read_description(model).start == ""


def test_other_bundled_graders_than_in_training_are_told_and_none_leave_the_prior(
    leaning, store, small_training, tmp_path, monkeypatch, caplog, quick_jobs
):
    folder = tmp_path / "model"
    train(store, folder, Budget(), small_training)
    Model(folder)
    assert not caplog.records or "pools with the bundled graders" not in caplog.text
    replace(read_description(leaning), fingerprint="others").save(leaning)
    Model(folder)
    assert "pools with the bundled graders of another version: better train again" in caplog.text
    monkeypatch.setattr(bundled, "_folder", lambda: tmp_path / "nothing")
    manifest = labelled(open_store(store))
    crops = [crops_of(open_store(store), manifest, manifest["study_id"][0])]
    answers, _ = Model(folder).answer(crops)
    assert "pools with the bundled graders, and now with the prior" in caplog.text
    spinal = answers[0, list(rsna.CELLS_OF_TERM["spinal"])]
    np.testing.assert_allclose(spinal[np.isfinite(spinal).all(axis=1)].sum(axis=1), 1)


def test_the_more_studies_the_less_the_bundled_graders_count():
    powers = [before(studies).views for studies in (0, 3, 30, 100, 300, 2000)]
    assert powers == sorted(powers) and powers[0] == 0 and powers[-1] < 1
    assert powers[1] < 0.05 < 0.4 < powers[3] < 0.5 < powers[4]


def test_they_answer_where_training_starts_from_them_and_the_time_reaches(leaning, small_training, tmp_path):
    start = chosen_start("bundled", tmp_path / "model", small_training)
    assert is_affordable(start, crops=10_000, seconds=600)
    assert not is_affordable(start, crops=10_000, seconds=20)
    assert not is_affordable(None, crops=10, seconds=600)
    assert not is_affordable(read_start(leaning, tmp_path / "model"), crops=10, seconds=600)
    description = replace(start.description, lean={})
    assert not is_affordable(replace(start, description=description), crops=10, seconds=600)
