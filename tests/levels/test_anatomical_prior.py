"""The anatomical prior: canal points at the label points' mean place in a sagittal image."""

import numpy as np
import pytest
from bare_series import points_at, sagittal, series_of
from fabricate import plane, tilted

from stenosis_kit import rsna
from stenosis_kit.levels import anatomical_prior


@pytest.mark.parametrize("kind", [rsna.SAGITTAL_T2, rsna.SAGITTAL_T1])
def test_the_prior_lies_at_the_mean_fractions_of_a_sagittal_image(kind):
    assert anatomical_prior.canal_points(sagittal(kind)) == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 280, 280))


def test_the_prior_knows_an_image_that_is_not_square():
    points = anatomical_prior.canal_points(sagittal(shape=(80, 60)))
    assert points == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 240, 320))


@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated"])
@pytest.mark.parametrize("kind", [rsna.SAGITTAL_T2, rsna.SAGITTAL_T1])
def test_the_prior_does_not_depend_on_storage(kind, how):
    shape = (80, 60)
    assert anatomical_prior.canal_points(sagittal(kind, shape=shape, how=how)) == pytest.approx(
        anatomical_prior.canal_points(sagittal(kind, shape=shape))
    )


@pytest.mark.parametrize("offsets", [(10.0, 14.0, 18.0), (18.0, 14.0, 10.0), (14.0,)])
def test_the_prior_lies_on_the_middle_slice(offsets):
    assert anatomical_prior.canal_points(sagittal(offsets=offsets))[:, 0] == pytest.approx([14] * 5)


def test_the_prior_of_an_oblique_series_lies_in_its_middle_plane():
    planes = [tilted(plane("sagittal", x, 4.0, (70, 70)), 10.0, "z") for x in (-4.0, 0.0, 4.0)]
    points = anatomical_prior.canal_points(series_of(planes, rsna.SAGITTAL_T2))
    assert planes[1].distance(points) == pytest.approx([0] * 5, abs=1e-9)
    assert (np.diff(points[:, 2]) < -20).all()  # L1/L2 at the head


@pytest.mark.parametrize("shape", [(70, 70), (82, 82), (60, 40)])
def test_a_usual_field_has_the_usual_confidence(shape):
    assert anatomical_prior.confidence(sagittal(shape=shape)) == pytest.approx(0.22)


def test_the_larger_the_field_the_less_the_prior_is_sure():
    fields = (82, 70), (100, 70), (137, 70), (137, 137)
    shares = [anatomical_prior.confidence(sagittal(shape=shape)) for shape in fields]
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.06 and shares[3] < 0.02


def test_a_spine_is_no_longer_in_a_taller_field():
    points = anatomical_prior.canal_points(sagittal(shape=(137, 60)))
    assert points == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 240, 330))


def test_the_prior_of_an_empty_series_is_an_error():
    with pytest.raises(ValueError, match="without slices"):
        anatomical_prior.canal_points(series_of([], rsna.SAGITTAL_T2))
