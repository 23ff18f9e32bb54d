"""Networks that are loaded once a process, by what their files hold."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stenosis_kit.graders import model
from stenosis_kit.levels.level_network import LevelNetwork

_MOST = 80  # that are kept, those used last; a grader's network and its answers are two


class Once:
    """Stands in for what loads the networks of graders and of levels."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._load, self._answering = model.load_network, model.answering
        self._load_levels = LevelNetwork._load.__func__

    def put_into(self, patch: pytest.MonkeyPatch) -> None:
        """Takes their places."""
        patch.setattr(model, "load_network", self._grader)
        patch.setattr(model, "answering", lambda *given: self._of(given, lambda: self._answering(*given)))
        patch.setattr(LevelNetwork, "_load", classmethod(self._levels))

    def _grader(self, folder: Path, trained: Any, training: Any) -> Any:
        key = trained, training, _content(folder / trained.weights)
        return self._of(key, lambda: self._load(folder, trained, training))

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
