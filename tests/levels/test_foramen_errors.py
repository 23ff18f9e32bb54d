"""Patches out of a store's crops, and how far from the label points foramina are found on them."""

import numpy as np
import pytest

from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.against_labels import found_canals, placement_errors
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.carry import FORAMINAL
from stenosis_kit.levels.foramen_errors import (
    CROP_MM,
    CROP_STEP_MM,
    expected_places,
    found_places,
    label_crops,
    patches_beside,
)
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.foramen_patches import PX, STEP_MM, read_patches
from stenosis_kit.levels.label_points import labelled_canal
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.tables.root import Root


@pytest.fixture(scope="module")
def opened(store):
    return open_store(store)


@pytest.fixture(scope="module")
def canals(opened, bundled):
    studies = opened.manifest["study_id"].unique().to_list()
    return found_canals(bundled, open_overviews(opened.folder), studies)


def test_sizes_are_those_of_the_view():
    view = VIEW_BY_NAME[FORAMINAL]
    assert (view.mm, view.step_mm) == (CROP_MM, CROP_STEP_MM)


def test_label_crops_are_those_about_label_points(opened):
    studies = opened.manifest["study_id"].unique().to_list()
    rows = label_crops(opened.manifest, studies[:2])
    kept = opened.manifest.filter(view=FORAMINAL, point_source="label")
    assert sorted(rows.tolist()) == sorted(kept.filter(kept["study_id"].is_in(studies[:2]))["row"].to_list())


def test_expected_places_are_the_carry_s_errors(opened, canals, bundled):
    expected = expected_places(canals, bundled.carry, opened.manifest)
    known = placement_errors(canals, bundled.carry, opened.manifest)[FORAMINAL]
    assert expected.in_frame(expected.places) == pytest.approx(-known, abs=1e-6)


def test_no_canal_no_places(opened, bundled, bundled_foramina):
    expected = expected_places({}, bundled.carry, opened.manifest)
    assert found_places(bundled_foramina, opened.arrays[FORAMINAL], expected).shape == (0, 3)
    assert expected.in_frame(expected.places).shape == (0, 3)


def test_what_is_found_lies_nearer_to_the_labels(opened, canals, bundled, bundled_foramina):
    expected = expected_places(canals, bundled.carry, opened.manifest)
    found = found_places(bundled_foramina, opened.arrays[FORAMINAL], expected)
    before, after = (np.linalg.norm(places, axis=1) for places in (expected.places, found))
    assert np.median(after) <= 2
    assert np.median(after) < np.median(before)


def test_where_the_finder_is_unsure_the_expected_place_stands(opened, canals, bundled):
    expected = expected_places(canals, bundled.carry, opened.manifest)
    broken = ForamenFinder()
    broken.network.set_weights([np.full_like(one, np.nan) for one in broken.network.get_weights()])
    assert np.array_equal(found_places(broken, opened.arrays[FORAMINAL], expected), expected.places)


def test_a_patch_beside_shows_the_label_point_where_it_lies():
    crop = np.zeros((96, 96, 5), np.uint8)
    crop[46:50, 46:50, 2] = 250
    patches = patches_beside(crop, (4.5, -6.0, 9.0))
    assert patches.pixels.shape == (5, PX, PX)
    assert patches.away == pytest.approx([13.5, 9, 4.5, 0, 4.5])
    rows, columns = np.nonzero(patches.pixels[2] > 100)
    place = (np.array([columns.mean(), rows.mean()]) - (PX - 1) / 2) * STEP_MM
    assert patches.middles[2] + place @ patches.axes == pytest.approx(np.zeros(3), abs=0.4)


@pytest.mark.parametrize("along", [0, 1])
def test_a_patch_lies_where_its_middle_says_to_a_tenth_of_a_pixel(along):
    ramp = np.broadcast_to(np.expand_dims(2 * np.arange(96, dtype=np.uint8), 1 - along), (96, 96))
    patch = patches_beside(np.repeat(ramp[..., None], 5, axis=2), (0.0, 0.0, 0.0)).pixels[2]
    inner = np.diff(patch.astype(float), axis=along).mean()  # greys a pixel of the patch
    middle = patch[PX // 2 - 4 : PX // 2 + 4, PX // 2 - 4 : PX // 2 + 4].mean()  # even on both sides
    assert middle == pytest.approx(95.0, abs=0.2)
    assert inner == pytest.approx(2 * STEP_MM * 96 / CROP_MM, rel=0.05)


def test_a_patch_out_of_a_crop_is_as_one_out_of_the_series(cohort, opened, bundled):
    """Of a training study: what prediction would cut about its foramina, and what is taken out of the crops."""
    study = Root(cohort, "train").labelled_studies()[0]
    canal = labelled_canal(read_study(study.images, study.study_id, study.series), study.points)
    seen, _ = read_patches(LocatedStudy(study, canal, bundled.carry))
    expected = expected_places({study.study_id: seen.canal.points}, bundled.carry, opened.manifest)
    likeness = []
    for row, place in zip(expected.rows, expected.places, strict=True):
        facts = opened.manifest.filter(view=FORAMINAL, row=int(row)).row(0, named=True)
        of_series = seen.patches[facts["condition"], facts["level"]]
        of_crop = patches_beside(opened.arrays[FORAMINAL][row], place)
        one, other = (each.pixels[each.away.argmin()][6:-6, 6:-6].ravel() for each in (of_series, of_crop))
        likeness.append(np.corrcoef(one, other)[0, 1])
    assert np.median(likeness) > 0.97
