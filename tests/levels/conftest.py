"""What tests of levels share: the localiser that ships, loaded once, and a cohort with large fields of view."""

from pathlib import Path

import numpy as np
import pytest
from true_canal import tasks_of

from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.phantom import phantom


@pytest.fixture(scope="session")
def bundled() -> Localiser:
    return Localiser.bundled()


@pytest.fixture(scope="session")
def broken(bundled: Localiser) -> Localiser:
    """One whose network answers with NaN."""
    found = Localiser(bundled.steps)
    found.network.set_weights([np.full_like(weights, np.nan) for weights in bundled.network.get_weights()])
    return found


@pytest.fixture(scope="session")
def tall_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training study and four test studies whose fields are 390 to 530 mm tall; nobody writes into it.

    The levels lie in the upper half in two of the test studies; three fields are square, and in one study T1 has the
    usual field.
    """
    forced = dict.fromkeys(range(5), ("tall_field",))
    folder = tmp_path_factory.mktemp("tall") / "root"
    return phantom(folder, studies=1, test_studies=4, seed=66, faults="none", workers=1, force=forced)


@pytest.fixture(scope="session")
def bundled_foramina() -> ForamenFinder:
    return ForamenFinder.bundled()


@pytest.fixture(scope="session")
def located(cohort: Path) -> list[LocatedStudy]:
    """The cohort's test studies as the bundled networks find them."""
    return find_canals(tasks_of(cohort), workers=1)
