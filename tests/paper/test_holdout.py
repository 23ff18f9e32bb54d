import numpy as np
import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.paper.holdout import IMAGE, STUDY, hold_out


def images(studies=60, seed=0):
    rng = np.random.default_rng(seed)
    severity = rng.choice(rsna.SEVERITIES, 5 * studies, p=[0.8, 0.13, 0.07])
    return pl.DataFrame({"study_id": np.repeat(np.arange(studies), 5), "severity": severity})


@pytest.mark.parametrize("by", [STUDY, IMAGE])
def test_every_image_is_used_once_and_each_class_gives_as_many_test_images(by):
    rows = images()
    found = hold_out(rows, by)
    parts = (found.train, found.validate, found.test, found.unused)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows.height))
    severity = rows["severity"].to_numpy()
    fewest = min(np.unique(severity, return_counts=True)[1])
    assert np.unique(severity[found.test], return_counts=True)[1].tolist() == [int(0.4 * fewest)] * 3
    for part in parts[:2]:
        assert set(severity[part]) == set(rsna.SEVERITIES)


def test_by_study_no_study_stands_on_two_sides_and_by_image_some_do():
    rows = images()
    study = rows["study_id"].to_numpy()

    def sides(by):
        found = hold_out(rows, by)
        held = np.concatenate([found.test, found.unused])
        return [set(study[part]) for part in (found.train, found.validate, held)]

    train, validate, held = sides(STUDY)
    assert not train & validate
    assert not train & held
    assert not validate & held
    train, _, held = sides(IMAGE)
    assert train & held


def test_by_image_nothing_is_left_unused_and_by_study_the_rest_of_the_test_studies_is():
    rows = images()
    assert len(hold_out(rows, IMAGE).unused) == 0
    found = hold_out(rows, STUDY)
    study = rows["study_id"].to_numpy()
    assert set(study[found.unused]) <= set(study[found.test])
    assert len(found.unused) > 0


def test_of_plenty_a_hundred_a_class_are_tested():
    assert len(hold_out(images(2000), IMAGE).test) == 300


def test_the_draw_depends_on_the_seed_alone():
    first, again, other = (hold_out(images(), STUDY, seed).test.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_too_few_images_of_a_class_are_refused():
    rows = images().filter(pl.col("severity") != "severe")
    rows = pl.concat([rows, pl.DataFrame({"study_id": [99] * 3, "severity": ["severe"] * 3})])
    with pytest.raises(InputError, match="at least 4 images of each class"):
        hold_out(rows, IMAGE)


def test_one_study_with_all_severe_images_cannot_be_split_by_study():
    rows = images().filter(pl.col("severity") != "severe")
    rows = pl.concat([rows, pl.DataFrame({"study_id": [99] * 5, "severity": ["severe"] * 5})])
    with pytest.raises(InputError, match="of several studies"):
        hold_out(rows, STUDY)
