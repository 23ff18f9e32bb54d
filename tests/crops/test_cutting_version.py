"""The crops of a small study, pinned: they change with the version of the cutting, and never without it.

The study is made here from whole numbers, the same on every machine. Its stripes change by some twenty grey levels a
mm, so that a crop that moved by a tenth of a mm is seen.
"""

from __future__ import annotations

import numpy as np
import pytest
from fabricate import plane, tilted, write_dicom

from stenosis_kit import rsna
from stenosis_kit.crops.study_crops import CUTTING_VERSION, cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.tables.study import LabelPoint, Study

T2, T1, AXIAL = 1, 2, 3
SERIES = ((T2, rsna.SAGITTAL_T2), (T1, rsna.SAGITTAL_T1), (AXIAL, rsna.AXIAL_T2))
LEVEL = "l3_l4"
CELLS = [cell for cell in rsna.CELLS if cell[1] == LEVEL]
PLACES = ([20, 70], [30, 15])  # rows and columns of a crop that are looked at
ROUNDING = 1  # grey levels: that machines may differ by


def stripes(shape: tuple[int, int], number: int, slope: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (4 * np.abs((slope[0] * x + slope[1] * y + 61 * number) % 800 - 400)).astype(np.uint16)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pinned")
    planes = {
        T2: [tilted(plane("sagittal", 4.0 * k, shape=(160, 120)), 3.0, "z") for k in range(-6, 7)],
        T1: [plane("sagittal", 4.5 * k, mm=0.9, shape=(170, 130)) for k in range(-6, 7)],
        AXIAL: [tilted(plane("axial", 5.0 * k, mm=0.8), 8.0, "x") for k in range(-5, 6)],
    }
    for series_id, found in planes.items():
        for number, one in enumerate(found, start=1):
            pixels = stripes(one.shape, number, (37, 11 * series_id))
            write_dicom(folder / "7" / str(series_id) / f"{number}.dcm", one, pixels)
    return folder


def labelled(images):
    canal = {("spinal_canal_stenosis", LEVEL): LabelPoint(T2, 7, 58.3, 77.6)}
    sides = {
        **{
            cell: LabelPoint(T1, 4 if "left" in cell[0] else 10, 66.2, 80.9) for cell in CELLS if "foraminal" in cell[0]
        },
        **{
            cell: LabelPoint(AXIAL, 6, 62.4 if "left" in cell[0] else 38.8, 57.1)
            for cell in CELLS
            if "subarticular" in cell[0]
        },
    }
    return LocatedStudy(Study(images, 7, SERIES, dict.fromkeys(CELLS, "moderate"), canal | sides))


def unlabelled(images):
    points = np.array([[0.7, 3.2, z] for z in (50.4, 25.1, -1.3, -24.6, -49.2)])
    return LocatedStudy(Study(images, 7, SERIES), CanalPoints(points, "told", np.ones(5)))


def seen(located):
    """{view: {condition: grey levels at the places, slice by slice}} of the level."""
    crops = cut_study(located)
    found = {view: {} for view in VIEW_BY_NAME}
    for row in crops.rows:
        if row["level"] == LEVEL:
            pixels = crops.arrays[row["view"]][row["row"]]
            found[row["view"]][row["condition"]] = pixels[PLACES].ravel().tolist()
    return found


PINNED = {
    "version": 2,
    "labelled": {
        "canal_sagittal": {"spinal_canal_stenosis": [85, 40, 9, 45, 90, 92, 44, 10, 46, 93]},
        "canal_axial": {"spinal_canal_stenosis": [2, 13, 34, 66, 88, 109]},
        "foraminal_sagittal": {
            "left_neural_foraminal_narrowing": [112, 73, 33, 8, 42, 145, 185, 224, 247, 211],
            "right_neural_foraminal_narrowing": [236, 238, 200, 160, 121, 22, 15, 53, 92, 132],
        },
        "foraminal_axial": {
            "left_neural_foraminal_narrowing": [206, 227, 244, 236, 216, 194],
            "right_neural_foraminal_narrowing": [159, 180, 201, 202, 181, 160],
        },
        "subarticular_axial": {
            "left_subarticular_stenosis": [236, 215, 194, 165, 144, 122],
            "right_subarticular_stenosis": [102, 81, 60, 45, 66, 87],
        },
        "subarticular_sagittal": {
            "left_subarticular_stenosis": [31, 77, 122, 167, 212, 31, 79, 126, 174, 222],
            "right_subarticular_stenosis": [10, 30, 76, 121, 167, 10, 34, 82, 130, 179],
        },
    },
    "unlabelled": {
        "canal_sagittal": {"spinal_canal_stenosis": [36, 80, 123, 166, 209, 34, 76, 118, 160, 203]},
        "canal_axial": {"spinal_canal_stenosis": [36, 57, 78, 109, 130, 151]},
        "foraminal_sagittal": {
            "left_neural_foraminal_narrowing": [63, 103, 142, 182, 222, 188, 149, 109, 69, 30],
            "right_neural_foraminal_narrowing": [89, 129, 169, 208, 248, 167, 127, 87, 48, 11],
        },
        "foraminal_axial": {
            "left_neural_foraminal_narrowing": [40, 61, 82, 113, 134, 155],
            "right_neural_foraminal_narrowing": [229, 244, 245, 132, 111, 90],
        },
        "subarticular_axial": {
            "left_subarticular_stenosis": [233, 212, 191, 158, 137, 116],
            "right_subarticular_stenosis": [23, 6, 15, 125, 146, 167],
        },
        "subarticular_sagittal": {
            "left_subarticular_stenosis": [68, 111, 154, 197, 237, 65, 107, 149, 191, 231],
            "right_subarticular_stenosis": [88, 45, 9, 35, 77, 84, 42, 8, 36, 78],
        },
    },
}


@pytest.mark.parametrize("how", ["labelled", "unlabelled"])
def test_crops_are_those_of_this_version_of_the_cutting(images, how):
    found = seen({"labelled": labelled, "unlabelled": unlabelled}[how](images))
    told = (
        "the crops of a study have changed. If that is meant: raise CUTTING_VERSION in crops/study_crops.py, put its "
        f"new value and these grey levels into this file, and train the models that ship anew.\n{how}: {found}"
    )
    assert PINNED["version"] == CUTTING_VERSION, told
    assert found.keys() == PINNED[how].keys(), told
    for view, crops in PINNED[how].items():
        assert found[view].keys() == crops.keys(), told
        for condition, levels in crops.items():
            np.testing.assert_allclose(found[view][condition], levels, rtol=0, atol=ROUNDING, err_msg=told)
