"""Axial DICOM to PNG, as the paper does it: K-Means gives each level a slice, the canal's label gives it a class."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import replacing
from stenosis_kit.base.tasks import TimeUp, run_tasks
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import midpoint
from stenosis_kit.images.series import Series, read_study
from stenosis_kit.images.slice import Slice, read_pixels
from stenosis_kit.levels.kmeans import level_slices
from stenosis_kit.levels.label_points import in_patient
from stenosis_kit.paper.recipe import CLASSES, SIDE_PX, folder_of
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import LabelPoint, Study

log = logging.getLogger(__name__)

ROWS = {
    "study_id": pl.Int64,
    "level": pl.String,
    "severity": pl.String,
    "file": pl.String,  # below the image folder
    "own_mm": pl.Float64,  # from the slice's plane to the true point of its level; null where that is not known
    "nearest_level": pl.String,  # the level whose true point is nearest to the slice; null where none is known
}
_CANAL = rsna.condition_of("spinal", None).name
_SIDES = tuple(rsna.condition_of("subarticular", side).name for side in (rsna.LEFT, rsna.RIGHT))


def make_images(root: Root, folder: Path, budget: Budget) -> pl.DataFrame:
    """Writes the images of all labelled canals to `folder`/<class>/<study>_<level>.png, 256 x 256 RGB.

    Returns:
        A row an image, columns as `ROWS`, by study and level.

    Raises:
        InputError: where a class has no images.
        TimeTooShort: where the time is up before all studies are done.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for label in CLASSES:
        (folder / folder_of(label)).mkdir(parents=True)
    studies = root.labelled_studies()
    made: list[dict[str, Any]] = []
    missing: Counter[str] = Counter()
    results = run_tasks(partial(_study_images, folder=folder), studies, budget=budget)
    for study, found in tqdm(results, "paper: images", len(studies), unit="study", disable=None, leave=False):
        if isinstance(found, TimeUp):
            raise TimeTooShort(f"time to read {len(studies)} studies", "none left before training", "Give more time.")
        if isinstance(found, Exception):
            log.warning("paper: study %d: %s", study.study_id, found)
            continue
        made += found[0]
        missing.update(found[1])
    for why, count in missing.most_common():
        log.info("paper: %d levels without an image: %s", count, why)
    rows = pl.DataFrame(made, schema=ROWS, orient="row").sort("study_id", "level")
    lacking = sorted(set(rsna.SEVERITIES) - set(rows["severity"]))
    if lacking:
        raise InputError(
            root.folder, "axial images of all three classes", f"none of {lacking[0]}", "Give more studies."
        )
    return rows


def _study_images(study: Study, folder: Path) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Writes a study's images; gives their rows as `ROWS`, and how many levels have none, by reason. In a worker."""
    axial = [one for one in study.series if one[1] == rsna.AXIAL_T2]
    series = read_study(study.images, study.study_id, axial)
    merged = Series(0, rsna.AXIAL_T2, [item for one in series for item in one.slices], {})
    try:
        picks = level_slices(merged)
    except ValueError:
        return [], Counter({"fewer than five axial slices": len(rsna.LEVELS)})
    truth = _true_points(series, study.points)
    made, missing = [], Counter()
    for level, index in zip(rsna.LEVELS, picks, strict=True):
        severity = study.severities.get((_CANAL, level))
        if severity is None:
            missing["no label of the canal"] += 1
            continue
        item = merged.slices[index]
        label = rsna.SEVERITY_LABELS[rsna.SEVERITIES.index(severity)]
        name = f"{folder_of(label)}/{study.study_id}_{level}.png"
        try:
            _write_png(folder / name, read_pixels(item))
        except UnreadableSlice:
            missing["its slice cannot be read"] += 1
            continue
        row = {"study_id": study.study_id, "level": level, "severity": severity, "file": name}
        made.append(row | _checked(item, level, truth))
    return made, missing


def _write_png(path: Path, signal: np.ndarray) -> None:
    """Greyscale normalisation, 256 x 256, three equal channels."""
    low, high = float(signal.min()), float(signal.max())
    grey = ((signal - low) * (255 / max(high - low, 1e-6))).round().astype(np.uint8)
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    with replacing(path) as partial:
        partial.write_bytes(cv2.imencode(".png", np.repeat(small[..., None], 3, axis=2))[1].tobytes())


def _true_points(series: list[Series], points: dict[tuple[str, str], LabelPoint]) -> dict[str, np.ndarray]:
    """{level: (3,) mm} midway between the two subarticular label points, of the levels that have both."""
    found = {}
    for level in rsna.LEVELS:
        pair = [in_patient(series, points[side, level]) for side in _SIDES if (side, level) in points]
        if len(pair) == len(_SIDES) and all(pair):
            found[level] = midpoint(*(place for _, place in pair))
    return found


def _checked(item: Slice, level: str, truth: dict[str, np.ndarray]) -> dict[str, Any]:
    """How far the slice lies from its level, and which level it shows."""
    away = {name: abs(float(item.plane.distance(point))) for name, point in truth.items()}
    return {"own_mm": away.get(level), "nearest_level": min(away, key=away.__getitem__) if away else None}
