"""Patches about expected foramina: out of which slices they are cut, and what they show."""

from dataclasses import replace

import numpy as np
import pytest
from fabricate import plane, write_series
from flaky_disk import FlakyDisk

from stenosis_kit import rsna
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.levels.carry import FORAMINAL, TYPICAL
from stenosis_kit.levels.foramen_patches import FORAMINA, PX, SIDE, SLICES, STEP_MM, cells_mm, read_patches
from stenosis_kit.tables.study import Study

CANAL = CanalPoints(np.array([[1.0, 0.0, z] for z in (60, 30, 0, -30, -60)]), "some way", np.ones(5))
PLACES = np.array([TYPICAL.point(CANAL.points, FORAMINAL, *cell) for cell in FORAMINA])


def scene(places):
    """Ten balls in the dark."""
    away = ((places[..., None, :] - PLACES) ** 2).sum(axis=-1)
    return 300 + 2000 * np.exp(-away / (2 * 4.0**2)).max(axis=-1)


def located_in(folder, how="as is", xs=range(-24, 28, 4)):
    """A study whose T1 series has a blob at each place where a foramen is expected."""
    planes = [plane("sagittal", float(x), mm=1.0, shape=(240, 200)) for x in xs]
    write_series(folder / "1" / "2", scene, planes, how=how)
    return LocatedStudy(Study(folder, 1, ((2, rsna.SAGITTAL_T1),)), CANAL)


def brightest_mm(pixels):
    rows, columns = np.nonzero(pixels > 250)
    return (np.array([columns.mean(), rows.mean()]) - (PX - 1) / 2) * STEP_MM


@pytest.mark.parametrize("how", ["as is", "flipped x", "rotated"])
def test_a_patch_shows_what_lies_where_it_says(tmp_path, how):
    found = read_patches(located_in(tmp_path, how))[0].patches
    assert list(found) == list(FORAMINA)
    patches = found[FORAMINA[0]]
    assert patches.pixels.shape == (SLICES, PX, PX) and patches.pixels.dtype == np.uint8
    nearest = int(patches.away.argmin())
    place = patches.middles[nearest] + brightest_mm(patches.pixels[nearest]) @ patches.axes
    assert place[1:] == pytest.approx(PLACES[0, 1:], abs=1)
    assert patches.axes == pytest.approx(np.array([[0, 1, 0], [0, 0, -1]]))


def test_its_slices_are_the_nearest_and_run_from_right_to_left(tmp_path):
    for cell, place in zip(FORAMINA, PLACES, strict=True):
        patches = read_patches(located_in(tmp_path / "_".join(cell)))[0].patches[cell]
        x = patches.middles[:, 0]
        assert np.diff(x) == pytest.approx([4.0] * (SLICES - 1))
        assert patches.away == pytest.approx(np.abs(x - place[0]))
        assert patches.away.max() <= 2.5 * 4
        break  # one side is as the other


def test_they_are_read_again_where_a_file_fails_for_a_moment(tmp_path, monkeypatch):
    located = located_in(tmp_path)
    whole = read_patches(located)[0].patches
    disk = FlakyDisk(monkeypatch)
    disk.fail(".dcm", 5)
    found = read_patches(located)[0].patches
    assert all(np.array_equal(found[cell].pixels, whole[cell].pixels) for cell in FORAMINA)


def test_a_series_of_few_slices_has_few_patches(tmp_path):
    found = read_patches(located_in(tmp_path, xs=[12.0, 16.0]))[0].patches
    assert {cell[0] for cell in found} == {"left_neural_foraminal_narrowing"}
    assert all(len(patches.pixels) == 2 for patches in found.values())


def test_a_slice_that_cannot_be_decoded_is_passed_over(tmp_path):
    located = located_in(tmp_path)
    path = sorted((tmp_path / "1" / "2").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-20000])
    assert len(read_patches(located)[0].patches) == len(FORAMINA)


def test_a_side_of_which_nothing_can_be_decoded_costs_not_the_other(tmp_path):
    xs = list(range(-24, 28, 4))
    located = located_in(tmp_path, xs=xs)
    for x, path in zip(xs, sorted((tmp_path / "1" / "2").iterdir(), key=lambda path: int(path.stem)), strict=True):
        if x > 0:
            path.write_bytes(path.read_bytes()[:-20000])
    found = read_patches(located)[0].patches
    assert {cell[0] for cell in found} == {"right_neural_foraminal_narrowing"}


def test_without_t1_there_is_nothing_to_look_at(tmp_path):
    located = located_in(tmp_path)
    t2 = replace(located.study, series=((2, rsna.SAGITTAL_T2),))
    assert read_patches(replace(located, study=t2))[0].patches == {}


def test_the_canal_comes_back_on_the_midline(tmp_path):
    assert read_patches(located_in(tmp_path))[0].canal.is_on_midline


def test_cells_lie_evenly_about_the_middle():
    assert cells_mm().shape == (SIDE,)
    assert cells_mm().sum() == pytest.approx(0)
    assert np.ptp(cells_mm()) == pytest.approx(PX * STEP_MM * (1 - 1 / SIDE))
