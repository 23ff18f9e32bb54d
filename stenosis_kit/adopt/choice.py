"""What each series of a study is, and which of several is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.adopt.look import FLUID_BRIGHT, FLUID_BRIGHT_AXIAL, Eye, Look, axial_brightness, certainty
from stenosis_kit.adopt.series import Found
from stenosis_kit.adopt.words import LUMBAR, OTHER, T1, T2, is_enhanced, region, weighting_by_codes, weighting_by_words
from stenosis_kit.images.geometry import AXIAL, SAGITTAL
from stenosis_kit.images.series import Series
from stenosis_kit.levels.overview import USUAL_MM

_KINDS = {(SAGITTAL, T1): rsna.SAGITTAL_T1, (SAGITTAL, T2): rsna.SAGITTAL_T2, (AXIAL, T2): rsna.AXIAL_T2}
PROVISIONAL = {SAGITTAL: rsna.SAGITTAL_T2, AXIAL: rsna.AXIAL_T2}
"""As which kind a series is read before its weighting is known: it says which way its slices lie."""

# Chosen by hand:
_BY_CODES, _BY_WORDS, _ASSUMED = 0.98, 0.95, 0.6  # how sure
_CONTRADICTS = 0.9  # how sure pixels have to be to stand against a description: some hold for all series of a study
_SAME_PLACE_MM = 40.0  # mean distance of two columns that are the same part of the spine, a level apart at most
_LEAST_INSIDE = 0.34  # of an axial series' slices inside the sagittal field
_DOUBTFUL, _APART = 1.25, 1.4  # times: so near the bound, and so far from another series; see `tell_apart`
_ENOUGH_MM = 60.0  # slices over so much reach both foramina, which lie up to 19 mm from the midline

_PIXELS = "pixels"  # what told a weighting, where nothing else did


class Decision(NamedTuple):
    """What a series is: one of `rsna.SERIES_KINDS`, or empty: left out; why, in words of ours; how sure, 0 to 1."""

    kind: str
    why: str
    certainty: float


@dataclass(eq=False)
class Candidate:
    """A series that may be one of the three kinds.

    Attributes:
        found, series: its images, and the same read from the root.
        look: what its pixels tell, as far as they were asked.
        weighting, by, certainty: see `words`; what told it, and how sure.
        out: why it is left out; empty where it is not.
    """

    found: Found
    series: Series
    look: Look | None = None
    weighting: str = ""
    by: str = ""
    certainty: float = 0.9
    out: str = ""

    @property
    def kind(self) -> str:
        """The kind by orientation and weighting; empty where there is none."""
        return "" if self.out else _KINDS.get((self.series.orientation, self.weighting), "")

    @property
    def is_plain(self) -> bool:
        """Whether it looks as the competition's do: T1 without contrast agent and fat suppression."""
        return self.weighting != T1 or not is_enhanced(self.found.acquisition)

    @property
    def why(self) -> str:
        """What told the weighting, in words."""
        text = f"weighting by its {self.by}" if self.by else f"{self.weighting} is assumed: nothing tells"
        return text if self.is_plain else f"{text}; fat-suppressed or with a contrast agent"

    def say(self, weighting: str, by: str, certainty: float) -> None:
        """Notes the weighting, and what told it; empty where nothing did."""
        self.weighting, self.by, self.certainty = weighting, by, certainty


def decide(candidates: list[Candidate], eye: Eye) -> list[Decision]:
    """What each candidate of a study is, in their order."""
    sagittal = [one for one in candidates if one.series.orientation == SAGITTAL]
    for one in candidates:
        _judge_by_header(one)
    for one in sagittal:
        _judge_by_pixels(one, eye)
    _leave_out_other_places([one for one in sagittal if one.look and not one.out])
    tell_apart([one for one in sagittal if one.look and not one.out])
    for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
        _take_best([one for one in sagittal if one.kind == kind])
    taken = [one for one in sagittal if one.kind]
    for one in candidates:
        if one not in sagittal:
            _judge_axial(one, taken, eye)
    return [_decision(one) for one in candidates]


def _decision(one: Candidate) -> Decision:
    unused = f"{one.series.orientation} {one.weighting}: no grader uses it"
    return Decision(one.kind, one.why if one.kind else one.out or unused, round(one.certainty, 2))


def _judge_by_header(one: Candidate) -> None:
    found = one.found.acquisition
    if weighting := weighting_by_codes(found):
        one.say(weighting, "times and codes", _BY_CODES)
    elif weighting := weighting_by_words(found):
        one.say(weighting, "description", _BY_WORDS)


def _judge_by_pixels(one: Candidate, eye: Eye) -> None:
    """Looks at a sagittal series whose header does not tell the weighting, or the part of the body."""
    named = region(one.found.acquisition) == LUMBAR
    if one.weighting == OTHER or (one.weighting and named):
        return
    one.look = eye.look(one.series)
    if one.look is None:
        one.out = "its weighting cannot be told" if named else "no lumbar spine is found in it"
    elif not one.weighting:
        one.say(one.look.weighting, _PIXELS, one.look.certainty)
    elif one.certainty == _BY_WORDS and one.look.weighting != one.weighting and one.look.certainty > _CONTRADICTS:
        one.say(one.look.weighting, "pixels, against its description", _ASSUMED)


def _leave_out_other_places(seen: list[Candidate]) -> None:
    """Of series that show columns in different places, those stay that lie where the surest one does."""
    best = max(seen, key=lambda one: one.look.confidence, default=None)
    for one in seen:
        if np.linalg.norm(one.look.canal - best.look.canal, axis=1).mean() > _SAME_PLACE_MM:
            one.out = "it shows another part of the spine than a surer series"


def tell_apart(seen: list[Candidate]) -> None:
    """Where pixels call all sagittal series of a study the same, a doubtful one that stands apart is the other.

    In 500 synthetic studies, a third of which only pixels told, the bound alone failed seven times: it was missed by
    factors up to 1.25, and the two series of these studies were 1.45 to 16 times apart.
    """
    if len(seen) < 2 or len({one.weighting for one in seen}) > 1:
        return
    doubtful, *_, plain = sorted(seen, key=lambda one: _times(one.look.brightness, FLUID_BRIGHT))
    is_doubtful = _times(doubtful.look.brightness, FLUID_BRIGHT) <= _DOUBTFUL
    if doubtful.by == _PIXELS and is_doubtful and _times(doubtful.look.brightness, plain.look.brightness) >= _APART:
        doubtful.say(T1 if doubtful.weighting == T2 else T2, "pixels, beside its other series", _ASSUMED)


def _times(one: float, other: float) -> float:
    """How many times the larger is the smaller."""
    return max(one, other) / min(one, other)


def _take_best(rivals: list[Candidate]) -> None:
    """Leaves out all but the best sagittal series of a kind: usual looks and field, then coverage, then resolution."""
    best = max(rivals, key=_worth, default=None)
    for one in rivals:
        if one is not best:
            one.out = f"another {one.kind} covers more or is finer"
        elif not one.is_plain:
            one.certainty = _ASSUMED


def _worth(one: Candidate) -> tuple:
    planes, usual = one.series.planes, one.found.field_mm <= USUAL_MM
    across = float(np.ptp([plane.center @ planes[0].normal for plane in planes]))
    fine = -round(float(np.mean(planes[0].spacing)), 2)
    return one.is_plain, usual, min(across, _ENOUGH_MM) // 10, fine, len(planes), one.found.key


def _judge_axial(one: Candidate, sagittal: list[Candidate], eye: Eye) -> None:
    images = [plane for other in sagittal for plane in other.series.planes]
    inside = [any(image.shows(plane.center) for image in images) for plane in one.series.planes]
    if images and np.mean(inside) < _LEAST_INSIDE:
        one.out = "it lies outside the sagittal images of the lumbar spine"
    elif not images and region(one.found.acquisition) != LUMBAR:
        one.out = "nothing says that it shows the lumbar spine"
    elif not one.weighting:
        look = next((other.look or eye.look(other.series) for other in sagittal), None)
        found = look and axial_brightness(one.series, look.canal)
        if found:
            bound = FLUID_BRIGHT_AXIAL
            one.say(T2 if found >= bound else T1, _PIXELS, certainty(found / bound))
        else:
            one.say(T2, "", _ASSUMED)
