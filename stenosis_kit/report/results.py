"""The score and its terms beside baselines that look at no image, and the oracle of a synthetic cohort."""

from __future__ import annotations

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.bootstrap import estimate, resampled
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.score import ALL_TERMS, StudyLosses, constant_answers, study_losses
from stenosis_kit.answers.submission import read_submission
from stenosis_kit.report.charts import chart, missing, terms
from stenosis_kit.report.evidence import Evidence, if_usable
from stenosis_kit.report.markup import Markup, join, table, tag
from stenosis_kit.report.measures import RESAMPLES

RUN, ORACLE, PRIOR, UNIFORM = "this run", "oracle", "prior", "uniform"
_MEANING = {
    PRIOR: "the weighted class shares of the public training set: no image is looked at",
    UNIFORM: "a third for each severity",
    ORACLE: "the best possible answers, known because the cohort is synthetic: only luck beats them",
}
_NAMES = {
    "spinal": "spinal canal",
    "foraminal": "foraminal",
    "subarticular": "subarticular",
    "any_severe_spinal": "any severe canal",
}


def losses(evidence: Evidence) -> dict[str, StudyLosses]:
    """Losses of the run, the baselines and the oracle on the same cells."""
    truth = evidence.answers.drop(rsna.SEVERITIES)
    uniform = dict.fromkeys(rsna.CELLS, np.full(len(rsna.SEVERITIES), 1 / len(rsna.SEVERITIES)))
    offers = {
        RUN: evidence.answers,
        ORACLE: _oracle(evidence),
        PRIOR: constant_answers(truth, builtin_prior()),
        UNIFORM: constant_answers(truth, uniform),
    }
    return {name: study_losses(offer, truth) for name, offer in offers.items() if offer is not None}


def lead(evidence: Evidence) -> Markup:
    """The first lines of the page: what was reached, on what."""
    if evidence.answers is None:
        return tag("p", evidence.basis, class_="big")
    scores = {name: float(each.terms().mean()) for name, each in losses(evidence).items()}
    if np.isnan(scores[RUN]):
        return tag("p", evidence.basis, " They do not hold all terms of the metric, so there is no score.")
    text = f"Score {scores[RUN]:.3f}; a constant prior has {scores[PRIOR]:.3f}"
    if ORACLE in scores:
        gap = (scores[PRIOR] - scores[RUN]) / (scores[PRIOR] - scores[ORACLE])
        closed = f"{gap:.0%}" if gap > 0 else "nothing"
        text += f", the oracle {scores[ORACLE]:.3f}: {closed} of the gap is closed"
    first = (evidence.run.get("first_pass") or {}).get("score") or {}
    return join(
        tag("p", text, ". Lower is better.", class_="big"),
        tag("p", _start(evidence.run, float(first["score"]), scores[RUN])) if first.get("score") else "",
        tag("p", evidence.basis, class_="soft"),
    )


def _start(run: dict, before: float, after: float) -> str:
    """What training started from reached by itself, and what training added."""
    start, gained = run["first_pass"]["model"], before - after
    if "train" not in run.get("seconds", {}):
        return f"The start alone ({start}) had {before:.3f}; nothing was trained."
    added = f"what was trained from there is {abs(gained):.3f} {'better' if gained >= 0 else 'WORSE'}"
    return f"The start alone ({start}) had {before:.3f}; {added}."


def score_section(evidence: Evidence) -> Markup:
    """The terms as a table and a chart."""
    found = losses(evidence)
    values = {name: _with_score(each.terms()) for name, each in found.items()}
    drawn = _with_score(found[RUN].terms(resampled(len(found[RUN].studies), RESAMPLES)))
    interval = np.array([estimate(column)[1:] for column in drawn.T]).T
    names = ("score", *(_NAMES[term] for term in ALL_TERMS))
    rows = [(name, *(_number(value) for value in row)) for name, row in values.items()]
    rows.insert(1, ("95 % of resampled studies", *(f"{low:.3f} to {high:.3f}" for low, high in interval.T)))
    scores = "; ".join(f"{name}: score {_number(row[0])}" for name, row in values.items())
    alt = f"Dot plot of the score and its terms. {scores}"
    meanings = [join(tag("b", name), f": {_MEANING[name]}. ") for name in values if name in _MEANING]
    caption = "Bars: 95 % of bootstrap resamples over studies."
    return join(
        table(("", *names), rows, "Weighted log losses; the score is the mean of the four terms."),
        chart(lambda axes: terms(axes, values, names, interval), alt, caption, (5.0, 2.9)),
        missing(),
        tag("p", *meanings, class_="soft"),
    )


def _with_score(terms: np.ndarray) -> np.ndarray:
    """(..., 5) the score, then the four terms."""
    return np.concatenate([terms.mean(axis=-1, keepdims=True), terms], axis=-1)


def _oracle(evidence: Evidence) -> pl.DataFrame | None:
    """The answers of a synthetic cohort's oracle_submission.csv, where it holds all of these cells."""
    if not evidence.root or evidence.root.split != "test":
        return None
    frame = if_usable(read_submission, evidence.root.folder / rsna.ORACLE)
    covered = frame is not None and evidence.answers["row_id"].is_in(frame["row_id"].implode()).all()
    return frame if covered else None


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
