"""split: a competition root whose test split is held-out studies of another root."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, write_frame
from stenosis_kit.tables.csv_table import read_text
from stenosis_kit.tables.grid import grid, row_ids
from stenosis_kit.tables.root import Root


def split(
    data: Path | str,
    out: Path | str,
    test_share: float = 0.2,
    seed: int = 0,
    held_out: Collection[int] | None = None,
) -> dict[str, int]:
    """Writes OUT with DATA's train studies parted into train and test; images are linked, not copied.

    OUT/solution.csv holds the labels of the test studies, so that offline scoring against held-out labels is
    `stenosis-kit submit OUT RUN`.

    Args:
        data: competition root.
        out: new root; must not exist or be empty.
        test_share: share of the labelled studies that is held out, above 0 and below 1.
        seed: of the draw.
        held_out: the studies to hold out, instead of a drawn share.

    Returns:
        Number of studies in `train`, in `test`, and with `images`.

    Raises:
        InputError: where DATA cannot be used or OUT is in use.
    """
    data, out = Path(data), Path(out)
    if not 0 < test_share < 1:
        raise InputError("--test-share", "a share above 0 and below 1", str(test_share), "Give .2, for instance.")
    root = Root(data).checked()
    in_grid = pl.col("study_id").is_in(root.series["study_id"].unique().implode())
    studies = root.cells.filter(in_grid)["study_id"].unique().sort().to_list()
    if len(studies) < 2:
        raise InputError(
            data / rsna.TRAIN_TABLE, "at least two studies with series", f"{len(studies)}", "Give more studies."
        )
    if out.is_dir() and any(out.iterdir()):
        raise InputError(out, "an empty or new folder", "one that holds files", "Give another one.")
    make_folder(out)
    if held_out is None:
        count = min(max(round(test_share * len(studies)), 1), len(studies) - 1)
        held_out = np.random.default_rng(seed).permutation(studies)[:count].tolist()
    test = sorted(held_out)
    _write_train(root, out, test)
    _write_test(root, out, test)
    train, images = sorted(set(studies) - set(test)), data / rsna.images_folder("train")
    linked = [_link(images, out / rsna.images_folder(name), part) for name, part in (("train", train), ("test", test))]
    return {"train": len(train), "test": len(test), "images": sum(linked)}


def _write_train(root: Root, out: Path, test: list[int]) -> None:
    """The training tables as they are spelt, without the held-out studies."""
    for table in (root.label_table, root.point_table, root.series_table):
        kept = ~table.usable()["study_id"].is_in(test)  # null, and so left out, where the study cannot be read
        write_frame(out / table.path.name, read_text(table.path).filter(kept))


def _write_test(root: Root, out: Path, test: list[int]) -> None:
    series = root.series.filter(pl.col("study_id").is_in(test))
    write_frame(out / rsna.series_table("test"), series)
    third = {name: pl.lit(1 / 3) for name in rsna.SEVERITIES}
    write_frame(out / rsna.SAMPLE_SUBMISSION, grid(series["study_id"]).select("row_id").with_columns(**third))
    cells = root.cells.filter(pl.col("study_id").is_in(test)).drop_nulls("severity")
    onehot = {name: (cells["severity"] == name).cast(pl.Int8) for name in rsna.SEVERITIES}
    weight = cells["severity"].replace_strict(rsna.SEVERITIES, rsna.SEVERITY_WEIGHTS, return_dtype=pl.Float64)
    write_frame(out / rsna.SOLUTION, cells.select(row_ids(cells)).with_columns(**onehot, sample_weight=weight))


def _link(source: Path, folder: Path, studies: list[int]) -> int:
    """Links the studies' image folders; returns how many there are."""
    make_folder(folder)
    there = [str(study) for study in studies if (source / str(study)).is_dir()]
    for study in there:
        (folder / study).symlink_to((source / study).resolve(), target_is_directory=True)
    return len(there)
