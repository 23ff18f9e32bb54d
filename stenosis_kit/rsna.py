"""The facts of the competition, all of them, in one place. Imports nothing of ours.

Severity order is the submission's everywhere in this package: normal_mild, moderate, severe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SLUG = "rsna-2024-lumbar-spine-degenerative-classification"

# --- Words -----------------------------------------------------------------------------------

LEVELS = ("l1_l2", "l2_l3", "l3_l4", "l4_l5", "l5_s1")
"""The five disc levels as row ids spell them, from head to feet."""

LEVEL_LABELS = tuple(level.upper().replace("_", "/") for level in LEVELS)
"""The same levels as train_label_coordinates.csv spells them: L1/L2 … L5/S1."""

SEVERITIES = ("normal_mild", "moderate", "severe")
SEVERITY_LABELS = ("Normal/Mild", "Moderate", "Severe")
"""The severities as train.csv spells them."""

SEVERITY_WEIGHTS = (1.0, 2.0, 4.0)
"""Sample weight of a labelled cell by its severity (the official metric)."""

PAPER_CLASSES = ("moderate", "normal_mild", "severe")
"""Class indices 0, 1, 2 of Garcia de Celis & Bukaita (2025), Table 1."""

SAGITTAL_T1 = "Sagittal T1"
SAGITTAL_T2 = "Sagittal T2/STIR"
AXIAL_T2 = "Axial T2"
SERIES_KINDS = (SAGITTAL_T1, SAGITTAL_T2, AXIAL_T2)
"""Values of series_description in the series tables. DICOM's own SeriesDescription is not to be trusted."""

LEFT, RIGHT = "left", "right"

TERMS = ("spinal", "foraminal", "subarticular")
"""The metric pools left and right: these are its three log losses."""


@dataclass(frozen=True)
class Condition:
    """One of the five conditions that are graded at each level.

    Attributes:
        name: as row ids spell it, e.g. left_neural_foraminal_narrowing.
        term: the term of the metric it counts in, one of `TERMS`.
        side: `LEFT`, `RIGHT`, or None for the canal.
        series_kind: the kind of series on which the competition's readers placed its points.
    """

    name: str
    term: str
    side: str | None
    series_kind: str

    @property
    def label(self) -> str:
        """The condition as train_label_coordinates.csv spells it, e.g. Left Neural Foraminal Narrowing."""
        return self.name.replace("_", " ").title()


CONDITIONS = tuple(
    Condition(*row)
    for row in (
        ("left_neural_foraminal_narrowing", "foraminal", LEFT, SAGITTAL_T1),
        ("left_subarticular_stenosis", "subarticular", LEFT, AXIAL_T2),
        ("right_neural_foraminal_narrowing", "foraminal", RIGHT, SAGITTAL_T1),
        ("right_subarticular_stenosis", "subarticular", RIGHT, AXIAL_T2),
        ("spinal_canal_stenosis", "spinal", None, SAGITTAL_T2),
    )
)
"""In the order of sample_submission.csv (alphabetical; train.csv has another)."""

CONDITION_NAMES = tuple(condition.name for condition in CONDITIONS)
CONDITION_BY_NAME = {condition.name: condition for condition in CONDITIONS}
CELLS = tuple((condition.name, level) for condition in CONDITIONS for level in LEVELS)
"""The 25 (condition, level) pairs of a study in the order of sample_submission.csv."""

CELLS_OF_TERM = {
    term: tuple(place for place, (name, _) in enumerate(CELLS) if CONDITION_BY_NAME[name].term == term)
    for term in TERMS
}
"""The places in `CELLS` of each of the metric's terms."""

LABEL_COLUMNS = tuple(f"{condition}_{level}" for condition, level in CELLS)
"""The 25 columns of train.csv, here in the submission's order."""


def condition_of(term: str, side: str | None) -> Condition:
    """The condition with that term and side, e.g. ("foraminal", "left")."""
    return next(c for c in CONDITIONS if (c.term, c.side) == (term, side))


def mirrored(condition: Condition) -> Condition:
    """The same condition on the other side; the canal is its own."""
    other = {LEFT: RIGHT, RIGHT: LEFT, None: None}[condition.side]
    return condition_of(condition.term, other)


def row_id(study_id: int, condition: str, level: str) -> str:
    """A submission's row id, e.g. 123_spinal_canal_stenosis_l1_l2."""
    return f"{study_id}_{condition}_{level}"


def split_row_id(text: str) -> tuple[int, str, str] | None:
    """The (study_id, condition, level) of a row id, or None where it is not one: of no id that a table can hold too."""
    study, _, cell = text.partition("_")
    if not _STUDY_ID.fullmatch(study) or int(study) > _LARGEST_ID or cell not in _CELL_OF_COLUMN:
        return None
    return int(study), *_CELL_OF_COLUMN[cell]


_STUDY_ID = re.compile("0|[1-9][0-9]{0,18}")  # as `row_id` spells it
_LARGEST_ID = 2**63 - 1  # tables hold ids as 64-bit integers
_CELL_OF_COLUMN = dict(zip(LABEL_COLUMNS, CELLS, strict=True))

# --- Files -----------------------------------------------------------------------------------

SPLITS = ("train", "test")
TRAIN_TABLE = "train.csv"
POINTS_TABLE = "train_label_coordinates.csv"
SAMPLE_SUBMISSION = "sample_submission.csv"
SOLUTION, SOLUTION_POINTS = "solution.csv", "solution_coordinates.csv"
"""Labels and true points of test studies, which split and phantom write."""
ORACLE = "oracle_submission.csv"
"""The best possible answers, which phantom writes."""
SUBMISSION_COLUMNS = ("row_id", *SEVERITIES)


def series_table(split: str) -> str:
    """File name of a split's series table."""
    return f"{split}_series_descriptions.csv"


def images_folder(split: str) -> str:
    """Name of a split's image folder: <split>_images/<study_id>/<series_id>/<instance_number>.dcm."""
    return f"{split}_images"


FILES = (
    TRAIN_TABLE, POINTS_TABLE, SAMPLE_SUBMISSION, SOLUTION, SOLUTION_POINTS, ORACLE, *map(series_table, SPLITS),
)  # fmt: skip
"""Tables of a competition root, see `tables.own_files`."""

# --- Aggregates over the 1,975 training studies, for use where no labels are at hand ----------

_MODERATE_SEVERE_PERCENT = {
    "spinal": ((3.4, 1.1), (7.6, 2.7), (11.7, 6.2), (12.0, 12.9), (2.6, 1.0)),
    "foraminal": ((3.2, 0.4), (8.6, 0.4), (20.9, 2.0), (32.0, 6.8), (25.8, 10.0)),
    "subarticular": ((5.6, 1.4), (13.1, 4.2), (23.0, 9.9), (31.5, 23.4), (20.4, 8.2)),
}


def typical_shares(condition: str, level: str) -> tuple[float, float, float]:
    """Unweighted class shares of a cell over the public training set, in severity order."""
    percents = _MODERATE_SEVERE_PERCENT[CONDITION_BY_NAME[condition].term][LEVELS.index(level)]
    moderate, severe = (percent / 100 for percent in percents)
    return 1 - moderate - severe, moderate, severe


# Mean place of the label points as a fraction (x, y) of the image, L1/L2 … L5/S1; sd about .05.
CANAL_FRACTIONS = ((0.581, 0.300), (0.556, 0.416), (0.541, 0.531), (0.545, 0.641), (0.572, 0.730))
"""Canal points on sagittal T2."""

# Mean place of the label points of six training studies (12 a level) beside the canal's label point of their level,
# L1/2 … L5/S1, mm: outward from the midline along patient x, back across the canal's axis, up along it. They stray by
# 1 to 4 mm. The axis runs through the canal's label points of the levels above and below. One foraminal label at L1/L2
# that is known to be 27 mm too high is left out.
FORAMEN_STEPS_MM = ((15.0, -2.8, 5.1), (15.7, -3.2, 6.9), (17.2, -4.6, 5.7), (17.8, -7.2, 8.1), (17.3, -10.2, 5.9))
"""To the foraminal points."""
RECESS_STEPS_MM = ((9.8, -1.8, -0.5), (9.0, -1.7, -1.2), (8.2, -2.3, -1.3), (7.8, -3.0, -1.0), (8.5, -4.3, -2.5))
"""To the subarticular points."""
LEVEL_GUARD_MM = 10.0
"""A slice farther than this from a level's point does not show the level."""
