"""The lumbar spine in fields of view of 350 to 550 mm, off their middle."""

from dataclasses import replace

import numpy as np
import pytest
from true_canal import tasks_of, truth_of

from stenosis_kit import rsna
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.overview import PX, SLICES, STEP_MM, Overview, study_overviews
from stenosis_kit.levels.search import first_corners, search

ROWS, COLUMNS = 260, PX
FRAMES = np.tile(np.array([[0.0, 0, 0], [0, STEP_MM, 0], [0, 0, -STEP_MM]]), (SLICES, 1, 1))
FIELD = Overview(rsna.SAGITTAL_T2, np.zeros((SLICES, ROWS, COLUMNS), np.uint8), FRAMES)
TRUTH = np.array([[0.0, 160, z] for z in (-340, -375, -410, -443, -470)])
"""Of levels that lie 110 mm below the field's middle."""


# --- The search alone ----------------------------------------------------------------------------


def looking(answer):
    """What looks at windows: `answer` gives column and confidence from a window's upper and lower end, mm."""

    def look(studies):
        found = [answer(study[0].frames[0, 0, 2], study[0].frames[0, 0, 2] - PX * STEP_MM) for study in studies]
        return [one and CanalPoints(one[0], "test", np.full(5, one[1])) for one in found]

    return look


def cut_off(top, bottom):
    """The last five levels that a window shows 40 mm inside, as if they were the right ones."""
    above = max(0.0, bottom + 40 - TRUTH[-1, 2])
    return TRUTH + (0, 0, np.ceil(above / 34) * 34), 0.7


def test_columns_of_windows_that_cut_the_levels_off_lead_to_them():
    assert search(looking(cut_off), [FIELD]).points == pytest.approx(TRUTH)


def test_a_confident_answer_that_does_not_stay_is_not_taken():
    """A first window is surer of a wrong column than any is of the right one."""
    first = FRAMES[0, 0, 2]
    surer = lambda top, bottom: (cut_off(top, bottom)[0], 0.95) if top == first else cut_off(top, bottom)  # noqa: E731
    found = search(looking(surer), [FIELD])
    assert found.points == pytest.approx(TRUTH)
    assert found.confidence == pytest.approx([0.7] * 5)


def test_two_columns_in_one_field_are_doubted():
    other = TRUTH + (0, 0, 300)
    pick = lambda top, bottom: (TRUTH, 0.8) if bottom < -420 else (other, 0.6)  # noqa: E731
    found = search(looking(pick), [FIELD])
    assert found.points == pytest.approx(TRUTH)
    assert found.confidence == pytest.approx([0.8 * 0.8 / 1.4] * 5)


def test_a_field_without_a_spine_has_no_answer():
    assert search(looking(lambda top, bottom: None), [FIELD]) is None


@pytest.mark.parametrize(("below", "found"), [(10, False), (40, True)])
def test_a_column_at_the_lower_end_of_the_image_was_cut_off(below, found):
    column = TRUTH + (0, 0, -ROWS * STEP_MM + below - TRUTH[-1, 2])
    assert (search(looking(lambda top, bottom: (column, 0.8)), [FIELD]) is not None) == found


def test_no_window_is_looked_at_twice():
    seen = []
    look = looking(lambda top, bottom: seen.append(top) or cut_off(top, bottom))
    search(look, [FIELD])
    assert len(seen) == len(set(seen)) > len(first_corners(FIELD.size))


@pytest.mark.parametrize("size", [(PX, PX), (176, PX), (276, PX), (200, 276)])
def test_the_first_windows_cover_the_field(size):
    corners = np.array(first_corners(size))
    for axis, length in enumerate(reversed(size)):
        begins = np.unique(corners[:, axis])
        assert (begins[0], begins[-1]) == (0, length - PX)
        assert (np.diff(begins) <= 64).all()


# --- With the localiser that ships ---------------------------------------------------------------


@pytest.mark.parametrize("kinds", [(rsna.SAGITTAL_T2, rsna.SAGITTAL_T1), (rsna.SAGITTAL_T2,), (rsna.SAGITTAL_T1,)])
def test_levels_are_found_in_tall_fields(tall_cohort, kinds):
    whole = tasks_of(tall_cohort)
    tasks = [replace(one, series=tuple(each for each in one.series if each[1] in kinds)) for one in whole]
    larger = [not all(one.is_window for one in overviews_of(task)) for task in tasks]
    assert sum(larger) == 4 - (rsna.SAGITTAL_T1 in kinds)  # in one study, T1 shows where to look
    for task, found in zip(whole, find_canals(tasks, workers=1), strict=True):
        off = found.canal.points - truth_of(tall_cohort, task)
        assert np.linalg.norm(off[:, 1:], axis=1).max() <= 8
        assert found.canal.confidence.mean() > 0.3


def test_a_real_study_in_a_larger_field_is_answered_as_before(bundled, real_studies):
    for task in tasks_of(real_studies):
        truth = truth_of(real_studies, task)
        for above, below, left in ((110, 0, 0), (0, 70, 40)):
            wide = [enlarged(one, above, below, left) for one in overviews_of(task)]
            (found,) = bundled.locate([wide])
            assert np.linalg.norm((found.points - truth)[:, 1:], axis=1).max() <= 8, (above, below, left)


@pytest.mark.parametrize("kept", [0, 2, 3])
def test_an_image_that_ends_within_the_lumbar_spine_has_no_answer(bundled, tall_cohort, kept):
    """Cut off half a level below one of the levels."""
    asked = 0
    for task in tasks_of(tall_cohort):
        whole, truth = overviews_of(task), truth_of(tall_cohort, task)
        end = int(whole[0].middle_pixels(truth)[kept : kept + 2, 1].mean())
        if end > PX:
            asked += 1
            assert bundled.locate([[replace(one, pixels=one.pixels[:, :end]) for one in whole]]) == [None]
    assert asked


def overviews_of(task):
    return study_overviews(read_study(task.images, task.study_id, task.series))


def enlarged(one: Overview, above: int, below: int, left: int) -> Overview:
    """The overview in a larger field, with faint noise (px) around."""
    noise = np.random.default_rng(0).integers(0, 12, (SLICES, PX + above + below, PX + left)).astype(np.uint8)
    noise[:, above : above + PX, left:] = one.pixels
    frames = one.frames.copy()
    frames[:, 0] -= left * frames[:, 1] + above * frames[:, 2]
    return Overview(one.kind, noise, frames)
