"""One study of blobs, small and whole: what tests of sites and of cutting look at."""

from pathlib import Path

import numpy as np
from fabricate import blobs, plane, write_series

from stenosis_kit import rsna
from stenosis_kit.crops.centres import Site
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.tables.study import LabelPoint

STUDY, T2, T1, UPPER, LOWER = 9, 21, 22, 23, 24
SERIES = ((T2, rsna.SAGITTAL_T2), (T1, rsna.SAGITTAL_T1), (UPPER, rsna.AXIAL_T2), (LOWER, rsna.AXIAL_T2))
CANAL = "spinal_canal_stenosis"
LEFT_RECESS, RIGHT_RECESS = "left_subarticular_stenosis", "right_subarticular_stenosis"
LEFT_FORAMEN, RIGHT_FORAMEN = "left_neural_foraminal_narrowing", "right_neural_foraminal_narrowing"
AXIAL_VIEWS = {view.name for view in VIEWS if view.series_kind == rsna.AXIAL_T2}
EVERY_CELL = dict.fromkeys(rsna.CELLS, "normal_mild")
LEVEL_Z = [(0.5 - y) * 280 for _, y in rsna.CANAL_FRACTIONS]  # on sagittal images of 280 mm about the origin


def write_study(folder: Path) -> Path:
    """An image folder with the study: both sagittal series, and the axial slices of its levels in two series."""
    scene = blobs(np.array([[0.0, 15.0, z] for z in LEVEL_Z]), width_mm=8.0)
    sagittal = [plane("sagittal", x, mm=4.0, shape=(70, 70)) for x in np.arange(-5, 6) * 4.4]
    for series_id in (T2, T1):
        write_series(folder / str(STUDY) / str(series_id), scene, sagittal)
    for series_id, zs in ((UPPER, LEVEL_Z[:2]), (LOWER, LEVEL_Z[2:])):
        axial = [plane("axial", z + step, mm=2.0, shape=(60, 60)) for z in zs for step in (4.0, 0.0, -4.0)]
        write_series(folder / str(STUDY) / str(series_id), scene, axial)
    return folder


def without(*series_ids):
    return tuple(pair for pair in SERIES if pair[0] not in series_ids)


def sites_by_cell(found):
    """{(condition, level, view): site}; every such view once."""
    found = list(found)
    named = {(s.condition, s.level, s.view.name if isinstance(s, Site) else s.view): s for s in found}
    assert len(named) == len(found)
    return named


def label_at(study, series_id, number, x, y):
    """A label point and where it lies in the patient."""
    series = next(one for one in study if one.series_id == series_id)
    item = series.slices[series.index_of(number)]
    return LabelPoint(series_id, number, x, y), item.plane.to_patient(np.array([x, y]))
