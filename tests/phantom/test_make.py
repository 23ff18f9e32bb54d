"""One study."""

import numpy as np

from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order


def test_faults_and_size_do_not_change_severity_and_spine():
    one, two = plan_study(Order(1, 4, "train", mode="none")), plan_study(Order(1, 4, "train", size="full", mode="none"))
    np.testing.assert_array_equal(one.severity.signal, two.severity.signal)
    np.testing.assert_array_equal(one.spine.column.centers, two.spine.column.centers)
    other = plan_study(Order(2, 4, "train", mode="none"))
    assert not np.array_equal(one.severity.signal, other.severity.signal)
