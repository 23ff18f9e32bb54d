"""The figures of a model on crops that others cut."""

import json

import numpy as np
import pytest
from campaigns import transfer

from stenosis_kit import rsna
from stenosis_kit.crops.given_crops import GivenCrops as Cells
from stenosis_kit.crops.store import open_store, severity_indices
from stenosis_kit.crops.views import VIEW_BY_NAME

CANAL, FORAMEN = VIEW_BY_NAME["canal_axial"], VIEW_BY_NAME["foraminal_sagittal"]


def write_crops(folder, store, view, one_slice=False):
    """The crops of a store's view as others give them; of one slice, at half the size, or whole."""
    opened = open_store(store)
    rows = opened.manifest.filter(view=view.name).sort("row")
    known = severity_indices(rows) >= 0
    crops = opened.arrays[view.name][known]
    np.savez(
        folder / f"{view.name}_open.npz",
        crops=crops[:, ::2, ::2, view.slices // 2] if one_slice else crops,
        study=rows["study_id"].to_numpy()[known],
        condition=rows["condition"].to_numpy()[known].astype(str),
        level=np.array([rsna.LEVELS.index(level) for level in rows["level"]])[known],
        severity=severity_indices(rows)[known],
    )


def run(folder, *arguments):
    path = folder / "figures.json"
    code = transfer.main(["--crops", str(folder), "--share", "open", "--json", str(path), *map(str, arguments)])
    return code, json.loads(path.read_text()) if path.is_file() else None


def test_each_view_with_crops_has_its_figures(tmp_path, store, model):
    write_crops(tmp_path, store, CANAL)
    write_crops(tmp_path, store, FORAMEN, one_slice=True)
    code, figures = run(tmp_path, "--model", model)
    assert code == 0
    assert figures.keys() == {CANAL.name, FORAMEN.name}
    for name, row in figures.items():
        assert list(row) == ["cells", "raw", "answered", "prior", "severe", "any"]
        cells = Cells.read(tmp_path / f"{name}_open.npz", VIEW_BY_NAME[name])
        assert row["cells"] == len(cells.severity)
        assert row["prior"] == pytest.approx(cells.loss(cells.prior()), abs=1e-4)
        assert all(np.isfinite([row[name] for name in ("raw", "answered", "prior")]))
        assert (row["any"] is None) == (len(np.unique(cells.severity > 0)) == 1)


def test_the_networks_own_answers_are_those_of_the_fold_that_did_not_see_the_study(tmp_path, store, model):
    from stenosis_kit.graders.model import Model

    write_crops(tmp_path, store, CANAL)
    cells = Cells.read(tmp_path / f"{CANAL.name}_open.npz", CANAL)
    _, figures = run(tmp_path, "--model", model)
    answers = Model(model).grade(CANAL.name, cells.crops, cells.study)
    assert figures[CANAL.name]["raw"] == pytest.approx(cells.loss(answers), abs=1e-4)


def cells_of(severity, crops=None):
    count = len(severity)
    crops = np.zeros((count, CANAL.px, CANAL.px, CANAL.slices), np.uint8) if crops is None else crops
    names = np.array(["spinal_canal_stenosis"] * count)
    return Cells(CANAL, crops, np.arange(count), names, np.zeros(count, int), np.array(severity))


def test_losses_are_weighted_as_in_the_metric_and_what_is_not_answered_does_not_count():
    answers = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [np.nan] * 3])
    expected = -(np.log(0.5) + 4 * np.log(0.6)) / 5
    assert cells_of([0, 2, 1]).loss(answers) == pytest.approx(expected)


def test_the_prior_is_the_weighted_share_of_each_severity():
    expected = np.array([2 * 1 + 0.5, 1 * 2 + 0.5, 1 * 4 + 0.5])
    np.testing.assert_allclose(cells_of([0, 0, 1, 2]).prior(), [expected / expected.sum()] * 4)


def test_a_crop_of_one_slice_stands_for_its_neighbours_at_the_view_s_size(tmp_path):
    crops = np.random.default_rng(0).integers(0, 256, (2, 56, 56)).astype(np.uint8)
    facts = dict(study=[1, 2], condition=["left_neural_foraminal_narrowing"] * 2, level=[0, 1], severity=[0, 1])
    np.savez(tmp_path / "f.npz", crops=crops, **facts)
    found = Cells.read(tmp_path / "f.npz", FORAMEN).crops
    assert found.shape == (2, *FORAMEN.shape) and found.dtype == np.uint8
    assert (found == found[..., :1]).all()
    assert found.mean() == pytest.approx(crops.mean(), rel=0.02)


@pytest.mark.parametrize("what", ["no crops", "no model"])
def test_what_is_missing_is_said_in_a_line(tmp_path, store, model, capsys, what):
    if what == "no model":
        write_crops(tmp_path, store, CANAL)
    code, figures = run(tmp_path, "--model", tmp_path / "none" if what == "no model" else model)
    assert (code, figures) == (2, None)
    assert capsys.readouterr().err.count("\n") == 1
