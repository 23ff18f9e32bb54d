"""One study at a glance: its levels, and at each the axial slice and both foramina beside what was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.dataset_shift import Moments, leanings
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.carry import CANAL_AXIAL, FORAMINAL
from stenosis_kit.report.levels import spine_figure
from stenosis_kit.report.markup import Markup, figure, join, note, tag
from stenosis_kit.report.page import Section, render
from stenosis_kit.report.pictures import middle, picture, probabilities, severity_name
from stenosis_kit.report.quality import condition_label, level_label

RESEARCH_ONLY = "Research only, not a medical device: nothing here may guide the care of a patient."
_CANAL = rsna.condition_of("spinal", None).name
_TERMS = dict(zip(rsna.TERMS, ("canal", "foramina", "recesses"), strict=True))
_NONE = (np.nan,) * len(rsna.SEVERITIES)
_FAR = 2.0
"""Standard deviations, from which on a study's answers are called unlike those in training.

By hand: of studies drawn from the training's own distribution 1 in 100 a term lies farther off, by 1.0 every seventh.
"""

_FORAMEN, _RECESS = (
    {side: rsna.condition_of(term, side).name for side in (rsna.LEFT, rsna.RIGHT)} for term in rsna.TERMS[1:]
)
_COLUMNS = (
    (FORAMINAL, _FORAMEN[rsna.RIGHT], _FORAMEN[rsna.RIGHT]),
    (CANAL_AXIAL, _CANAL, _RECESS[rsna.RIGHT], _CANAL, _RECESS[rsna.LEFT]),
    (FORAMINAL, _FORAMEN[rsna.LEFT], _FORAMEN[rsna.LEFT]),
)
"""Of a level, as a radiologist looks at it (the patient's right at the left): view, whose crop, and the conditions."""


@dataclass(frozen=True)
class Answers:
    """What is known of a study's answers.

    Attributes:
        rows: {row_id: probabilities, by severity}.
        sources: {row_id: {"source", "why"}}; empty where nothing says where they came from.
        model: what answered, in words.
        prior: (25, 3), by which its evidence is told; None where there is no model to compare with.
        training: the model's moments.
    """

    rows: Mapping[str, tuple[float, ...]]
    sources: Mapping[str, Mapping[str, str]]
    model: str
    prior: np.ndarray | None = None
    training: Moments | None = None

    def is_prior(self, row_id: str) -> bool:
        """Whether no image was looked at for a row."""
        return self.sources.get(row_id, {}).get("source") == "prior"


def study_sheet(task: tuple[LocatedStudy, Answers]) -> str:
    """The page of a study; runs in a worker, for a mount may not answer."""
    located, answers = task
    study = located.study.study_id
    crops = cut_study(located, (CANAL_AXIAL, FORAMINAL))
    try:
        spine = spine_figure(located, {})
    except UnreadableSlice as error:
        spine = note(f"No picture of the spine: {error.reason}.")
    legend = tag("p", *(join(severity_name(name), " ") for name in rsna.SEVERITIES), class_="soft")
    lead = join(tag("p", RESEARCH_ONLY, class_="banner"), tag("p", answers.model), _unlike(study, answers), legend)
    sections = [Section("spine", "The five levels", tag("div", spine, class_="narrow"))]
    for level in rsna.LEVELS:
        sections.append(Section(level, level_label(level), _level(study, level, crops, answers)))
    return render(f"Study {study}", lead, sections)


def _unlike(study: int, answers: Answers) -> Markup:
    """How far the answers lie from those to the model's training studies."""
    if answers.prior is None or not answers.training:
        return Markup("")
    ids = [rsna.row_id(study, *cell) for cell in rsna.CELLS]
    rows = [_NONE if answers.is_prior(one) else answers.rows.get(one, _NONE) for one in ids]
    found = leanings(np.array([rows], float), answers.prior, answers.training)
    far = [f"{_TERMS[one.term]} ({one.distance:.1f} sd)" for one in found if one.distance >= _FAR]
    if far:
        return note("Unlike the studies that the model learnt from: ", ", ".join(far), ". Trust these answers less.")
    text = "Its answers are such as the model gives to studies like those it learnt from."
    return tag("p", text) if found else Markup("")


def _level(study: int, level: str, crops: StudyCrops, answers: Answers) -> Markup:
    columns = []
    for view, pictured, *names in _COLUMNS:
        cells = join(*(_cell(rsna.row_id(study, name, level), name, answers) for name in names))
        columns.append(figure(_picture(crops, view, pictured, level), cells))
    return tag("div", *columns, class_="level")


def _picture(crops: StudyCrops, view: str, condition: str, level: str) -> Markup:
    for row in crops.rows:
        if (row["view"], row["condition"], row["level"]) == (view, condition, level):
            alt = f"{view.replace('_', ', ')}, {condition_label(condition)}, {level_label(level)}"
            return picture(middle(crops.arrays[view][row["row"]]), alt)
    return tag("p", "no image shows it", class_="missing")


def _cell(row_id: str, condition: str, answers: Answers) -> Markup:
    name, answer = condition_label(condition), answers.rows.get(row_id)
    if answer is None or answers.is_prior(row_id):
        why = "no answer" if answer is None else f"not from images: {answers.sources[row_id]['why']}"
        return tag("div", name, probabilities(answer) if answer else "", tag("div", why), class_="cell prior")
    return tag("div", name, probabilities(answer), class_="cell")
