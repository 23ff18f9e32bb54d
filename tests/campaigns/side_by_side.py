"""Lays crops of several crop stores one above the other, to see how much a phantom looks like other studies.

    stenosis-kit phantom phantom && stenosis-kit format phantom phantom_store
    python tests/campaigns/side_by_side.py phantom_store other_store --view canal_axial -o canal_axial.png

Each store gets its rows, levels from L1/L2 at the left to L5/S1; a crop is named by its severity. Pictures of the
competition's studies are under its terms and stay out of the project.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.views import VIEW_BY_NAME

_SIDE = 150  # px of a drawn crop
_A_LEVEL = 2  # crops of a level in a row


def main() -> None:
    """Reads the command line and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", type=Path, help="crop stores, as format writes them")
    parser.add_argument("--view", choices=list(VIEW_BY_NAME), default="canal_sagittal")
    parser.add_argument("--rows", type=int, default=4, help="rows a store (default 4)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    blocks = [block(store, arguments.view, arguments.rows, rng) for store in arguments.stores]
    rule = np.full((6, blocks[0].shape[1]), 255, np.uint8)
    cv2.imwrite(str(arguments.output), np.vstack([part for one in blocks for part in (one, rule)][:-1]))


def block(store: Path, view: str, rows: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width) uint8: at most so many rows of random labelled crops of a view of a store, by level."""
    opened = open_store(store)
    crops = opened.arrays[view]
    mine = opened.manifest.filter((pl.col("view") == view) & pl.col("severity").is_not_null())
    by_level = [mine.filter(pl.col("level") == level).to_dicts() for level in rsna.LEVELS]
    rows = min(rows, max(-(-len(found) // _A_LEVEL) for found in by_level))
    columns = []
    for level, found in zip(rsna.LEVELS, by_level, strict=True):
        chosen = rng.permutation(len(found))[: rows * _A_LEVEL]
        tiles = [tile(crops[found[i]["row"]], level, found[i]["severity"]) for i in chosen]
        tiles += [np.zeros((_SIDE, _SIDE), np.uint8)] * (rows * _A_LEVEL - len(tiles))
        columns.append(np.vstack([np.hstack(tiles[k : k + _A_LEVEL]) for k in range(0, len(tiles), _A_LEVEL)]))
    return np.hstack(columns)


def tile(crop: np.ndarray, level: str, severity: str) -> np.ndarray:
    """(side, side) uint8: the middle slice of a crop (px, px, slices), with its level and severity written on it."""
    drawn = cv2.resize(crop[..., crop.shape[-1] // 2], (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    name = f"{rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]} {severity}"
    return cv2.putText(np.ascontiguousarray(drawn), name, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, 255, 1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
