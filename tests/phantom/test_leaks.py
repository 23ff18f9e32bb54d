"""The phantom gives no label away but by the anatomy: classifiers of what a grader should not use learn nothing."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.acquire import Receiver, acquire
from stenosis_kit.phantom.imaging.render import render
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order, Study

# Older scikit-learn names an option that newer SciPy first deprecates, then no longer knows.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unknown solver options"),
    pytest.mark.filterwarnings("ignore:scipy.optimize. The .disp. and .iprint. options:DeprecationWarning"),
]

CANAL = rsna.CONDITION_BY_NAME["spinal_canal_stenosis"]
CHANCE = 0.015  # nats, three standard deviations of what a useless classifier of so few studies saves


@pytest.fixture(scope="module")
def studies(planned_with_faults) -> list[Study]:
    return planned_with_faults


def first_of(study: Study, kind: str):
    return next((series for series in study.series.values() if series.kind == kind), None)


def header_values(study: Study) -> list[float]:
    """All that can be read without decoding a pixel, and how much there is of it."""
    values = [len(study.series)]
    for kind in rsna.SERIES_KINDS:
        series = first_of(study, kind)
        if series is None:
            values += [0.0] * 9
            continue
        plane = series.planes[0]
        values += [len(series.planes), min(series.numbers), series.thickness, series.distance, *plane.spacing]
        values += [*plane.shape, plane.column[1]]
    return values


@pytest.fixture(scope="module")
def slices(studies) -> list[tuple[np.ndarray, Plane, Study]]:
    """The middle sagittal slice of each study, as stored."""
    found = []
    textures = [tissue.Textures(np.random.default_rng(index)) for index in range(8)]
    for index, study in enumerate(studies):
        rng = np.random.default_rng(index)
        contrast = tissue.STIR if index % 2 else tissue.T2
        planes = next(iter(study.series.values())).planes
        plane = planes[len(planes) // 2]
        palette = tissue.draw_palette(rng, contrast)
        ideal = render(study.spine, study.looks, textures[index % 8], palette, plane)
        found.append((acquire(ideal, plane, Receiver(rng, contrast), rng).astype(float), plane, study))
    return found


def intensities(image: np.ndarray) -> list[float]:
    return [image.mean(), image.std(), *np.percentile(image, (10, 50, 90))]


def background(image: np.ndarray, plane: Plane, study: Study) -> list[float]:
    """The same of all that lies more than 15 mm in front of the bodies."""
    x, _ = plane.to_pixel(study.spine.point(CANAL, 2) - np.array([0, 58, 0]))
    return intensities(image[:, : max(2, int(x))])


def canal_fluid(image: np.ndarray, plane: Plane, study: Study, level: int) -> list[float]:
    """How much is bright round a level's canal point, and how much half a level higher."""
    bright = image > 0.55 * np.percentile(image, 99)
    found = []
    for rise in (-3, 0, 3, 17):
        x, y = np.rint(plane.to_pixel(study.spine.point(CANAL, level) + np.array([0, 0, rise]))).astype(int)
        found.append(bright[y - 1 : y + 2, x - 7 : x + 8].mean())
    return [*found, min(found[:3]) / (found[3] + 0.1)]


def cells(studies: list[Study], term: str, half: int) -> list[tuple[int, int, int]]:
    """(study, condition, level) of a term's labelled cells, of every other study."""
    conditions = [index for index, condition in enumerate(rsna.CONDITIONS) if condition.term == term]
    return [
        (i, condition, level)
        for i, one in enumerate(studies)
        for condition in conditions
        for level in range(5)
        if i % 2 == half and one.labels[condition, level] >= 0
    ]


def log_loss(inputs: np.ndarray, studies: list[Study], term: str) -> float:
    """Of a classifier of inputs (studies, 5 levels, n), trained on one half of the studies, measured on the other."""
    losses = []
    for half in (0, 1):
        (x, y), (seen, truth) = (
            (
                np.array([inputs[i, level] for i, _, level in chosen]),
                np.array([studies[i].labels[condition, level] for i, condition, level in chosen]),
            )
            for chosen in (cells(studies, term, half), cells(studies, term, 1 - half))
        )
        model = LogisticRegression(C=0.1, max_iter=2000).fit(x, y)
        losses.append(-np.log(model.predict_proba(seen)[np.arange(len(truth)), truth]).mean())
    return float(np.mean(losses))


def losses_of(features: np.ndarray, studies: list[Study], term: str) -> tuple[float, float]:
    """Log loss with features (studies, 5, n) beside the level, and of the level alone, which is the prior."""
    features = (features - features.mean((0, 1))) / (features.std((0, 1)) + 1e-9)
    levels = np.broadcast_to(np.eye(5), (len(studies), 5, 5))
    return log_loss(np.concatenate([levels, features], axis=-1), studies, term), log_loss(levels, studies, term)


def gain(features: np.ndarray, studies: list[Study], term: str) -> float:
    """Log loss that features save beside the prior."""
    with_features, prior = losses_of(features, studies, term)
    return prior - with_features


def for_all_levels(values: list[list[float]]) -> np.ndarray:
    return np.repeat(np.array(values, float)[:, None], 5, axis=1)


def test_header_values_and_ids_do_not_correlate_with_severity(studies, planned):
    """What can be read without looking correlates with no more labels than chance lets it."""
    studies = studies + planned + [plan_study(Order(5, index, "train")) for index in range(60, 80)]
    burden = np.array([study.severity.signal.mean() for study in studies])
    for kind in (rsna.SAGITTAL_T2, rsna.AXIAL_T2):
        first = [next((s for s in study.series.values() if s.kind == kind), None) for study in studies]
        for measure in (
            lambda s: len(s.planes),
            lambda s: s.thickness,
            lambda s: s.distance,
            lambda s: s.planes[0].spacing[0],
            lambda s: s.planes[0].shape[0],
            lambda s: s.planes[0].shape[1],
            lambda s: s.planes[0].row[0],
        ):
            values = np.array([np.nan if s is None else measure(s) for s in first], float)
            known = np.isfinite(values)
            correlation = np.corrcoef(values[known], burden[known])[0, 1]
            assert abs(correlation) < 4 / np.sqrt(known.sum()), (kind, correlation)
    ids = np.array([study.order.study_id for study in studies], float)
    assert abs(np.corrcoef(ids, burden)[0, 1]) < 0.25


@pytest.mark.parametrize("term", rsna.TERMS)
def test_header_values_and_slice_counts_do_no_better_than_the_prior(studies, term):
    assert gain(for_all_levels([header_values(study) for study in studies]), studies, term) < CHANCE


def test_study_ids_do_not_tell_how_ill_a_spine_is(studies):
    ids, burden = np.array([(one.order.study_id, one.severity.signal.mean()) for one in studies], float).T
    assert abs(np.corrcoef(ids, burden)[0, 1]) < 4 / np.sqrt(len(studies))


@pytest.mark.parametrize("term", rsna.TERMS)
def test_mean_intensity_does_no_better_than_the_prior(slices, studies, term):
    assert gain(for_all_levels([intensities(image) for image, *_ in slices]), studies, term) < CHANCE


@pytest.mark.parametrize("term", rsna.TERMS)
def test_the_background_does_no_better_than_the_prior(slices, studies, term):
    assert gain(for_all_levels([background(*one) for one in slices]), studies, term) < CHANCE


def test_a_grader_of_the_canals_fluid_lies_between_oracle_and_prior_and_the_prior_before_uniform(slices, studies):
    """The same classifier learns from what a radiologist looks at, so the others' failure means something."""
    fluid = np.array([[canal_fluid(*one, level) for level in range(5)] for one in slices])
    grader, prior = losses_of(fluid, studies, "spinal")
    nats = []
    for i, condition, level in cells(studies, "spinal", 0) + cells(studies, "spinal", 1):
        chances = studies[i].severity.oracle[condition, level] / rsna.SEVERITY_WEIGHTS
        nats.append(-np.log(chances[studies[i].labels[condition, level]] / chances.sum()))
    assert np.mean(nats) < grader < prior - 0.04
    assert prior < np.log(3)
