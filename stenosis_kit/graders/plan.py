"""A plan of what is trained, and what it is made for: what there is to learn from, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stenosis_kit import rsna
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training

_WITHOUT_FOLDS = 5  # a single model learns from four fifths of the studies


@dataclass(frozen=True)
class Load:
    """What there is to learn from and to grade.

    Attributes:
        crops: {view: number of labelled crops}.
        studies: number of studies.
        parts: that the studies are divided into already; None: as it suits.
        to_grade: studies that the networks have to grade in the same time, in this process.
        may_widen: whether networks may be wider than the settings say: not where they start from others' weights.
        axial_mm: side of the axial images' pixels; None: not known.
        start_too: whether what training starts from grades beside the networks.
    """

    crops: Mapping[str, int]
    studies: int
    parts: int | None = None
    to_grade: int = 0
    may_widen: bool = True
    axial_mm: float | None = None
    start_too: bool = False


@dataclass(frozen=True)
class Time:
    """What there is to learn with.

    Attributes:
        seconds: of training and grading.
        pixels: input pixels that training learns from in a second, of one worker; None: what is typical.
        workers: of a cluster that trains as many networks at a time; 0 for this process, which trains one.
    """

    seconds: float
    pixels: float | None = None
    workers: int = 0


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        models: a grader; each holds out a fold of the studies.
        twins: networks that make a model, differing by chance alone; their answers are averaged.
        axial: scale of the axial inputs' sides, in pixels; the part of the crop that they show stays.
        scale: the same of all inputs; the larger of the two counts.
        width: of the networks, a multiple of the settings'.
        graders: how many, the first of the settings'; None: all.
        parts: that the studies are divided into already; None: as it suits.
        grading_s: seconds that are kept for grading with it.
    """

    models: int
    twins: int = 1
    axial: float = 1.0
    scale: float = 1.0
    width: float = 1.0
    graders: int | None = None
    parts: int | None = None
    grading_s: float = 0.0

    @property
    def networks(self) -> int:
        """Of each grader."""
        return self.models * self.twins

    @property
    def folds(self) -> int:
        """Parts that the studies are divided into."""
        return self.parts or (self.models if self.models > 1 else _WITHOUT_FOLDS)

    def settings(self, training: Training) -> Training:
        """The settings of this plan."""
        graders = tuple(self._finer(grader) for grader in training.graders[: self.graders])
        return replace(training, graders=graders, filters=tuple(round(self.width * each) for each in training.filters))

    def _finer(self, grader: Grader) -> Grader:
        is_axial = VIEW_BY_NAME[grader.view].series_kind == rsna.AXIAL_T2
        return replace(grader, px=round(grader.px * max(self.scale, self.axial if is_axial else 1.0)))
