"""Settings from a TOML file. Names, types and limits are those of the dataclasses in `settings`."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import NOT_NEGATIVE, Grader, Training

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
    expected = "a TOML file of settings"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, expected, error.strerror or str(error), "Give the path of one.") from None
    except ValueError as error:  # damaged TOML, or bytes that are no text
        raise InputError(path, expected, f"a damaged one: {error}", "Correct it.") from None


# --- Graders -----------------------------------------------------------------------------------


def _graders(path: Path, given: Any) -> tuple[Grader, ...]:
    defaults = {grader.view: grader for grader in Training().graders}
    if isinstance(given, dict):
        for view in given:
            _check_known(path, view, defaults, "the VIEW of [graders.VIEW]")
        changed = {view: _table(path, f"graders.{view}", fields) for view, fields in given.items()}
        return tuple(_filled(path, each, changed.get(view, {}), f"graders.{view}.") for view, each in defaults.items())
    if not isinstance(given, list) or not given:
        raise InputError(path, "graders as [graders.VIEW] or [[graders]] tables", f"graders = {given!r}", _REMEDY)
    return tuple(_listed(path, _table(path, "graders", fields), defaults) for fields in given)


def _listed(path: Path, fields: dict[str, Any], defaults: dict[str, Grader]) -> Grader:
    """The grader of a [[graders]] table."""
    view = fields.get("view")
    _check_known(path, view, defaults, "the view of each of the [[graders]]")
    return _filled(path, defaults[view], fields, "graders.")


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(path, f"{name} to be a table", repr(value), _REMEDY)
    return value


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
            given[key] = _value(types[key], value)
        except (ValueError, OverflowError):
            raise InputError(path, f"{prefix}{key} to be {_words(types[key])}", repr(value), _REMEDY) from None
    return replace(base, **given)


def _check_known(path: Path, name: Any, valid: Iterable[str], what: str) -> None:
    if name not in list(valid):
        raise InputError(path, f"{what} to be one of {', '.join(valid)}", f"{name!r}", _REMEDY)


def _value(kind: Any, value: Any) -> Any:
    """A value of TOML as a field of that type has it.

    Raises:
        ValueError: where it is not of that type, or breaks its rule.
    """
    kind, rule = _ruled(kind)
    options = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, list) and value:
        return tuple(_value(options[0], each) for each in value)
    if kind is float and type(value) is int:
        value = float(value)
    if kind in (int, float) and type(value) is kind and math.isfinite(value) and rule.holds(value):
        return value
    if kind in (bool, str) and type(value) is kind or get_origin(kind) is Literal and value in options:
        return value
    if get_origin(kind) in (Union, UnionType):
        return _value(next(option for option in options if option is not type(None)), value)
    raise ValueError(value)


def _words(kind: Any) -> str:
    """What a field of that type may be."""
    kind, rule = _ruled(kind)
    options = get_args(kind)
    if get_origin(kind) is tuple:
        return f"a list, each {_words(options[0])}"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, options))
    if get_origin(kind) in (Union, UnionType):
        return _words(next(option for option in options if option is not type(None)))
    return {
        bool: "true or false",
        int: f"a whole number {rule.words}",
        float: f"a number {rule.words}",
        str: "a text",
    }[kind]


def _ruled(kind: Any) -> tuple[Any, Any]:
    """A field's type without its rule, and the rule."""
    return get_args(kind) if get_origin(kind) is Annotated else (kind, NOT_NEGATIVE)
