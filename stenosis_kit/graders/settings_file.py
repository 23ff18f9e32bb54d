"""Settings from a TOML file. Names, types and limits are those of the dataclasses in `settings`."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from stenosis_kit.base.errors import InputError, why_unreadable
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training, field_value

_EXPECTED = "a TOML file of settings"
_REMEDY = "Correct it, or leave it out for the default."


def read_training(path: Path | str) -> Training:
    """The default settings with what a file gives in their place.

    Its keys are the fields of `settings.Training`. Graders are given as `[graders.VIEW]` tables, which change that
    view's grader and leave the others as they are; or as `[[graders]]` tables with a `view` each, and then there are
    no others. Fields that they do not give are the view's default.

    Raises:
        InputError: for a file that is missing or no TOML, an unknown key, and a value of a wrong type or size.
    """
    path = Path(path)
    table = _parsed(path)
    graders = _graders(path, table.pop("graders", {}))
    training = replace(_filled(path, Training(), table), graders=graders)
    _check_graders(path, training)
    return training


def _parsed(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the latter for brackets in brackets in brackets
        remedy = "A line is KEY = VALUE, or [graders.VIEW]; see Settings in README.md."
        what = str(error) if isinstance(error, ValueError) else "too many brackets"
        raise InputError(path, _EXPECTED, _place(text, what), remedy) from None


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(path, _EXPECTED, why_unreadable(error), "Give the path of one.") from None
    remedy = "Save it as UTF-8."
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(path, f"{_EXPECTED} in UTF-8", "text in UTF-16", remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"line {line} with a byte that is not UTF-8, {data[error.start]:#04x}"
        raise InputError(path, f"{_EXPECTED} in UTF-8", found, remedy) from None
    if "\0" in text:
        raise InputError(path, f"{_EXPECTED} in UTF-8", "text in UTF-16, or no text", remedy)
    return text


def _place(text: str, message: str) -> str:
    """What tomllib says, with the line that it speaks of."""
    what, _, place = message.partition(" (at ")
    line = re.match(r"line (\d+)", place)
    lines = text.rstrip().split("\n")
    number = min(int(line[1]), len(lines)) if line else len(lines)
    return f"line {number}, {lines[number - 1].strip()[:60]!r}: {what[:1].lower()}{what[1:]}"


# --- Graders -----------------------------------------------------------------------------------


def _graders(path: Path, given: Any) -> tuple[Grader, ...]:
    defaults = {grader.view: grader for grader in Training().graders}
    if isinstance(given, dict):
        for view, fields in given.items():
            _check_known(path, view, defaults, "the VIEW of [graders.VIEW]")
            _check_table(path, f"graders.{view}", fields)
        return tuple(_filled(path, each, given.get(view, {}), f"graders.{view}.") for view, each in defaults.items())
    if not isinstance(given, list) or not given:
        raise InputError(path, "graders as [graders.VIEW] or [[graders]] tables", f"graders = {given!r}", _REMEDY)
    for fields in given:
        _check_table(path, "graders", fields)
        _check_known(path, fields.get("view"), defaults, "the view of each of the [[graders]]")
    return tuple(_filled(path, defaults[fields["view"]], fields, "graders.") for fields in given)


def _check_table(path: Path, name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise InputError(path, f"{name} to be a table", repr(value), _REMEDY)


def _check_graders(path: Path, training: Training) -> None:
    """What no field can be asked alone: one grader a view, and parts of the crop that its blocks can halve."""
    counts = Counter(grader.view for grader in training.graders)
    smallest = 2 ** len(training.filters)
    for grader in training.graders:
        _check_known(path, grader.view, VIEW_BY_NAME, "a grader's view")
        widest, name = VIEW_BY_NAME[grader.view].mm, f"graders.{grader.view}"
        if counts[grader.view] > 1:
            raise InputError(path, f"one {name}", f"{counts[grader.view]}", "Leave the others out.")
        if grader.px < smallest:
            expected = f"{name}.px to be at least {smallest}, for {len(training.filters)} filters"
            raise InputError(path, expected, f"{grader.px}", "Give more pixels, or fewer filters.")
        if grader.mm > widest:
            raise InputError(path, f"{name}.mm to be at most the crop's {widest:g}", f"{grader.mm:g}", _REMEDY)


# --- Fields ------------------------------------------------------------------------------------


def _filled(path: Path, base: Any, table: dict[str, Any], prefix: str = "") -> Any:
    """The dataclass `base` with a table's values in place of its own."""
    types = get_type_hints(type(base), include_extras=True)
    given = {}
    for key, value in table.items():
        _check_known(path, key, types, f"each key {prefix}KEY" if prefix else "each key")
        try:
            given[key] = field_value(types[key], value)
        except (ValueError, OverflowError):
            raise InputError(path, f"{prefix}{key} to be {_words(types[key])}", repr(value), _REMEDY) from None
    return replace(base, **given)


def _check_known(path: Path, name: Any, valid: Iterable[str], what: str) -> None:
    if name not in list(valid):
        raise InputError(path, f"{what} to be one of {', '.join(valid)}", f"{name!r}", _REMEDY)


def _words(kind: Any) -> str:
    """What a field of that type may be."""
    if get_origin(kind) is tuple:
        return f"a list, each {_words(get_args(kind)[0])}"
    return get_args(kind)[1].words
