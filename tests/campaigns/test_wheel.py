"""The wheel in use: TensorFlow, the localiser's weights and worker processes out of a zip on the path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stenosis_kit.kaggle.wheel import build_wheel

pytestmark = pytest.mark.campaign
ROOT = Path(__file__).parents[2]

IN_A_KERNEL = """
import sys
from stenosis_kit.base.tasks import run_tasks
import on_a_worker

if __name__ == "__main__":
    assert ".whl" in sys.modules["stenosis_kit"].__file__
    for _, place in run_tasks(on_a_worker.where, [1, 2], workers=2):
        print(place)
"""
ON_A_WORKER = """
import stenosis_kit
def where(_):
    from stenosis_kit.crops import study_crops
    return study_crops.__file__
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def test_workers_see_the_wheel(wheel, tmp_path):
    (tmp_path / "kernel.py").write_text(IN_A_KERNEL)
    (tmp_path / "on_a_worker.py").write_text(ON_A_WORKER)
    frame = str(Path(__file__).parents[1] / "kernel_frame")  # hides the kit that is installed for the tests
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(wheel), frame])}
    done = subprocess.run(
        [sys.executable, "kernel.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(wheel / "stenosis_kit" / "crops" / "study_crops.py")] * 2


def test_the_bundled_localiser_loads_out_of_the_wheel(wheel, tmp_path):
    load = "from stenosis_kit.levels.localiser import Localiser; print(Localiser.bundled().notes['made_from'])"
    frame = str(Path(__file__).parents[1] / "kernel_frame")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(wheel), frame])}
    done = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "the phantom alone\n", done.stderr
