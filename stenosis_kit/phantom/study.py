"""Makes one study: draws it, writes its images, and returns what the tables need."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.geometry import Plane
from stenosis_kit.phantom import tissue
from stenosis_kit.phantom.acquire import acquire, draw_receiver
from stenosis_kit.phantom.anatomy import Spine, draw_spine
from stenosis_kit.phantom.damage import break_files, spoil_with_metal
from stenosis_kit.phantom.faults import draw_faults
from stenosis_kit.phantom.looks import Looks, draw_looks
from stenosis_kit.phantom.protocols import SIZES, Series, draw_series
from stenosis_kit.phantom.readers import read
from stenosis_kit.phantom.render import render, shifted
from stenosis_kit.phantom.severity import Severity, draw
from stenosis_kit.phantom.write import Header, write_slice

Point = tuple[int, int, float, float, np.ndarray]
"""series_id, instance_number, x, y (pixels) and the place in patient space (3,), mm."""


@dataclass(frozen=True)
class Order:
    """What decides a study: the same order gives the same labels and geometry, whoever carries it out.

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
        points: (condition, level) to the label's point.
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
    points: dict[tuple[int, int], Point] = field(default_factory=dict)
    true_points: dict[tuple[int, int], Point] = field(default_factory=dict)

    def placed(self, plane: Plane) -> Plane:
        """A plane of the spine's frame in patient space."""
        return shifted(plane, -self.offset)


def plan_study(order: Order) -> Study:
    """Draws everything about a study but its pixels. Takes about 30 ms."""
    rngs = _generators(order)
    severity = draw(rngs["severity"], order.noise)
    faults = draw_faults(rngs["faults"], order.mode, order.split, order.forced)
    spine = draw_spine(rngs["spine"], severity, faults)
    looks = draw_looks(rngs["looks"])
    drawn = draw_series(rngs["series"], spine, SIZES[order.size], faults)
    ids = rngs["ids"].choice(2**32 - 2**20, size=len(drawn), replace=False) + 2**20
    offset = rngs["ids"].uniform((-25, -60, -400), (25, 60, 400)).round(3)
    study = Study(
        order=order,
        severity=severity,
        labels=severity.labels.copy(),
        spine=spine,
        looks=looks,
        faults=faults,
        series=dict(zip(ids.tolist(), drawn, strict=True)),
        offset=offset,
    )
    read(study, rngs["reader"])
    return study


def make_study(order: Order, folder: Path) -> Study:
    """Plans a study and writes its images to folder/<study_id>/<series_id>/<number>.dcm."""
    study = plan_study(order)
    rngs = _generators(order)
    textures = tissue.draw_textures(rngs["textures"])
    marrow = float(np.exp(0.15 * rngs["textures"].normal()))
    suppressed = rngs["textures"].random() < 0.5
    for series_id, series in study.series.items():
        rng = rngs["pixels"]
        contrast = {rsna.SAGITTAL_T1: tissue.T1, rsna.AXIAL_T2: tissue.T2}.get(series.kind)
        contrast = contrast or (tissue.STIR if suppressed else tissue.T2)
        palette = tissue.draw_palette(rng, contrast, marrow)
        receiver = draw_receiver(rng, contrast)
        header = _header(rng, study, series_id, series)
        place = folder / str(order.study_id) / str(series_id)
        place.mkdir(parents=True, exist_ok=True)
        for number, plane in zip(series.numbers, series.planes, strict=True):
            ideal = render(study.spine, study.looks.on(contrast), textures, palette, plane)
            if "metal" in study.faults:
                spoil_with_metal(ideal, plane, study.spine)
            pixels = acquire(ideal, plane, receiver, rng)
            write_slice(place / f"{number}.dcm", pixels, study.placed(plane), number, header)
    break_files(folder / str(order.study_id), study.faults, rngs["damage"])
    return study


def _generators(order: Order) -> dict[str, np.random.Generator]:
    """Independent generators by purpose, so that faults or sizes do not change labels or anatomy."""
    names = ("severity", "faults", "spine", "looks", "series", "ids", "reader", "textures", "pixels", "damage")
    root = np.random.Generator(np.random.PCG64(np.random.SeedSequence([order.seed, order.index])))
    return dict(zip(names, root.spawn(len(names)), strict=True))


def _header(rng: np.random.Generator, study: Study, series_id: int, series: Series) -> Header:
    name = "T1" if series.kind == rsna.SAGITTAL_T1 else "T2"
    return Header(
        study_id=study.order.study_id,
        series_id=series_id,
        description=name if rng.random() < 0.6 else "",
        thickness=series.thickness,
        distance=series.distance,
        frame="".join(map(str, [rng.integers(1, 10), *rng.integers(0, 10, 37)])),
        time=f"22{rng.integers(10, 60)}{rng.integers(10, 60)}.{rng.integers(100000, 999999)}",
        faults=study.faults,
    )


def one_thread() -> None:
    """Keeps OpenCV to one thread: there is a process for each core."""
    cv2.setNumThreads(1)
