"""Kaggle kernel: grades the test studies with a trained model, else with the bundled one, and writes submission.csv.

All of it is in stenosis_kit, which travels as a wheel in a dataset.
"""

import os
import sys
from pathlib import Path

ROOT = Path(os.environ.get("STENOSIS_KIT_KAGGLE", "/kaggle"))  # a rehearsal has a folder of its own
WHEEL = "stenosis_kit-*-py3-none-any.whl"

PLACES = ("datasets/*/*", "d/*/*", "models/*/*/*/*/*", "*/keras/*/*", "*/other/*/*", "*")  # as Kaggle mounts inputs

wheels = sorted(path for place in PLACES for path in ROOT.glob(f"input/{place}/{WHEEL}"))
if not wheels:
    sys.exit(f"{ROOT}/input: expected a dataset with {WHEEL}; found none. Add it to the kernel's dataset_sources.")
sys.path.insert(0, str(wheels[-1]))

from stenosis_kit.kaggle.kernels import run  # noqa: E402

sys.exit(run("submit", ROOT))
