"""The faults of real data, by name, and how often each occurs.

Rates are shares of studies: measured on the competition's data where they can be (else estimated), and raised by hand
for hard tests. A fault that was never seen there has a real rate of 0; software should survive it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

MODES = ("none", "real", "hard")

RATES: dict[str, tuple[float, float]] = {
    # --- which series there are
    "two_axial": (0.155, 0.35),
    "three_axial": (0.015, 0.05),
    "two_t1": (0.0035, 0.05),
    "missing_t1": (0.001, 0.04),
    "missing_t2": (0.0005, 0.04),
    "missing_axial": (0.0, 0.04),
    "uncovered_l1_l2": (0.08, 0.15),
    "uncovered_l2_l3": (0.04, 0.08),
    # --- where the slices lie and how they are numbered
    "reversed_sagittal": (0.36, 0.4),
    "reversed_axial": (0.12, 0.3),
    "contiguous_axial": (0.4, 0.4),
    "thin_axial": (0.006, 0.01),
    "steep_axial": (0.0005, 0.05),
    "instance_gap": (0.006, 0.1),
    "instance_offset": (0.002, 0.1),
    "instance_huge": (0.0002, 0.05),
    "duplicate_positions": (0.005, 0.1),
    "mixed_shapes": (0.005, 0.1),
    # --- headers
    "rescale_tags": (0.18, 0.3),
    "rescale_slope": (0.0, 0.04),
    "no_spacing_tags": (0.02, 0.1),
    "no_pixel_spacing": (0.0, 0.02),
    "no_orientation": (0.0, 0.02),
    "no_position": (0.0, 0.02),
    "empty_position": (0.0, 0.02),
    "feet_first": (0.0, 0.04),
    "monochrome1": (0.0, 0.03),
    "signed_pixels": (0.0, 0.04),
    "eight_bit": (0.0, 0.03),
    "sixteen_bit": (0.0, 0.04),
    "rle": (0.25, 0.25),
    "implicit_vr": (0.0, 0.05),
    "jpeg2000": (0.0, 0.01),
    # --- files
    "constant_image": (0.0, 0.04),
    "truncated_file": (0.0, 0.04),
    "empty_file": (0.0, 0.04),
    "stray_file": (0.0, 0.05),
    "empty_series": (0.0, 0.02),
    "missing_series_folder": (0.0, 0.02),
    "missing_study_folder": (0.0, 0.01),
    "unlisted_series": (0.0, 0.03),
    # --- readers (train split only)
    "swapped_sides": (0.009, 0.05),
    "shifted_levels": (0.04, 0.1),
    "missing_points": (0.06, 0.15),
    "missing_side": (0.005, 0.05),
    "missing_canal": (0.0005, 0.02),
    # --- anatomy
    "transitional": (0.06, 0.15),
    "scoliosis": (0.08, 0.2),
    "slip": (0.08, 0.2),
    "off_centre": (0.04, 0.15),
    "metal": (0.01, 0.05),
    # --- how much the images show (below all others: what is drawn for those stays as it was)
    "tall_field": (0.01, 0.1),
}
"""Fault to its (real, hard) probability in a study."""

_TRAIN_ONLY = frozenset({"swapped_sides", "shifted_levels", "missing_points"})
_TEST_ONLY = frozenset({"no_spacing_tags"})


def draw_faults(rng: np.random.Generator, mode: str, split: str, forced: Iterable[str] = ()) -> frozenset[str]:
    """The faults of one study.

    Args:
        rng: the study's generator of faults.
        mode: none, real or hard.
        split: train or test; readers' errors are left out of test, where labels are the truth to score on.
        forced: faults that it has in any mode.
    """
    chances = rng.random(len(RATES))
    rates = np.array([(0.0, *rates) for rates in RATES.values()])[:, MODES.index(mode)]
    drawn = {name for name, chance, rate in zip(RATES, chances, rates, strict=True) if chance < rate}
    drawn -= _TRAIN_ONLY if split == "test" else frozenset()
    drawn -= _TEST_ONLY if split == "train" and mode == "real" else frozenset()
    found = drawn | set(forced)
    if "shifted_levels" in found:  # counting goes wrong where the sacrum misleads
        found |= {"transitional"}
    return frozenset(found)


def uncovered_levels(faults: frozenset[str]) -> int:
    """How many of the uppermost levels no axial slice shows."""
    return 2 if "uncovered_l2_l3" in faults else 1 if "uncovered_l1_l2" in faults else 0
