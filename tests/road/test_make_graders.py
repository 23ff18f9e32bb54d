"""Making the bundled graders, at the smallest size: the shared store, under other ids, stands for every chunk."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest

from stenosis_kit.crops.store import open_store
from stenosis_kit.graders.job import result_path
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.warm_start import read_start
from stenosis_kit.road import make_graders as module
from stenosis_kit.road.make_graders import make_graders
from stenosis_kit.tables.folds import read_folds


@pytest.fixture(scope="module")
def training(small_training):
    return replace(small_training, graders=small_training.graders[1:3], max_epochs=1)


def put_chunks(patch, store):
    """Chunks of 8 studies that cost nothing; returns the seeds and sizes of those made, in order."""
    made = []

    def phantom(root, studies, test_studies, seed, size):
        made.append((seed, size))
        Path(root).mkdir(parents=True)

    def format(root, folder):
        shutil.copytree(store, folder, dirs_exist_ok=True)
        path, others = folder / "manifest.parquet", 10**12 * (made[-1][0] + 1)
        pl.read_parquet(path).with_columns(pl.col("study_id") + others).write_parquet(path)

    for name, stand_in in {"phantom": phantom, "format": format, "CHUNK": 8}.items():
        patch.setattr(module, name, stand_in)
    return made


@pytest.fixture
def chunks(store, monkeypatch):
    return put_chunks(monkeypatch, store)


@pytest.fixture(scope="module")
def made(store, training, tmp_path_factory):
    """What one undisturbed run leaves and says: out, scratch, run.json and its chunks."""
    folder = tmp_path_factory.mktemp("graders")
    with pytest.MonkeyPatch.context() as patch:
        chunks = put_chunks(patch, store)
        run = make_graders(folder / "out", folder / "scratch", 16, 5.0, 3, training)
    return folder / "out", folder / "scratch", run, chunks


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


def test_it_is_a_whole_model_to_start_from_that_knows_no_study(made, training, store, tmp_path):
    out, scratch, run, chunks = made
    assert chunks == [(3001, "fast"), (3002, "tiny")]
    assert not (scratch / "phantom").exists()
    assert (run["studies"], run["held_out"], run["networks"]) == (16, 2, 2)
    names = {f"{grader.view}.fold0.weights.h5" for grader in training.graders}
    assert {path.name for path in (out).iterdir()} == {"model.json", "folds.csv", "run.json"} | names
    assert read_folds(out) == {}
    assert read_start(out, tmp_path / "new").folds == {}
    with h5py.File(out / names.pop()) as file:
        kinds = set()
        file.visititems(lambda _, item: kinds.add(item.dtype.name) if getattr(item, "ndim", 0) > 1 else None)
    assert kinds == {"float16"}
    crops = np.asarray(open_store(store).arrays["canal_axial"][:3])
    answers = Model(out).grade("canal_axial", crops, np.arange(3))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_what_is_done_is_not_done_again(made, chunks, scratch, training, tmp_path, monkeypatch):
    """Networks are those that the undisturbed run trained."""
    there, trained = next(made[1].glob("graders-*")), []

    def put(network, folder):
        trained.append(network.grader.view)
        for path in (folder / network.weights, result_path(folder, network)):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there / path.relative_to(folder), path)

    def stopping(network, store, folder, *_):
        if trained:
            raise KeyboardInterrupt
        put(network, folder)

    monkeypatch.setattr(module, "_train", stopping)
    with pytest.raises(KeyboardInterrupt):
        make_graders(tmp_path / "out", scratch, 16, 5.0, 3, training)
    assert not (tmp_path / "out").exists()

    monkeypatch.setattr(module, "_train", lambda network, store, folder, *_: put(network, folder))
    make_graders(tmp_path / "out", scratch, 16, 5.0, 3, training)
    assert trained == [grader.view for grader in training.graders]
    assert chunks == [(3001, "fast"), (3002, "tiny")]
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert before == {path.name: path.read_bytes() for path in made[0].iterdir()}
    make_graders(tmp_path / "out", scratch, 16, 5.0, 3, training)
    assert len(trained) == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_chunk_that_was_broken_off_is_made_again(chunks, scratch):
    first, _ = module._chunks(scratch, 16, 0)
    (first / "run.json").unlink()
    (scratch / "phantom").mkdir()
    module._chunks(scratch, 16, 0)
    assert [seed for seed, _ in chunks] == [1, 2, 1]
    assert (first / "run.json").is_file() and not (scratch / "phantom").exists()
