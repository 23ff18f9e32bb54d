"""Where the levels of a root's studies truly lie, and how far from there found points are."""

from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.label_points import canal_labels, in_patient
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import Cell, LabelPoint, Study

CANAL = rsna.condition_of("spinal", None)


def tasks_of(root: Path) -> list[Study]:
    """A root's test studies."""
    return Root(root, "test").studies()


def label_points(root: Path, study_id: int) -> dict[Cell, LabelPoint]:
    """The true points of a test study, as a table of label points has them."""
    table = root / "solution_coordinates.csv"
    frame = pl.read_csv(table if table.is_file() else root / rsna.POINTS_TABLE).filter(study_id=study_id)
    names = {condition.label: condition.name for condition in rsna.CONDITIONS}
    return {
        (names[row["condition"]], rsna.LEVELS[rsna.LEVEL_LABELS.index(row["level"])]): LabelPoint(
            row["series_id"], row["instance_number"], row["x"], row["y"]
        )
        for row in frame.iter_rows(named=True)
    }


def truth_of(root: Path, task: Study) -> np.ndarray:
    """(5, 3) true canal points of a test study, patient mm."""
    points = label_points(root, task.study_id)
    return canal_labels(read_study(task.images, task.study_id, task.series), points)


def true_points(root: Path, task: Study) -> dict[Cell, np.ndarray]:
    """{cell: (3,) its true point, patient mm} of a test study."""
    study = read_study(task.images, task.study_id, task.series)
    found = {cell: in_patient(study, point) for cell, point in label_points(root, task.study_id).items()}
    return {cell: place[1] for cell, place in found.items() if place}


def sagittal_errors(root: Path, tasks: list[LocatedStudy]) -> np.ndarray:
    """(studies, 5) distance of found points from the true ones in the sagittal plane, mm."""
    return np.array([np.linalg.norm((one.canal.points - truth_of(root, one.study))[:, 1:], axis=1) for one in tasks])
