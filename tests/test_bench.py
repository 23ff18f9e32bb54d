"""The small form of the bench; `make bench` runs the large one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.bench import training as learning
from campaigns.bench.children import child
from campaigns.bench.figures import table
from campaigns.bench.memory import watched
from campaigns.bench.rates import growth, steady_rate
from campaigns.bench.roots import assemble
from campaigns.bench.run import Sizes, bench
from campaigns.small import GRADERS, SMALL

from stenosis_kit.tables.root import Root

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


# --- All of it ------------------------------------------------------------------------------------


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


def test_the_table_names_every_target(found: dict) -> None:
    lines = table(found).splitlines()
    assert all(any(line.startswith(row["figure"]) for line in lines) for row in found["targets"])
    assert {row["met"] for row in found["targets"]} <= {True, False, None}


def test_what_was_not_measured_is_said(found: dict) -> None:
    (row,) = (row for row in found["targets"] if row["figure"] == "predict, s a real study")
    assert (row["value"], row["target"], row["met"]) == (None, "<= 1", None)
    assert found["predict"]["real"] is found["format"]["real"] is None
    assert "not measured" in table(found)


def test_a_study_of_a_small_root_stands_for_many(cohort: Path, tmp_path: Path) -> None:
    tables = Root(assemble(cohort, 10, tmp_path / "root", first=501)).checked()
    assert tables.cells["study_id"].unique().sort().to_list() == list(range(501, 511))
    points = tables.points.drop("study_id")
    first, ninth = (points.filter(tables.points["study_id"] == study) for study in (501, 509))
    assert first.equals(ninth) and not first.is_empty()
    assert list((tmp_path / "root" / "train_images" / "510").glob("*/*.dcm"))


# --- Its parts ------------------------------------------------------------------------------------


def test_start_up_is_apart_and_linear_growth_is_one() -> None:
    assert steady_rate([10, 30], [5.0, 7.0]) == pytest.approx(10.0)
    assert growth([50, 100, 200], [3.0, 4.0, 6.0])["ratio"] == pytest.approx(1.0)
    assert growth([50, 100, 200], [0.25, 1.0, 4.0])["ratio"] == pytest.approx(2.0)


def test_operations_are_counted_from_shapes() -> None:
    import keras

    layers = [keras.layers.Conv2D(5, 3, padding="same"), keras.layers.Flatten(), keras.layers.Dense(7)]
    keras.Sequential([keras.Input((4, 6, 2)), *layers])
    assert [learning._forward_flop(layer) for layer in layers] == [2 * 24 * 9 * 2 * 5, 0, 2 * 120 * 7]


def hold(megabytes: int) -> int:
    return int(np.ones(megabytes << 20, np.uint8).sum())


def decoders() -> list[str]:
    from pydicom.pixels.decoders import RLELosslessDecoder

    return list(RLELosslessDecoder.available_plugins)


def test_a_childs_memory_is_seen_and_no_spike_missed() -> None:
    with child() as process:
        before = process.peak_gb
        process.run(hold, 300)
    assert before < 0.3 < process.peak_gb < 1.0


def test_watching_a_process_that_has_ended_is_no_error() -> None:
    with watched(2**22 + 1) as seen:
        pass
    assert seen.peak_gb == 0


def test_without_codecs_pydicom_is_alone() -> None:
    with child(codecs=False) as process:
        assert "pylibjpeg" not in process.run(decoders)
