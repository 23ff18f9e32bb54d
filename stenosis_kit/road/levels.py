"""levels: the 25 points of each study, found from the images alone, in the columns of train_label_coordinates.csv."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.files import write_frame
from stenosis_kit.base.output import check_outputs
from stenosis_kit.base.tasks import is_accident, run_tasks
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.graders.model_file import model_files, read_description
from stenosis_kit.levels.finder import CanalFinder
from stenosis_kit.levels.points import COLUMNS, StudyPoints, study_points, unplaced_point
from stenosis_kit.road.passed_over import PassedOver
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)


@workers_kept()
def levels(
    data: Root | Path | str,
    output: Path | str,
    split: str = "test",
    model: Path | str | None = None,
    workers: int | None = None,
    preview: Path | str | None = None,
) -> pl.DataFrame:
    """Finds the points of all studies of a split; never reads labels.

    A cell that no series covers keeps its row, with everything but study, condition and level empty.

    Args:
        data: competition root.
        output: the CSV.
        split: train or test.
        model: a trained model whose localiser is used; the bundled one by default.
        workers: processes that read; all cores by default.
        preview: file for a picture of the first studies.

    Returns:
        What was written, with columns as `COLUMNS`.

    Raises:
        InputError: where there is no series table, the model is none, or an output cannot be written or is an input.
    """
    root, output = as_root(data, split), Path(output)
    written = [output, *([Path(preview)] if preview else [])]
    check_outputs(written, [*own_files(root.folder), *(model_files(Path(model)) if model else [])])
    if model:
        read_description(Path(model))  # a path that leads to no model is a mistake
    finder, passed_over = CanalFinder([Path(model)] if model else [], workers), PassedOver("levels", root.images)
    studies = root.studies()
    found, failed = _looked_at(studies, finder, workers)
    if failed:
        log.warning("levels: %d studies could not be read this time: they are tried once more", len(failed))
        again, failed = _looked_at([study for study in studies if study.study_id in failed], finder, workers)
        found |= again
    for study, why in failed.items():
        log.warning("levels: STUDY %d COULD NOT BE READ: %s", study, why)
    rows: list[dict[str, Any]] = []
    for study in (each.study_id for each in studies):
        if study in found:
            rows += found[study].rows
            passed_over.note(study, found[study].images, found[study].skipped_files)
        else:
            rows += [unplaced_point(study, condition, level) for condition, level in rsna.CELLS]
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("study_id", maintain_order=True)
    write_frame(output, frame)
    passed_over.finish()
    for method, count in Counter(frame["method"].fill_null("not covered by any series")).most_common():
        log.info("levels: %5d points: %s", count, method)
    if preview:
        from stenosis_kit.levels.preview import save_preview

        save_preview(root.images, frame, Path(preview))
    return frame


def _looked_at(
    studies: Sequence[Study], finder: CanalFinder, workers: int | None
) -> tuple[dict[int, StudyPoints], dict[int, str]]:
    """{study: points}, and {study: why} of those that could not be read, or not all of them, this time."""
    found, failed = {}, {}
    tasks = finder.find(studies)
    results = run_tasks(study_points, tasks, workers)
    for task, points in tqdm(results, "levels", len(tasks), unit="study", disable=None, leave=False):
        if not isinstance(points, Exception):
            found[task.study_id], why = points, task.accident or points.accident
        else:
            log.warning("levels: study %d: %s", task.study_id, points)
            why = str(points) if is_accident(points) else ""
        if why:
            failed[task.study_id] = why
    return found, failed
