"""Competition roots of any size: the studies of another root, renamed, and repeated where it has too few."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.files import make_folder, write_frame
from stenosis_kit.phantom import phantom

_EVERY_CODED = 4  # the share of RLE among a phantom's studies


def make_cohort(folder: Path, studies: int) -> Path:
    """A synthetic cohort without faults, a quarter of it run-length coded; made once."""
    coded = {index: ("rle",) for index in range(0, studies, _EVERY_CODED)}
    return phantom(folder, studies=studies, test_studies=0, faults="none", force=coded)


def assemble(root: Path, studies: int, out: Path, first: int = 1) -> Path:
    """A root whose train split has so many studies of another's, linked.

    Args:
        root: whose train split is taken.
        studies: how many.
        out: a new folder.
        first: the first study's id; the others follow.
    """
    known = pl.read_csv(root / rsna.TRAIN_TABLE, columns=["study_id"])["study_id"].sort()
    names = pl.DataFrame({"study_id": list(islice(cycle(known), studies)), "new": range(first, first + studies)})
    for table in (rsna.TRAIN_TABLE, rsna.POINTS_TABLE, rsna.series_table("train")):
        write_frame(make_folder_of(out / table), _renamed(pl.read_csv(root / table), names))
    images = rsna.images_folder("train")
    make_folder(out / images)
    for study, new in names.iter_rows():
        (out / images / str(new)).symlink_to((root / images / str(study)).resolve(), target_is_directory=True)
    return out


def make_folder_of(path: Path) -> Path:
    """The path, after its folder was made."""
    make_folder(path.parent)
    return path


def _renamed(table: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    joined = names.join(table, on="study_id", maintain_order="left")
    return joined.with_columns(study_id="new").select(table.columns)
