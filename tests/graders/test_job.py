"""One network's training as a job: what it leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stenosis_kit.base.files import write_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.job import JOBS, Diverged, Job, Recipe, result_path, train_job
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.settings import Training
from stenosis_kit.tables.folds import assign_folds


def test_a_network_whose_answers_are_no_numbers_is_not_saved(
    store: Path, small_training: Training, tmp_path: Path
) -> None:
    training = replace(small_training, peak_rate=1e30)
    folds = assign_folds(labelled(open_store(store)), 2, 0)
    write_json(tmp_path / JOBS / RUN_NAME, {"fingerprint": "this run"})
    job = Job(Recipe(store, tmp_path, "this run", training, folds, {}), TrainedGrader.of(training.graders[0], 0))
    with pytest.raises(Diverged, match="a lower peak_rate"):
        train_job(job, 600.0)
    assert not result_path(tmp_path, job.trained).exists()
    assert not list(tmp_path.glob("*.weights.h5"))
