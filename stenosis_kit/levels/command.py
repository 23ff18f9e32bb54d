"""levels: the 25 points of each study, found from the images alone, in the columns of train_label_coordinates.csv."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.dicom import read_study
from stenosis_kit.files import write_frame
from stenosis_kit.levels.carry import VIEW_OF_TERM
from stenosis_kit.levels.locate import canal_of
from stenosis_kit.levels.projection import nearest_slice
from stenosis_kit.levels.search import find_canals
from stenosis_kit.predict import protect_inputs, unlabelled_tasks
from stenosis_kit.study import StudyTask
from stenosis_kit.tables import read_split_series
from stenosis_kit.workers import run_tasks

log = logging.getLogger(__name__)

_PLACE = {
    "series_id": pl.Int64,
    "instance_number": pl.Int64,
    "condition": pl.String,
    "level": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "patient_x_mm": pl.Float64,
    "patient_y_mm": pl.Float64,
    "patient_z_mm": pl.Float64,
    "method": pl.String,
    "confidence": pl.Float64,
}
COLUMNS = {"study_id": pl.Int64} | _PLACE


def levels(
    data: Path | str,
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
        InputError: where there is no series table, or the output cannot be written.
    """
    data, output = Path(data), Path(output)
    protect_inputs(data, output)
    tasks = unlabelled_tasks(data, split, read_split_series(data, split))
    tasks = find_canals(tasks, [Path(model)] if model else [], workers)
    rows: list[dict[str, Any]] = []
    results = run_tasks(study_points, tasks, workers)
    for task, found in tqdm(results, "levels", len(tasks), unit="study", disable=None, leave=False):
        if isinstance(found, Exception):
            log.warning("levels: study %d: %s", task.study_id, found)
            found = [_empty(task.study_id, condition, level) for condition, level in rsna.CELLS]
        rows += found
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("study_id", maintain_order=True)
    write_frame(output, frame)
    for method, count in Counter(frame["method"].fill_null("not covered by any series")).most_common():
        log.info("levels: %5d points: %s", count, method)
    if preview:
        from stenosis_kit.levels.preview import save_preview

        save_preview(data / rsna.images_folder(split), frame, Path(preview))
    return frame


def study_points(task: StudyTask) -> list[dict[str, Any]]:
    """The 25 points of one study, in the order of `rsna.CELLS`."""
    study = read_study(task.images, task.study_id, task.series)
    canal = canal_of(study, task.canal)
    rows = []
    for condition, level in rsna.CELLS:
        row = _empty(task.study_id, condition, level)
        if canal:
            kind = rsna.CONDITION_BY_NAME[condition].series_kind
            index, view = rsna.LEVELS.index(level), VIEW_OF_TERM[rsna.CONDITION_BY_NAME[condition].term]
            point = task.carry.point(canal.points, view, condition, level)
            pick = nearest_slice([series for series in study if series.kind == kind], point)
            if pick:
                x, y = pick.slice.plane.to_pixel(point)
                places = (pick.series.series_id, pick.slice.number, row["condition"], row["level"], x, y)
                row |= dict(zip(_PLACE, (*places, *point, canal.method, canal.confidence[index]), strict=True))
        rows.append(row)
    return rows


def _empty(study_id: int, condition: str, level: str) -> dict[str, Any]:
    names = {"condition": rsna.CONDITION_BY_NAME[condition].label, "level": rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]}
    return {"study_id": study_id, **dict.fromkeys(_PLACE), **names}
