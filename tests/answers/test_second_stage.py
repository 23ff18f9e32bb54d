"""The second stage over a study's 25 answers."""

from __future__ import annotations

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.second_stage import (
    FEATURES,
    SecondStage,
    _any_severe_loss,
    _loss,
    fit_second_stage,
    read_second_stage,
)
from stenosis_kit.graders.model_file import Description
from stenosis_kit.graders.settings import Training

PRIOR = np.tile([0.5, 0.3, 0.2], (25, 1))
CANAL = [place for place, (name, _) in enumerate(rsna.CELLS) if name == "spinal_canal_stenosis"]
RECESSES = [place for place, (name, _) in enumerate(rsna.CELLS) if "subarticular" in name]


def weights(**given: float) -> tuple[tuple[float, float], ...]:
    """All that is not given leaves answers as they are; `name=w` is the weight of name_moderate and name_severe."""
    table = np.zeros((len(FEATURES), 2))
    for name, value in {"own": 1.0, **given}.items():
        for k, severity in enumerate(("moderate", "severe")):
            table[FEATURES.index(f"{name}_{severity}"), k] = value
    return tuple(map(tuple, table.tolist()))


def answers(studies: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([2, 2, 2], (studies, 25))


def cell(condition: str, level: str) -> int:
    return rsna.CELLS.index((condition, level))


def test_without_weights_everything_stays() -> None:
    first = answers(4)
    np.testing.assert_array_equal(SecondStage({}).answer(first, PRIOR), first)


def test_the_starting_weights_leave_everything_as_it_is() -> None:
    first = answers(4)
    stage = SecondStage(dict.fromkeys(rsna.TERMS, weights()))
    np.testing.assert_allclose(stage.answer(first, PRIOR), first, atol=1e-12)


@pytest.mark.parametrize(
    ("kin", "its_cell"),
    [
        ("side", ("right_subarticular_stenosis", "l3_l4")),
        ("above", ("left_subarticular_stenosis", "l2_l3")),
        ("below", ("left_subarticular_stenosis", "l4_l5")),
        ("level_1", ("spinal_canal_stenosis", "l3_l4")),
        ("level_2", ("left_neural_foraminal_narrowing", "l3_l4")),
    ],
)
def test_a_cell_hears_of_its_kin(kin: str, its_cell: tuple[str, str]) -> None:
    first = np.tile(PRIOR, (1, 1, 1))
    first[0, cell(*its_cell)] = [0.1, 0.1, 0.8]
    second = SecondStage({"subarticular": weights(**{kin: 0.5})}).answer(first, PRIOR)
    own = cell("left_subarticular_stenosis", "l3_l4")
    odds = np.log(second[0, own, 2] / second[0, own, 0]) - np.log(0.2 / 0.5)
    assert odds == pytest.approx(0.5 * (np.log(8) - np.log(0.2 / 0.5)))
    unrelated = cell("left_subarticular_stenosis", "l1_l2")
    assert second[0, unrelated] == pytest.approx(first[0, unrelated])


def test_a_cell_without_an_answer_stays_without_and_tells_nothing() -> None:
    first = answers(3)
    first[1, CANAL] = np.nan
    stage = SecondStage(dict.fromkeys(rsna.TERMS, weights(level_1=1.0)))
    second = stage.answer(first, PRIOR)
    assert np.isnan(second[1, CANAL]).all()
    np.testing.assert_allclose(second[1, RECESSES], first[1, RECESSES], atol=1e-12)
    assert np.isfinite(second[[0, 2]]).all()


def severities_of(first: np.ndarray, seed: int = 1) -> np.ndarray:
    draw = np.random.default_rng(seed).random(first.shape[:2])
    return (draw[..., None] > first.cumsum(axis=2)).sum(axis=2)


def weighted(chances: np.ndarray) -> np.ndarray:
    """The answers that the metric's weights reward where the classes have these chances."""
    odds = chances * rsna.SEVERITY_WEIGHTS
    return odds / odds.sum(axis=-1, keepdims=True)


def test_it_is_kept_where_kin_tell_and_only_there() -> None:
    """The canal's answers are noise, its truth is that of the recess; the others' answers are right already."""
    chances = answers(300)
    severity = severities_of(chances)
    severity[:, CANAL] = severity[:, RECESSES[:5]]
    first = weighted(chances)
    first[:, CANAL] = weighted(answers(300, seed=2)[:, CANAL])
    stage, honest = fit_second_stage(first, weighted(np.tile([1 / 3] * 3, (25, 1))), severity)
    assert set(stage.weights) == {"spinal"}
    assert np.array(stage.weights["spinal"])[FEATURES.index("level_2_severe"), 1] > 0.1
    before = _loss(first[:, CANAL], severity[:, CANAL], "spinal")[0]
    assert _loss(honest[:, CANAL], severity[:, CANAL], "spinal")[0] < before - 0.05
    others = [place for place in range(25) if place not in CANAL]
    np.testing.assert_array_equal(honest[:, others], first[:, others])


def test_tied_weights_hear_of_kin_alike_for_both_severities() -> None:
    """The canal's answers tell nothing, its truth is that of the recesses, which are known."""
    chances = answers(300)
    severity = severities_of(chances)
    severity[:, CANAL] = severity[:, RECESSES[:5]]
    first = weighted(chances)
    first[:, CANAL] = weighted(np.tile([1 / 3] * 3, (5, 1)))
    stage, honest = fit_second_stage(first, weighted(np.tile([1 / 3] * 3, (25, 1))), severity, tied=True)
    own = np.array(stage.weights["spinal"])
    assert own[FEATURES.index("level_2_severe"), 1] > 0.1
    for kin in ("own", "side", "above", "below", "level_1", "level_2", "column"):
        rows = own[[FEATURES.index(f"{kin}_moderate"), FEATURES.index(f"{kin}_severe")]]
        np.testing.assert_allclose(rows, rows[0, 0] * np.eye(2))
    assert own[FEATURES.index("above_severe"), 1] == own[FEATURES.index("below_severe"), 1]
    assert not own[FEATURES.index("column_severe")].any()
    before = _loss(first[:, CANAL], severity[:, CANAL], "spinal")[0]
    assert _loss(honest[:, CANAL], severity[:, CANAL], "spinal")[0] < before - 0.05


def test_where_labels_are_noise_nothing_is_gained_on_held_out_studies() -> None:
    """But in the canal's term, whose worst level counts: that it is severe is likelier than any one level's answer."""
    severity = np.random.default_rng(3).choice(3, (60, 25), p=PRIOR[0])
    first = np.tile(weighted(PRIOR), (60, 1, 1))
    stage, honest = fit_second_stage(first, weighted(PRIOR), severity)
    assert set(stage.weights) <= {"spinal"}
    others = [place for place in range(25) if place not in CANAL]
    np.testing.assert_array_equal(honest[:, others], first[:, others])


def test_honest_answers_never_see_their_own_label() -> None:
    first, study = answers(60), 7
    severity = severities_of(first)
    stage, honest = fit_second_stage(first, PRIOR, severity)
    assert set(stage.weights) == set(rsna.TERMS)  # or answers would stay as they were
    severity[study] = 2 - severity[study]
    again, changed = fit_second_stage(first, PRIOR, severity)
    assert set(again.weights) == set(rsna.TERMS)
    np.testing.assert_array_equal(changed[study], honest[study])
    assert np.abs(changed - honest).max() > 1e-3  # others have learnt from it


@pytest.mark.parametrize(("studies", "is_kept"), [(1, False), (9, False), (10, True)])
def test_of_too_few_studies_none_is_kept(studies: int, is_kept: bool) -> None:
    """All canals are severe, and the answers say so too seldom: any fit gains on studies that it has not seen."""
    first, severity = answers(studies), np.full((studies, 25), 2)
    stage, honest = fit_second_stage(first, PRIOR, severity)
    assert bool(stage.weights) == is_kept
    assert np.array_equal(honest, first) != is_kept


def test_labels_of_studies_without_an_answer_teach_nothing() -> None:
    first = answers(40)
    severity = severities_of(first)
    first[20:] = np.nan
    stage, _ = fit_second_stage(first, PRIOR, severity)
    assert stage.weights  # or all would be as it was
    severity[20:] = 2
    again, honest = fit_second_stage(first, PRIOR, severity)
    assert again == stage
    assert np.isnan(honest[20:]).all()


@pytest.mark.parametrize("term", rsna.TERMS)
def test_the_slope_is_that_of_the_loss(term: str) -> None:
    rng = np.random.default_rng(0)
    logits, severity = rng.normal(size=(6, 5, 3)), rng.integers(-1, 3, (6, 5))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        exponent = np.exp(values)
        return _loss(exponent / exponent.sum(axis=2, keepdims=True), severity, term)

    slope = loss(logits)[1]
    for place in [(0, 0, 0), (1, 2, 2), (3, 4, 1), (5, 1, 2)]:
        step = np.zeros_like(logits)
        step[place] = 1e-5
        measured = (loss(logits + step)[0] - loss(logits - step)[0]) / 2e-5
        assert slope[place] == pytest.approx(measured, abs=1e-6)


def test_the_any_severe_loss_is_the_metrics() -> None:
    from sklearn.metrics import log_loss

    first = answers(40)[:, CANAL]
    severity = severities_of(first)
    weight = np.take(rsna.SEVERITY_WEIGHTS, severity)
    label, said = (severity == 2).any(axis=1), first[..., 2].max(axis=1)
    expected = log_loss(label, said, sample_weight=weight.max(axis=1))
    assert _any_severe_loss(first, severity, weight)[0] == pytest.approx(expected)


def test_it_travels_in_the_models_description(tmp_path) -> None:
    from stenosis_kit.answers.priors import builtin_prior
    from stenosis_kit.graders.model_file import read_description

    stage = SecondStage({"spinal": weights(side=0.25)})
    Description(Training(), (), (), stage, {}, builtin_prior()).save(tmp_path)
    assert read_description(tmp_path).second_stage == stage


@pytest.mark.parametrize("damaged", [{"spinal": [[1.0, 1.0]]}, {"cervical": weights()}, {"spinal": [["a", "b"]] * 15}])
def test_damaged_weights_are_refused(damaged: dict) -> None:
    with pytest.raises(ValueError, match="weights|convert"):
        read_second_stage(damaged)


def test_no_studies_have_no_answers() -> None:
    """As where not one study of a batch could be cut."""
    stage = SecondStage({term: ((0.5, 0.5),) * len(FEATURES) for term in rsna.TERMS})
    assert stage.answer(np.empty((0, 25, 3)), PRIOR).shape == (0, 25, 3)
