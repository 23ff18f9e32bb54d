"""What each series of a study is, and which of several is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.adopt.look import Eye, Look
from stenosis_kit.adopt.series import Found
from stenosis_kit.adopt.words import LUMBAR, OTHER, T1, T2, is_enhanced, region, weighting_by_codes, weighting_by_words
from stenosis_kit.images.geometry import AXIAL, SAGITTAL
from stenosis_kit.images.series import Series

_KINDS = {(SAGITTAL, T1): rsna.SAGITTAL_T1, (SAGITTAL, T2): rsna.SAGITTAL_T2, (AXIAL, T2): rsna.AXIAL_T2}
PROVISIONAL = {SAGITTAL: rsna.SAGITTAL_T2, AXIAL: rsna.AXIAL_T2}
"""As which kind a series is read before its weighting is known: it says which way its slices lie."""
_BY_CODES, _BY_WORDS, _ASSUMED = 0.98, 0.95, 0.6  # how sure; chosen by hand
_CONTRADICTS = 0.9  # how sure pixels have to be to stand against a description: some hold for all series of a study
_SAME_PLACE_MM = 40.0  # mean distance of two columns that are the same part of the spine, a level apart at most
_LEAST_INSIDE = 0.34  # of an axial series' slices inside the sagittal field
_USUAL_MM = 340.0  # up to which a field is made for the lumbar spine, see `levels.overview`
_ENOUGH_MM = 60.0  # of slices beside one another reach both foramina, which lie up to 19 mm from the midline


class Decision(NamedTuple):
    """What a series is.

    Attributes:
        kind: one of `rsna.SERIES_KINDS`; empty where it is left out.
        why: in words of ours alone.
        certainty: 0 to 1.
    """

    kind: str
    why: str
    certainty: float


@dataclass(eq=False)
class Candidate:
    """A series that may be one of the three kinds.

    Attributes:
        found: its images.
        series: the same, read from the root.
        look: what its pixels tell, as far as they were asked.
        weighting, why, certainty: see `words`; what told it, and how sure.
        out: why it is left out; empty where it is not.
    """

    found: Found
    series: Series
    look: Look | None = None
    weighting: str = ""
    why: str = ""
    certainty: float = 0.0
    out: str = ""

    @property
    def kind(self) -> str:
        """The kind by orientation and weighting; empty where there is none."""
        return _KINDS.get((self.series.orientation, self.weighting), "") if not self.out else ""


def decide(candidates: list[Candidate], eye: Eye) -> list[Decision]:
    """What each candidate of a study is, in their order."""
    sagittal = [one for one in candidates if one.series.orientation == SAGITTAL]
    axial = [one for one in candidates if one.series.orientation == AXIAL]
    for one in sagittal:
        _judge_sagittal(one, eye)
    _leave_out_other_places(sagittal)
    for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
        _take_best([one for one in sagittal if one.kind == kind])
    taken = [one for one in sagittal if one.kind]
    for one in axial:
        _judge_axial(one, taken)
    return [_decision(one) for one in candidates]


def _decision(one: Candidate) -> Decision:
    if one.kind:
        return Decision(one.kind, one.why, round(one.certainty, 2))
    why = one.out or f"{one.series.orientation} {one.weighting}: no grader uses it"
    return Decision("", f"{why} ({one.why})" if one.why and not one.out else why, round(one.certainty or 0.9, 2))


def _by_header(one: Candidate) -> None:
    found = one.found.acquisition
    for weighting, why, certainty in (
        (weighting_by_codes(found), "weighting by its times and codes", _BY_CODES),
        (weighting_by_words(found), "weighting by its description", _BY_WORDS),
    ):
        if weighting:
            one.weighting, one.why, one.certainty = weighting, why, certainty
            return


def _judge_sagittal(one: Candidate, eye: Eye) -> None:
    """By header; by its pixels where that does not tell the weighting, or the part of the body."""
    _by_header(one)
    named = region(one.found.acquisition) == LUMBAR
    if one.weighting == OTHER or (one.weighting and named):
        return
    one.look = eye.look(one.series)
    if one.look is None:
        one.out = "no lumbar spine is found in it" if not named else "its weighting cannot be told"
    elif not one.weighting:
        one.weighting, one.why, one.certainty = one.look.weighting, "weighting by its pixels", one.look.certainty
    elif one.certainty == _BY_WORDS and one.look.weighting != one.weighting and one.look.certainty > _CONTRADICTS:
        one.weighting, one.why, one.certainty = one.look.weighting, "weighting by its pixels, not its name", _ASSUMED


def _leave_out_other_places(sagittal: list[Candidate]) -> None:
    """Of series that show columns in different places, those stay that lie where the surest one does."""
    seen = [one for one in sagittal if one.look and not one.out]
    best = max(seen, key=lambda one: one.look.confidence, default=None)
    for one in seen:
        if np.linalg.norm(one.look.canal - best.look.canal, axis=1).mean() > _SAME_PLACE_MM:
            one.out = "it shows another part of the spine than a surer series"


def _take_best(rivals: list[Candidate]) -> None:
    """Leaves out all but the best sagittal series of a kind: usual looks and field, then coverage, then resolution."""
    best = max(rivals, key=_worth, default=None)
    for one in rivals:
        if one is not best:
            one.out = f"another {one.kind} covers more or is finer"
        elif one.weighting == T1 and is_enhanced(one.found.acquisition):
            one.certainty, one.why = _ASSUMED, f"{one.why}; fat-suppressed or with a contrast agent"


def _worth(one: Candidate) -> tuple:
    planes = one.series.planes
    across = np.ptp([plane.center @ planes[0].normal for plane in planes])
    plain = not (one.weighting == T1 and is_enhanced(one.found.acquisition))
    usual, fine = one.found.field_mm <= _USUAL_MM, -float(np.mean(planes[0].spacing))
    return plain, usual, min(float(across), _ENOUGH_MM) // 10, round(fine, 2), len(planes), -one.found.series_id


def _judge_axial(one: Candidate, sagittal: list[Candidate]) -> None:
    _by_header(one)
    if sagittal and _inside_share(one, sagittal) < _LEAST_INSIDE:
        one.out = "it lies outside the sagittal images of the lumbar spine"
    elif not sagittal and region(one.found.acquisition) != LUMBAR:
        one.out = "nothing says that it shows the lumbar spine"
    elif not one.weighting:
        one.weighting, one.why, one.certainty = T2, "T2 is assumed: neither its times nor words tell", _ASSUMED


def _inside_share(one: Candidate, sagittal: list[Candidate]) -> float:
    """The share of the slices whose middle some sagittal image shows."""
    images = [plane for other in sagittal for plane in other.series.planes]
    inside = [any(image.shows(plane.center) for image in images) for plane in one.series.planes]
    return float(np.mean(inside))
