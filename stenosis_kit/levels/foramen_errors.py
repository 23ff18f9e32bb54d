"""How far foramina are found from label points, on a store's crops: patches are taken out of crops beside the labels.

Places are written (outward, back, down) from the label point along the patient's axes, mm, as the channels, columns and
rows of a crop run; those of the right side are mirrored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import ndimage

from stenosis_kit import rsna
from stenosis_kit.levels.carry import FORAMINAL, Carry, in_frame
from stenosis_kit.levels.foramen_finder import LEAST_CONFIDENCE, ForamenFinder
from stenosis_kit.levels.foramen_patches import PX, STEP_MM, Patches
from stenosis_kit.levels.label_points import LABEL
from stenosis_kit.levels.points import PATIENT_MM

CROP_MM, CROP_STEP_MM = 64.0, 4.5
"""Side of the crops of foramina, and the distance of their slices, see `crops.views`."""


@dataclass(frozen=True, eq=False)
class Expected:
    """Where foramina are expected, carried from the canal.

    Attributes:
        rows: (n,) indices of their crops.
        places: (n, 3) from the label points, see the module.
        frames: (n, 3, 3) from such places to (outward, back, up) in the canal's frame.
    """

    rows: np.ndarray
    places: np.ndarray
    frames: np.ndarray

    def in_frame(self, places: np.ndarray) -> np.ndarray:
        """(n, 3) outward, back and up in the canal's frame, see `carry`, of places (n, 3)."""
        return np.einsum("nij,nj->ni", self.frames, places)


def label_crops(manifest: pl.DataFrame, studies: Collection[int]) -> np.ndarray:
    """(n,) indices of a store's crops about the foraminal label points of some studies."""
    return _labelled(manifest, studies)["row"].to_numpy()


def _labelled(manifest: pl.DataFrame, studies: Collection[int]) -> pl.DataFrame:
    kept = (pl.col("view") == FORAMINAL) & (pl.col("point_source") == LABEL) & pl.col("study_id").is_in(list(studies))
    return manifest.filter(kept)


def expected_places(canals: Mapping[int, np.ndarray], carry: Carry, manifest: pl.DataFrame) -> Expected:
    """Where the labelled foramina of a store's crops are expected.

    Args:
        canals: {study: (5, 3) canal points that a localiser found}; studies without are passed over.
        carry: the way from there.
        manifest: of the store.
    """
    rows, places, frames = [], [], []
    for row in _labelled(manifest, canals).iter_rows(named=True):
        canal, index = canals[row["study_id"]], rsna.LEVELS.index(row["level"])
        side = rsna.CONDITION_BY_NAME[row["condition"]].side
        away = carry.point(canal, FORAMINAL, row["condition"], row["level"]) - [row[name] for name in PATIENT_MM]
        axes = np.diag([-1.0 if side == rsna.RIGHT else 1.0, 1.0, -1.0])
        rows.append(row["row"])
        places.append(axes @ away)
        frames.append(np.array([in_frame(canal, index, side, canal[index] + axis) for axis in axes]).T)
    return Expected(np.array(rows, int), np.reshape(places, (-1, 3)), np.reshape(frames, (-1, 3, 3)))


def found_places(finder: ForamenFinder, crops: np.ndarray, expected: Expected) -> np.ndarray:
    """(n, 3) where foramina are found, from their label points; where the finder is unsure, as they are expected.

    Args:
        finder: that looks.
        crops: (m, px, px, slices) uint8 of CROP_MM about label points, may be memory-mapped.
        expected: n of them.
    """
    patches = [patches_beside(crops[row], place) for row, place in zip(expected.rows, expected.places, strict=True)]
    found = finder.look(patches)
    sure = np.array([one.confidence >= LEAST_CONFIDENCE for one in found], bool)
    return np.where(sure[:, None], np.reshape([one.point for one in found], (-1, 3)), expected.places)


def patches_beside(crop: np.ndarray, place: Sequence[float]) -> Patches:
    """Patches as they are cut where a foramen is expected at a place (3,) from the middle of a crop.

    What lies outside the crop (px, px, slices) repeats its edge.
    """
    outward, back, down = place
    step = STEP_MM * crop.shape[0] / CROP_MM
    size = round(step)
    behind = (1 - size % 2) / 2  # pixels: the mean of two stands at the second of them
    middle = (crop.shape[0] - 1) / 2 + behind
    first = [middle + mm * crop.shape[0] / CROP_MM - (PX - 1) / 2 * step for mm in (down, back)]
    means = ndimage.uniform_filter(crop.astype(np.float32), (size, size, 1))
    layers = np.moveaxis(means, -1, 0)
    pixels = [ndimage.affine_transform(one, [step, step], first, (PX, PX), order=1, mode="nearest") for one in layers]
    across = (np.arange(crop.shape[2]) - crop.shape[2] // 2) * CROP_STEP_MM
    middles = np.column_stack([across, np.full_like(across, back), np.full_like(across, down)])
    return Patches(np.round(pixels).astype(np.uint8), middles, np.eye(3)[1:], np.abs(across - outward))
