"""levels: the 25 points of each study, found from the images alone, in the columns of train_label_coordinates.csv."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.files import write_frame
from stenosis_kit.base.output import check_outputs
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.graders.model_file import model_files, read_description
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.points import COLUMNS, study_points, unplaced_point
from stenosis_kit.road.passed_over import PassedOver
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

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
    tasks = find_canals(root.studies(), [Path(model)] if model else [], workers)
    rows: list[dict[str, Any]] = []
    results = run_tasks(study_points, tasks, workers)
    passed_over = PassedOver("levels", root.images)
    for task, found in tqdm(results, "levels", len(tasks), unit="study", disable=None, leave=False):
        study = task.study.study_id
        if isinstance(found, Exception):
            log.warning("levels: study %d: %s", study, found)
            rows += [unplaced_point(study, condition, level) for condition, level in rsna.CELLS]
        else:
            rows += found.rows
            passed_over.note(study, found.images, found.skipped_files)
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("study_id", maintain_order=True)
    write_frame(output, frame)
    passed_over.finish()
    for method, count in Counter(frame["method"].fill_null("not covered by any series")).most_common():
        log.info("levels: %5d points: %s", count, method)
    if preview:
        from stenosis_kit.levels.preview import save_preview

        save_preview(root.images, frame, Path(preview))
    return frame
