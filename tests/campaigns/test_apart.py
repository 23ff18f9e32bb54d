"""Telling synthetic crops from real ones, in a small form."""

import json

import numpy as np
import pytest
from campaigns import apart
from campaigns.test_transfer import FORAMEN, write_crops

STUDIES = np.repeat(np.arange(20), 16)


def noise(seed, brightness=0.3):
    return np.random.default_rng(seed).normal(brightness, 0.1, (len(STUDIES), 16, 16, 1)).astype(np.float32)


@pytest.mark.campaign
def test_what_looks_the_same_cannot_be_told_apart_and_what_is_brighter_can():
    assert abs(apart.area(noise(0), noise(1), STUDIES, STUDIES) - 0.5) < 0.15
    assert apart.area(noise(0, 0.8), noise(1), STUDIES, STUDIES) > 0.95


def test_the_figures_name_the_area_and_the_crops(tmp_path, store):
    write_crops(tmp_path, store, FORAMEN, one_slice=True)
    out = tmp_path / "apart.json"
    assert apart.main(["--crops", str(tmp_path), "--store", str(store), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert found.keys() == {FORAMEN.name}
    assert found[FORAMEN.name].keys() == {"area", "real", "synthetic"}
    assert 0 <= found[FORAMEN.name]["area"] <= 1


def test_a_folder_that_is_no_store_is_said_in_a_line(tmp_path, capsys):
    asked = ["--crops", str(tmp_path), "--store", str(tmp_path), "--json", str(tmp_path / "f.json")]
    assert apart.main(asked) == 2
    assert capsys.readouterr().err.count("\n") == 1
