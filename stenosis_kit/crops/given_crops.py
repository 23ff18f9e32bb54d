"""Labelled crops that others cut, as files <view>_<share>.npz: what graders are worth on real images shows on them.

A file holds crops (n, px, px) or (n, px, px, slices) uint8 of the view's side in mm, study, condition, level
(0 = L1/L2) and severity (0, 1, 2), each (n,). A crop of one slice stands for its neighbours too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from stenosis_kit import rsna
from stenosis_kit.base.arrays import DAMAGED
from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.crops.views import VIEW_BY_NAME, View


@dataclass(frozen=True, eq=False)
class GivenCrops:
    """Labelled crops of a view, as the kit would have cut them: (n, px, px, slices), and (n,) each of the others."""

    view: View
    crops: np.ndarray
    study: np.ndarray
    condition: np.ndarray
    level: np.ndarray
    severity: np.ndarray

    @classmethod
    def read(cls, path: Path, view: View) -> GivenCrops:
        """Reads a view's file."""
        with np.load(path) as file:
            crops = np.stack([_as_cut(crop, view) for crop in file["crops"]])
            return cls(view, crops, *(file[name] for name in ("study", "condition", "level", "severity")))

    @property
    def weight(self) -> np.ndarray:
        """(n,) the metric's."""
        return np.array(rsna.SEVERITY_WEIGHTS)[self.severity]

    @property
    def places(self) -> np.ndarray:
        """(n,) of the cells in `rsna.CELLS`."""
        pairs = zip(self.condition.tolist(), self.level.tolist(), strict=True)
        return np.array([rsna.CELLS.index((condition, rsna.LEVELS[level])) for condition, level in pairs])

    def loss(self, answers: np.ndarray) -> float:
        """Weighted log loss of answers (n, 3); rows of NaN do not count."""
        known = np.isfinite(answers).all(axis=1)
        right = answers[np.arange(len(answers)), self.severity][known]
        return float(np.average(-np.log(np.clip(right, 1e-15, 1)), weights=self.weight[known]))

    def prior(self) -> np.ndarray:
        """(n, 3) the weighted shares of each condition and level among these crops."""
        found = np.empty((len(self.severity), len(rsna.SEVERITIES)))
        for place in np.unique(self.places):
            here = self.places == place
            weights = np.bincount(self.severity[here], self.weight[here], minlength=len(rsna.SEVERITIES)) + 0.5
            found[here] = weights / weights.sum()
        return found


def _as_cut(crop: np.ndarray, view: View) -> np.ndarray:
    """(px, px, slices) of a view from a crop of any size, of one slice or of all."""
    layers = np.repeat(crop[..., None], view.slices, axis=-1) if crop.ndim == 2 else crop
    factor = view.px / crop.shape[0]
    return layers if factor == 1 else zoom(layers, (factor, factor, 1), order=1, grid_mode=True, mode="nearest")


def read_given(folder: Path, share: str, views: Collection[str]) -> list[GivenCrops]:
    """The crops of those of some views that a folder has a file of.

    Raises:
        InputError: where it has none, or one cannot be read.
    """
    found = []
    for view in (view for name, view in VIEW_BY_NAME.items() if name in views):
        path = folder / f"{view.name}_{share}.npz"
        try:
            found += [GivenCrops.read(path, view)] if path.is_file() else []
        except DAMAGED as error:
            raise InputError(path, "labelled crops", first_line(error), "Make it again.") from None
    if not found:
        expected = f"<view>_{share}.npz of one of {', '.join(sorted(views))}"
        raise InputError(folder, expected, "none", "Is it the folder?")
    return found
