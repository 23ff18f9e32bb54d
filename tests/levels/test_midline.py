"""The midline by an axial image's own symmetry."""

import numpy as np
import pytest
from fabricate import plane, write_series

from stenosis_kit import rsna
from stenosis_kit.images.series import read_series
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.midline import on_midline

HEIGHTS = np.array([60.0, 30.0, 0.0, -30.0, -60.0])


def vertebra(x_of):
    """A scene whose left mirrors its right about x_of(z): a bright sac, and darker joints on both sides."""

    def scene(places):
        x, y, z = np.moveaxis(places, -1, 0)
        across = np.abs(x - x_of(z))
        sac = 900 * np.exp(-(across**2 + y**2) / 60)
        joints = 700 * np.exp(-((across - 14) ** 2 + (y - 12) ** 2) / 12)
        return 300 + sac + joints + 0.5 * (y + 100)

    return scene


def study_of(folder, x_of, heights=HEIGHTS, how="as is"):
    planes = [plane("axial", z, mm=1.2, shape=(120, 120)) for z in heights]
    write_series(folder / "3", vertebra(x_of), planes, how=how)
    return [read_series(folder / "3", 3, rsna.AXIAL_T2)]


def canal_at(x):
    points = np.stack([np.full(5, x), np.zeros(5), HEIGHTS], axis=1)
    return CanalPoints(points, "some way", np.full(5, 0.7))


@pytest.mark.parametrize("how", ["as is", "flipped x", "rotated"])
@pytest.mark.parametrize("true_x", [-7.0, 0.0, 4.0])
def test_points_move_to_where_left_mirrors_right(tmp_path, true_x, how):
    moved = on_midline(study_of(tmp_path, lambda z: true_x, how=how), canal_at(0.0))
    assert moved.points[:, 0] == pytest.approx([true_x] * 5, abs=0.7)
    assert moved.points[:, 1:] == pytest.approx(canal_at(0.0).points[:, 1:])
    assert moved.method == "some way"


def test_what_was_moved_stays_where_it_is(tmp_path):
    study = study_of(tmp_path, lambda z: 4.0)
    moved = on_midline(study, canal_at(0.0))
    assert moved.is_on_midline and on_midline(study, moved) is moved


def test_a_spine_that_bends_is_followed_level_by_level(tmp_path):
    moved = on_midline(study_of(tmp_path, lambda z: z / 15), canal_at(0.0))
    assert moved.points[:, 0] == pytest.approx(HEIGHTS / 15, abs=0.8)


def test_a_level_without_a_slice_moves_as_its_neighbours_do(tmp_path):
    moved = on_midline(study_of(tmp_path, lambda z: z / 15, HEIGHTS[[1, 2, 3]]), canal_at(0.0))
    assert moved.points[[0, 4], 0] == pytest.approx(moved.points[[1, 3], 0])
    assert abs(moved.points[1, 0] - 2) < 0.8


def test_without_axial_images_nothing_moves():
    canal = canal_at(3.0)
    assert on_midline([], canal).points == pytest.approx(canal.points)


def test_a_slice_that_cannot_be_decoded_leaves_the_level_to_its_neighbours(tmp_path):
    study = study_of(tmp_path, lambda z: 4.0)
    path = tmp_path / "3" / "3.dcm"
    path.write_bytes(path.read_bytes()[:-9000])
    moved = on_midline(study, canal_at(0.0))
    assert moved.points[:, 0] == pytest.approx([4] * 5, abs=0.8)


def test_an_image_without_structure_says_nothing(tmp_path):
    planes = [plane("axial", z, mm=1.2, shape=(120, 120)) for z in HEIGHTS]
    write_series(tmp_path / "3", lambda places: np.full(places.shape[:-1], 500.0), planes)
    moved = on_midline([read_series(tmp_path / "3", 3, rsna.AXIAL_T2)], canal_at(1.0))
    assert moved.points[:, 0] == pytest.approx([1] * 5, abs=0.5)
