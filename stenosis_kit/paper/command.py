"""paper: the paper's recipe on a competition root, with its tables and figures, inside the time limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stenosis_kit.base.budget import Budget, default_budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.base.output import check_folder
from stenosis_kit.base.unfinished import begin, end, is_unfinished
from stenosis_kit.paper.holdout import IMAGE, STUDY
from stenosis_kit.paper.run import PaperRun
from stenosis_kit.report.page import REPORT
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

BOTH = "both"
_SIDES_PX = (32, 1024)  # the network halves an image five times


def paper(
    data: Root | Path | str,
    out: Path | str,
    budget: Budget | None = None,
    split_by: str = BOTH,
    input_size: int | None = None,
) -> dict[str, Any]:
    """Runs the recipe: images, split, balanced copies, training, tables, figures, comparison, report.

    Args:
        data: competition root; its train split is used.
        out: output folder; an earlier run's is written over.
        budget: the time; 30 minutes by default. It decides the size of the images and the number of copies.
        split_by: `study`, `image` or `both`: what the test images are held out by.
        input_size: side of the images in pixels, whatever the time.

    Returns:
        The run.json.

    Raises:
        InputError: where the tables, the output folder or the size cannot be used, or a class has too few images.
        TimeTooShort: where no network could be trained.
    """
    root, out, budget = as_root(data, "train"), Path(out), budget or default_budget("paper")
    if input_size is not None and not _SIDES_PX[0] <= input_size <= _SIDES_PX[1]:
        raise InputError("--input-size", "{} to {} pixels".format(*_SIDES_PX), str(input_size), "The paper's is 256.")
    check_folder(out, own_files(root.folder))
    _claim(out)
    run = PaperRun(root, out, budget, (STUDY, IMAGE) if split_by == BOTH else (split_by,), input_size)
    run.prepare()
    run.train_splits()
    done = run.finish()
    end(out)
    return done


def _claim(out: Path) -> None:
    """Takes an output folder that is new, empty or an earlier run's; what that one said of its tables goes.

    Raises:
        InputError: where it holds something else.
    """
    make_folder(out)
    known = (out / RUN_NAME).is_file() and read_json(out / RUN_NAME, "a run.json").get("command") == "paper"
    if any(not path.name.startswith(".") for path in out.iterdir()) and not known and not is_unfinished(out):
        raise InputError(out, "a new or empty folder, or an earlier paper's", "other files", "Give another OUT.")
    begin(out, "paper")
    for name in (RUN_NAME, REPORT):
        (out / name).unlink(missing_ok=True)
