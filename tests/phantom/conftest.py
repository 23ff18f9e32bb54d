"""What several tests of the phantom share, each made once a run."""

from pathlib import Path

import pytest

from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order, Study


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five training and two test studies with the faults of real data; nobody writes into it."""
    return phantom(tmp_path_factory.mktemp("phantom") / "root", studies=5, test_studies=2, seed=3, workers=1)


@pytest.fixture(scope="session")
def planned() -> list[Study]:
    """Sixty faultless studies without pixels."""
    return [plan_study(Order(5, index, "train", mode="none")) for index in range(60)]


@pytest.fixture(scope="session")
def planned_with_faults() -> list[Study]:
    """A hundred and twenty studies without pixels, with the faults of real data."""
    return [plan_study(Order(21, index, "train")) for index in range(120)]
