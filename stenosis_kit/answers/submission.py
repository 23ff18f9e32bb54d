"""The submission: priors first, then better rows, and always a complete, legal file on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.priors import Priors, prior_rows
from stenosis_kit.base.files import run_json_of, write_frame, write_json
from stenosis_kit.tables.csv_table import TableError, read_table
from stenosis_kit.tables.labels import SOLUTION_TABLE

FLOOR = 1e-4
"""Smallest probability submitted, chosen by hand: 9 nats where it is the truth; a 0 would cost 36."""


def legal_rows(probabilities: np.ndarray) -> np.ndarray:
    """(rows, 3) scores made to sum to 1 and to lie in [FLOOR, 1], in float64.

    Raises:
        ValueError: where a value is not finite, or a row has nothing above 0.
    """
    rows = np.asarray(probabilities, np.float64)
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows.sum(axis=1) <= 0).any():
        raise ValueError("expected finite probabilities, none negative, with a positive sum in each row")
    rows = rows / rows.sum(axis=1, keepdims=True)
    rows = np.maximum(rows, 1.001 * FLOOR)  # a little above the floor, since the division below lowers it again
    return rows / rows.sum(axis=1, keepdims=True)


def answer_frame(row_ids: Iterable[str], probabilities: np.ndarray) -> pl.DataFrame:
    """(rows, 3) probabilities as a submission's table: row_id and a column for each severity."""
    return pl.DataFrame({"row_id": row_ids} | dict(zip(rsna.SEVERITIES, probabilities.T, strict=True)))


class Submission:
    """All rows of a grid with their probabilities and where each came from.

    Attributes:
        grid: row_id, study_id, condition, level (see `tables.grid.grid`).
        priors: (rows, 3) in severity order.
        probabilities: (rows, 3), the priors until something better is put.
        sources: for each row {"source": "grader" or "prior", "why": text}.
    """

    def __init__(self, grid: pl.DataFrame, priors: Priors, earlier: Submission | None = None) -> None:
        """Begins with the priors.

        Args:
            grid: the rows.
            priors: of its cells.
            earlier: answers to the same grid; what was graded there stays in a prior's place.
        """
        self.grid = grid
        self.priors = legal_rows(prior_rows(grid, priors))
        self.probabilities = self.priors.copy()
        self.sources = [{"source": "prior", "why": "not graded"} for _ in range(grid.height)]
        self._place = {row_id: place for place, row_id in enumerate(grid["row_id"])}
        self._earlier = earlier
        if earlier:
            self.explain(grid["row_id"], "not graded")

    def put(self, row_id: str, probabilities: np.ndarray, source: str, trust: float = 1.0) -> None:
        """Replaces a row by a graded one; a row that is not finite keeps its prior, and says so.

        Args:
            row_id: of the row.
            probabilities: (3,) of its severities.
            source: what graded it, for people.
            trust: the chance that what was graded is what the row is about, 0 to 1; the rest is left to the prior.
        """
        place = self._place[row_id]
        try:
            graded = legal_rows(np.asarray(probabilities)[None])[0]
            self.probabilities[place] = trust * graded + (1 - trust) * self.priors[place]  # of two legal rows: legal
            self.sources[place] = {"source": "grader", "why": source}
        except ValueError:
            self.explain([row_id], "the grader's answer was not finite")

    def explain(self, row_ids: Sequence[str], why: str) -> None:
        """Leaves rows at their prior, and says why; or at what they were graded earlier."""
        for row_id in row_ids:
            place = self._place[row_id]
            before = self._earlier.sources[place] if self._earlier else {"source": "prior"}
            if before["source"] == "grader":
                self.probabilities[place] = self._earlier.probabilities[place]
                self.sources[place] = before | {"why": f"{before['why']} (first pass)"}
            else:
                self.probabilities[place] = self.priors[place]
                self.sources[place] = {"source": "prior", "why": why}

    def graded(self) -> np.ndarray:
        """(rows,) whether each is graded."""
        return np.array([row["source"] == "grader" for row in self.sources], bool)

    def counts(self) -> dict[str, int]:
        """Number of rows by source and reason, the most frequent first."""
        return dict(Counter(f"{row['source']}: {row['why']}" for row in self.sources).most_common())

    def save(self, path: Path, run: dict | None = None) -> None:
        """Writes the CSV atomically, and `<name>.run.json` beside it.

        Raises:
            InputError: where the file cannot be written.
        """
        write_frame(path, answer_frame(self.grid["row_id"], self.probabilities))
        rows = dict(zip(self.grid["row_id"], self.sources, strict=True))
        write_json(run_json_of(path), {**(run or {}), "counts": self.counts(), "rows": rows})


def read_submission(path: Path) -> pl.DataFrame:
    """Probabilities of a submission: row_id and three float64 columns in severity order.

    Raises:
        InputError: where the host would reject it: columns missing, rows doubled, values that are not
            numbers, not finite or negative.
    """
    frame = read_table(path, SOLUTION_TABLE, key=("row_id",))
    rows = frame.select(rsna.SEVERITIES).to_numpy()
    bad = np.flatnonzero((rows < 0).any(axis=1) | (rows.sum(axis=1) <= 0)).tolist()
    if bad:
        found = f"row {bad[0] + 2}: expected no negative probability and a positive sum; found {rows[bad[0]].tolist()}"
        raise TableError(path, [found])
    return frame
