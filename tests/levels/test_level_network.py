"""Networks of levels in a folder: they come back as they were saved, and damaged ones are refused by name."""

import json

import numpy as np
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.localiser import Localiser

MOST_BYTES = {Localiser: 5e6, ForamenFinder: 3e5}


@pytest.fixture(params=MOST_BYTES, ids=lambda kind: kind.title)
def network(request):
    """The bundled one of either kind."""
    return request.param.bundled()


def test_it_comes_back_as_it_was_saved(network, tmp_path):
    network.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [network.description_name, network.weights_name]
    assert (tmp_path / network.weights_name).stat().st_size < MOST_BYTES[type(network)]
    again = type(network).load(tmp_path)
    for one, other in zip(again.network.get_weights(), network.network.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert again.notes == network.notes and again.notes["made_from"] == "the phantom alone"
    assert again.content == network.content


def test_other_weights_are_other_content(network, tmp_path):
    network.save(tmp_path)
    before, other = network.content, type(network).load(tmp_path)
    weights = other.network.get_weights()
    other.network.set_weights([one + 1 for one in weights])
    changed = other.content
    other.network.set_weights(weights)  # a loaded network is shared, see tests/once.py
    assert changed != before


@pytest.mark.parametrize("damage", ["no weights", "cut off", "no description", "no notes"])
def test_a_damaged_one_is_refused_by_name(network, tmp_path, damage):
    network.save(tmp_path)
    weights, description = tmp_path / network.weights_name, tmp_path / network.description_name
    at_fault = weights if damage in ("no weights", "cut off") else description
    if damage == "cut off":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif damage == "no notes":
        said = json.loads(description.read_text())
        description.write_text(json.dumps({name: value for name, value in said.items() if name != "notes"}))
    else:
        at_fault.unlink()
    with pytest.raises(InputError) as refused:
        type(network).load(tmp_path)
    assert refused.value.path == str(at_fault)
    assert network.title in refused.value.expected.replace("_", " ")
