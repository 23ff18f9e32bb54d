"""Every way in which a submission is not legal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import in_its_place
from stenosis_kit.tables.csv_table import read_text
from stenosis_kit.tables.root import Root, as_root

SUM_TOLERANCE = 1e-5
"""How far a row's sum may be from 1: three values rounded to six digits stray by less."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault (or, if `legal`, a remark): how often, and the first case."""

    kind: str
    count: int
    first: str
    legal: bool = False

    def __str__(self) -> str:
        mark = "note " if self.legal else "WRONG"
        return f"{mark} {self.kind}: {self.count} row(s), first {self.first}"


def check(submission: Path | str, data: Root | Path | str, split: str = "test") -> list[Finding]:
    """All faults of a submission; it is legal if none is not `legal`.

    Its rows have to be of the split's grid. Those of sample_submission.csv have to be there; where that cannot be read,
    all of the grid's.

    Raises:
        InputError: where the submission does not exist or the data has no series table to make a grid from.
    """
    submission, root = Path(submission), as_root(data, split)
    known, wanted = root.grid, root.grid if root.sampled is None else root.sampled
    if found := in_its_place(submission):
        raise InputError(submission, "a submission", found, "Give the path of a CSV file.")
    try:
        frame = read_text(submission)
    except InputError as error:
        return [Finding("not a CSV table", 1, error.found)]
    if sorted(frame.columns) != sorted(rsna.SUBMISSION_COLUMNS):
        expected, found = (", ".join(names) for names in (rsna.SUBMISSION_COLUMNS, frame.columns[:8]))
        return [Finding("wrong columns", 1, f"row 1: expected {expected}; found {found}")]
    return [*_row_findings(frame["row_id"], known, wanted["row_id"].to_list()), *_value_findings(frame)]


def is_legal(findings: list[Finding]) -> bool:
    """Whether none of the findings is a fault."""
    return all(finding.legal for finding in findings)


def _row_findings(row_ids: pl.Series, grid: pl.DataFrame, wanted: list[str]) -> list[Finding]:
    given, studies = row_ids.to_list(), set(grid["study_id"])
    known, seen = dict.fromkeys(grid["row_id"]), set()
    kinds: dict[str, list[str]] = {}
    for row, row_id in enumerate(given, start=2):
        parts = rsna.split_row_id(row_id or "")
        if row_id in known and row_id in seen:
            kinds.setdefault("doubled row", []).append(f"row {row}: {row_id}")
        elif row_id not in known and parts and parts[0] not in studies:
            kinds.setdefault("row of a study that is not in the split", []).append(f"row {row}: {row_id}")
        elif row_id not in known:
            kinds.setdefault("not a row id", []).append(f"row {row}: {row_id!r}")
        seen.add(row_id)
    missing = [row_id for row_id in wanted if row_id not in seen]
    if missing:
        kinds["missing row"] = missing
    usual = [row_id for row_id in known if row_id in seen]
    if not kinds and given != usual:
        moved = next(row for row, pair in enumerate(zip(given, usual, strict=True), start=2) if pair[0] != pair[1])
        return [Finding("another order than the kit's (legal)", len(given), f"row {moved}", legal=True)]
    return [Finding(kind, len(rows), rows[0]) for kind, rows in kinds.items()]


def _value_findings(frame: pl.DataFrame) -> list[Finding]:
    text = frame.select(rsna.SEVERITIES)
    numbers = text.select(pl.all().cast(pl.Float64, strict=False))
    values, unreadable = numbers.to_numpy(), numbers.select(pl.all().is_null()).to_numpy()  # NaN where unreadable
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        unequal = np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
    faults: dict[str, np.ndarray] = {
        "not a number": unreadable.any(axis=1),
        "NaN": (np.isnan(values) & ~unreadable).any(axis=1),
        "infinite": np.isinf(values).any(axis=1),
        "negative": (values < 0).any(axis=1),
        "above 1": ((values > 1) & finite).any(axis=1),
        "does not sum to 1": finite.all(axis=1) & unequal,
    }
    findings = []
    for kind, rows in faults.items():
        if rows.any():
            first = int(rows.argmax())
            shown = f"row {first + 2} ({frame['row_id'][first]}): {', '.join(map(str, text.row(first)))}"
            findings.append(Finding(kind, int(rows.sum()), shown))
    return findings
