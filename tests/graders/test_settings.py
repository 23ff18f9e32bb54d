"""The settings of graders and training."""

from __future__ import annotations

from dataclasses import replace

from stenosis_kit.graders.settings import GRADERS, Training


def test_every_network_learns_for_one_epoch_at_least() -> None:
    grader = replace(GRADERS[0], repeats=0.1)
    assert [Training(max_epochs=most).epochs(grader) for most in (1, 10, 40)] == [1, 1, 4]
