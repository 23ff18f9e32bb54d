"""What a training run is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders.request import Request
from stenosis_kit.graders.settings import Training


def test_graders_of_views_that_the_store_has_none_of_are_refused_by_name(
    store: Path, small_training: Training, tmp_path: Path
) -> None:
    opened = open_store(store)
    arrays = {view: crops for view, crops in opened.arrays.items() if view != "canal_axial"}
    graders = tuple(grader for grader in small_training.graders if grader.view == "canal_axial")
    request = Request(replace(opened, arrays=arrays), tmp_path, replace(small_training, graders=graders), Budget())
    with pytest.raises(InputError, match="expected crops of canal_axial; found canal_sagittal"):
        request.adapted  # noqa: B018
