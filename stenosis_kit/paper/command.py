"""paper: the paper's recipe on a competition root, with its tables and figures, inside the time limit."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from stenosis_kit import __version__, rsna
from stenosis_kit.backend import load_tensorflow
from stenosis_kit.budget import Budget, Stopwatch, show_time
from stenosis_kit.errors import InputError
from stenosis_kit.files import make_folder, read_json, write_json
from stenosis_kit.paper import recipe, tables
from stenosis_kit.paper.holdout import IMAGE, STUDY, Holdout, hold_out
from stenosis_kit.paper.images import make_images
from stenosis_kit.paper.level_errors import NEAR_MM, level_errors
from stenosis_kit.tables import read_train

if TYPE_CHECKING:
    from stenosis_kit.paper.plan import Plan

log = logging.getLogger(__name__)

BOTH = "both"
SPLIT_BY = (BOTH, STUDY, IMAGE)
DEFAULT_S = 1800.0
_FINISH_SHARE, _FINISH_S = 0.12, 40.0  # of the limit, at most: figures and report, about 15 s on two cores
_SEED = 0


def paper(
    data: Path | str,
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
        TimeTooShort: where not even the images can be made.
    """
    data, out, budget = Path(data), Path(out), budget or Budget(DEFAULT_S)
    if input_size is not None and not 32 <= input_size <= 1024:
        raise InputError("--input-size", "32 to 1024 pixels", str(input_size), "The paper's is 256.")
    _claim(out)
    run = _Run(data, out, budget, (STUDY, IMAGE) if split_by == BOTH else (split_by,), input_size)
    run.prepare()
    run.train_splits()
    return run.finish()


class _Run:
    """One run: what its stages hand on, and `summary`, which becomes run.json."""

    def __init__(self, data: Path, out: Path, budget: Budget, splits: tuple[str, ...], input_size: int | None) -> None:
        self.data, self.out, self.budget = data, out, budget
        self.splits, self.input_size = splits, input_size
        self.parts_left = len(splits) + (STUDY in splits)  # the kit's own run takes as long as a split's
        self.watch = Stopwatch()
        self.summary: dict[str, Any] = {
            "command": "paper",
            "version": __version__,
            "data": str(data),
            "time_limit_s": budget.seconds,
            "split_by": list(splits),
            "choices": list(recipe.CHOICES),
            "splits": {},
        }

    def prepare(self) -> None:
        """Makes the images, splits them, and plans what fits into the time."""
        train_tables = read_train(self.data)
        self.rows = make_images(train_tables, self.out / "images", self.budget.share(keep=self._finish_s()))
        self.watch.lap("images")
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # as the paper: on the CPU alone
        load_tensorflow()
        from stenosis_kit.paper.fitting import labels_of

        self.labels = labels_of(self.rows["severity"].to_numpy())
        self.holdouts = {by: hold_out(self.rows, by, _SEED) for by in self.splits}
        self.summary["levels"] = level_errors(self.rows) | {"near_mm": NEAR_MM}
        tables.write_table(tables.mapping_table(), self.out / tables.MAPPING)
        tables.write_table(tables.count_table(self.labels), self.out / tables.BEFORE)
        self._plan()
        self.watch.lap("plan")

    def _plan(self) -> None:
        from stenosis_kit.paper.copies import read_images
        from stenosis_kit.paper.plan import plan

        mild = rsna.PAPER_CLASSES.index("normal_mild")
        full = max(int((self.labels[each.train] == mild).sum()) for each in self.holdouts.values())
        validation = max(len(each.validate) for each in self.holdouts.values())
        self.plan: Plan = plan(full, validation, self._share().seconds, self.input_size)
        self.summary |= {"plan": asdict(self.plan), "done": self.plan.in_words(self.input_size is not None)}
        log.info("paper: %s", self.summary["done"])
        self.grey = read_images(self.out / "images", self.rows["file"].to_list(), self.plan.px)

    def train_splits(self) -> None:
        """Trains each split's network; after the one by study, the kit's graders on the same studies."""
        for by, holdout in self.holdouts.items():
            self._train_split(by, holdout)
            self.watch.lap(f"by {by}")
            if by == STUDY:
                self._compare(holdout)
                self.watch.lap("kit")

    def _train_split(self, by: str, holdout: Holdout) -> None:
        from stenosis_kit.paper.copies import Images, balanced
        from stenosis_kit.paper.fitting import answer, fit

        fitted = fit(self.grey, self.labels, holdout, self.plan, self._next_share(), _SEED)
        chosen = answer(fitted, self.grey, holdout.test).argmax(axis=1)
        truth = self.labels[holdout.test]
        copies = Images(self.grey, self.labels, balanced(holdout.train, self.labels, self.plan.copies), seed=_SEED)
        report = tables.report_table(truth, chosen)
        log.info("paper: by %s: accuracy %.3f, %d epochs", by, (truth == chosen).mean(), len(fitted.history))
        self.summary["splits"][by] = {
            "accuracy": float((truth == chosen).mean()),
            "epochs": len(fitted.history),
            "best_epoch": fitted.best + 1,
            "ended_by": fitted.ended_by,
            "seconds": round(fitted.seconds, 1),
            "images": {name: len(getattr(holdout, name)) for name in ("train", "validate", "test", "unused")},
            "severe_originals": int((self.labels[holdout.train] == rsna.PAPER_CLASSES.index("severe")).sum()),
            "history": fitted.history,
            "test": [[int(study), int(t), int(c)] for study, t, c in self._test_rows(holdout, truth, chosen)],
        }
        self._write_split(by, copies, report, fitted, truth, chosen)
        if by == STUDY:
            held = np.sort(np.concatenate([holdout.test, holdout.unused]))
            self.canal = self.rows[held], answer(fitted, self.grey, held)

    def _test_rows(self, holdout: Holdout, truth: np.ndarray, chosen: np.ndarray) -> zip:
        return zip(self.rows["study_id"].to_numpy()[holdout.test], truth, chosen, strict=True)

    def _write_split(self, by: str, copies: Any, report: pl.DataFrame, fitted: Any, truth: Any, chosen: Any) -> None:
        """A split's tables and figures; where both run in a folder of its own, and by study at the top as well."""
        folders = [self.out / by] if len(self.splits) > 1 else [self.out]
        if len(self.splits) > 1 and by == STUDY:
            folders.append(self.out)
        for folder in folders:
            tables.write_table(tables.count_table(self.labels[copies.rows]), folder / tables.AFTER)
            tables.write_table(report, folder / tables.REPORT)
            if find_spec("matplotlib"):
                from stenosis_kit.paper import figures

                figures.draw_augmented(folder, copies)
                figures.draw_curves(folder, fitted)
                figures.draw_confusion(folder, truth, chosen)
        self.network = fitted.network

    def _compare(self, holdout: Holdout) -> None:
        from stenosis_kit.paper.comparison import canal_answers, compare_on_canals, run_kit

        rows, answers = self.canal
        frame = canal_answers(rows, answers)
        tables.write_table(frame, self.out / "canal_answers.csv")
        share = self._next_share()
        ran = run_kit(self.data, self.out, rows["study_id"].unique().sort().to_list(), share)
        if ran is None:
            self.summary["comparison"] = None
            return
        found = compare_on_canals(frame, self.out)
        found |= {"seconds": round(share.seconds, 1), "share": round(share.seconds / self.budget.seconds, 3)}
        self.summary["comparison"] = found | {"kit_rows": ran["rows"]}

    def finish(self) -> dict[str, Any]:
        """The figures that need no split, run.json, and the report."""
        if find_spec("matplotlib"):
            from stenosis_kit.paper import figures

            figures.draw_workflow(self.out, self._workflow())
            figures.draw_block(self.out, self.network)
            figures.draw_architecture(self.out, self.network)
            self.summary["captions"] = figures.CAPTIONS
        else:
            log.warning("paper: no figures: they need matplotlib (pip install 'stenosis-kit[report]')")
        self.watch.lap("figures")
        self.summary |= {"seconds": self.watch.seconds, "elapsed_s": self.budget.elapsed()}
        write_json(self.out / "run.json", self.summary)
        from stenosis_kit.report.command import report

        page = report(self.out, self.budget.share())
        log.info("paper: done in %s of %s", show_time(self.budget.elapsed()), show_time(self.budget.seconds))
        log.info("paper: look at %s", page)
        return self.summary

    def _workflow(self) -> list[str]:
        counts = dict(tables.count_table(self.labels).iter_rows())
        counted = ", ".join(f"{count} {name}" for name, count in counts.items())
        first = self.holdouts[self.splits[0]]
        return [
            f"Axial T2 series of {self.rows['study_id'].n_unique()} studies (DICOM)",
            "K-Means on slice location: a slice for each of five levels",
            "The canal's label of the level gives the class",
            "Greyscale normalisation; PNG, 256×256, RGB",
            f"{self.rows.height} images: {counted}",
            f"Held out by {first.by}: {len(first.test)} test and {len(first.validate)} validation images",
            f"Augmentation of the other {len(first.train)}: {self.plan.copies} copies a class",
            f"Five-block CNN on {self.plan.px}×{self.plan.px} images",
        ]

    def _finish_s(self) -> float:
        return min(_FINISH_S, _FINISH_SHARE * self.budget.seconds)

    def _share(self) -> Budget:
        """The next part's equal share of what is left."""
        return self.budget.share(1 / self.parts_left, keep=self._finish_s())

    def _next_share(self) -> Budget:
        share = self._share()
        self.parts_left -= 1
        return share


def _claim(out: Path) -> None:
    """Takes an output folder that is new, empty or an earlier run's: images in it are replaced.

    Raises:
        InputError: where it holds something else.
    """
    make_folder(out)
    known = (out / "run.json").is_file() and read_json(out / "run.json", "a run.json").get("command") == "paper"
    unfinished = (out / "images" / recipe.folder_of(recipe.CLASSES[0])).is_dir()
    if any(out.iterdir()) and not known and not unfinished:
        raise InputError(out, "a new or empty folder, or an earlier paper's", "other files", "Give another OUT.")
