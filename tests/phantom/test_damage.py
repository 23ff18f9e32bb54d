"""Broken files and folders."""

import pytest

from stenosis_kit.phantom.faults import RATES
from stenosis_kit.phantom.make import make_study
from stenosis_kit.phantom.study import Order

DAMAGED = {
    "truncated_file": lambda folder: len({len(p.read_bytes()) for p in folder.glob("*/*.dcm")}) > 3,
    "empty_file": lambda folder: any(p.stat().st_size == 0 for p in folder.glob("*/*.dcm")),
    "stray_file": lambda folder: any(folder.glob("*/.DS_Store")),
    "empty_series": lambda folder: any(not any(p.iterdir()) for p in folder.iterdir()),
    "missing_series_folder": lambda folder: len(list(folder.iterdir())) == 0,
    "missing_study_folder": lambda folder: not folder.exists(),
    "unlisted_series": lambda folder: (folder / "77").is_dir(),
}


@pytest.mark.parametrize("fault", sorted(DAMAGED))
def test_a_forced_fault_shows_in_the_folder(fault, tmp_path):
    assert fault in RATES
    order = Order(8, 1, "test", mode="none", forced=("missing_t1", "missing_axial", fault))
    make_study(order, tmp_path)
    assert DAMAGED[fault](tmp_path / str(order.study_id))
