"""Makes one study: draws it, writes its images, and returns what the tables need."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.phantom import tissue
from stenosis_kit.phantom.acquire import acquire, draw_receiver
from stenosis_kit.phantom.anatomy import draw_spine
from stenosis_kit.phantom.damage import break_files, spoil_with_metal
from stenosis_kit.phantom.faults import draw_faults
from stenosis_kit.phantom.looks import draw_looks
from stenosis_kit.phantom.protocols import SIZES, Series, draw_series
from stenosis_kit.phantom.readers import read
from stenosis_kit.phantom.render import render
from stenosis_kit.phantom.severity import draw
from stenosis_kit.phantom.study import Order, Study
from stenosis_kit.phantom.write import Header, write_slice


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
