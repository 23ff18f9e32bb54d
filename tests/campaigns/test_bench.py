"""The bench at its smallest: every measurement in its own process. `make bench` runs the large one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from campaigns.bench.run import Sizes, bench
from campaigns.small import GRADERS, SMALL

pytestmark = pytest.mark.campaign
TINY = Sizes(
    studies=(2, 4, 8),
    rows=(32, 64),
    laps=1,
    growth_laps=1,
    training=replace(SMALL, folds=1, max_epochs=1, graders=GRADERS[:1]),
)


@pytest.fixture(scope="module")
def found(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return bench(cohort, None, TINY, tmp_path_factory.mktemp("bench"))


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_all_figures_are_there_and_finite(found: dict) -> None:
    assert list(found["format"]) == ["phantom", "real"] == list(found["predict"])
    assert list(found["training"]) == [GRADERS[0].view]
    assert list(found["memory_gb"]) == ["format", "train", "predict"] == list(found["growth"])
    assert found["growth"]["format"]["studies"] == [2, 4, 8]
    assert {"cores", "system", "python", "tensorflow"} <= set(found["machine"])
    values = list(numbers(found))
    assert len(values) > 40 and all(math.isfinite(value) and value > 0 for value in values)
    assert json.loads(json.dumps(found)) == found


def test_the_reader_is_slowed_by_nothing_but_its_decoders(found: dict) -> None:
    figures = found["format"]["phantom"]["pydicom_alone"]
    assert figures["ratio"] == pytest.approx(figures["studies_s"] / figures["reader_studies_s"], rel=0.01)
    assert figures["ratio_to_pydicom_alone"] == pytest.approx(figures["ratio"], rel=0.01)
