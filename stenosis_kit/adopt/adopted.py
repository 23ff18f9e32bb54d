"""What came of a folder: what each series was taken for, what was left out, and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.adopt.choice import Decision
from stenosis_kit.adopt.series import Found
from stenosis_kit.tables.series import SERIES_KEY

TABLE = "adopted.csv"


@dataclass
class Adopted:
    """What came of a folder.

    Attributes:
        table: a row a series, as adopted.csv has it.
        passed: {why: files that were passed over}.
    """

    table: pl.DataFrame
    passed: Counter[str]

    @classmethod
    def of(
        cls, found: Sequence[Found], decisions: Mapping[tuple, Decision], passed: Counter[str], keep_uids: bool
    ) -> Adopted:
        """By the decisions on all series that were found; UIDs are hashed unless they are kept."""
        return cls(pl.DataFrame([_row(one, decisions[one.key], keep_uids) for one in found]), passed)

    @property
    def taken(self) -> pl.DataFrame:
        """The rows of the series that were taken."""
        return self.table.filter(pl.col("series_description") != "")

    @property
    def lost(self) -> list[int]:
        """Studies of which no series was taken."""
        return sorted(set(self.table["study_id"]) - set(self.taken["study_id"]))

    def lines(self) -> Iterator[str]:
        """What is to be said, a line each."""
        studies, taken = self.table["study_id"].n_unique(), self.taken
        of_series = f"{taken.height} of {self.table.height} series"
        yield f"{studies - len(self.lost)} of {studies} studies, {of_series} adopted"
        for why, count in Counter(self.table.filter(series_description="")["why"]).most_common():
            yield f"left out: {count} series: {why}"
        for why, count in self.passed.most_common():
            yield f"passed over: {count} files: {why}"
        for kind in rsna.SERIES_KINDS:
            without = set(taken["study_id"]) - set(taken.filter(series_description=kind)["study_id"])
            if without:
                yield f"without {kind}: {len(without)} studies, the first {min(without)}"
        if self.lost:
            yield f"NOT ADOPTED: {len(self.lost)} studies, the first {self.lost[0]}: see {TABLE}"


def _row(one: Found, decision: Decision, keep_uids: bool) -> dict[str, object]:
    told = {"orientation": one.orientation or "several", "images": len(one.images), "doubles": one.doubles}
    uids = {"study_uid": one.study, "series_uid": one.uid}
    if not keep_uids:
        uids = {name: hashlib.sha256(uid.encode()).hexdigest()[:16] for name, uid in uids.items()}
    kind, why, certainty = decision
    decided = {"series_description": kind, "why": why, "certainty": certainty}
    return dict(zip(SERIES_KEY, one.key, strict=True)) | decided | told | uids
