"""The geometry against real label points, where a developer has some; no value of that data stands here."""

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.images.geometry import midpoint
from stenosis_kit.images.series import read_study
from stenosis_kit.tables.points import read_points
from stenosis_kit.tables.series import read_series

CANAL = rsna.condition_of("spinal", None).name


@pytest.fixture(scope="module")
def placed(real_studies):
    """{study: {(condition, level): (slice, pixel, patient mm)}} of all label points."""
    kinds = read_series(real_studies / rsna.series_table("train")).rows
    points = read_points(real_studies / rsna.POINTS_TABLE).rows
    found = {}
    for (study_id,), rows in kinds.group_by("study_id", maintain_order=True):
        pairs = rows.select("series_id", "series_description").rows()
        study = read_study(real_studies / rsna.images_folder("train"), study_id, pairs)
        slices = {(one.series_id, item.number): item for one in study for item in one.slices}
        cells = found[study_id] = {}
        for row in points.filter(study_id=study_id).iter_rows(named=True):
            item, pixel = slices[row["series_id"], row["instance_number"]], np.array([row["x"], row["y"]])
            cells[row["condition"], row["level"]] = item, pixel, item.plane.to_patient(pixel)
    return found


@pytest.fixture(scope="module")
def pairs(placed):
    """(study, term, level, left point, right point), patient mm, of each level labelled on both sides."""
    found = []
    for study, cells in placed.items():
        for term in ("foraminal", "subarticular"):
            left, right = (rsna.condition_of(term, side).name for side in (rsna.LEFT, rsna.RIGHT))
            for level in rsna.LEVELS:
                if (left, level) in cells and (right, level) in cells:
                    found.append((study, term, level, cells[left, level][2], cells[right, level][2]))
    return found


def test_real_studies_have_points_of_every_condition(placed):
    assert all({condition for condition, _ in cells} == set(rsna.CONDITION_NAMES) for cells in placed.values())


def test_real_label_points_fall_inside_their_images(placed):
    for cells in placed.values():
        for item, pixel, point in cells.values():
            assert item.plane.shows(point)
            assert item.plane.to_pixel(point) == pytest.approx(pixel)


def test_real_left_points_have_the_larger_patient_x(pairs):
    assert len(pairs) > 10
    assert all(left[0] > right[0] for *_, left, right in pairs)


def test_real_canal_points_lie_midway_between_the_subarticular_points_of_their_level(placed, pairs):
    distances = [
        np.linalg.norm(placed[study][CANAL, level][2] - midpoint(left, right))
        for study, term, level, left, right in pairs
        if term == "subarticular" and (CANAL, level) in placed[study]
    ]
    assert len(distances) > 5
    assert max(distances) < 9
