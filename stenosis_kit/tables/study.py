"""One study as the tables know it: plain data, so that it can be sent to any process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

Cell = tuple[str, str]
"""(condition, level)."""


@dataclass(frozen=True)
class LabelPoint:
    """A row of train_label_coordinates.csv: a pixel (x, y) of one instance of one series."""

    series_id: int
    instance_number: int
    x: float
    y: float


@dataclass(frozen=True)
class Study:
    """A study to be read.

    Attributes:
        images: the split's image folder.
        study_id: the study.
        series: (series_id, kind) from the series table.
        severities: severity of each labelled cell; None where nothing may be known of them, as in prediction.
        points: label points of the cells.
    """

    images: Path
    study_id: int
    series: tuple[tuple[int, str], ...]
    severities: dict[Cell, str] | None = None
    points: dict[Cell, LabelPoint] = field(default_factory=dict)
