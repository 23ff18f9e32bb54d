"""The paper's four tables, from the run."""

from __future__ import annotations

import numpy as np
import polars as pl

from stenosis_kit.paper.recipe import CLASSES

MAPPING, BEFORE, AFTER, REPORT = (
    "table_1_mapping.csv",
    "table_2_before.csv",
    "table_3_after.csv",
    "table_4_report.csv",
)
_COUNTED = ("Normal/Mild", "Moderate", "Severe")  # the order of Tables 2 and 3


def mapping_table() -> pl.DataFrame:
    """Table 1: labels and class indices."""
    return pl.DataFrame({"Severity Labels": CLASSES, "Mapping Value": range(len(CLASSES))})


def count_table(labels: np.ndarray) -> pl.DataFrame:
    """Tables 2 and 3: images a class, of (n,) class indices."""
    counts = [int((labels == CLASSES.index(name)).sum()) for name in _COUNTED]
    return pl.DataFrame({"Class": _COUNTED, "Number of Images": counts})


def report_table(truth: np.ndarray, chosen: np.ndarray) -> pl.DataFrame:
    """Table 4: precision, recall, F1 and support of each class, accuracy, macro and weighted averages.

    Args:
        truth: (n,) class indices.
        chosen: (n,) the class indices answered.
    """
    from sklearn.metrics import classification_report

    found = classification_report(
        truth, chosen, labels=range(len(CLASSES)), target_names=CLASSES, output_dict=True, zero_division=0.0
    )
    accuracy = float((truth == chosen).mean())
    rows = [_row(name, found[name]) for name in CLASSES]
    rows.append(_row("Accuracy", {"f1-score": accuracy, "support": len(truth)}))
    rows += [_row(name.capitalize(), found[name]) for name in ("macro avg", "weighted avg")]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("Class", "Precision", "Recall", "F1-Score", "Support")), orient="row"
    )


def _row(name: str, found: dict[str, float]) -> tuple:
    measures = [found.get(key) for key in ("precision", "recall", "f1-score")]
    return name, *(None if value is None else round(float(value), 4) for value in measures), int(found["support"])
