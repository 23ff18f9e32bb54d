"""sheet: a page for each study of a submission."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.priors import prior_rows
from stenosis_kit.answers.submission import read_submission
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, run_json_of, write_text
from stenosis_kit.base.output import check_folder
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.graders.model_file import MODEL_NAME, read_description
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.report.evidence import if_usable, read_json_of
from stenosis_kit.report.markup import join, tag
from stenosis_kit.report.page import Section, render
from stenosis_kit.report.study_sheet import RESEARCH_ONLY, Answers, study_sheet
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

INDEX = "index.html"


def sheet(
    data: Root | Path | str,
    submission: Path | str,
    out: Path | str,
    split: str = "test",
    workers: int | None = None,
) -> list[Path]:
    """Writes OUT/<study_id>.html for each study of a submission, and OUT/index.html with links to them.

    Args:
        data: competition root.
        submission: its answers; what stands beside it in <name>.run.json says where they came from.
        out: folder for the pages.
        split: train or test.
        workers: processes that read; all cores by default.

    Returns:
        The studies' pages.

    Raises:
        InputError: where the submission or DATA cannot be used, or have no study in common; where OUT cannot be.
    """
    root, submission, out = as_root(data, split), Path(submission), Path(out)
    check_folder(out, own_files(root.folder))
    probabilities = {row_id: tuple(rest) for row_id, *rest in read_submission(submission).iter_rows()}
    answered = {cell[0] for row_id in probabilities if (cell := rsna.split_row_id(row_id))}
    studies = [one for one in root.studies() if one.study_id in answered]
    if not studies:
        raise InputError(submission, f"answers to studies of {root.folder}", "none", "Give the DATA it was made from.")
    make_folder(out)
    run = read_json_of(run_json_of(submission))
    models = [path for path in map(Path, run.get("models", [])) if (path / MODEL_NAME).is_file()]
    by_study: dict[int, dict[str, tuple[float, ...]]] = {one.study_id: {} for one in studies}
    for row_id, answer in probabilities.items():
        cell = rsna.split_row_id(row_id)
        if cell and cell[0] in by_study:
            by_study[cell[0]][row_id] = answer
    told = _told(run, models)
    tasks = [
        (one, Answers(rows, {row: run["rows"][row] for row in rows if row in run.get("rows", {})}, **told))
        for one in find_canals(studies, models, workers)
        for rows in (by_study[one.study.study_id],)
    ]
    written = []
    results = tqdm(run_tasks(study_sheet, tasks, workers), "sheet", len(tasks), unit="study", disable=None, leave=False)
    for (located, _), page in results:
        path = out / f"{located.study.study_id}.html"
        if isinstance(page, Exception):
            log.warning("sheet: study %d: %s", located.study.study_id, page)
        else:
            write_text(path, page)
            written.append(path)
    write_text(out / INDEX, _index(sorted(written)))
    return sorted(written)


def _told(run: dict[str, Any], models: list[Path]) -> dict[str, Any]:
    """What answered, in words, and what its answers are compared with."""
    name = f"stenosis_kit {run.get('version', __version__)}"
    if not models:
        return {
            "model": f"Answers: {name}." if run else "Nothing stands beside the submission that says what answered."
        }
    made = ", ".join(
        f"{path.resolve().name} of {date.fromtimestamp((path / MODEL_NAME).stat().st_mtime)}" for path in models
    )
    told = {"model": f"Answers: the model {made}, by {name}."}
    description = if_usable(read_description, models[0])
    if description:
        told |= {"prior": np.asarray(prior_rows(grid([0]), description.priors)), "training": description.moments}
    return told


def _index(pages: list[Path]) -> str:
    links = [tag("li", tag("a", f"Study {path.stem}", href=path.name)) for path in pages]
    body = tag("ul", *links)
    return render("Sheets", tag("p", RESEARCH_ONLY, class_="banner"), [Section("studies", "Studies", join(body))])
