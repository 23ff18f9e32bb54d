"""What the bundled graders answer to the labelled studies: it takes the prior's place in the pools of a started model.

Few labels are then seldom worse than none. What is learnt from three real studies and pooled with the prior has a
weighted log loss of .70 on canals of others, where the bundled graders alone, leaning on the prior, have .48; pooled
with these it has .48 too (means of four draws). README has the table; `campaigns.few` measures it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.out_of_fold import Answers, Labels
from stenosis_kit.answers.pools import Before
from stenosis_kit.answers.priors import cell_priors
from stenosis_kit.base.arrays import DAMAGED
from stenosis_kit.base.files import replacing
from stenosis_kit.crops.store import Store, in_parts
from stenosis_kit.graders.model import Model, bundled_model
from stenosis_kit.graders.warm_start import Start

_HALF_STUDIES = 120  # that make what was trained worth as much as the bundled graders; see `before`
_TRUST_CELLS = 300.0  # the weight of the powers before fitting, see `before`
_FITTING_STUDIES, _STAY = 10, 1e9  # from so many on powers are fitted; before they stay, by a weight that holds them
_CROP_S, _MOST_TIME = 1.4e-3, 0.1  # an answer takes, on two cores (measured); the largest share of the time, by hand
_NONE = np.empty((0, len(rsna.CELLS), len(rsna.SEVERITIES)))


def can_answer(start: Start | None) -> bool:
    """Whether what training starts from are bundled graders that lean."""
    return bool(start and start.bundled and start.description.lean)


def is_affordable(crops: int, seconds: float) -> bool:
    """Whether answers to so many labelled crops take little of the time, s."""
    return crops * _CROP_S < _MOST_TIME * seconds


def before(studies: int) -> Before:
    """The powers before fitting: the more studies there are to learn from, the less the bundled graders'.

    Chosen on 304 real studies, of which 3, 10, 30 and 100 were learnt from, in one or two draws each: for ten studies a
    weight of 100 cells let one draw's canals become .015 worse than by the bundled graders alone, 300 cells .002. Of
    fewer than ten they are not fitted: in five draws of three studies each, fitting made recesses .005 worse in the
    mean (.019 in one draw), while powers that stay make canals, foramina and recesses .0016, .0012 and .0002 better
    (.0018 worse at most).

    Args:
        studies: that are learnt from.
    """
    return Before(studies / (studies + _HALF_STUDIES), _TRUST_CELLS if studies >= _FITTING_STUDIES else _STAY)


@dataclass(frozen=True)
class StartAnswers:
    """The bundled graders' answers.

    Attributes:
        fingerprint: theirs, as model.json has it.
        answers: (studies, 25, 3), NaN where there is none; of no study where the time did not reach for them.
    """

    fingerprint: str
    answers: np.ndarray


def settled_answers(
    path: Path, start: Start | None, store: Store, manifest: pl.DataFrame, seconds: float
) -> StartAnswers | None:
    """The answers of the bundled graders, for the pools, where training starts from them and the time reaches.

    A run settles that once, in a file: gone on with, in whatever time, it makes the model that it would have made. A
    file that is damaged, or of other graders or studies, is made again.

    Args:
        path: of the file, a .npz.
        start: what training starts from.
        store: holds the crops.
        manifest: its labelled rows; studies stand in ascending order.
        seconds: the time.

    Returns:
        None: the prior stands in their place.

    Raises:
        InputError: where the bundled graders cannot be used, or the file cannot be written.
    """
    if not can_answer(start):
        return None
    found = _read(path)
    studies = manifest["study_id"].n_unique()
    if not found or found.fingerprint != start.description.fingerprint or len(found.answers) not in (0, studies):
        reaches = is_affordable(manifest.height, seconds)
        found = start_answers(store, manifest) if reaches else StartAnswers(start.description.fingerprint, _NONE)
        _write(path, found)
    return found if len(found.answers) else None


def _read(path: Path) -> StartAnswers | None:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:  # which np.load may leave open
            return StartAnswers(str(file["fingerprint"]), file["answers"])
    except DAMAGED:
        return None


def _write(path: Path, found: StartAnswers) -> None:
    with replacing(path, synced=False) as partial, partial.open("wb") as file:
        np.savez(file, fingerprint=np.array(found.fingerprint), answers=found.answers)


def start_answers(store: Store, manifest: pl.DataFrame) -> StartAnswers:
    """Has the bundled graders answer to a store's labelled studies, leaning on the prior.

    Args:
        store: holds the crops.
        manifest: its labelled rows; studies stand in ascending order.

    Raises:
        InputError: where the bundled graders cannot be used.
    """
    model, labels = bundled_model(), Labels.of(manifest)
    own = model.description
    views = sorted({each.grader.view for each in own.graders} & store.arrays.keys())
    by_view = {view: labels.table(manifest, _answers(model, store.arrays[view], manifest, view)) for view in views}
    return StartAnswers(own.fingerprint, own.leaning.answer(by_view, cell_priors(own.priors)))


def _answers(model: Model, crops: np.ndarray, manifest: pl.DataFrame, view: str) -> Answers:
    """A view's, to the labelled rows."""
    own = manifest.with_row_index("place").filter(view=view)
    graded = [model.grade(view, part, np.full(len(part), -1)) for part in in_parts(crops, own["row"].to_numpy())]
    return Answers(own["place"].to_numpy(), np.concatenate(graded))
