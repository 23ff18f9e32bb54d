"""sheet: a page for each study of a submission."""

from __future__ import annotations

import logging
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
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.graders.bundled import BUNDLED, model_folder
from stenosis_kit.graders.model_file import MODEL_NAME, read_description
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.report.evidence import if_usable, read_json_of
from stenosis_kit.report.markup import tag
from stenosis_kit.report.page import Section, render
from stenosis_kit.report.study_sheet import RESEARCH_ONLY, Answers, study_sheet
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

INDEX = "index.html"


@workers_kept()
def sheet(
    data: Root | Path | str, submission: Path | str, out: Path | str, split: str = "test", workers: int | None = None
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
    by_study: dict[int, dict[str, tuple[float, ...]]] = {}
    for row_id, *probabilities in read_submission(submission).iter_rows():
        if cell := rsna.split_row_id(row_id):
            by_study.setdefault(cell[0], {})[row_id] = tuple(probabilities)
    studies = [one for one in root.studies() if one.study_id in by_study]
    if not studies:
        raise InputError(submission, f"answers to studies of {root.folder}", "none", "Give the DATA it was made from.")
    make_folder(out)
    run = read_json_of(run_json_of(submission))
    named = {name: if_usable(model_folder, Path(name)) for name in run.get("models") or []}
    models = {name: folder for name, folder in named.items() if folder and (folder / MODEL_NAME).is_file()}
    told, sources = _told(run, models), run.get("rows", {})
    tasks = []
    for located in find_canals(studies, list(models.values()), workers):
        rows = by_study[located.study.study_id]
        tasks.append((located, Answers(rows, {row: sources[row] for row in rows if row in sources}, **told)))
    written = []
    results = run_tasks(study_sheet, tasks, workers)
    for (located, _), page in tqdm(results, "sheet", len(tasks), unit="study", disable=None, leave=False):
        if isinstance(page, Exception):
            log.warning("sheet: study %d: %s", located.study.study_id, page)
        else:
            written.append(out / f"{located.study.study_id}.html")
            write_text(written[-1], page)
    links = [tag("li", tag("a", f"Study {path.stem}", href=path.name)) for path in sorted(written)]
    banner = tag("p", RESEARCH_ONLY, class_="banner")
    write_text(out / INDEX, render("Sheets", banner, [Section("studies", "Studies", tag("ul", *links))]))
    return sorted(written)


def _told(run: dict[str, Any], models: dict[str, Path]) -> dict[str, Any]:
    """What answered, in words, and what its answers are compared with."""
    name = f"stenosis_kit {run.get('version', __version__)}"
    if not models:
        return {
            "model": f"Answers: {name}." if run else "Nothing stands beside the submission that says what answered."
        }
    made = ", ".join(_in_words(*each) for each in models.items())
    description = if_usable(read_description, next(iter(models.values())))
    known = {"prior": prior_rows(grid([0]), description.priors), "training": description.moments} if description else {}
    return {"model": f"Answers: {made}, by {name}.", **known}


def _in_words(name: str, folder: Path) -> str:
    """A model; of the package's own the version says when it was made."""
    if name == BUNDLED:
        return "the package's own graders, taught with synthetic studies alone"
    day = np.datetime64(int((folder / MODEL_NAME).stat().st_mtime), "s").astype("datetime64[D]")
    return f"the model {folder.resolve().name} of {day}"
