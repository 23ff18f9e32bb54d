"""A phantom, handed out as a PACS would, through adopt: are all series what they were, and are predictions equal?

PYTHONPATH=tests python -m campaigns.adopted FOLDER [--studies 60] [--faults none] [--model MODEL]
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import polars as pl
from pacs import FORMS, write_pacs

from stenosis_kit import rsna
from stenosis_kit.adopt.adopted import Adopted
from stenosis_kit.adopt.command import adopt
from stenosis_kit.adopt.series import integer_id
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.study import Order


def misses(made: dict, adopted: Adopted) -> list[str]:
    """A line for each series that is not what it was."""
    rows = adopted.table.select("study_id", "series_id", "series_description", "why").iter_rows()
    said = {(study, series): (kind, why) for study, series, kind, why in rows}
    found = []
    for study, (uid, series) in made.items():
        for one, kind in series.items():
            got, why = said.get((integer_id(uid), integer_id(uid, one)), ("nothing", "not in the table"))
            if got != kind:
                found.append(f"study {study}: expected {kind or 'none'}; found {got or 'none'}: {why}")
    return found


def differences(made: dict, original: pl.DataFrame, again: pl.DataFrame) -> float:
    """The largest difference of two submissions, of the phantom's studies and of the adopted ones."""
    ids = {str(integer_id(uid)): str(study) for study, (uid, _) in made.items()}
    names = [f"{ids[row.partition('_')[0]]}_{row.partition('_')[2]}" for row in again["row_id"]]
    both = again.with_columns(row_id=pl.Series(names)).join(original, on="row_id", suffix="_then", how="full")
    away = [np.abs(both[name] - both[f"{name}_then"]).max() for name in rsna.SEVERITIES]
    assert both.height == original.height == again.height
    return float(max(away))


def main() -> None:
    """Prints what was missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--faults", default="none")
    parser.add_argument("--model", type=Path)
    chosen = parser.parse_args()
    root, out, again = (chosen.folder / name for name in ("phantom", "pacs", "adopted"))
    settings = {"studies": 0, "test_studies": chosen.studies, "seed": chosen.seed, "faults": chosen.faults}
    phantom(root, **settings, workers=1)

    def order(place: int) -> Order:
        return Order(chosen.seed, place, "test", "tiny", chosen.faults)

    made = write_pacs(root, out, chosen.seed, order, FORMS)
    began = time.monotonic()
    adopted = adopt(out, again)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(*adopted.lines(), f"{time.monotonic() - began:.0f} s, {peak:.0f} MB", sep="\n")
    lines = misses(made, adopted)
    print(*lines, f"{len(lines)} of {adopted.table.height} series missed", sep="\n")
    if chosen.model:
        from stenosis_kit.road.predict import predict

        for data in (root, again):
            predict(data, [chosen.model], chosen.folder / f"{data.name}.csv")
        original, later = (pl.read_csv(chosen.folder / f"{name}.csv") for name in ("phantom", "adopted"))
        print(f"largest difference of predictions: {differences(made, original, later):.2g}")


if __name__ == "__main__":
    main()
