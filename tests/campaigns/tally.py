"""What a campaign counts: cases tried and survived, rows lost, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """One line of the summary.

    Attributes:
        name: of the kind of trouble.
        tried, survived: cases.
        rows: rows that had to come out as they should; lost: those that did not.
        failures: a line for each case that was not survived.
    """

    name: str
    tried: int = 0
    survived: int = 0
    rows: int = 0
    lost: int = 0
    failures: list[str] = field(default_factory=list)

    def note(self, case: str, faults: Iterable[str] = (), rows: int = 0, lost: int = 0) -> None:
        """Counts a case; it is survived if it has no faults and lost no row."""
        found = [*faults, *([f"{lost} of {rows} rows lost"] if lost else [])]
        self.tried += 1
        self.survived += not found
        self.rows += rows
        self.lost += lost
        self.failures += [f"{self.name}: {case}: {fault}" for fault in found]


def table(tallies: Iterable[Tally]) -> str:
    """The summary, and below it all failures."""
    tallies = list(tallies)
    total = Tally("all")
    for each in tallies:
        total.tried, total.survived = total.tried + each.tried, total.survived + each.survived
        total.rows, total.lost = total.rows + each.rows, total.lost + each.lost
    width = max(len(each.name) for each in [*tallies, total])
    lines = [f"{'':{width}}  {'tried':>6} {'survived':>9} {'rows':>7} {'lost':>5}"]
    lines += [
        f"{each.name:{width}}  {each.tried:6} {each.survived:9} {each.rows:7} {each.lost:5}"
        for each in [*tallies, total]
    ]
    return "\n".join(lines + [failure for each in tallies for failure in each.failures])
