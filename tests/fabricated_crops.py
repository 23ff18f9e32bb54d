"""A study's crops as cutting makes them, of noise."""

import numpy as np

from stenosis_kit.crops.centres import Lost
from stenosis_kit.crops.store import MANIFEST
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.crops.views import VIEW_BY_NAME


def study_crops(study_id, count, view="canal_axial"):
    facts = VIEW_BY_NAME[view]
    rng = np.random.default_rng(study_id)
    pixels = rng.integers(0, 256, (count, facts.px, facts.px, facts.slices)).astype(np.uint8)
    cell = {"condition": "spinal_canal_stenosis", "level": "l1_l2", "severity": "moderate"}
    row = dict.fromkeys(MANIFEST) | cell | {"study_id": study_id, "view": view}
    rows = [row | {"row": number} for number in range(count)]
    return StudyCrops(study_id, {view: pixels}, rows, [Lost("c", "l1_l2", view, "why")], {"7/1.dcm": "broken"})
