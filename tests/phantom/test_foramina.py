"""Foramina on ideal sagittal T1 images: keyholes that lose their fat from below."""

import cv2
import numpy as np
import pytest
from patients import LEFT_FORAMEN, PX, Patient, sagittal

from stenosis_kit.phantom.anatomy.column import FIRST_DISC
from stenosis_kit.phantom.imaging import tissue

PATIENTS, LEVELS = [Patient(seed) for seed in range(4)], (1, 2, 3, 4)
CASES = [(patient, level) for patient in PATIENTS for level in LEVELS]
FAT, MARROW = 0.9, 0.35


def fat_about(patient: Patient, compromise: float, level: int, size: float) -> np.ndarray:
    """Share of fat at the pixels about a left foramen's label point, between marrow and fat."""
    spine = patient.spine(LEFT_FORAMEN, compromise)
    signals = {"epidural_fat": FAT, "fat": FAT, "marrow": MARROW}
    image, _ = patient.image(spine, sagittal(spine.point(LEFT_FORAMEN, level), size), tissue.T1, **signals)
    return np.clip((image - MARROW) / (FAT - MARROW), 0, 1)


def widths_of(patient: Patient, level: int) -> np.ndarray:
    """Width in mm, from above to below, of a healthy foramen: what is bright and hangs together, with its root."""
    fat = fat_about(patient, 0.02, level, 28)
    bright = cv2.morphologyEx((fat > 0.5).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    middle = len(fat) // 2
    bright[:, middle + round(7 / PX) :] = 0  # what lies behind the articular process
    _, marks = cv2.connectedComponents(bright)
    found = marks[middle - 4 : middle + 5, middle - 5 : middle + 6]
    widths = (marks == np.bincount(found[found > 0]).argmax()).sum(axis=1) * PX
    return widths[widths > 0]


def test_foramina_are_15_to_20_mm_high_8_to_10_wide_above_and_a_slit_below():
    shapes = []
    for case in CASES:
        widths = widths_of(*case)
        above, below = widths[: len(widths) // 2], widths[-len(widths) // 4 :]
        shapes.append((len(widths) * PX, above.max(), below.mean()))
    tall, above, below = np.median(shapes, axis=0)
    assert 15 < tall < 20
    assert 7.5 < above < 10.5
    assert below < 0.6 * above


def test_fat_is_lost_first_below_the_root_then_about_it():
    columns, lost = slice(round(3 / PX), round(16 / PX)), []
    for case in CASES:
        halves = [np.split(fat_about(case[0], compromise, case[1], 18), 2) for compromise in (0.02, 0.4, 0.98)]
        left = np.array([[half[:, columns].sum() for half in both] for both in halves])
        lost.append(1 - left[1:] / left[0])
    (above, below), (above_at_last, _) = np.median(lost, axis=0)
    assert below > above + 0.2
    assert above_at_last > 0.6


@pytest.mark.parametrize("level", LEVELS)
def test_pedicles_run_into_the_body_without_a_line(level):
    lines = []
    for patient in PATIENTS:
        spine, disc = patient.spine(LEFT_FORAMEN, 0.02), FIRST_DISC + level  # and the body above it
        s = spine.wall.s_bodies[disc]
        y, z = spine.wall.at(s + 4.5, 0)
        side = float(np.interp(s, spine.profiles["s"], spine.profiles["pedicle_offset"]))
        plane = sagittal(np.array([spine.column.midline(z) + side + 2, y, z]), 12)  # beside the flavum
        image, _ = patient.image(spine, plane, tissue.T1, marrow=MARROW)
        lines.append(image[9:12, : round(10 / PX)].mean(axis=0).min())
    assert np.median(lines) > 0.65 * MARROW
