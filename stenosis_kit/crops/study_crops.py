"""The crops of one study: every view of every cell, cut where `centres` puts it.

`cut_study` is what worker processes run, for training and prediction alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.crops.centres import Lost, Site, label_sites, of_kind, predicted_sites
from stenosis_kit.crops.crop import Crop, cut
from stenosis_kit.images.brightness import Brightness, brightness_of
from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.series import Series, in_short, read_study, skipped_files
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.fallback import canal_of
from stenosis_kit.levels.label_points import labelled_canal
from stenosis_kit.levels.labelled_overviews import NO_OVERVIEWS, Overviews, labelled_overviews
from stenosis_kit.levels.points import PATIENT_MM

CUTTING_VERSION = 2
"""Of the pixels that `cut_study` makes of a study. Raise it with every change to crops: networks that learnt from other
crops would answer worse without a word. Stores and models name the version that they were made with; those that name
none are of version 1."""

_MOST_PADDING = 0.5
"""Of a crop: with more its middle lies outside the image. The most in 240 synthetic and three real studies is .04."""


@dataclass
class StudyCrops:
    """What was cut from a study.

    Attributes:
        study_id: the study.
        arrays: {view: (n, px, px, slices) uint8}.
        rows: the manifest's rows (see `store`), `row` counting inside this study's array of the view.
        lost: what was not cut.
        skipped_files: {series_id/file name: why}.
        seconds: that it took.
        readable: slices that can be read.
        overviews: of a labelled study, what the localiser learns from.
        accidents: {series_id/file name, or what else: why} of what could not be read this time: cut again, the study
            may have more crops, or better ones.
        trust: (5,) the chance that a level is where the crops were cut, as far as is known: below 1 where no localiser
            found it, and it had to be guessed.
        images: fingerprint of the image files that it was cut from, see `made_of`; empty where it is not known.
    """

    study_id: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    skipped_files: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    readable: int = 0
    overviews: Overviews = NO_OVERVIEWS
    accidents: dict[str, str] = field(default_factory=dict)
    trust: np.ndarray = field(default_factory=lambda: np.ones(len(rsna.LEVELS)))
    images: str = ""

    def accident(self) -> str:
        """The accidents in short; empty where there were none."""
        return in_short(self.accidents)


def cut_study(located: LocatedStudy, views: Collection[str] | None = None) -> StudyCrops:
    """Reads a study's headers, decides where its views are cut, and cuts them.

    Args:
        located: the study; a labelled one is cut for training.
        views: names of those that are cut for prediction, see `views`; None: all.
    """
    wanted = located.study
    study = read_study(wanted.images, wanted.study_id, wanted.series)
    result = StudyCrops(wanted.study_id)
    if wanted.severities is None:
        canal = canal_of(study, located.canal)
        sites = predicted_sites(study, canal, located.carry, views)
        if canal and not located.canal:
            result.trust = canal.confidence
    else:
        canal = labelled_canal(study, wanted.points) or canal_of(study, located.canal)
        sites = label_sites(study, wanted.severities, wanted.points, located.canal)
        result.overviews = labelled_overviews(wanted, study)
    looks = cache(partial(brightness_of, canal=canal.points)) if canal else Brightness.of_series
    pixels: dict[str, list[np.ndarray]] = {}
    for site in sites:
        crop = _cut_site(study, site, looks) if isinstance(site, Site) else site
        if isinstance(crop, Lost):
            result.lost.append(crop)
            continue
        stack = pixels.setdefault(site.view.name, [])
        severity = (wanted.severities or {}).get((site.condition, site.level))
        result.rows.append(_manifest_row(wanted.study_id, site, crop, severity, len(stack)))
        stack.append(crop.pixels)
    result.arrays = {view: np.stack(stack) for view, stack in pixels.items()}
    result.skipped_files = skipped_files(study)
    result.readable = sum(len(one.slices) for one in study)
    result.accidents = skipped_files(study, Kind.UNREAD)
    if located.accident:
        result.accidents["levels"] = located.accident
    return result


def _cut_site(study: Sequence[Series], site: Site, looks: Callable[[Series], Brightness]) -> Crop | Lost:
    """Cuts a site; where its series cannot be read there or does not show it, another one of the kind that does.

    `looks` gives the brightness of a series' crops.
    """
    mirrored = rsna.CONDITION_BY_NAME[site.condition].side == rsna.RIGHT
    others = [series for series in of_kind(study, site.view) if series is not site.series]
    why = "its slices cannot be read"
    for series in (site.series, *others):
        try:
            crop = cut(series, site.point, site.view, looks(series), mirrored)
        except UnreadableSlice:
            continue
        if crop and crop.padding <= _MOST_PADDING:
            return crop
        if crop:
            why = "it lies outside its image"
    return Lost(site.condition, site.level, site.view.name, why)


def _manifest_row(study_id: int, site: Site, crop: Crop, severity: str | None, row: int) -> dict[str, Any]:
    """See `store.MANIFEST`."""
    weight = rsna.SEVERITY_WEIGHTS[rsna.SEVERITIES.index(severity)] if severity else None
    return {
        "study_id": study_id,
        "condition": site.condition,
        "level": site.level,
        "view": site.view.name,
        "series_id": crop.series_id,
        "instance_number": crop.slice.number,
        "x": crop.x,
        "y": crop.y,
        **dict(zip(PATIENT_MM, site.point.tolist(), strict=True)),
        "point_source": site.source,
        "severity": severity,
        "weight": weight,
        "padding": crop.padding,
        "row": row,
    }
