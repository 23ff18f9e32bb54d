"""How near the foramen finder comes to label points on single sagittal T1 slices that others exported.

    PYTHONPATH=tests python -m campaigns.foramina --slices FOLDER [--model MODEL] --json F [--folds 5]

FOLDER holds slices/<file>, pictures of 8 bits, and index.csv with a row a point: file, study_id, condition, level,
rows and cols of the original picture, x and y in its pixels. Such pictures have no geometry: the points L1/L2 to L5/S1
of a side are taken to be 129 mm apart (a study's median where a side lacks one; all studies' where it has neither).

The slice is given; in it a foramen is expected beside its label point, by an error of 5 mm (standard deviation) along
either axis, as a carry from the canal has it. Writes {carried, shipped, taught: {points, median_mm, mean_mm, p90_mm,
within_5_mm}}: of the expected place, of what a finder that knows none of the pictures finds (the bundled one, or a
model's), and of what it finds once taught on the other studies' pictures, a fold at a time (--folds 0 leaves that out).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import write_json
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.images.geometry import Plane, SquareGrid
from stenosis_kit.images.resampling import resample
from stenosis_kit.levels.foramen_finder import LEAST_CONFIDENCE, ForamenFinder, decode
from stenosis_kit.levels.foramen_patches import PX, STEP_MM

_SIDE_MM = 129.0
_EXPECTED_MM = 5.0
_CROP_PX, _CROP_MM = 96, 64.0
_AXES = (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))


@dataclass(frozen=True, eq=False)
class Points:
    """Labelled points: their studies (n,), and for each the crop about it and the patch about its expected place.

    Attributes:
        study: (n,).
        crops: (n, 96, 96, 1) uint8, 64 mm.
        patches: (n, PX, PX) uint8.
        places: (n, 2) of the points from the patches' middles, mm (x, y).
    """

    study: np.ndarray
    crops: np.ndarray
    patches: np.ndarray
    places: np.ndarray


def read_points(folder: Path, seed: int = 0) -> Points:
    """Reads the pictures and cuts them.

    Raises:
        InputError: where there is no index, or no picture.
    """
    try:
        rows = pl.read_csv(folder / "index.csv").to_dicts()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            folder / "index.csv", "a row a point", str(error).splitlines()[0], "Is it the folder?"
        ) from None
    scale, rng = _mm_a_pixel(rows), np.random.default_rng(seed)
    crops, patches, places = [], [], []
    for row in rows:
        signal = _picture(folder / "slices" / row["file"])
        size, mm = np.array([row["cols"], row["rows"]]), scale[row["study_id"], row["condition"]]
        spacing = (mm * size / signal.shape[::-1])[::-1]
        plane = Plane(np.zeros(3), *_AXES, (float(spacing[0]), float(spacing[1])), signal.shape)
        # pixels' centres: a picture of half the size has its first pixel half a pixel further in
        pixel = (np.array([row["x"], row["y"]]) + 0.5) * signal.shape[::-1] / size - 0.5
        point, off = plane.to_patient(pixel), rng.normal(0, _EXPECTED_MM, 2)
        crops.append(_cut(signal, plane, point, _CROP_PX, _CROP_MM))
        patches.append(_cut(signal, plane, point + [*off, 0.0], PX, PX * STEP_MM))
        places.append(-off)
    study = np.array([row["study_id"] for row in rows])
    return Points(study, np.stack(crops)[..., None], np.stack(patches), np.array(places))


def _picture(path: Path) -> np.ndarray:
    try:
        return np.asarray(Image.open(path).convert("L"), np.float32)
    except OSError as error:
        raise InputError(path, "a picture", first_line(error), "Is the folder complete?") from None


def _mm_a_pixel(rows: list[dict]) -> dict[tuple[int, str], float]:
    ends: dict[tuple[int, str], dict[str, np.ndarray]] = {}
    for row in rows:
        ends.setdefault((row["study_id"], row["condition"]), {})[row["level"]] = np.array([row["x"], row["y"]])
    first, last = rsna.LEVEL_LABELS[0], rsna.LEVEL_LABELS[-1]
    known = {
        key: _SIDE_MM / float(np.linalg.norm(levels[last] - levels[first]))
        for key, levels in ends.items()
        if first in levels and last in levels
    }
    found = {}
    for study, condition in ends:
        others = [mm for (one, _), mm in known.items() if one == study] or list(known.values())
        found[study, condition] = known.get((study, condition), float(np.median(others)))
    return found


def _cut(signal: np.ndarray, plane: Plane, point: np.ndarray, px: int, mm: float) -> np.ndarray:
    return resample(signal, plane, SquareGrid(point, _AXES, px, mm), 0.0).round().astype(np.uint8)


def errors_mm(finder: ForamenFinder, points: Points, rows: np.ndarray) -> np.ndarray:
    """(n,) distance of what is found from the label points of some rows, mm; the expected place where it is unsure."""
    found = []
    for logits in finder.logits(points.patches[rows]):
        _, place, confidence = decode(logits[None])
        found.append(place if confidence >= LEAST_CONFIDENCE else np.zeros(2))
    return np.linalg.norm(np.array(found) - points.places[rows], axis=1)


def taught_errors_mm(start: ForamenFinder, points: Points, folds: int) -> np.ndarray:
    """(n,) distances of what finders find that were taught on the other folds' studies, mm."""
    from stenosis_kit.levels.foramen_training import learn

    studies = np.random.default_rng(0).permutation(np.unique(points.study))
    errors = np.full(len(points.study), np.nan)
    for fold in range(folds):
        held_out = np.isin(points.study, studies[fold::folds])
        finder = learn(points.crops, np.flatnonzero(~held_out), Budget(), fold, start)
        errors[held_out] = errors_mm(finder, points, np.flatnonzero(held_out))
    return errors


def figures_of(errors: np.ndarray) -> dict[str, float]:
    """What is said of distances (n,), mm."""
    found = {
        "median_mm": np.median(errors),
        "mean_mm": errors.mean(),
        "p90_mm": np.percentile(errors, 90),
        "within_5_mm": (errors <= 5).mean(),
    }
    return {"points": len(errors)} | {name: round(float(value), 3) for name, value in found.items()}


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = argparse.ArgumentParser(prog="campaigns.foramina", description=__doc__.split("\n")[0])
    parser.add_argument("--slices", type=Path, required=True, help="folder of slices/ and index.csv")
    parser.add_argument("--model", type=Path, help="a model's folder (default: the bundled finder)")
    parser.add_argument("--folds", type=int, default=5, help="of the teaching; 0: none (default 5)")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    args = parser.parse_args(arguments)
    load_tensorflow()
    try:
        points = read_points(args.slices)
        finder = ForamenFinder.load(args.model) if args.model else ForamenFinder.bundled()
        everyone = np.arange(len(points.study))
        figures = {
            "carried": figures_of(np.linalg.norm(points.places, axis=1)),
            "shipped": figures_of(errors_mm(finder, points, everyone)),
        }
        if args.folds:
            figures["taught"] = figures_of(taught_errors_mm(finder, points, args.folds))
        write_json(args.json, figures)
    except InputError as error:
        print(f"campaigns.foramina: {error}", file=sys.stderr)
        return 2
    for name, row in figures.items():
        print(f"{name:8}", "  ".join(f"{key} {value}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
