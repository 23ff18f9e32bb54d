"""What was measured beside what was aimed at."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

LONGEST_S = 900.0
_STEEPEST = 1.25  # of growth that still passes for linear: the clock's noise between sizes

Row = dict[str, Any]


def targets(found: dict) -> list[Row]:
    """The figures that have a target: figure, value, target, met (None where it was not measured)."""
    rows: list[Row] = []
    for cohort, modes in found["format"].items():
        alone, coded = (_of(modes, name, "ratio_to_pydicom_alone") for name in ("pydicom_alone", "with_codecs"))
        rows += [_row(f"format, {cohort}, pydicom alone / notebook reader", alone, least=6)]
        rows += [_row(f"format, {cohort}, with codecs / notebook reader", coded, least=8)]
    for view, figures in found["training"].items():
        rows += [_row(f"training, {view} / plain Keras", figures["ratio"], least=2)]
        rows += [_row(f"training, {view}, share of a matrix product", figures["share"], least=0.4)]
    rows += [_row("predict, s a real study", found["predict"]["real"], most=0.2)]
    rows += [_row(f"memory of {stage}, GB", value, most=3) for stage, value in found["memory_gb"].items()]
    rows += [_row(f"growth of {stage}", each["ratio"], most=_STEEPEST) for stage, each in found["growth"].items()]
    return rows + [_row("the bench, s", found["seconds"], most=LONGEST_S)]


def _of(modes: dict | None, *keys: str) -> float | None:
    for key in keys:
        modes = modes[key] if modes else None
    return modes


def _row(figure: str, value: float | None, least: float = -math.inf, most: float = math.inf) -> Row:
    target = f"<= {most:g}" if math.isinf(least) else f">= {least:g}"
    met = None if value is None else bool(least <= value <= most)
    return {"figure": figure, "value": value, "target": target, "met": met}


def table(found: dict) -> str:
    """All figures for people: those with a target first, then the rates behind them."""
    said = {True: "met", False: "NOT met", None: "not measured"}
    lines = [_line(row["figure"], row["value"], f"{row['target']:>8}  {said[row['met']]}") for row in found["targets"]]
    return "\n".join([*lines, "", *(_line(name, value) for name, value in _rates(found))])


def _rates(found: dict) -> Iterable[tuple[str, float | None]]:
    for cohort, modes in found["format"].items():
        for mode, figures in (modes or {}).items():
            for name, value in (figures or {}).items():
                yield f"format, {cohort}, {mode}, {name}", value
    yield "matrix product, GFLOP/s", found["matrix_product_gflop_s"]
    for view, figures in found["training"].items():
        for name in ("images_s", "plain_images_s", "gflop_s"):
            yield f"training, {view}, {name}", figures[name]
    for cohort, value in found["predict"].items():
        yield f"predict, s a {cohort} study", value
    for stage, each in found["growth"].items():
        for studies, seconds in zip(each["studies"], each["seconds"], strict=True):
            yield f"{stage}, s for {studies} studies", seconds


def _line(figure: str, value: float | None, rest: str = "") -> str:
    return f"{figure:62} {'-' if value is None else f'{value:.2f}':>9}  {rest}".rstrip()
