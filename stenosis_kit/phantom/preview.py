"""A picture of one study: its three series with the points and severities of its cells."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from stenosis_kit import rsna

_COLORS = ("#35c46a", "#f2b134", "#ef4b4b")


def save_preview(root: Path, path: Path) -> None:
    """Draws the train (else test) study with the most severe labels.

    Args:
        root: a finished phantom.
        path: of the picture, in any format that matplotlib knows.
    """
    from matplotlib.figure import Figure

    split = "train" if _rows(root / rsna.TRAIN_TABLE) else "test"
    points = _rows(root / (rsna.POINTS_TABLE if split == "train" else rsna.SOLUTION_POINTS))
    severity = _severities(root)
    study = _most_severe(points, severity)
    figure = Figure(figsize=(15, 5.2), layout="constrained", facecolor="black")
    for axes, kind in zip(figure.subplots(1, 3), (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1, rsna.AXIAL_T2), strict=True):
        axes.set_axis_off()
        _draw_kind(
            axes, root / rsna.images_folder(split), [row for row in points if row["study_id"] == study], kind, severity
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_kind(axes: object, images: Path, points: list[dict], kind: str, severity: dict) -> None:
    """The slice of a kind that holds most points, with the points on it."""
    conditions = {condition.label for condition in rsna.CONDITIONS if condition.series_kind == kind}
    mine = [row for row in points if row["condition"] in conditions]
    axes.set_title(kind, color="white")
    slices = [(row["series_id"], row["instance_number"]) for row in mine]
    if not slices:
        return
    series, number = max(sorted(set(slices)), key=lambda one: (slices.count(one), _worst(mine, one, severity)))
    image = _pixels(images / mine[0]["study_id"] / series / f"{number}.dcm")
    if image is None:
        return
    axes.imshow(image, cmap="gray", vmin=np.percentile(image, 1), vmax=np.percentile(image, 99.7))
    for row in mine:
        if (row["series_id"], row["instance_number"]) == (series, number):
            label = severity.get(_cell(row), 0)
            x, y = float(row["x"]), float(row["y"])
            axes.plot(x, y, "o", mfc="none", mec=_COLORS[label], ms=9, mew=1.6)
            # On axial slices the right side's text goes to the left, or it would cover the left side's.
            outward = -1 if row["condition"].startswith("Right") and kind == rsna.AXIAL_T2 else 1
            axes.annotate(
                f"{row['level']} {rsna.SEVERITY_LABELS[label]}",
                (x, y),
                (9 * outward, 3),
                color=_COLORS[label],
                textcoords="offset points",
                fontsize=8,
                ha="left" if outward > 0 else "right",
                annotation_clip=True,
            )


def _worst(rows: list[dict], one: tuple[str, str], severity: dict) -> int:
    return max(severity.get(_cell(row), 0) for row in rows if (row["series_id"], row["instance_number"]) == one)


def _most_severe(points: list[dict], severity: dict) -> str:
    total: dict[str, int] = {}
    for row in points:
        total[row["study_id"]] = total.get(row["study_id"], 0) + severity.get(_cell(row), 0)
    return max(total, key=total.__getitem__) if total else ""


def _severities(root: Path) -> dict[tuple[str, str, str], int]:
    """(study_id, condition label, level label) to severity, of the labelled cells."""
    found = {}
    for row in _rows(root / "latents.csv"):
        if row["severity"]:
            level = rsna.LEVEL_LABELS[rsna.LEVELS.index(row["level"])]
            label = rsna.CONDITION_BY_NAME[row["condition"]].label
            found[row["study_id"], label, level] = rsna.SEVERITIES.index(row["severity"])
    return found


def _cell(row: dict) -> tuple[str, str, str]:
    return row["study_id"], row["condition"], row["level"]


def _pixels(path: Path) -> np.ndarray | None:
    """The slice's pixels, or None where the file is one of the broken ones."""
    import pydicom

    try:
        return pydicom.dcmread(path).pixel_array
    except (OSError, ValueError, AttributeError, RuntimeError, pydicom.errors.InvalidDicomError):
        return None


def _rows(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
