"""Where slices lie."""

import pytest


def test_slices_of_a_stack_lie_spacing_between_slices_apart(planned):
    for study in planned[:20]:
        for series in study.series.values():
            for first, second in zip(series.planes, series.planes[1:], strict=False):
                if (
                    abs(first.normal @ second.normal) > 0.99999
                    and abs(first.distance(second.origin)) < 1.5 * series.distance
                ):
                    assert abs(first.distance(second.origin)) == pytest.approx(series.distance, abs=1e-6)


def test_axial_stacks_cover_the_levels_that_have_points(planned):
    for study in planned:
        assert len(study.points) == 25
        slices = [len(series.planes) for series in study.series.values()]
        assert min(slices) >= 11 and max(slices) <= 45


def test_both_axial_protocols_occur(planned_with_faults):
    studies = planned_with_faults[:40]
    tilts = [len({tuple(p.normal.round(6)) for p in s.planes}) for st in studies for s in st.series.values()]
    assert tilts.count(5) > 5  # disc-angled blocks
    assert sum(len(s.planes) > 24 for st in studies for s in st.series.values()) > 5  # contiguous stacks
