"""Held-out crops, answered where prediction would have cut them."""

import numpy as np
import pytest

from stenosis_kit.crops.views import VIEW_BY_NAME, VIEWS
from stenosis_kit.graders.placement import answers_where_found, deviations, moved


def blank(view, count=1):
    return np.zeros((count, *view.shape), np.uint8)


@pytest.mark.parametrize(
    ("name", "row", "column"),
    [("foraminal_sagittal", 48 - 6, 48 + 3), ("subarticular_axial", 48 + 3, 48 + 6)],
    ids=["sagittal", "axial"],
)
def test_what_lies_outward_back_and_up_of_a_crop_comes_to_its_middle(name, row, column):
    """4, 2 and 4 mm: sagittal rows run down, columns back and slices outward; axial rows back, columns outward, slices
    up."""
    view = VIEW_BY_NAME[name]
    crops, middle = blank(view), view.slices // 2
    crops[0, row, column, middle + 1] = 255
    there = moved(crops, view, np.array([[4.0, 2.0, 4.0]]))
    assert np.argwhere(there[0, ..., middle]).tolist() == [[48, 48]]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_beyond_the_edge_it_is_repeated(view):
    crops = np.random.default_rng(0).integers(0, 255, (2, *view.shape)).astype(np.uint8)
    far = moved(crops, view, np.array([[500.0] * 3, [0.0] * 3]))
    assert (far[0] == far[0, 0, 0, 0]).all()
    np.testing.assert_array_equal(far[1], crops[1])


def test_each_crop_is_moved_by_a_measured_error_to_either_side():
    view = VIEW_BY_NAME["canal_axial"]
    crops = blank(view, 1300)
    crops[:, 48, 48] = 255

    def answer(some):
        """Where the dot is."""
        return np.argwhere(some[..., 1]).astype(float)[:, 1:]

    errors = [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0]]
    rows = np.arange(1300)
    places = answers_where_found(answer, crops, rows, view, errors, seed=1) - 48
    assert {tuple(place) for place in places} == {(0, 3), (0, -3), (6, 0), (-6, 0)}
    np.testing.assert_array_equal(answers_where_found(answer, crops, rows, view, errors, seed=1) - 48, places)
    assert not (answers_where_found(answer, crops, rows, view, None, seed=1) - 48).any()


def test_no_crop_has_no_answer():
    view = VIEW_BY_NAME["canal_axial"]
    for errors in (None, [[1.0, 1.0, 1.0]]):
        assert answers_where_found(
            lambda some: np.zeros((len(some), 3)), blank(view), np.arange(0), view, errors, 0
        ).shape == (0, 3)


def test_deviations_are_robust_and_bounded():
    errors = np.zeros((100, 3))
    errors[:20, 0], errors[:3, 1], errors[:60, 2] = 3.0, 50.0, -90.0
    np.testing.assert_allclose(deviations(errors), [3.0, 1.0, 5.0])
