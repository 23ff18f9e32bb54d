"""Label points, where readers put them."""

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.stack import nearest_plane
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order


def test_label_points_lie_where_the_competitions_do(planned):
    canal = np.full((len(planned), 5, 2), np.nan)
    for row, study in enumerate(planned):
        for (condition, level), (series, _, x, y, _) in study.points.items():
            if rsna.CONDITIONS[condition].term == "spinal":
                rows, columns = study.series[series].planes[0].shape
                canal[row, level] = x / columns, y / rows
    np.testing.assert_allclose(canal.mean(0)[:, 1], [y for _, y in rsna.CANAL_FRACTIONS], atol=0.025)
    np.testing.assert_allclose(canal.mean(0)[:, 0], [x for x, _ in rsna.CANAL_FRACTIONS], atol=0.08)


def test_points_carried_to_another_series_come_back_within_a_pixel_and_a_slice():
    study = plan_study(Order(4, 2, "train", mode="none"))
    kinds = {series.kind: series for series in study.series.values()}
    for (condition, level), (series_id, number, x, y, place) in study.points.items():
        own = study.series[series_id]
        plane = study.placed(own.planes[own.numbers.index(number)])
        np.testing.assert_allclose(plane.to_patient(np.array([x, y])), place, atol=1e-6)
        truth = study.spine.point(rsna.CONDITIONS[condition], level) + study.offset
        assert np.linalg.norm(truth - place) <= own.distance / 2 + 0.01
        other = kinds[rsna.SAGITTAL_T1 if own.kind != rsna.SAGITTAL_T1 else rsna.SAGITTAL_T2]
        planes = [study.placed(plane) for plane in other.planes]
        index, distance = nearest_plane(planes, place)
        assert distance <= other.distance / 2 + 0.01
        back = planes[index].to_patient(planes[index].to_pixel(place))
        assert np.linalg.norm(back - place) <= distance + 1e-6
