"""Kaggle's rules for dataset-metadata.json and kernel-metadata.json, which its client and server enforce.

They are checked here because the client cannot be installed everywhere, and its messages say less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json

DATASET_NAME, KERNEL_NAME = "dataset-metadata.json", "kernel-metadata.json"
PLACEHOLDER = "OWNER"
"""Stands for the account in the tracked files."""

LICENCES = (
    *("apache-2.0", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"),
    *("GPL-2.0", "other", "unknown"),
)
_SLUG_OF = "[a-zA-Z0-9][a-zA-Z0-9-]"  # and how many times the last kind of character
_SLUG = f"{_SLUG_OF}*"

_DATASET_KEYS = {
    *("id", "id_no", "title", "subtitle", "description", "licenses", "keywords", "isPrivate", "resources", "image"),
}
_KERNEL_KEYS = {
    *("id", "id_no", "title", "code_file", "language", "kernel_type", "keywords", "is_private"),
    *("enable_gpu", "enable_tpu", "enable_internet", "machine_shape", "docker_image", "docker_image_pinning_type"),
    *("dataset_sources", "kernel_sources", "competition_sources", "model_sources"),
}

Metadata = dict[str, Any]


class MetadataError(InputError):
    """All that is wrong with a metadata file, a line each."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(path, "metadata that Kaggle takes", f"{len(problems)} problem(s)", "Mend it, then run again.")

    def __str__(self) -> str:
        return "\n".join([*(f"{self.path}: {problem}" for problem in self.problems), self.remedy])


def read_metadata(path: Path, owner: str | None = None) -> Metadata:
    """Reads a metadata file, puts the owner where `PLACEHOLDER` stands, and checks it by its name's rules.

    Raises:
        InputError: where there is no such file, or the owner is no account name.
        MetadataError: with all rules that it breaks.
    """
    if owner is not None and not re.fullmatch(_SLUG, owner):
        raise InputError("owner", "a Kaggle account's name", repr(owner), "Give the name that stands in your URLs.")
    metadata = read_json(path, f"a {path.name}")
    if owner:
        metadata = json.loads(json.dumps(metadata).replace(f'"{PLACEHOLDER}/', f'"{owner}/'))
    problems = dataset_problems(metadata) if path.name == DATASET_NAME else kernel_problems(metadata, path.parent)
    if problems:
        raise MetadataError(path, problems)
    return metadata


def dataset_problems(metadata: Metadata) -> list[str]:
    """Every rule that a dataset's metadata breaks, as "key: expected …; found …"."""
    licences = metadata.get("licenses")
    names = [each.get("name") for each in licences if isinstance(each, dict)] if isinstance(licences, list) else []
    rules = [
        ("title", "6 to 50 characters", _matches(".{6,50}")),
        ("id", "owner/slug with a slug of 6 to 50 characters", _matches(f"{_SLUG}/{_SLUG_OF}{{5,49}}")),
        ("licenses", f"exactly one, of {', '.join(LICENCES)}", lambda _: len(names) == 1 and names[0] in LICENCES),
        ("subtitle", "20 to 80 characters, or none", _if_given(_matches(".{20,80}"))),
    ]
    return _broken(metadata, _DATASET_KEYS, rules)


def kernel_problems(metadata: Metadata, folder: Path) -> list[str]:
    """Every rule that a kernel's metadata breaks; `folder` holds its code file."""
    slug = str(metadata.get("id", "")).rpartition("/")[2]
    ids, models = _all_match(f"{_SLUG}/{_SLUG}"), _all_match(f"{_SLUG}/{_SLUG}/[a-zA-Z0-9]+/{_SLUG}/[0-9]+")
    rules = [
        ("id", "owner/slug with a slug of at least 5 characters", _matches(f"{_SLUG}/{_SLUG_OF}{{4,}}")),
        ("title", "at least 5 characters", _matches(".{5,}")),
        ("title", f"a title whose slug is the id's, {slug}", lambda value: slug_of(str(value)) == slug),
        ("code_file", f"a file in {folder}", lambda value: isinstance(value, str) and (folder / value).is_file()),
        ("language", "python", _matches("python")),
        ("kernel_type", "script or notebook", _matches("script|notebook")),
        ("is_private", "true or false", lambda value: isinstance(value, bool)),
        ("enable_internet", "false (left out, it is true)", lambda value: value is False),
        ("enable_gpu", "false", lambda value: value is False),
        ("dataset_sources", "a list of owner/slug", ids),
        ("kernel_sources", "a list of owner/slug", ids),
        ("competition_sources", f"[{rsna.SLUG}], without an owner", lambda value: value == [rsna.SLUG]),
        ("model_sources", "a list of owner/model/framework/variation/version", _if_given(models)),
        ("docker_image_pinning_type", "original or latest", _if_given(_matches("original|latest"))),
    ]
    return _broken(metadata, _KERNEL_KEYS, rules)


def slug_of(title: str) -> str:
    """The slug that Kaggle makes of a title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


Rule = Callable[[Any], bool]


def _broken(metadata: Metadata, known: set[str], rules: list[tuple[str, str, Rule]]) -> list[str]:
    found = [
        f"{key}: expected {expected}; found {metadata.get(key, 'nothing')!r}"
        for key, expected, holds in rules
        if not holds(metadata.get(key))
    ]
    return found + [f"{key}: expected a key that Kaggle knows" for key in metadata if key not in known]


def _matches(pattern: str) -> Rule:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _all_match(pattern: str) -> Rule:
    return lambda value: isinstance(value, list) and all(map(_matches(pattern), value))


def _if_given(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)
