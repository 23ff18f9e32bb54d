"""The same input gives the same output, whatever the number of workers; of crops test_format.py says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.road.predict import predict


def test_predictions_are_the_same_with_one_or_two_workers(cohort: Path, model: Path, tmp_path: Path) -> None:
    one = predict(cohort, [model], tmp_path / "one.csv", workers=1)
    two = predict(cohort, [model], tmp_path / "two.csv", workers=2)
    assert one.sources == two.sources
    np.testing.assert_allclose(one.probabilities, two.probabilities, rtol=0, atol=1e-6)
    written = pl.read_csv(tmp_path / "two.csv")
    assert written["row_id"].to_list() == pl.read_csv(tmp_path / "one.csv")["row_id"].to_list()
    assert np.allclose(written.select(rsna.SEVERITIES).to_numpy(), two.probabilities, rtol=0, atol=1e-12)
