"""A model in place of the bundled graders: small networks that have learnt nothing, made in a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.out_of_fold import Labels, fit_pools
from stenosis_kit.answers.priors import builtin_prior, cell_priors
from stenosis_kit.answers.second_stage import SecondStage
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.graders.model_file import MODEL_NAME, Description, TrainedGrader
from stenosis_kit.graders.settings import Training
from stenosis_kit.tables.folds import write_folds


def make(folder: Path, training: Training) -> Path:
    """A whole model of one network a grader, as the package's own; one that is there already stays."""
    if (folder / MODEL_NAME).is_file():
        return folder
    load_tensorflow()
    import keras

    from stenosis_kit.base.weights_file import save_weights
    from stenosis_kit.graders.network import build_network

    folder.mkdir(exist_ok=True)
    keras.utils.set_random_seed(11)
    networks = [TrainedGrader.of(grader, 0) for grader in training.graders]
    for each in networks:
        save_weights(build_network(each.grader, training), folder / each.weights)
    nothing = np.full((1, len(rsna.CELLS), len(rsna.SEVERITIES)), np.nan)
    labels = Labels(np.array([1]), np.full((1, len(rsna.CELLS)), -1))
    pools = fit_pools({each.grader.view: nothing for each in networks}, labels, cell_priors(builtin_prior()))
    graders = tuple(replace(each, content=fingerprint(folder / each.weights)) for each in networks)
    write_folds(folder, {})
    Description(training, graders, pools, SecondStage({}), {}, builtin_prior()).save(folder)
    return folder
