"""Whether a stage is done: the fingerprint of its input that its run.json holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json

RUN_NAME = "run.json"
"""What a finished stage leaves beside what it made: settings, counts, the fingerprint of its input."""


def run_matches(path: Path, expected: str) -> bool:
    """Whether there is a run.json that says that a stage was finished with the expected fingerprint."""
    try:
        return read_json(path, "a run.json").get("fingerprint") == expected
    except InputError:
        return False


def fingerprint(*parts: Any) -> str:
    """A short hash (SHA-256, 16 digits) of JSON values, and of the bytes of files that are given as paths."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
