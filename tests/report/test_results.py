import numpy as np
import polars as pl
import pytest
from pages import section

from stenosis_kit import rsna
from stenosis_kit.answers.score import score
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.results import lead, score_section
from stenosis_kit.tables.grid import row_ids


@pytest.fixture
def evidence(tmp_path):
    """Twelve studies of which every cell is labelled, and answers to them."""
    rng = np.random.default_rng(0)
    cells = pl.DataFrame([(study, *cell) for study in range(12) for cell in rsna.CELLS], orient="row")
    cells.columns = ["study_id", "condition", "level"]
    answers = rng.dirichlet([3, 2, 2], cells.height)
    cells = cells.with_columns(row_ids(cells), severity=pl.Series(rng.choice(rsna.SEVERITIES, cells.height)))
    cells = cells.with_columns(**{name: answers[:, k] for k, name in enumerate(rsna.SEVERITIES)})
    return Evidence(tmp_path, {}, answers=cells, basis="Twelve studies.")


def test_the_score_stands_beside_oracle_prior_and_uniform(page):
    score = section(page, "Score")
    for name in ("this run", "oracle", "prior", "uniform"):
        assert f'<th scope="row">{name}</th>' in score


def test_the_first_lines_give_the_score_and_the_priors(evidence):
    truth = evidence.answers.drop(rsna.SEVERITIES)
    found = lead(evidence)
    assert f"Score {score(evidence.answers, truth)['score']:.3f}; a constant prior has" in found
    assert "oracle" not in found
    assert "Twelve studies." in found


def test_without_a_term_there_is_no_score_and_the_others_stand(evidence):
    evidence.answers = evidence.answers.filter(pl.col("condition") != rsna.condition_of("spinal", None).name)
    assert "no score" in lead(evidence)
    cells = score_section(evidence).split('<th scope="row">this run</th>')[1].split("</tr>")[0]
    assert cells.count("–") == 3  # the score, the canal, any severe canal
    assert cells.count("<td>") == 5


def test_a_run_without_labels_begins_with_why(tmp_path):
    assert "No labels are known" in lead(Evidence(tmp_path, {}))


@pytest.mark.parametrize(("gained", "said"), [(0.2, "0.200 better"), (-0.1, "0.100 WORSE")])
def test_the_first_lines_say_what_the_start_alone_reached_and_what_training_added(evidence, gained, said):
    reached = score(evidence.answers, evidence.answers.drop(rsna.SEVERITIES))["score"] + gained
    evidence.run |= {"first_pass": {"model": "bundled", "score": {"score": reached}}, "seconds": {"train": 9.0}}
    assert f"The start alone (bundled) had {reached:.3f}; what was trained from there is {said}." in lead(evidence)


def test_where_nothing_was_trained_nothing_is_said_of_what_training_added(evidence):
    evidence.run |= {"first_pass": {"model": "bundled", "score": {"score": 0.5}}, "seconds": {"predict": 9.0}}
    assert "The start alone (bundled) had 0.500; nothing was trained." in lead(evidence)


def test_a_first_pass_without_a_score_is_not_spoken_of(evidence):
    for first in (None, {"model": "bundled", "score": None}, {"model": "bundled", "score": {"score": None}}):
        evidence.run["first_pass"] = first
        assert "The start alone" not in lead(evidence)
