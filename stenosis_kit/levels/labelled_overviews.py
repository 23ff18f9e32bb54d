"""Overviews with the canal's label points: what the localiser learns from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from stenosis_kit.images.series import Series
from stenosis_kit.levels.label_points import canal_labels
from stenosis_kit.levels.midline import midline
from stenosis_kit.levels.overview import PX, SLICES, Overview, study_overviews, to_pixels
from stenosis_kit.tables.study import Study


@dataclass(frozen=True, eq=False)
class Overviews:
    """Overviews of labelled studies; a study's lie side by side.

    Attributes:
        pixels: (n, SLICES, PX, PX) uint8.
        study: (n,) study ids.
        kind: (n,) kinds of series.
        frames: (n, SLICES, 3, 3), see `levels.overview.Overview`.
        canal: (n, 5, 3) label points of the canal, patient mm; NaN where there is none.
        midline: (n, 5) patient x of the midline there, mm; NaN where no axial slice shows it.
    """

    pixels: np.ndarray
    study: np.ndarray
    kind: np.ndarray
    frames: np.ndarray
    canal: np.ndarray
    midline: np.ndarray

    @property
    def labelled(self) -> set[int]:
        """Ids of the studies that have a label point of the canal."""
        pairs = zip(self.study.tolist(), self.canal, strict=True)
        return {study for study, canal in pairs if np.isfinite(canal).any()}

    def points(self) -> np.ndarray:
        """(n, SLICES, 5, 2) label points as pixels (x, y) of each slice."""
        found = [to_pixels(frames, canal) for frames, canal in zip(self.frames, self.canal, strict=True)]
        return np.array(found, np.float32).reshape(-1, SLICES, self.canal.shape[1], 2)

    def of_studies(self, studies: Iterable[int]) -> dict[int, list[Overview]]:
        """The overviews of some studies, those that have any."""
        found: dict[int, list[Overview]] = {}
        for row in np.flatnonzero(np.isin(self.study, list(studies))):
            one = Overview(str(self.kind[row]), self.pixels[row], self.frames[row])
            found.setdefault(int(self.study[row]), []).append(one)
        return found


FIELDS = tuple(field.name for field in fields(Overviews))


def labelled_overviews(study: Study, series: Sequence[Series]) -> Overviews:
    """Those of one study with its label points, from its series; of a larger field of view the window about them."""
    seen, canal = study_overviews(series), canal_labels(series, study.points)
    if np.isfinite(canal).all(axis=1).any():
        seen = [one.about(canal) for one in seen]
    else:
        seen = [one for one in seen if one.is_window]
    return Overviews(
        pixels=np.array([one.pixels for one in seen], np.uint8).reshape(-1, SLICES, PX, PX),
        study=np.full(len(seen), study.study_id),
        kind=np.array([one.kind for one in seen], str),
        frames=np.array([one.frames for one in seen], float).reshape(-1, SLICES, 3, 3),
        canal=np.tile(canal, (len(seen), 1, 1)),
        midline=np.tile(midline(series, canal), (len(seen), 1)),
    )


NO_OVERVIEWS = labelled_overviews(Study(Path(), 0, ()), [])


def joined_overviews(parts: Sequence[Overviews]) -> Overviews:
    """Those of several (at least one) as one."""
    return Overviews(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))
