"""predict: a split's studies to a submission. Priors are on disk first; graded rows replace them as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from stenosis_kit import __version__, rsna
from stenosis_kit.answers import dataset_shift
from stenosis_kit.answers.priors import Priors, builtin_prior
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import run_json_of
from stenosis_kit.base.output import check_outputs
from stenosis_kit.base.tensorflow_start import load_s
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.graders.bundled import BUNDLED, model_folder
from stenosis_kit.graders.cost import LOADING_S
from stenosis_kit.graders.loaded import Loaded, load_models
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import model_files, read_description
from stenosis_kit.levels.finder import CanalFinder, Canals
from stenosis_kit.road.grading import Grading
from stenosis_kit.road.passed_over import PassedOver
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

_LEVELS_S = 2.0  # to load what finds levels: measured on two cores


@workers_kept()
def predict(
    data: Root | Path | str,
    models: Sequence[Path | str],
    output: Path | str,
    split: str = "test",
    budget: Budget | None = None,
    workers: int | None = None,
    lean: bool = False,
    earlier: Submission | None = None,
    canals: Canals | None = None,
) -> Submission:
    """Grades all cells of a split and writes a submission, and beside it <output>.run.json.

    Never reads labels. Whatever cannot be graded (no image, no time, no model) keeps the prior, and run.json says why.
    Where no model of those given can be used, the package's own graders answer; where networks of one cannot be loaded,
    they answer what is left without any. That is logged, and run.json names those that answered, under models, and says
    what is wrong with the others, under unusable_models.

    A study that could not be read this time (its disk failed, its worker died or took too long) is tried once more
    after all others; run.json names those that it did not help, under failed_studies.

    Args:
        data: competition root.
        models: folders made by `train`; their answers are averaged. None: the package's own graders.
        output: the CSV.
        split: train or test.
        budget: the time; without limit by default.
        workers: processes that read and cut; all cores by default.
        lean: on the prior, as far as the data are unlike the models' training data, see `answers.dataset_shift`.
        earlier: other graders' answers to the same rows, which stay where these do not reach; studies that have none
            come first.
        canals: that were found before, see `CanalFinder`.

    Raises:
        InputError: where there is no grid, or the submission cannot be written or is an input.
    """
    root, output, budget = as_root(data, split), Path(output), budget or Budget()
    names = [str(model) for model in models] or [BUNDLED]
    folders = _folders(names)
    kept = [*own_files(root.folder), *(path for folder in folders for path in model_files(folder))]
    check_outputs([output, run_json_of(output)], kept, streams=False)
    submission = Submission(root.grid, _priors(folders), earlier)
    run = {
        "version": __version__,
        "data": str(root.folder),
        "split": root.split,
        "models": names,
        "unusable_models": {},
    }
    submission.save(output, run)
    begin = "what was graded before" if earlier else "priors"
    log.info("predict: %s written for %d rows: %s", begin, submission.grid.height, output)
    in_time = budget.reaches(_load_s(folders))
    loaded = load_models(names) if in_time else Loaded()
    if loaded.models:
        run |= {"models": loaded.names, "unusable_models": loaded.unusable}
        finder = CanalFinder([model.folder for model in loaded.models], workers, canals)
        grading = Grading(submission, loaded.models, budget, PassedOver("predict", root.images), workers, loaded.spare)
        run |= _graded(root, grading, finder, lambda: submission.save(output, run))
        if lean:
            run["leaning"] = _lean(submission, loaded.models[0])
    else:
        why = "no model could be used" if in_time else "the time was up"
        log.error("predict: %s: %s", why, "ALL ROWS STAY AS THEY WERE" if earlier else "ALL ROWS ARE PRIORS")
        submission.explain(submission.grid["row_id"], why)
    submission.save(output, run)
    for source, count in submission.counts().items():
        log.info("predict: %5d rows from %s", count, source)
    return submission


def _graded(root: Root, grading: Grading, finder: CanalFinder, save: Callable[[], None]) -> dict:
    """Grades all studies, those without answers first; what run.json says of what could not be read."""
    submission = grading.submission
    answered = set(submission.grid.filter(submission.graded())["study_id"])
    grading.grade_all(sorted(root.studies(), key=lambda study: study.study_id in answered), finder, save)
    grading.passed_over.finish()
    failed = [{"study_id": study, "why": why} for study, why in sorted(grading.failed.items())]
    return {"skipped_files": grading.passed_over.reasons, "failed_studies": failed}


def _folders(names: Sequence[str]) -> list[Path]:
    """Of the models, but for the package's own where it has none: that is said when models are loaded."""
    folders = []
    for name in names:
        with suppress(InputError):
            folders.append(model_folder(name))
    return folders


def _priors(folders: list[Path]) -> Priors:
    for folder in folders:
        with suppress(InputError):  # it is reported when the model is loaded
            return read_description(folder).priors
    return builtin_prior()


def _load_s(folders: list[Path]) -> float:
    """Seconds that it usually takes until the models can answer."""
    networks = 0
    for folder in folders:
        with suppress(InputError):
            description = read_description(folder)
            networks += len(description.graders)
            if description.start:  # then the bundled graders answer too, by a network a view
                networks += len({each.grader.view for each in description.graders})
    return load_s() + _LEVELS_S + LOADING_S * networks


def _lean(submission: Submission, model: Model) -> list[dict]:
    """Leans on the prior where the answers are unlike those to the first model's training studies, and says so."""
    if not model.description.moments:
        text = "predict: --lean CHANGES NOTHING: %s leans already, or does not say what it answered in training"
        log.warning(text, model.folder)
    shape = (-1, len(rsna.CELLS), len(rsna.SEVERITIES))  # a grid holds its studies' cells in the order of `rsna.CELLS`
    graded = submission.graded()[:, None]
    answers = np.where(graded, submission.probabilities, np.nan).reshape(shape)
    prior = submission.priors[: len(rsna.CELLS)]
    found = dataset_shift.leanings(answers, prior, model.description.moments)
    leant = dataset_shift.lean(answers, prior, found).reshape(submission.probabilities.shape)
    for place in graded[:, 0].nonzero()[0]:
        submission.put(submission.grid["row_id"][int(place)], leant[place], submission.sources[place]["why"])
    for each in found:
        text = "predict: %s answers lie %.1f sd from those in training: they count for %.0f %%"
        log.info(text, each.term, each.distance, 100 * each.trust)
    return [{"term": each.term, "distance": each.distance, "trust": each.trust} for each in found]
