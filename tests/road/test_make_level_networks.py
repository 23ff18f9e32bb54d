"""Making the bundled networks of levels again."""

import pytest

from stenosis_kit.levels import foramen_training
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.road.make_level_networks import NETWORKS, make_network


def test_the_foramen_finder_is_made_alone_of_synthetic_studies(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("stenosis_kit.phantom.phantom", lambda *_, **__: cohort)
    monkeypatch.setattr(foramen_training, "STEPS", 3)
    notes = make_network("foramina", tmp_path / "weights", 7, 0, tmp_path)
    again = ForamenFinder.load(tmp_path / "weights")
    assert again.notes == notes | {"seconds": again.notes["seconds"]}
    assert notes["foramina"] == 70 and notes["held_out_studies"] == 1
    assert notes["made_from"] == "the phantom alone" and TAUGHT_ON_LABELS not in notes
    assert notes["median_mm"] > 0 and 0 <= notes["slice_exact"] <= 1


def test_both_networks_can_be_made():
    assert NETWORKS.keys() == {"localiser", "foramina"}


@pytest.mark.parametrize("name", ["localiser.json", "foramina.json"])
def test_what_is_made_ships(name):
    from importlib import resources

    assert (resources.files("stenosis_kit") / "weights" / name).is_file()
