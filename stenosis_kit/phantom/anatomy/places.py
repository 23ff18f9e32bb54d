"""Where foramina and recesses lie beside the wall (see `wall.Wall`), for their label points and for the drawing.

Each place is (outward from the midline, b, s above the disc's middle), mm, L1/L2 … L5/S1. On average they give the
steps of `rsna.FORAMEN_STEPS_MM` and `rsna.RECESS_STEPS_MM` in the canal's frame, to which they were fitted.
"""

from __future__ import annotations

import numpy as np

from stenosis_kit.phantom.anatomy.column import GRADED_DISCS

FORAMINA = np.array([(15.0, 6.6, 5.3), (15.7, 6.2, 7.2), (17.2, 4.6, 6.0), (17.8, 1.9, 8.5), (17.3, -0.2, 7.8)])
RECESSES = np.array([(9.8, 7.9, -0.6), (9.0, 7.9, -1.3), (8.2, 7.1, -1.5), (7.8, 6.7, -1.1), (8.5, 5.1, -2.2)])
PLACES = {"foraminal": FORAMINA, "subarticular": RECESSES}
"""By term of the condition."""


def on_all_discs(values: np.ndarray, discs: int) -> np.ndarray:
    """(discs,) values (5,) of the graded levels for all discs of a column; those outside have their neighbour's."""
    return np.interp(np.arange(-discs, 0), np.arange(GRADED_DISCS.start, GRADED_DISCS.stop), values)
