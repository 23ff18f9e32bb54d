"""One run of the recipe, stage by stage."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stenosis_kit import __version__, rsna
from stenosis_kit.base.budget import Budget, Stopwatch, show_time
from stenosis_kit.base.errors import TimeTooShort
from stenosis_kit.base.files import write_frame, write_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.paper import figures, recipe, tables
from stenosis_kit.paper.holdout import STUDY, Holdout, hold_out
from stenosis_kit.paper.images import make_images
from stenosis_kit.paper.level_errors import NEAR_MM, level_errors
from stenosis_kit.paper.page import write_page
from stenosis_kit.report import charts
from stenosis_kit.report.command import attempted
from stenosis_kit.tables.root import Root

if TYPE_CHECKING:
    from stenosis_kit.paper.plan import Plan

log = logging.getLogger(__name__)

# Kept for figures and report, which take about 15 s on two cores: a share of the limit, at most so many seconds.
_FINISH_SHARE, _FINISH_S = 0.12, 40.0
_SHORTEST_S = 20.0  # of one training: before its first step, building graphs and validating take some 10 s
_SEED = 0


class PaperRun:
    """One run; `summary` becomes its run.json."""

    def __init__(self, root: Root, out: Path, budget: Budget, splits: tuple[str, ...], input_size: int | None) -> None:
        self.root, self.out, self.budget = root, out, budget
        self.splits, self.input_size = splits, input_size
        self.parts_left = len(splits) + (STUDY in splits)  # the kit's own run takes as long as a split's
        self.watch = Stopwatch()
        self.summary: dict[str, Any] = {
            "command": "paper",
            "version": __version__,
            "data": str(root.folder),
            "time_limit_s": budget.seconds,
            "split_by": list(splits),
            "choices": list(recipe.CHOICES),
            "splits": {},
        }

    def prepare(self) -> None:
        """Makes the images, splits them, and plans what fits into the time."""
        self.rows = make_images(self.root.checked(), self.out / "images", self.budget.share(keep=self._finish_s()))
        log.info("paper: %d images of %d studies", self.rows.height, self.rows["study_id"].n_unique())
        self.watch.lap("images")
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # as the paper: on the CPU alone
        load_tensorflow()
        self.labels = np.array([rsna.PAPER_CLASSES.index(name) for name in self.rows["severity"]], int)
        self.holdouts = {by: hold_out(self.rows, by, _SEED) for by in self.splits}
        self.summary["levels"] = level_errors(self.rows) | {"near_mm": NEAR_MM}
        write_frame(self.out / tables.MAPPING, tables.mapping_table())
        write_frame(self.out / tables.BEFORE, tables.count_table(self.labels))
        self._plan()
        self.watch.lap("plan")

    def _plan(self) -> None:
        from stenosis_kit.paper.copies import read_images
        from stenosis_kit.paper.plan import plan

        mild = rsna.PAPER_CLASSES.index("normal_mild")
        full = max(int((self.labels[each.train] == mild).sum()) for each in self.holdouts.values())
        validation = max(len(each.validate) for each in self.holdouts.values())
        seconds = self._share().seconds
        if seconds < _SHORTEST_S:
            expected = f"at least {show_time(_SHORTEST_S)} for each of {self.parts_left} trainings"
            raise TimeTooShort(expected, show_time(seconds), "Give more time, or one split alone: --split-by study")
        self.plan: Plan = plan(full, validation, seconds, self.input_size)
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
        from stenosis_kit.paper.outcome import Outcome

        copies = Images(self.grey, self.labels, balanced(holdout.train, self.labels, self.plan.copies), seed=_SEED)
        fitted = fit(copies, holdout, self._next_share(), _SEED)
        chosen = answer(fitted, self.grey, holdout.test).argmax(axis=1)
        studies = self.rows["study_id"].to_numpy()[holdout.test]
        outcome = Outcome(holdout, fitted, copies, studies, self.labels[holdout.test], chosen)
        log.info("paper: by %s: accuracy %.3f, %d epochs", by, outcome.accuracy, len(fitted.history))
        self.summary["splits"][by] = outcome.summary()
        for folder in self._folders(by):
            outcome.write(folder)
        self.fitted = fitted

    def _folders(self, by: str) -> list[Path]:
        """Where a split's tables and figures go: where both run, to its own folder, and by study to the top as well."""
        if len(self.splits) == 1:
            return [self.out]
        return [self.out / by, self.out] if by == STUDY else [self.out / by]

    def _compare(self, holdout: Holdout) -> None:
        """Runs the kit on the same studies and compares; if that fails, the paper's own results are kept."""
        from stenosis_kit.paper.comparison import canal_answers, compare_on_canals, run_kit
        from stenosis_kit.paper.fitting import answer

        held = np.sort(np.concatenate([holdout.test, holdout.unused]))
        rows, share = self.rows[held], self._next_share()
        frame = canal_answers(rows, answer(self.fitted, self.grey, held))
        write_frame(self.out / "canal_answers.csv", frame)
        try:
            ran = run_kit(self.root.folder, self.out, rows["study_id"].unique().sort().to_list(), share)
            found = compare_on_canals(frame, self.out)
        except Exception as error:
            log.warning("paper: no comparison with the kit: %s: %s", type(error).__name__, error)
            return
        found |= {"seconds": round(share.seconds, 1), "share": round(share.seconds / self.budget.seconds, 3)}
        self.summary["comparison"] = found | {"kit_rows": ran["rows"]}

    def finish(self) -> dict[str, Any]:
        """The figures that need no split, run.json, and the report."""
        if charts.can_draw():
            counts = dict(tables.count_table(self.labels).iter_rows())
            studies = self.rows["study_id"].n_unique()
            figures.draw_workflow(self.out, counts, studies, self.holdouts[self.splits[0]], self.plan)
            figures.draw_block(self.out, self.fitted.network)
            figures.draw_architecture(self.out, self.fitted.network)
            self.summary["captions"] = figures.CAPTIONS
        else:
            log.warning("paper: no figures: they need matplotlib (pip install matplotlib)")
        self.watch.lap("figures")
        self.summary |= {"seconds": self.watch.seconds, "elapsed_s": self.budget.elapsed()}
        write_json(self.out / RUN_NAME, self.summary)
        page = attempted(lambda: write_page(self.out))
        log.info("paper: done in %s of %s", show_time(self.budget.elapsed()), show_time(self.budget.seconds))
        if page:
            log.info("paper: look at %s", page)
        return self.summary

    def _finish_s(self) -> float:
        return min(_FINISH_S, _FINISH_SHARE * self.budget.seconds)

    def _share(self) -> Budget:
        """The next part's equal share of what is left."""
        return self.budget.share(1 / self.parts_left, keep=self._finish_s())

    def _next_share(self) -> Budget:
        share = self._share()
        self.parts_left -= 1
        return share
