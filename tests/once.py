"""Networks that are made once a process: graders' by their settings, those of levels by what their files hold."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stenosis_kit.graders import model
from stenosis_kit.levels.level_network import LevelNetwork

_MOST = 40  # that are kept, those used last


class Once:
    """Stands in for what loads the networks of graders and of levels."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._network = model.GraderNetwork
        self._load_levels = LevelNetwork._load.__func__

    def put_into(self, patch: pytest.MonkeyPatch) -> None:
        """Takes their places."""
        patch.setattr(model, "GraderNetwork", lambda *given: self._of(given, lambda: self._network(*given)))
        patch.setattr(LevelNetwork, "_load", classmethod(self._levels))

    def _levels(self, kind: type, description: Path, weights: Path) -> Any:
        key = kind, _content(description), _content(weights)
        return copy.copy(self._of(key, lambda: self._load_levels(kind, description, weights)))

    def _of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        made = self._made.pop(key) if key in self._made else make()
        self._made[key] = made  # as the latest
        if len(self._made) > _MOST:
            self._made.pop(next(iter(self._made)))
        return made


def _content(path: Path) -> bytes | None:
    return sha256(path.read_bytes()).digest() if path.is_file() else None
