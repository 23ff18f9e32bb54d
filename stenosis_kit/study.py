"""What a worker needs to know of a study: plain data, so that it can be sent to any process."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stenosis_kit.levels.carry import TYPICAL, Carry

Cell = tuple[str, str]
"""(condition, level)."""


@dataclass(frozen=True)
class LabelPoint:
    """A row of train_label_coordinates.csv: a pixel (x, y) of one instance of one series."""

    series_id: int
    instance_number: int
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class CanalPoints:
    """The canal at the five levels, and what found it.

    Attributes:
        points: (5, 3) patient mm, L1/L2 first.
        method: which way found them.
        confidence: (5,) 0 to 1: about the share of such points that lie within 10 mm.
    """

    points: np.ndarray
    method: str
    confidence: np.ndarray


@dataclass(frozen=True)
class StudyTask:
    """One study to be read.

    Attributes:
        images: the split's image folder.
        study_id: the study.
        series: (series_id, kind) from the series table.
        severities: severity of each labelled cell; None to cut for prediction, without any label.
        points: label points of the cells.
        canal: where the localiser found the levels; None: the worker falls back on what needs no network.
        carry: how to get from there to what lies beside it.
        views: names of those that are cut for prediction, see `crops`; None: all.
    """

    images: Path
    study_id: int
    series: tuple[tuple[int, str], ...]
    severities: dict[Cell, str] | None = None
    points: dict[Cell, LabelPoint] = field(default_factory=dict)
    canal: CanalPoints | None = None
    carry: Carry = TYPICAL
    views: frozenset[str] | None = None
