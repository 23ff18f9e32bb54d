"""The axial look of canal and facet joints: sizes as in the literature, and what goes first where room is lost.

Tissues are told apart by painting one white and all others black.
"""

import numpy as np
import pytest
from patients import CANAL, LEFT_RECESS, PX, Patient, axial

from stenosis_kit.phantom.anatomy.column import GRADED_DISCS
from stenosis_kit.phantom.anatomy.profiles import STEP
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.imaging import tissue

L1_L2, L3_L4, L4_L5, L5_S1 = 0, 2, 3, 4


@pytest.fixture(scope="module", params=[1, 2, 3])
def patient(request) -> Patient:
    return Patient(request.param)


def shown(patient: Patient, spine: Spine, level: int, *tissues: str, size: float = 64) -> np.ndarray:
    """How much of some tissues is in each pixel of an axial slice about the canal point."""
    signals = dict.fromkeys(tissue.draw_palette(np.random.default_rng(0), tissue.T2), 0.0)
    plane = axial(spine, spine.point(CANAL, level), level, size)
    image, _ = patient.image(spine, plane, tissue.T2, **signals | dict.fromkeys(tissues, 1.0))
    return image


def widths(mask: np.ndarray) -> np.ndarray:
    """Of a mask's rows that are not empty, mm."""
    wide = mask.sum(1)
    return wide[wide > 0] * PX


@pytest.mark.parametrize("level", [L1_L2, L3_L4, L4_L5])
def test_the_sac_fills_the_canal(patient, level):
    """14 to 25 mm wide, 110 to 280 mm2 (Spine 2021: 199 on average)."""
    sac = shown(patient, patient.spine(CANAL, 0.05), level, "csf", size=34) > 0.4
    assert 14 < widths(sac).max() < 25
    assert 110 < sac.sum() * PX**2 < 280


def test_the_lower_sac_is_a_triangle(patient):
    wide = widths(shown(patient, patient.spine(CANAL, 0.05), L4_L5, "csf", size=34) > 0.4)
    assert wide[len(wide) // 5] > 1.25 * wide[-len(wide) // 5]


@pytest.mark.parametrize("level", [L3_L4, L4_L5])
def test_fluid_goes_before_the_sacs_outline_and_fat_behind_it_goes_last(patient, level):
    """Grades A to D of Schizas 2010."""
    fluid, sac, fat = [], [], []
    for compromise in (0.05, 0.5, 0.98):
        spine = patient.spine(CANAL, compromise)
        fluid.append(np.clip(shown(patient, spine, level, "csf", size=26) - 0.4, 0, None).sum())
        sac.append(shown(patient, spine, level, "csf", "nerve", size=26).sum())
        fat.append(shown(patient, spine, level, "epidural_fat", size=26)[24:].sum())
    assert fluid[1] < 0.4 * fluid[0]
    assert 0.45 * sac[0] < sac[1] < 0.95 * sac[0]
    assert fat[1] > 0.8 * fat[0]
    assert fat[2] < 0.6 * fat[1]


def test_the_ligamentum_flavum_is_some_four_mm_thick_and_grows(patient):
    """2.5 to 6 mm at L4/L5, across its slope."""
    thick = []
    for compromise in (0.05, 0.6):
        image = shown(patient, patient.spine(CANAL, compromise), L4_L5, "ligament", size=26)
        thick.append(image[24, :22].sum() * PX * np.sqrt(0.5))
    assert 2 < thick[0] < 6
    assert thick[1] > thick[0] + 0.5


def test_lower_facet_joints_face_forwards_more_than_upper_ones(patient):
    """From 26 degrees to the sagittal plane at L1/L2 to 53 at L5/S1 (van Schaik 1985, Panjabi 1993)."""
    spine = patient.spine(CANAL, 0.05)
    at = np.rint(spine.wall.s_discs[GRADED_DISCS] / STEP).astype(int)
    angles = np.rad2deg(np.arctan2(spine.profiles["facet_sin"][at], spine.profiles["facet_cos"][at]))
    assert 5 < angles[L1_L2] < 45
    assert 33 < angles[L5_S1] < 73
    assert angles[L5_S1] > angles[L1_L2]


def test_a_narrow_recess_costs_the_sac_its_corner(patient):
    """The front half of its own side, and little of the back half."""
    lost = []
    for rows in (slice(0, 20), slice(20, 43)):
        left = [
            shown(patient, patient.spine(LEFT_RECESS, c), L3_L4, "csf", "nerve", size=26)[rows, 22:].sum()
            for c in (0.05, 0.8)
        ]
        lost.append(left[0] - left[1])
    assert lost[0] > 20
    assert lost[0] > lost[1]
