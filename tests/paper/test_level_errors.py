import polars as pl

from stenosis_kit import rsna
from stenosis_kit.paper.level_errors import level_errors


def test_levels_that_were_missed_are_counted_where_they_are_known():
    rows = pl.DataFrame({
        "study_id": [1] * 5 + [2] * 2,
        "level": [*rsna.LEVELS, *rsna.LEVELS[:2]],
        "severity": ["normal_mild", "severe", "moderate", "normal_mild", "normal_mild", "severe", "severe"],
        "own_mm": [1.0, 4.0, 30.0, 7.0, 2.0, 1.0, None],
        "nearest_level": ["l1_l2", "l2_l3", "l2_l3", "l4_l5", "l5_s1", "l1_l2", None],
    })  # fmt: skip
    assert level_errors(rows) == {
        "known": 6,
        "off": 2,
        "other_level": 1,
        "wrong_class": 1,
        "studies": 1,
        "studies_right": 0,
    }
