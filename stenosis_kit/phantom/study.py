"""A synthetic study: the order that determines it, and everything about it but its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.anatomy.severity import Severity
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.imaging.series import Series

Cell = tuple[int, int]
"""Index into `rsna.CONDITIONS` and into `rsna.LEVELS`."""

Point = tuple[int, int, float, float, np.ndarray]
"""series_id, instance_number, x, y (pixels) and the place in patient space (3,), mm."""

_PURPOSES = ("severity", "faults", "spine", "looks", "series", "ids", "reader", "textures", "pixels", "damage")


@dataclass(frozen=True)
class Order:
    """What determines a study: the same order gives the same labels and geometry in any process.

    Attributes:
        seed, index: of the cohort, and of the study in it.
        split: train or test.
        size, mode, noise: see `phantom`.
        forced: faults it has whatever the mode.
    """

    seed: int
    index: int
    split: str
    size: str = "tiny"
    mode: str = "real"
    noise: float = 1.0
    forced: tuple[str, ...] = ()

    @property
    def study_id(self) -> int:
        """A number that no other study of the cohort has; neighbours do not look alike."""
        return 10_000_000 + ((self.index + 1) * 1_327_217_885 + self.seed * 7_919) % 3_999_999_979

    def generator(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose, so that faults and sizes do not change labels or anatomy."""
        seed = np.random.SeedSequence([self.seed, self.index], spawn_key=(_PURPOSES.index(purpose),))
        return np.random.Generator(np.random.PCG64(seed))


@dataclass(frozen=True, eq=False)
class Study:
    """A study without its pixels.

    Attributes:
        order: what it was made from.
        severity: signals, labels and oracle; labels are the truth that was read, before readers' errors.
        labels: (5, 5) severities as the tables give them, -1 for none.
        spine, looks, faults: what is in the body, and what is wrong with the data.
        series: series ids to what they hold, planes in the spine's frame.
        offset: (3,) where the spine's frame lies in patient space, mm.
        points: the labels' points by cell.
        true_points: the same without readers' errors.
    """

    order: Order
    severity: Severity
    labels: np.ndarray
    spine: Spine
    looks: Looks
    faults: frozenset[str]
    series: dict[int, Series]
    offset: np.ndarray
    points: dict[Cell, Point] = field(default_factory=dict)
    true_points: dict[Cell, Point] = field(default_factory=dict)

    def placed(self, plane: Plane) -> Plane:
        """A plane of the spine's frame in patient space."""
        return replace(plane, origin=plane.origin + self.offset)
