"""split: a competition root whose test split is held-out studies of another root."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, remove_partials, write_frame
from stenosis_kit.base.output import check_folder
from stenosis_kit.base.unfinished import UNFINISHED, begin, end, is_unfinished
from stenosis_kit.tables.csv_table import read_text
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.labels import solution_of
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root

log = logging.getLogger(__name__)

_MADE = (*rsna.FILES, *map(rsna.images_folder, rsna.SPLITS))


def split(
    data: Path | str,
    out: Path | str,
    test_share: float = 0.2,
    seed: int = 0,
    held_out: Collection[int] | None = None,
) -> dict[str, int]:
    """Writes OUT with DATA's train studies parted into train and test; images are linked, where that can be done.

    OUT/solution.csv holds the labels of the test studies, so that offline scoring against held-out labels is
    `stenosis-kit submit OUT RUN`.

    Args:
        data: competition root.
        out: new root; must not exist, be empty or be what an unfinished run left.
        test_share: share of the labelled studies that is held out, above 0 and below 1.
        seed: of the draw.
        held_out: the studies to hold out, instead of a drawn share.

    Returns:
        Number of studies in `train`, in `test`, and with `images`.

    Raises:
        InputError: where DATA cannot be used, OUT is in use or lies among DATA's images, or the images can be neither
            linked nor copied.
    """
    data, out = Path(data), Path(out)
    if not 0 < test_share < 1:
        raise InputError("--test-share", "a share above 0 and below 1", str(test_share), "Give .2, for instance.")
    check_folder(out, own_files(data))
    root = Root(data).checked()
    in_grid = pl.col("study_id").is_in(root.series["study_id"].unique().implode())
    studies = root.cells.drop_nulls("severity").filter(in_grid)["study_id"].unique().sort().to_list()
    if len(studies) < 2:
        raise InputError(
            data / rsna.TRAIN_TABLE, "at least two studies with series", f"{len(studies)}", "Give more studies."
        )
    if held_out is None:
        count = min(max(round(test_share * len(studies)), 1), len(studies) - 1)
        held_out = np.random.default_rng(seed).permutation(studies)[:count].tolist()
    test = sorted(held_out)
    train = sorted(set(studies) - set(test))
    with _whole_or_empty(out):
        _write_train(root, out, test)
        _write_test(root, out, test)
        images = _share_images(data / rsna.images_folder("train"), out, {"train": train, "test": test})
    return {"train": len(train), "test": len(test), "images": images}


@contextmanager
def _whole_or_empty(out: Path) -> Iterator[None]:
    """Takes a folder that is new, empty or left by a killed run, and empties it where the block fails.

    Raises:
        InputError: where it holds something else.
    """
    if is_unfinished(out):
        remove_partials(out)
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if names and not (is_unfinished(out) and names <= {UNFINISHED, *_MADE}):
        raise InputError(out, "an empty or new folder", "one that holds files", "Give another one.")
    make_folder(out)
    begin(out, "split")
    _clear(out)
    try:
        yield
    except BaseException:
        _clear(out)
        raise
    finally:
        end(out)


def _clear(out: Path) -> None:
    for name in _MADE:
        shutil.rmtree(out / name, ignore_errors=True)
        if (out / name).is_file():
            (out / name).unlink()


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
    write_frame(out / rsna.SOLUTION, solution_of(cells))


# --- Images ------------------------------------------------------------------------------------


def _share_images(source: Path, out: Path, parts: Mapping[str, Sequence[int]]) -> int:
    """Puts the image folders of each split's studies into OUT; returns how many there are."""
    count = way = 0
    for split, studies in parts.items():
        folder = out / rsna.images_folder(split)
        make_folder(folder)
        for study in (str(study) for study in studies if (source / str(study)).is_dir()):
            before, way = way, _put(source / study, folder / study, way)
            if way > before:
                log.warning("split: %s takes no symbolic links: the images are %s", out, _WAYS[way][0])
            count += 1
    return count


def _put(source: Path, target: Path, way: int) -> int:
    """Makes a study's folder in the first of the ways, from a given one on, in which it can be done; says in which.

    Raises:
        InputError: where it cannot be done at all.
    """
    for number, (_, make) in enumerate(_WAYS[way:], start=way):
        try:
            make(source.resolve(), target)
            return number
        except OSError as error:
            found = error.strerror or str(error)
            shutil.rmtree(target, ignore_errors=True)
    remedy = "Give an OUT on another disk, or free some space."
    raise InputError(target, "images that can be linked or copied there", found, remedy)


def _link(source: Path, target: Path) -> None:
    target.symlink_to(source, target_is_directory=True)


def _hard_link(source: Path, target: Path) -> None:
    _fill(source, target, os.link)


def _copy(source: Path, target: Path) -> None:
    _fill(source, target, shutil.copyfile)  # without times and permissions, which not every disk takes


def _fill(source: Path, target: Path, put: Callable[[Path, Path], object]) -> None:
    for folder, _, names in os.walk(source, followlinks=True):
        place = target / Path(folder).relative_to(source)
        place.mkdir()
        for name in names:
            path = Path(folder, name).resolve()
            if path.is_file():  # no link to nowhere
                put(path, place / name)


_WAYS = (("symbolic links", _link), ("hard links", _hard_link), ("copies", _copy))
"""From the cheapest on: a link costs nothing, a hard link nothing on the same disk, a copy as much as the images."""
