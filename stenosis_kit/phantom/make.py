"""Makes one study: draws it, writes its images, and returns what the tables need."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.anatomy.severity import draw
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.faults import draw_faults
from stenosis_kit.phantom.files.damage import break_files
from stenosis_kit.phantom.files.write import draw_header, write_slice
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.acquire import Receiver, acquire
from stenosis_kit.phantom.imaging.metal import spoil_with_metal
from stenosis_kit.phantom.imaging.protocols import draw_series
from stenosis_kit.phantom.imaging.render import render
from stenosis_kit.phantom.imaging.series import SIZES
from stenosis_kit.phantom.readers import read
from stenosis_kit.phantom.study import Order, Study


def plan_study(order: Order) -> Study:
    """Draws everything about a study but its pixels. Takes about 30 ms."""
    severity = draw(order.generator("severity"), order.noise)
    faults = draw_faults(order.generator("faults"), order.mode, order.split, order.forced)
    spine = Spine(order.generator("spine"), severity, faults)
    series = draw_series(order.generator("series"), spine, SIZES[order.size], faults)
    rng = order.generator("ids")
    ids = rng.choice(2**32 - 2**20, size=len(series), replace=False) + 2**20
    study = Study(
        order=order,
        severity=severity,
        labels=severity.labels.copy(),
        spine=spine,
        looks=Looks(order.generator("looks"), spine.column.count),
        faults=faults,
        series=dict(zip(ids.tolist(), series, strict=True)),
        offset=rng.uniform((-25, -60, -400), (25, 60, 400)).round(3),
    )
    read(study, order.generator("reader"))
    return study


def make_study(order: Order, folder: Path) -> Study:
    """Plans a study and writes its images to folder/<study_id>/<series_id>/<number>.dcm."""
    study, rng = plan_study(order), order.generator("textures")
    textures = tissue.Textures(rng)
    marrow = float(np.exp(0.15 * rng.normal()))
    t2 = tissue.STIR if rng.random() < 0.5 else tissue.T2  # half of the real ones at hand look fat-suppressed
    contrasts = {rsna.SAGITTAL_T1: tissue.T1, rsna.SAGITTAL_T2: t2, rsna.AXIAL_T2: tissue.T2}
    rng = order.generator("pixels")
    for series_id, series in study.series.items():
        palette = tissue.draw_palette(rng, contrasts[series.kind], marrow)
        receiver = Receiver(rng, palette.contrast)
        header = draw_header(rng, study, series_id)
        place = folder / str(order.study_id) / str(series_id)
        place.mkdir(parents=True, exist_ok=True)
        for number, plane in zip(series.numbers, series.planes, strict=True):
            ideal = render(study.spine, study.looks, textures, palette, plane)
            if "metal" in study.faults:
                spoil_with_metal(ideal, plane, study.spine)
            pixels = acquire(ideal, plane, receiver, rng)
            write_slice(place / f"{number}.dcm", pixels, study.placed(plane), header, study.faults)
    break_files(folder / str(order.study_id), study.faults, order.generator("damage"))
    return study
