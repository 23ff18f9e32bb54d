"""Training with networks so small that a campaign can interrupt it often: `python -m campaigns.small STORE MODEL`."""

from __future__ import annotations

import sys
from pathlib import Path

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.console import end_on_signals
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.lock import locked
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.road.train import train

_VIEWS = ("canal_sagittal", "canal_axial", "foraminal_sagittal", "subarticular_axial")
GRADERS = tuple(Grader(view, mm=48.0, px=32, time=1.0) for view in _VIEWS)
SMALL = Training(folds=2, grow=False, filters=(4, 4, 4, 8, 8), dense=(16, 8), max_epochs=2, graders=GRADERS)

if __name__ == "__main__":
    end_on_signals()
    try:
        with locked(Path(sys.argv[2])):
            train(Path(sys.argv[1]), Path(sys.argv[2]), Budget(), SMALL, start="none")
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
