"""What the localiser learns from a large field of view: the window about the label points."""

from dataclasses import replace

from stenosis_kit.images.series import read_study
from stenosis_kit.levels.labelled_overviews import labelled_overviews
from stenosis_kit.levels.overview import PX, SLICES, study_overviews
from stenosis_kit.tables.root import Root


def test_all_label_points_lie_in_the_window(tall_cohort):
    (task,) = Root(tall_cohort, "train").labelled_studies()
    series = read_study(task.images, task.study_id, task.series)
    assert not any(one.is_window for one in study_overviews(series))
    found = labelled_overviews(task, series)
    assert found.pixels.shape == (2, SLICES, PX, PX)
    assert (found.points() > 10).all() and (found.points() < PX - 10).all()


def test_without_label_points_there_is_nothing_to_learn(tall_cohort):
    (task,) = Root(tall_cohort, "train").labelled_studies()
    task = replace(task, points={})
    found = labelled_overviews(task, read_study(task.images, task.study_id, task.series))
    assert found.pixels.shape == (0, SLICES, PX, PX) and len(found.study) == 0
