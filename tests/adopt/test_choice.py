"""Which weighting a sagittal series has that nothing but pixels tells."""

from types import SimpleNamespace

import numpy as np
import pytest

from stenosis_kit.adopt.choice import Candidate, tell_apart
from stenosis_kit.adopt.look import Look
from stenosis_kit.adopt.words import T1, T2


def seen(brightness):
    candidate = Candidate(SimpleNamespace(), SimpleNamespace())
    candidate.look = Look(np.zeros((5, 3)), 0.9, brightness)
    candidate.say(candidate.look.weighting, "pixels", candidate.look.certainty)
    return candidate


@pytest.mark.parametrize(
    ("brightness", "weightings"),
    [
        ((1.31, 21.5), [T1, T2]),
        ((1.21, 0.3), [T2, T1]),
        ((2.05, 1.41), [T2, T1]),
        ((0.4, 4.6), [T1, T2]),
        ((4.0, 12.0), [T2, T2]),
        ((1.3, 1.5), [T2, T2]),
        ((1.3,), [T2]),
        ((1.31, 4.0, 0.4), [T2, T2, T1]),
    ],
    ids=["a bright T1", "a dark T2", "both near", "clear", "T2 and STIR", "two alike", "alone", "one of each is there"],
)
def test_two_series_that_look_the_same_are_told_apart_where_one_is_doubtful(brightness, weightings):
    candidates = [seen(each) for each in brightness]
    tell_apart(candidates)
    assert [one.weighting for one in candidates] == weightings


def test_what_its_header_tells_stays():
    doubtful, plain = seen(1.3), seen(8.0)
    doubtful.say(T2, "times and codes", 0.98)
    tell_apart([doubtful, plain])
    assert doubtful.weighting == T2
