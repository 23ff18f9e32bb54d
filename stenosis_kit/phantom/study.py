"""Makes one study: draws it, writes its images, and returns what the tables need."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.geometry import Plane, nearest_plane
from stenosis_kit.phantom import tissue
from stenosis_kit.phantom.acquire import acquire, draw_receiver
from stenosis_kit.phantom.anatomy import Spine, draw_spine
from stenosis_kit.phantom.faults import draw_faults
from stenosis_kit.phantom.looks import Looks, draw_looks
from stenosis_kit.phantom.protocols import SIZES, Series, draw_series
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
    _read(study, rngs["reader"])
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
                _spoil_with_metal(ideal, plane, study.spine)
            pixels = acquire(ideal, plane, receiver, rng)
            write_slice(place / f"{number}.dcm", pixels, study.placed(plane), number, header)
    _damage(study, folder / str(order.study_id), rngs["damage"])
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


# --- Readers ---------------------------------------------------------------------------------


def _read(study: Study, rng: np.random.Generator) -> None:
    """Fills in labels and points as the competition's readers left them."""
    faults, labels = study.faults, study.labels
    _leave_out(study, rng)
    shift = int(rng.choice([-1, 1])) if "shifted_levels" in faults else 0
    if shift:
        known = labels.copy()
        for level in range(5):
            inside = 0 <= level + shift < 5
            labels[:, level] = known[:, level + shift] if inside else np.where(known[:, level] < 0, -1, 0)
    jitter = {"none": 0.0, "real": 1.0, "hard": 1.5}[study.order.mode] if study.order.split == "train" else 0.0
    for index, condition in enumerate(rsna.CONDITIONS):
        swap = {rsna.LEFT: rsna.RIGHT, rsna.RIGHT: rsna.LEFT}.get(condition.side)
        swapped = "swapped_sides" in faults and condition.term == "foraminal"
        pointed = rsna.condition_of("foraminal", swap) if swapped else condition
        for level in range(5):
            if labels[index, level] < 0:
                continue
            truth = _point(study, condition, level, 0.0, rng)
            found = _point(study, pointed, level + shift, jitter, rng)
            if truth:
                study.true_points[index, level] = truth
            lost = "missing_points" in faults and condition.term == "spinal" and rng.random() < 0.25
            if found and not lost:
                study.points[index, level] = found


def _leave_out(study: Study, rng: np.random.Generator) -> None:
    """Removes labels of levels that no axial slice shows, and of whole sides that nobody read."""
    faults, labels = study.faults, study.labels
    uncovered = 2 if "uncovered_l2_l3" in faults else 1 if "uncovered_l1_l2" in faults else 0
    for index, condition in enumerate(rsna.CONDITIONS):
        if condition.term == "subarticular":
            labels[index, :uncovered] = -1
        if condition.term == "foraminal" and "missing_side" in faults and condition.side == rsna.LEFT:
            labels[index] = -1
        if condition.term == "spinal" and "missing_canal" in faults:
            labels[index] = -1


def _point(
    study: Study, condition: rsna.Condition, level: int, jitter: float, rng: np.random.Generator
) -> Point | None:
    """The label point on the nearest slice of the condition's series kind, or None where no slice shows it."""
    place = study.spine.point(condition, level)
    place = place + jitter * rng.normal(size=3)
    series = [(key, one) for key, one in study.series.items() if one.kind == condition.series_kind]
    slices = [(key, n, plane) for key, one in series for n, plane in zip(one.numbers, one.planes, strict=True)]
    if not slices:
        return None
    nearest, distance = nearest_plane([plane for *_, plane in slices], place)
    key, number, plane = slices[nearest]
    if distance > rsna.LEVEL_GUARD_MM or not plane.shows(place):
        return None
    x, y = plane.to_pixel(place)
    return key, number, float(x), float(y), plane.drop(place) + study.offset


# --- Damage ----------------------------------------------------------------------------------


def _spoil_with_metal(ideal: np.ndarray, plane: Plane, spine: Spine) -> None:
    """Voids with bright rims round screws in the pedicles of L4 and L5, in place."""
    for body, side in ((8, 18), (8, -18), (9, 20), (9, -20)):
        y, z = spine.wall.at(spine.wall.s_bodies[body] + 4, 4)
        center = np.array([spine.column.midline(z) + side, y, z])
        away = abs(float(plane.distance(center)))
        if away > 9:
            continue
        x, y = plane.to_pixel(center)
        columns, rows = np.meshgrid(np.arange(plane.shape[1]) - x, np.arange(plane.shape[0]) - y)
        distance = np.sqrt((columns * plane.spacing[1] / 1.8) ** 2 + (rows * plane.spacing[0]) ** 2 + away**2) - 9
        ideal *= np.clip(0.5 + distance / 2, 0.02, 1)
        ideal += 1.2 * np.exp(-((distance - 1) ** 2))


def _damage(study: Study, folder: Path, rng: np.random.Generator) -> None:
    """Breaks files of a finished study."""
    faults = study.faults
    files = sorted(folder.glob("*/*.dcm"))
    victim = files[int(rng.integers(len(files)))] if files else None
    if victim and "truncated_file" in faults:
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    if victim and "empty_file" in faults:
        victim.write_bytes(b"")
    if victim and "stray_file" in faults:
        (victim.parent / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    if victim and "empty_series" in faults:
        for path in victim.parent.iterdir():
            path.unlink()
    if victim and "unlisted_series" in faults:
        shutil.copytree(victim.parent, folder / "77")
    if victim and "missing_series_folder" in faults:
        shutil.rmtree(victim.parent)
    if "missing_study_folder" in faults:
        shutil.rmtree(folder, ignore_errors=True)


def one_thread() -> None:
    """Keeps OpenCV to one thread: there is a process for each core."""
    cv2.setNumThreads(1)
