"""How far a surface coil changes the answers: the same synthetic studies under a weak and a strong one, graded.

    PYTHONPATH=tests python tests/campaigns/coils.py MODEL FOLDER [--studies 20] [--seed 77]

Makes the studies in FOLDER/weak and FOLDER/strong, grades both, and prints the largest difference among a study's 75
probabilities (median over the studies, and the worst), and the score under each coil.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl
from coils import make_under_coils

from stenosis_kit import rsna
from stenosis_kit.answers.score import score
from stenosis_kit.phantom.study import Order
from stenosis_kit.road.predict import predict


def differences(one: Path, other: Path) -> np.ndarray:
    """(studies,) the largest difference among the 75 probabilities that two submissions give a study."""
    first, second = (pl.read_csv(path) for path in (one, other))
    assert first["row_id"].equals(second["row_id"])
    away = np.abs(first.select(rsna.SEVERITIES).to_numpy() - second.select(rsna.SEVERITIES).to_numpy())
    return away.reshape(-1, len(rsna.CELLS) * len(rsna.SEVERITIES)).max(axis=1)


def measure(model: Path, folder: Path, studies: int, seed: int) -> dict[str, float]:
    """Makes the studies, grades them under both coils; the figures."""
    made = make_under_coils(folder, [Order(seed, index, "test") for index in range(studies)])
    answers = {name: folder / f"{name}.csv" for name in made}
    for name, path in answers.items():
        predict(folder / name, [model], path)
    away = differences(*answers.values())
    figures = {"median_difference": float(np.median(away)), "largest_difference": float(away.max())}
    scores = {f"score_{name}": score(path, folder / name / rsna.SOLUTION)["score"] for name, path in answers.items()}
    return {name: round(value, 4) for name, value in (figures | scores).items()}


def main() -> None:
    """Reads the arguments, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=77)
    args = parser.parse_args()
    print(json.dumps(measure(args.model, args.folder, args.studies, args.seed), indent=1))


if __name__ == "__main__":
    main()
