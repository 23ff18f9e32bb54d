"""Training curves of the graders, and how long training took."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl

from stenosis_kit.base.budget import show_time
from stenosis_kit.report.charts import chart, learning, missing
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, join, note, table, tag

Curves = dict[str, tuple[list[float], list[float]]]
"""{fold: weighted log loss of each epoch, in training and held out (NaN where nothing was held out)}."""


def learning_section(evidence: Evidence) -> Markup:
    """Training curves, grader by grader, with what they took."""
    path = evidence.model / "history.csv" if evidence.model else None
    if path is None or not path.is_file():
        return note("The run has no model with a training history.")
    networks = _networks(path)
    rows = [_summary(name, curves) for name, curves in networks.items()]
    text = (
        "Thin: loss in training, on augmented crops; thick: held out, on a sample, a line a fold. Training ends when "
        "its share of the time or its epochs do; the learning rate has come down by then; the last weights are kept."
    )
    return join(
        missing(),
        tag("p", _time(evidence)),
        tag("p", text, class_="soft"),
        tag("div", *(_chart(name, curves) for name, curves in networks.items()), class_="charts"),
        table(("", "networks", "epochs", "held out at the end, by fold"), rows, "Weighted log loss, in nats"),
    )


def _networks(path: Path) -> dict[str, Curves]:
    """{view: curves of its networks} from a model's history.csv."""
    history = pl.read_csv(path.read_bytes(), infer_schema_length=None)
    if "val_nats" not in history.columns:
        history = history.with_columns(val_nats=None)
    history = history.with_columns(pl.col("val_nats").cast(pl.Float64).fill_null(math.nan))
    networks: dict[str, Curves] = {}
    if "number" not in history.columns:
        history = history.with_columns(number=0)
    for (view, fold, number), rows in history.group_by("view", "fold", "number", maintain_order=True):
        name = f"fold {fold}" + (f", network {number + 1}" if number else "")
        networks.setdefault(view, {})[name] = rows["nats"].to_list(), rows["val_nats"].to_list()
    return networks


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
    run = evidence.model_run
    if not run:
        return "When it was trained, and in what time, is not known."
    took = show_time(sum(run.get("seconds", {}).values()))
    text = f"{run.get('networks', 'All')} networks were trained on {run.get('studies', 'some')} studies in {took}"
    start = run.get("start")
    if start:
        text += ", from new weights" if start == "none" else f", starting from: {start}"
    limit = evidence.run.get("time_limit_s") if "train" in evidence.run.get("seconds", {}) else None
    return text + (f"; the whole run had {show_time(float(limit))}." if limit else ".")
