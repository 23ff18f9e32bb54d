"""The phantom's images: severity shows where a radiologist looks, and nowhere else."""

import numpy as np
import pytest
from patients import CANAL, LEFT_FORAMEN, LEFT_RECESS, PX, Patient, axial, sagittal

from stenosis_kit import rsna
from stenosis_kit.phantom.imaging import tissue

STEPS = (0.02, 0.33, 0.67, 0.98)


@pytest.fixture(scope="module", params=[1, 2, 3])
def patient(request) -> Patient:
    return Patient(request.param)


def falls(values: list[float], share: float) -> bool:
    """Whether values fall at each step, and by a share in all."""
    return all(a > b for a, b in zip(values, values[1:], strict=False)) and values[-1] < (1 - share) * values[0]


@pytest.mark.parametrize("level", [1, 3, 4])
@pytest.mark.parametrize("orientation", ["sagittal", "axial"])
def test_a_narrow_canal_has_less_fluid(patient, level, orientation):
    areas = []
    for compromise in STEPS:
        spine = patient.spine(CANAL, compromise)
        center = spine.point(CANAL, level)
        plane = sagittal(center, 12) if orientation == "sagittal" else axial(spine, center, level, 26)
        # Epidural fat is as bright as fluid on T2, so the fluid is counted where fat is suppressed.
        image, palette = patient.image(spine, plane, tissue.STIR)
        areas.append(float(np.clip(image - 0.45 * palette["csf"], 0, None).mean()))
    assert falls(areas, 0.7), areas


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_narrow_foramen_has_less_fat(patient, level):
    areas = []
    for compromise in STEPS:
        spine = patient.spine(LEFT_FORAMEN, compromise)
        plane = sagittal(spine.point(LEFT_FORAMEN, level), 18)
        image, palette = patient.image(spine, plane, tissue.T1, marrow=0.3)  # or bright marrow would pass for fat
        areas.append(float(np.clip(image - 0.5 * palette["epidural_fat"], 0, None).mean()))
    assert falls(areas, 0.5), areas


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_narrow_recess_is_darker(patient, level):
    signals = []
    for compromise in STEPS:
        spine = patient.spine(LEFT_RECESS, compromise)
        image, _ = patient.image(spine, axial(spine, spine.point(LEFT_RECESS, level), level, 11), tissue.T2)
        signals.append(float(np.clip(image - 0.45, 0, None).mean()))  # fluid and fat
    assert falls(signals, 0.4), signals


@pytest.mark.parametrize(("condition", "mm"), [(LEFT_FORAMEN, 5), (LEFT_RECESS, 3.5)], ids=["foramen", "recess"])
@pytest.mark.parametrize("level", [2, 3, 4])
def test_what_is_wrong_lies_about_the_label_point(condition, mm, level):
    """On average: a single patient's may lie 6 mm away."""
    middles = [_middle_of_change(Patient(seed), condition, level) for seed in range(1, 7)]
    assert np.linalg.norm(np.mean(middles, axis=0)) < mm


def _middle_of_change(patient: Patient, condition: rsna.Condition, level: int) -> np.ndarray:
    """(2,) where severity changes the image, beside the label point, mm."""
    healthy, ill = (patient.spine(condition, compromise, level) for compromise in (0.0, 1.0))
    point, contrast = healthy.point(condition, level), tissue.T1 if condition is LEFT_FORAMEN else tissue.T2
    plane = sagittal(point, 40) if condition is LEFT_FORAMEN else axial(healthy, point, level, 40)
    change = np.abs(patient.image(ill, plane, contrast)[0] - patient.image(healthy, plane, contrast)[0])
    offset = np.indices(change.shape) * PX - 20
    return (offset * change).sum(axis=(1, 2)) / change.sum()


@pytest.mark.parametrize("condition", [LEFT_FORAMEN, LEFT_RECESS], ids=lambda condition: condition.term)
def test_what_is_wrong_on_the_left_shows_on_the_left_only(patient, condition):
    healthy, ill = (patient.spine(condition, compromise) for compromise in (0.0, 1.0))
    rise = {"foraminal": 6.0, "subarticular": 0.0}[condition.term]
    center = healthy.point(CANAL, 3) + np.array([0, 0, rise])
    plane = axial(healthy, center, 3, 70)
    contrast = tissue.T1 if condition is LEFT_FORAMEN else tissue.T2
    change = np.abs(patient.image(ill, plane, contrast)[0] - patient.image(healthy, plane, contrast)[0])
    columns = np.arange(plane.shape[1]) * PX - 35
    assert change[:, columns < -2].max() < 1e-3
    assert change[:, columns > 2].max() > 0.1


def test_severity_at_one_level_leaves_the_others_alone(patient):
    healthy, ill = (patient.spine(CANAL, compromise, level=1) for compromise in (0.05, 1.0))
    for level, changes in ((1, True), (2, False), (3, False)):
        plane = axial(healthy, healthy.point(CANAL, level), level, 40)
        change = np.abs(patient.image(ill, plane, tissue.T2)[0] - patient.image(healthy, plane, tissue.T2)[0])
        assert (change.max() > 0.2) == changes


def test_severity_leaves_the_background_alone(patient):
    healthy, ill = (patient.spine(CANAL, compromise) for compromise in (0.05, 1.0))
    plane = sagittal(healthy.point(CANAL, 2) - np.array([0, 60, 0]), 80)
    images = [patient.image(spine, plane, tissue.T2)[0] for spine in (ill, healthy)]
    np.testing.assert_allclose(*images, atol=1e-6)  # OpenCV's last bits depend on where an array lies in memory


def test_canal_points_lie_in_the_fluid_eight_to_ten_mm_behind_the_disc(patient):
    spine = patient.spine(CANAL, 0.02)
    for level in range(5):
        point = spine.point(CANAL, level)
        _, b, *_ = spine.wall.locate(sagittal(point, 2 * PX))[1, 1]
        assert 7.5 < b < 11.5
        image, palette = patient.image(spine, sagittal(point, 6), tissue.STIR)
        assert image.max() > 0.8 * palette["csf"]


def test_fluid_is_brightest_on_t2_and_dark_on_t1_and_fat_is_suppressed_on_stir(patient):
    spine = patient.spine(CANAL, 0.02)
    plane = sagittal(spine.point(CANAL, 1), 200)
    t1, t2, stir = (patient.image(spine, plane, contrast)[0] for contrast in (tissue.T1, tissue.T2, tissue.STIR))
    fluid = stir > 0.8 * stir.max()
    assert t2[fluid].mean() > 3 * t1[fluid].mean()
    assert np.percentile(stir, 75) < 0.5 * np.percentile(t2, 75)
