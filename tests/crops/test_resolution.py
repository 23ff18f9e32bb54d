"""How fine the images of a store are, from where its crops lie."""

import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.crops.resolution import pixel_mm
from stenosis_kit.crops.store import open_store
from stenosis_kit.images.series import read_study
from stenosis_kit.tables.root import Root


def test_it_is_the_axial_images_own(cohort, store):
    sizes = []
    for study in Root(cohort).labelled_studies():
        axial = [one for one in read_study(study.images, study.study_id, study.series) if one.kind == rsna.AXIAL_T2]
        sizes += [item.plane.spacing[0] for one in axial for item in one.slices]
    assert pixel_mm(open_store(store).manifest, rsna.AXIAL_T2) == pytest.approx(pl.Series(sizes).median(), rel=0.02)


def test_without_two_crops_on_a_slice_it_is_not_known(store):
    manifest = open_store(store).manifest
    assert pixel_mm(manifest.clear(), rsna.AXIAL_T2) is None
    assert pixel_mm(manifest.filter(view="canal_axial"), rsna.AXIAL_T2) is None
    assert pixel_mm(manifest.with_columns(x=0.0, y=0.0), rsna.AXIAL_T2) is None
