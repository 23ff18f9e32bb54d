"""A crop store of labelled crops that others cut, as `format` would have left it, without overviews."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.files import write_json
from stenosis_kit.base.manifest import RUN_NAME, fingerprint
from stenosis_kit.crops.given_crops import GivenCrops
from stenosis_kit.crops.store import MANIFEST, MANIFEST_NAME

OVERVIEWS = (1, 5, 160, 160)


def write_store(folder: Path, views: Sequence[GivenCrops], studies: Collection[int]) -> Path:
    """Writes the crops of some studies as a store; levels cannot be taught with it."""
    (folder / "overviews").mkdir(parents=True)
    np.save(folder / "overviews" / "pixels.npy", np.zeros(OVERVIEWS, np.uint8))
    facts = {name: np.array([]) for name in ("study", "kind", "frames", "canal", "midline")}
    np.savez(folder / "overviews" / "facts.npz", **facts)
    rows = []
    for one in views:
        chosen = np.flatnonzero(np.isin(one.study, list(studies)))
        if len(chosen):
            np.save(folder / f"{one.view.name}.npy", one.crops[chosen])
            rows += [_row(one, place, row) for row, place in enumerate(chosen.tolist())]
    pl.DataFrame(rows, schema=MANIFEST).write_parquet(folder / MANIFEST_NAME)
    made_of = fingerprint(*sorted(map(str, studies)))
    write_json(folder / RUN_NAME, {"studies": len(studies), "fingerprint": made_of})
    return folder


def _row(one: GivenCrops, place: int, row: int) -> dict:
    severity = int(one.severity[place])
    numbers = dict.fromkeys((name for name, kind in MANIFEST.items() if kind.is_float()), 0.0)
    return numbers | {
        "study_id": int(one.study[place]),
        "condition": str(one.condition[place]),
        "level": rsna.LEVELS[one.level[place]],
        "view": one.view.name,
        "series_id": 0,
        "instance_number": 0,
        "point_source": "label",
        "severity": rsna.SEVERITIES[severity],
        "weight": float(rsna.SEVERITY_WEIGHTS[severity]),
        "row": row,
    }
