"""The same study under a weak and a strong surface coil has the same crops."""

from collections import defaultdict

import numpy as np
import pytest
from coils import make_under_coils

from stenosis_kit import rsna
from stenosis_kit.crops.study_crops import cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.phantom.study import Order
from stenosis_kit.tables.study import Study

ORDERS = [Order(77, index, "train", mode="none") for index in range(2)]
SEEN = slice(16, -16)  # the part of a crop that graders look at, about


def crops_of(folder, made):
    canal = CanalPoints(np.array([made.spine.canal(k) for k in range(5)]) + made.offset, "told", np.ones(5))
    series = tuple((series_id, one.kind) for series_id, one in made.series.items())
    return cut_study(LocatedStudy(Study(folder / "train_images", made.order.study_id, series), canal))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("coils")


@pytest.fixture(scope="module")
def studies(folder):
    return make_under_coils(folder, ORDERS)


@pytest.fixture(scope="module")
def pairs(folder, studies):
    """{view: pairs of what graders see under the weak and the strong coil}."""
    found = defaultdict(list)
    for made in zip(*studies.values(), strict=True):
        weak, strong = (crops_of(folder / name, one) for name, one in zip(studies, made, strict=True))
        assert [(row["view"], row["condition"], row["level"]) for row in weak.rows] == [
            (row["view"], row["condition"], row["level"]) for row in strong.rows
        ]
        for view in weak.arrays:
            found[view] += [
                tuple(one[SEEN, SEEN].astype(float) for one in pair)
                for pair in zip(weak.arrays[view], strong.arrays[view], strict=True)
            ]
    return found


@pytest.mark.parametrize("view", VIEW_BY_NAME)
def test_crops_under_a_weak_and_a_strong_coil_are_alike(pairs, view):
    likeness = [np.corrcoef(weak.ravel(), strong.ravel())[0, 1] for weak, strong in pairs[view]]
    away = [np.abs(weak - strong).mean() for weak, strong in pairs[view]]
    assert np.median(likeness) > 0.997
    assert np.median(away) < 3  # grey levels; with the brightness of whole series it is 45 to 55


def test_the_coils_differ_as_much_as_real_ones(folder, studies):
    """Fat under the strong coil leaves the canal in the lowest third of what the whole series shows."""
    middles = {}
    for name, (made, _) in studies.items():
        series_id = next(key for key, one in made.series.items() if one.kind == rsna.AXIAL_T2)
        (series,) = read_study(folder / name / "train_images", made.order.study_id, [(series_id, rsna.AXIAL_T2)])
        canal = made.spine.canal(2) + made.offset
        item = min(series.slices, key=lambda one: abs(one.plane.distance(canal)))
        x, y = item.plane.to_pixel(canal).round().astype(int)
        middles[name] = series.pixels(item)[y - 3 : y + 4, x - 3 : x + 4].max() / series.window()[1]
    assert middles["strong"] < 1 / 3 < middles["weak"]
