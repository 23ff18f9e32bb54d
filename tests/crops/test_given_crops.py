"""Crops that others cut: what campaigns/test_transfer.py does not look at."""

import numpy as np
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.given_crops import read_given

FACTS = {"study": [1], "condition": ["left_subarticular_stenosis"], "level": [0], "severity": [2]}


def write(folder, view):
    np.savez(folder / f"{view}_open.npz", crops=np.zeros((1, 48, 48), np.uint8), **FACTS)


def test_files_of_the_views_asked_for_are_read(tmp_path):
    for view in ("subarticular_axial", "canal_axial"):
        write(tmp_path, view)
    found = read_given(tmp_path, "open", {"subarticular_axial", "foraminal_axial"})
    assert [one.view.name for one in found] == ["subarticular_axial"]
    assert found[0].crops.shape == (1, *found[0].view.shape)
    assert found[0].weight.tolist() == [4]


def test_none_of_them_or_a_damaged_one_is_said(tmp_path):
    with pytest.raises(InputError, match="expected <view>_open.npz of one of canal_axial; found none"):
        read_given(tmp_path, "open", {"canal_axial"})
    (tmp_path / "canal_axial_open.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="canal_axial_open.npz: expected labelled crops"):
        read_given(tmp_path, "open", {"canal_axial"})
