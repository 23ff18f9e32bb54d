"""Which images are tested on, which validate, and which train: by image, as the paper seems to, or by study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.paper.recipe import TEST_IMAGES, TEST_SHARE, VALIDATION_SHARE

STUDY, IMAGE = "study", "image"
FEWEST = 4
"""Images of a class that are needed: one or more to test on, to validate with and to learn from."""


@dataclass(frozen=True)
class Holdout:
    """Indices into the image rows.

    Attributes:
        by: `STUDY` or `IMAGE`.
        train, validate: original images, to make the training copies of and for early stopping.
        test: the same number of each class.
        unused: with `STUDY`, the other images of the test studies: neither tested on nor learnt from.
    """

    by: str
    train: np.ndarray
    validate: np.ndarray
    test: np.ndarray
    unused: np.ndarray


def hold_out(rows: pl.DataFrame, by: str, seed: int = 0) -> Holdout:
    """Splits the images.

    Args:
        rows: study_id and severity of each image.
        by: `STUDY`: no study has images on two sides; `IMAGE`: images are drawn one by one.
        seed: of the draw.

    Raises:
        InputError: where a class has too few images.
    """
    severity = rows["severity"].to_numpy()
    unit = rows["study_id"].to_numpy() if by == STUDY else np.arange(rows.height)
    rng = np.random.default_rng(seed)
    every = np.arange(rows.height)
    fewest = min(_counts(severity).values())
    if fewest < FEWEST:
        raise _too_few(fewest)
    size = min(TEST_IMAGES, max(1, int(TEST_SHARE * fewest)))
    held = _drawn(every, unit, severity, dict.fromkeys(rsna.SEVERITIES, size), rng)
    test = np.concatenate([held[severity[held] == name][:size] for name in rsna.SEVERITIES])
    rest = np.setdiff1d(every, held)
    wanted = {name: max(1, round(VALIDATION_SHARE * count)) for name, count in _counts(severity[rest]).items()}
    validate = _drawn(rest, unit, severity, wanted, rng)
    train = np.setdiff1d(rest, validate)
    if min(_counts(severity[train]).values()) == 0:
        raise _too_few(fewest)
    return Holdout(by, train, np.sort(validate), np.sort(test), np.setdiff1d(held, test))


def _drawn(
    rows: np.ndarray, unit: np.ndarray, severity: np.ndarray, wanted: dict[str, int], rng: np.random.Generator
) -> np.ndarray:
    """All rows of randomly drawn units (studies or images): until `wanted` is met, rarest severity first."""
    order = rng.permutation(np.unique(unit[rows]))
    chosen: list = []
    for name in sorted(wanted, key=lambda name: (severity[rows] == name).sum()):
        mine = rows[severity[rows] == name]
        have = int(np.isin(unit[mine], chosen).sum())
        for one in order:
            here = int((unit[mine] == one).sum())
            if have < wanted[name] and here and one not in chosen:
                chosen.append(one)
                have += here
    return rows[np.isin(unit[rows], chosen)]


def _counts(severity: np.ndarray) -> dict[str, int]:
    return {name: int((severity == name).sum()) for name in rsna.SEVERITIES}


def _too_few(found: int) -> InputError:
    expected = f"at least {FEWEST} images of each class, of several studies"
    return InputError("DATA", expected, f"{found} of one of them", "Give more studies.")
