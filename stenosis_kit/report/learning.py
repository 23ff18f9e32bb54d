"""How the graders learnt, and in what time."""

from __future__ import annotations

import math

import polars as pl

from stenosis_kit.base.budget import show_time
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json
from stenosis_kit.report.charts import chart, learning, missing
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, join, note, table, tag

_LOSSES = (("nats", "val_nats"), ("loss", "val_loss"))
"""Columns of history.csv, training and held out; the first pair that a network has is drawn."""

Curves = dict[str, tuple[list[float], list[float]]]


def learning_section(evidence: Evidence) -> Markup:
    """Training curves, grader by grader, with what they took."""
    history = _history(evidence)
    if history is None:
        return note("The run has no model with a training history.")
    networks = {name: _curves(rows) for (name,), rows in history.group_by("view", maintain_order=True)}
    rows = [_summary(name, curves) for name, curves in networks.items() if curves]
    text = (
        "Thin: loss in training, on augmented crops; thick: held out, on a sample, a line a fold. Training ends when "
        "its share of the time or its epochs do; the learning rate has come down by then; the last weights are kept."
    )
    return join(
        missing(),
        tag("p", _time(evidence)),
        tag("p", text, class_="soft"),
        tag("div", *(_chart(name, curves) for name, curves in networks.items() if curves), class_="charts"),
        table(("", "networks", "epochs", "held out at the end, by fold"), rows, "Weighted log loss, in nats"),
    )


def _history(evidence: Evidence) -> pl.DataFrame | None:
    path = evidence.model / "history.csv" if evidence.model else None
    if path is None or not path.is_file():
        return None
    frame = pl.read_csv(path, infer_schema_length=None, glob=False)
    return frame if {"view", "fold", "epoch"} <= set(frame.columns) and frame.height else None


def _curves(rows: pl.DataFrame) -> Curves:
    pair = next((pair for pair in _LOSSES if pair[0] in rows.columns and rows[pair[0]].drop_nulls().len()), None)
    if pair is None:
        return {}
    train, held_out = pair
    if held_out not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.Float64).alias(held_out))
    return {
        f"fold {fold}": (part[train].to_list(), part[held_out].cast(pl.Float64).fill_null(math.nan).to_list())
        for (fold,), part in rows.group_by("fold", maintain_order=True)
    }


def _last(held_out: list[float]) -> str:
    return f"{held_out[-1]:.3f}" if held_out and math.isfinite(held_out[-1]) else "–"


def _summary(name: str, curves: Curves) -> tuple:
    epochs = ", ".join(str(len(train)) for train, _ in curves.values())
    return _title(name), len(curves), epochs, ", ".join(_last(held) for _, held in curves.values())


def _chart(name: str, curves: Curves) -> Markup:
    ends = ", ".join(f"{fold}: {_last(held)} held out at the end" for fold, (_, held) in curves.items())
    alt = f"Training curves of {_title(name)}. {ends}."
    return chart(lambda axes: learning(axes, curves, _title(name)), alt, "", (3.4, 2.6))


def _title(view: str) -> str:
    return view.replace("_", ", ")


def _time(evidence: Evidence) -> str:
    try:
        run = read_json(evidence.model / "run.json", "a model's run.json")
    except InputError:
        return "When it was trained, and in what time, is not known."
    took = show_time(sum(run.get("seconds", {}).values()))
    text = f"{run.get('networks', 'All')} networks were trained on {run.get('studies', 'some')} studies in {took}"
    limit = evidence.run.get("time_limit_s")
    return text + (f"; the whole run had {show_time(float(limit))}." if limit else ".")
