"""The localiser that ships, loaded once for all tests of levels."""

import numpy as np
import pytest

from stenosis_kit.levels.localiser import Localiser


@pytest.fixture(scope="session")
def bundled() -> Localiser:
    return Localiser.bundled()


@pytest.fixture(scope="session")
def broken(bundled: Localiser) -> Localiser:
    """One whose network answers with NaN."""
    found = Localiser(bundled.steps)
    found.network.set_weights([np.full_like(weights, np.nan) for weights in bundled.network.get_weights()])
    return found
