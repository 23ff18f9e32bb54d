"""The whole road at the competition's size, in a small form."""

import json

import pytest
from campaigns import scale


@pytest.mark.campaign
def test_stages_and_memory_of_a_run_are_told(cohort, tmp_path):
    figures = tmp_path / "scale.json"
    assert scale.main([str(cohort), str(tmp_path / "out"), "--time-limit", "40s", "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert (found["train_studies"], found["test_studies"]) == (8, 3)
    assert sum(found["seconds"].values()) <= found["whole_s"] < 60
    assert 0.3 < found["peak_gb"] < 3
    assert 0 < found["score"] < 2


def test_a_root_that_is_none_is_said_in_a_line(tmp_path, capsys):
    assert scale.main([str(tmp_path / "none"), str(tmp_path / "out"), "--json", str(tmp_path / "f.json")]) == 2
    assert "campaigns.scale: " in capsys.readouterr().err
