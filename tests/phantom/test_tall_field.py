"""Sagittal images of 350 to 550 mm: where the levels lie in them, and that the body goes on as far as they reach."""

from functools import cache

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.phantom.anatomy.column import TALL, USUAL
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.render import render
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order, Study

SAGITTAL = (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1)
STUDIES = range(40)


@cache
def study_with(index: int) -> Study:
    return plan_study(Order(17, index, "train", mode="none", forced=("tall_field",)))


def tall_plane(study: Study):
    """The middle plane of the taller sagittal series."""
    planes = [one.planes[len(one.planes) // 2] for one in study.series.values() if one.kind in SAGITTAL]
    return max(planes, key=height)


def height(plane) -> float:
    return plane.shape[0] * plane.spacing[0]


def canal_rows(study: Study, plane) -> np.ndarray:
    """(5,) place of the levels down the image, as a share of its height."""
    return plane.to_pixel(np.array([study.spine.canal(level) for level in range(5)]))[:, 1] / plane.shape[0]


def test_fields_are_350_to_550_mm_tall_and_show_all_levels():
    planes = [tall_plane(study_with(index)) for index in STUDIES]
    heights = [height(plane) for plane in planes]
    assert 345 < min(heights) < 400 and 500 < max(heights) < 555
    for index, plane in zip(STUDIES, planes, strict=True):
        study = study_with(index)
        assert all(plane.shows(study.spine.canal(level)) for level in range(5))


def test_the_spine_lies_off_the_middle_most_often_below():
    middles = np.array([canal_rows(study_with(index), tall_plane(study_with(index))).mean() for index in STUDIES])
    assert 0.6 < (middles > 0.58).mean() < 0.9
    assert (middles < 0.45).sum() >= 3


def test_one_sagittal_series_may_keep_the_usual_field():
    tall = {
        tuple(height(one.planes[0]) > 345 for one in study_with(index).series.values() if one.kind in SAGITTAL)
        for index in STUDIES
    }
    assert tall == {(True, True), (True, False), (False, True)}


def test_the_column_reaches_beyond_the_top_of_the_image():
    for index in STUDIES:
        study, plane = study_with(index), tall_plane(study_with(index))
        top = plane.to_patient([(plane.shape[1] - 1) / 2, 0])[2]
        assert study.spine.column.disc_centers[0, 1] > top - 12
        assert (np.diff(study.spine.column.centers[:, 1])[: TALL - 5] < 0).all()


def test_a_tall_image_is_not_empty_above():
    for index in STUDIES[:4]:
        order, study = study_with(index).order, study_with(index)
        plane = tall_plane(study)
        palette = tissue.draw_palette(order.generator("pixels"), tissue.T1)
        image = render(study.spine, study.looks, tissue.Textures(order.generator("textures")), palette, plane)
        blocks = np.array_split(image, 12)
        assert min(block.std() for block in blocks) > 0.02
        assert min((block > 0.05).mean() for block in blocks) > 0.25


@pytest.mark.parametrize("index", range(6))
def test_labels_are_those_of_the_study_without(index):
    usual = plan_study(Order(17, index, "train", mode="none"))
    assert (len(usual.spine.column.centers), len(study_with(index).spine.column.centers)) == (USUAL, TALL)
    assert np.array_equal(usual.labels, study_with(index).labels)
