"""The phantom gives no label away but by the anatomy: classifiers of what a grader should not use learn nothing."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from stenosis_kit import rsna
from stenosis_kit.geometry import Plane
from stenosis_kit.phantom import tissue
from stenosis_kit.phantom.acquire import acquire, draw_receiver
from stenosis_kit.phantom.render import render
from stenosis_kit.phantom.study import Order, Study, plan_study

CANAL = rsna.CONDITION_BY_NAME["spinal_canal_stenosis"]
STUDIES = 160


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [plan_study(Order(21, index, "train")) for index in range(STUDIES)]


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
    for index, study in enumerate(studies):
        rng = np.random.default_rng(index)
        contrast = tissue.STIR if index % 2 else tissue.T2
        planes = next(iter(study.series.values())).planes
        plane = planes[len(planes) // 2]
        palette, textures = tissue.draw_palette(rng, contrast), tissue.draw_textures(rng)
        ideal = render(study.spine, study.looks.on(contrast), textures, palette, plane)
        found.append((acquire(ideal, plane, draw_receiver(rng, contrast), rng).astype(float), plane, study))
    return found


def intensities(image: np.ndarray) -> list[float]:
    return [image.mean(), image.std(), *np.percentile(image, (10, 50, 90))]


def background(image: np.ndarray, plane: Plane, study: Study) -> list[float]:
    """The same of all that lies more than 15 mm in front of the bodies."""
    x, _ = plane.to_pixel(study.spine.point(CANAL, 2) - np.array([0, 58, 0]))
    return intensities(image[:, : max(2, int(x))])


def canal_fluid(image: np.ndarray, plane: Plane, study: Study, level: int) -> float:
    """Brightest row sums round a level's canal point, beside those half a level higher."""
    here, above = (
        image[y - 3 : y + 4, x - 8 : x + 9].clip(np.percentile(image, 90)).sum()
        for x, y in (
            np.rint(plane.to_pixel(study.spine.point(CANAL, level) + np.array([0, 0, rise]))).astype(int)
            for rise in (0, 17)
        )
    )
    return here / above


def gain(features: np.ndarray, studies: list[Study], term: str) -> float:
    """Log loss saved by features (studies, 5, n) beside level alone, trained on one half and measured on the other."""
    conditions = [index for index, condition in enumerate(rsna.CONDITIONS) if condition.term == term]
    features = (features - features.mean((0, 1))) / (features.std((0, 1)) + 1e-9)
    levels = np.broadcast_to(np.eye(5), (len(studies), 5, 5))
    losses = []
    for inputs in (levels, np.concatenate([levels, features], axis=-1)):
        loss = []
        for half in (0, 1):
            train, held_out = (
                [(inputs[i, k], one.labels[c, k]) for i, one in enumerate(studies) for c in conditions for k in range(5)
                 if i % 2 == side and one.labels[c, k] >= 0]
                for side in (half, 1 - half)
            )  # fmt: skip
            model = LogisticRegression(C=0.1, max_iter=2000).fit(*map(np.array, zip(*train, strict=True)))
            x, y = map(np.array, zip(*held_out, strict=True))
            loss.append(-np.log(model.predict_proba(x)[np.arange(len(y)), y]).mean())
        losses.append(np.mean(loss))
    return losses[0] - losses[1]


def for_all_levels(values: list[list[float]]) -> np.ndarray:
    return np.repeat(np.array(values, float)[:, None], 5, axis=1)


@pytest.mark.parametrize("term", rsna.TERMS)
def test_header_values_and_slice_counts_do_no_better_than_the_prior(studies, term):
    assert gain(for_all_levels([header_values(study) for study in studies]), studies, term) < 0.005


@pytest.mark.parametrize("term", rsna.TERMS)
def test_mean_intensity_does_no_better_than_the_prior(slices, studies, term):
    assert gain(for_all_levels([intensities(image) for image, *_ in slices]), studies, term) < 0.005


@pytest.mark.parametrize("term", rsna.TERMS)
def test_the_background_does_no_better_than_the_prior(slices, studies, term):
    assert gain(for_all_levels([background(*one) for one in slices]), studies, term) < 0.005


def test_the_canals_fluid_does_better_than_the_prior(slices, studies):
    """What a radiologist looks at: the same classifier learns from it, so the others' failure means something."""
    fluid = np.array([[[canal_fluid(*one, level)] for level in range(5)] for one in slices])
    assert gain(fluid, studies, "spinal") > 0.05
