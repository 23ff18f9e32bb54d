"""How the bench puts its figures together; `make bench` measures them, test_bench.py at the smallest size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from campaigns.bench import reading, stages
from campaigns.bench import training as learning
from campaigns.bench.children import child
from campaigns.bench.figures import table
from campaigns.bench.memory import watched
from campaigns.bench.rates import growth, steady_rate
from campaigns.bench.roots import assemble
from campaigns.bench.run import Sizes, bench

from stenosis_kit.tables.root import Root

# --- All of it ------------------------------------------------------------------------------------


@pytest.fixture
def found(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A bench of made-up figures: its stages take one second a study, and nothing is run."""

    def grown(roots: dict, *_: object) -> tuple[dict, float]:
        return growth(list(roots), [float(size) for size in roots]), 0.5

    def compared(store: Path, training: object, rows: object, laps: int, studies: list[int]) -> tuple:
        figures = learning._figures(images=300.0, plain_images=100.0, gflop=0.01, product=50.0)
        return 50.0, {"canal_sagittal": figures}, grown(dict.fromkeys(studies))[0]

    read = {"studies_s": 4.0, "reader_studies_s": 2.0, "ratio": 2.0}
    monkeypatch.setattr(reading, "_measure", lambda *_, **__: (dict(read), 0.7))
    monkeypatch.setattr(learning, "compare", compared)
    monkeypatch.setattr(stages, "measure_format", grown)
    monkeypatch.setattr(stages, "measure_training", lambda *_: 0.9)
    monkeypatch.setattr(stages, "measure_predict", grown)
    return bench(cohort, None, Sizes(studies=(2, 4, 8)), tmp_path)


def test_what_the_stages_found_stands_under_its_names(found: dict) -> None:
    assert list(found["format"]) == ["phantom", "real"] == list(found["predict"])
    assert found["format"]["phantom"]["pydicom_alone"]["ratio_to_pydicom_alone"] == 2.0
    assert found["training"]["canal_sagittal"]["ratio"] == 3.0
    assert found["memory_gb"] == {"format": 0.7, "train": 0.9, "predict": 0.5}
    assert {name: grown["ratio"] for name, grown in found["growth"].items()} == dict.fromkeys(found["growth"], 1.0)
    assert list(found["growth"]) == ["format", "train", "predict"]
    assert {"cores", "system", "python", "tensorflow"} <= set(found["machine"])
    assert found["predict"]["phantom"] == 1.0


def test_the_table_names_every_target(found: dict) -> None:
    lines = table(found).splitlines()
    assert all(any(line.startswith(row["figure"]) for line in lines) for row in found["targets"])
    assert {row["met"] for row in found["targets"]} <= {True, False, None}


def test_what_was_not_measured_is_said(found: dict) -> None:
    (row,) = (row for row in found["targets"] if row["figure"] == "predict, s a real study")
    assert (row["value"], row["target"], row["met"]) == (None, "<= 0.2", None)
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
