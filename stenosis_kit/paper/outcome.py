"""Results of one split: its numbers, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.files import write_frame
from stenosis_kit.paper import figures, tables
from stenosis_kit.paper.copies import Images
from stenosis_kit.paper.fitting import Fitted
from stenosis_kit.paper.holdout import Holdout
from stenosis_kit.report import charts

_SEVERE = rsna.PAPER_CLASSES.index("severe")


@dataclass(frozen=True)
class Outcome:
    """What a split's network answered to its test images.

    Attributes:
        holdout: which images were for what.
        fitted: the network and its history.
        copies: what it learnt from.
        studies: (n,) study of each test image.
        truth: (n,) class index of each.
        chosen: (n,) the class index answered.
    """

    holdout: Holdout
    fitted: Fitted
    copies: Images
    studies: np.ndarray
    truth: np.ndarray
    chosen: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the test images that are answered right."""
        return float((self.truth == self.chosen).mean())

    def summary(self) -> dict[str, Any]:
        """For run.json."""
        originals = np.unique(self.copies.rows)
        images = {name: len(getattr(self.holdout, name)) for name in ("train", "validate", "test", "unused")}
        return {
            "accuracy": self.accuracy,
            "epochs": len(self.fitted.history),
            "best_epoch": self.fitted.best + 1,
            "ended_by": self.fitted.ended_by,
            "seconds": round(self.fitted.seconds, 1),
            "images": images,
            "severe_originals": int((self.copies.labels[originals] == _SEVERE).sum()),
            "history": self.fitted.history,
            "test": np.column_stack([self.studies, self.truth, self.chosen]).tolist(),
        }

    def write(self, folder: Path) -> None:
        """Writes Tables 3 and 4 and, where matplotlib is there, Figures 2, 5, 6 and 7."""
        after = tables.count_table(self.copies.labels[self.copies.rows])
        report: pl.DataFrame = tables.report_table(self.truth, self.chosen)
        write_frame(folder / tables.AFTER, after)
        write_frame(folder / tables.REPORT, report)
        if charts.can_draw():
            figures.draw_augmented(folder, self.copies)
            figures.draw_curves(folder, self.fitted)
            figures.draw_confusion(folder, self.truth, self.chosen)
