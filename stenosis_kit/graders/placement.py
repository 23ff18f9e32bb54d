"""How far prediction cuts from label points, and held-out answers as if it had cut them there.

Held-out crops were cut about label points, test crops are cut about points that were found. What is fitted on answers
to the former (pools, second stage, moments) would trust networks too much, were those crops not moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.crops.views import View

PlacementErrors = dict[str, list[list[float]]]
"""{view: rows of outward, back and up, mm}: how far found points lay from label points."""

_SD_MM = (1.0, 5.0)  # least and most; chosen by hand
_TOGETHER = 512  # crops that are moved at a time


def deviations(errors: Sequence[Sequence[float]]) -> np.ndarray:
    """(3,) robust standard deviations about zero of rows outward, back and up, mm: max(|p16|, |p84|), within 1 to 5."""
    return np.clip(np.abs(np.percentile(errors, (16, 84), axis=0)).max(axis=0), *_SD_MM)


def moved(crops: np.ndarray, view: View, errors: np.ndarray) -> np.ndarray:
    """Crops as if cut elsewhere: what lies beyond their edge repeats it, and so does the last slice.

    Args:
        crops: (n, px, px, slices) of the view.
        view: says how a crop's axes run.
        errors: (n, 3) outward, back and up, mm.
    """
    outward, back, up = np.transpose(errors)
    axial = view.series_kind == rsna.AXIAL_T2
    columns, rows, depth = (outward, back, up) if axial else (back, -up, outward)
    steps = np.array([rows, columns, depth]) / np.array([[view.mm / view.px], [view.mm / view.px], [view.step_mm]])
    places = [
        np.clip(np.arange(size) + np.rint(step)[:, None], 0, size - 1).astype(int)
        for size, step in zip(view.shape, steps, strict=True)
    ]
    y, x, z = places
    return crops[np.arange(len(crops))[:, None, None, None], y[:, :, None, None], x[:, None, :, None], z[:, None, None]]


def answers_where_found(
    answer: Callable[[np.ndarray], np.ndarray],
    crops: np.ndarray,
    rows: np.ndarray,
    view: View,
    errors: Sequence[Sequence[float]] | None,
    seed: int,
) -> np.ndarray:
    """(n, 3) answers to crops, each moved by an error drawn at random.

    To either side, so that it makes no difference which way errors are counted. A study's crops are moved each for
    itself, though what is found errs alike at neighbouring levels.

    Args:
        answer: a network's, see `network.answering`.
        crops: of the view.
        rows: (n,) indices of those to answer.
        view: theirs.
        errors: as measured. None or none: the crops stay where they are.
        seed: of the drawing.
    """
    parts = [rows[first : first + _TOGETHER] for first in range(0, len(rows), _TOGETHER)] or [rows]
    if not errors:
        return np.concatenate([answer(crops[part]) for part in parts])
    rng, measured = np.random.default_rng(seed), np.array(errors)
    answers = []
    for part in parts:
        drawn = measured[rng.integers(len(measured), size=len(part))] * rng.choice([-1, 1], (len(part), 1))
        answers.append(answer(moved(np.asarray(crops[part]), view, drawn)))
    return np.concatenate(answers)
