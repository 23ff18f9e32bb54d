"""Every condition has its views, and every view can be cut."""

import pytest
from cut_scene import CENTER, SCENE, cut, stack
from fabricate import write_series

from stenosis_kit import rsna
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.images.series import read_series


def test_every_term_has_a_view_on_the_series_its_points_lie_on():
    for condition in rsna.CONDITIONS:
        assert any((view.term, view.series_kind) == (condition.term, condition.series_kind) for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_has_a_middle_slice(tmp_path, view):
    kind = "axial" if view.series_kind == rsna.AXIAL_T2 else "sagittal"
    write_series(tmp_path, SCENE, stack(kind))
    crop = cut(read_series(tmp_path, 1, view.series_kind), CENTER, view)
    assert view.slices % 2 == 1
    assert crop.pixels.shape == (view.px, view.px, view.slices)
