"""What the doctor found: counts for machines, sentences for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 3
"""Cases of a finding that are named in its remark."""


@dataclass
class Diagnosis:
    """What was found.

    Attributes:
        findings: by the keys of what `doctor --json` writes.
        remarks: for people: a line each, with what the kit does about it and the first cases.
        rows_lost: whether rows will be lost or be unusable unless the user mends the data.
    """

    findings: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    rows_lost: bool = False

    def add(self, key: str, value: Any, consequence: str = "", examples: Iterable[str] = ()) -> None:
        """Notes a finding and, unless it is zero or empty, a remark that says what follows from it.

        Args:
            key: in the JSON.
            value: a count, a list, or counts by kind.
            consequence: a sentence: what the kit does about it.
            examples: names of cases, of which the first few are shown.
        """
        self.findings[key] = value
        if consequence and not _is_nothing(value):
            self.remarks.append(f"{key.replace('_', ' ')}: {_shown(value)}. {consequence}{_some(list(examples))}")

    def lose(self, key: str, value: Any, consequence: str, examples: Iterable[str] = ()) -> None:
        """Notes rows that cannot be used, as `add` does."""
        self.add(key, value, consequence, examples)
        self.rows_lost |= not _is_nothing(value)

    def lines(self) -> list[str]:
        """All of it as text: counts, then remarks, then what was looked for and not found."""
        there = {key: value for key, value in self.findings.items() if not _is_nothing(value)}
        width = max(map(len, there), default=0)
        counts = [f"{key:{width}}  {_shown(value)}" for key, value in there.items()]
        remarks = ["", *self.remarks] if self.remarks else []
        absent = [key.replace("_", " ") for key in self.findings if key not in there]
        return counts + remarks + (["", f"none found: {', '.join(absent)}."] if absent else [])


def _is_nothing(value: Any) -> bool:
    return not any(value.values()) if isinstance(value, dict) else not value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{kind} {count}" for kind, count in value.items() if count)
    return str(len(value) if isinstance(value, list) else value)


def _some(examples: list[str]) -> str:
    more = " …" if len(examples) > EXAMPLES else ""
    return f" For instance {'; '.join(examples[:EXAMPLES])}{more}" if examples else ""
