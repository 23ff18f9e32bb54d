"""Where the canal of a root's studies truly lies, and how far from there found points are."""

from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.label_points import canal_labels
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import LabelPoint, Study

CANAL = rsna.condition_of("spinal", None)


def tasks_of(root: Path) -> list[Study]:
    """A root's test studies."""
    return Root(root, "test").studies()


def truth_of(root: Path, task: Study) -> np.ndarray:
    """(5, 3) true canal points of a test study, patient mm."""
    table = root / "solution_coordinates.csv"
    frame = pl.read_csv(table if table.is_file() else root / rsna.POINTS_TABLE)
    rows = frame.filter(study_id=task.study_id, condition=CANAL.label).iter_rows(named=True)
    points = {
        (CANAL.name, rsna.LEVELS[rsna.LEVEL_LABELS.index(row["level"])]): LabelPoint(
            row["series_id"], row["instance_number"], row["x"], row["y"]
        )
        for row in rows
    }
    return canal_labels(read_study(task.images, task.study_id, task.series), points)


def sagittal_errors(root: Path, tasks: list[LocatedStudy]) -> np.ndarray:
    """(studies, 5) distance of found points from the true ones in the sagittal plane, mm."""
    return np.array([np.linalg.norm((one.canal.points - truth_of(root, one.study))[:, 1:], axis=1) for one in tasks])
