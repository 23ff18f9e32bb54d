"""A competition root and one of its splits: each table read once, when it is first asked for, and handed on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.checks import check_layout, check_usable
from stenosis_kit.tables.csv_table import Table
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.labels import LABEL_KEY, cells_from_wide, labelled_rows, read_labels, usable_solution
from stenosis_kit.tables.points import POINT_KEY, POINT_TABLE, dangling_points, read_points
from stenosis_kit.tables.reading import Reading
from stenosis_kit.tables.sample import read_sample
from stenosis_kit.tables.series import SERIES_KEY, read_series
from stenosis_kit.tables.study import LabelPoint, Study

log = logging.getLogger(__name__)


class Root:
    """One split of a competition root. Nothing is read before it is asked for, and nothing twice.

    Attributes:
        folder: the competition root.
        split: train or test.
    """

    def __init__(self, folder: Path | str, split: str = "train") -> None:
        self.folder = Path(folder)
        self.split = split
        self._readings: dict[str, Reading] = {}

    def of(self, split: str) -> Root:
        """The same root's other split, with what was read already."""
        other = Root(self.folder, split)
        other._readings = self._readings
        return other

    @property
    def images(self) -> Path:
        """The split's image folder."""
        return self.folder / rsna.images_folder(self.split)

    # --- Tables: what is there, and what is wrong with it ----------------------------------------

    @property
    def series_table(self) -> Reading:
        """The split's series table."""
        return self.reading(rsna.series_table(self.split), partial(read_series, images=self.images))

    @property
    def label_table(self) -> Reading:
        """train.csv as it stands."""
        return self.reading(rsna.TRAIN_TABLE, partial(read_labels, images=self.of("train").images))

    @property
    def point_table(self) -> Reading:
        """train_label_coordinates.csv, see `points.read_points`."""
        return self.reading(rsna.POINTS_TABLE, partial(read_points, images=self.of("train").images))

    @property
    def true_points(self) -> pl.DataFrame | None:
        """The split's points, one a cell at most, as somebody knows them; None where nobody does.

        They are the readers', or those of a phantom's test studies.
        """
        other = partial(read_points, images=self.images)
        known = self.point_table if self.split == "train" else self.reading(rsna.SOLUTION_POINTS, other)
        return None if known.rows is None else _whole(known.rows, POINT_TABLE, POINT_KEY)

    def reading(self, name: str, reader: Callable[[Path], Table]) -> Reading:
        """What reading a file of the root came to; the second time it is remembered."""
        if name not in self._readings:
            self._readings[name] = Reading.of(self.folder / name, reader)
        return self._readings[name]

    # --- The split's series and grid -----------------------------------------------------------

    @cached_property
    def series(self) -> pl.DataFrame:
        """The series that the split's grid comes from, each once: study_id, series_id, series_description.

        A broken or doubled row is named in the log and left out; a series of an unknown kind stays, and is not read.

        Raises:
            InputError: where the folder is no competition root, or its series table cannot be used.
        """
        check_layout(self.folder, self.split)
        rows = self.series_table.usable()
        self.series_table.tell()
        return _whole(rows, SERIES_KEY, SERIES_KEY)

    @property
    def sample(self) -> Reading:
        """sample_submission.csv, which is of the test split, see `sample.read_sample`."""
        return self.reading(rsna.SAMPLE_SUBMISSION, read_sample)

    @cached_property
    def grid(self) -> pl.DataFrame:
        """All rows of a submission, see `grid.grid`: of the series table's studies, and of the sample's.

        A study that stands in one of the two alone is named in the log.

        Raises:
            InputError: where the folder is no competition root, or neither of the two tables can be used.
        """
        listed = self._listed()
        sampled = set(self.sampled["study_id"]) if self.sampled is not None else listed
        table = rsna.series_table(self.split)
        for alone, here, there in (
            (sampled - listed if listed else set(), rsna.SAMPLE_SUBMISSION, table),
            (listed - sampled, table, rsna.SAMPLE_SUBMISSION),
        ):
            if alone:
                text = "%d studies stand in %s and not in %s, the first %d; they have rows all the same"
                log.warning(text, len(alone), here, there, min(alone))
        return grid(listed | sampled)

    def _listed(self) -> set[int]:
        """Studies of the series table, those too whose series ids are broken; none where the sample has to do."""
        check_layout(self.folder, self.split)
        try:
            _ = self.series
        except InputError as error:
            if self.sampled is None:
                raise
            log.error("%s", error)
            return set()
        return set(self.series_table.rows["study_id"].drop_nulls())

    @cached_property
    def sampled(self) -> pl.DataFrame | None:
        """The rows that Kaggle scores, see `sample.read_sample`; None where no sample of the split can be read."""
        if self.split != "test":
            return None
        if self.sample.error and not self.sample.missing:
            log.warning("%s", self.sample.error)
        return self.sample.rows

    def studies(self, ids: Collection[int] | None = None) -> list[Study]:
        """The grid's studies (or some of them) by id, without labels; raises as `series` does."""
        found: dict[int, list[tuple[int, str]]] = {study: [] for study in self.grid["study_id"].unique().sort()}
        for study, series_id, kind in self.series.iter_rows():
            known = found[study]
            if kind in rsna.SERIES_KINDS:
                known.append((series_id, kind))
            elif ids is None or study in ids:
                log.warning("study %d: series %d is not read: its kind is %s", study, series_id, kind)
        return [Study(self.images, study, tuple(rows)) for study, rows in found.items() if ids is None or study in ids]

    # --- Labels --------------------------------------------------------------------------------

    def checked(self) -> Root:
        """Itself, where the tables of training can be used; what of them is left out is named in the log.

        Raises:
            InputError: where one is missing or no CSV.
            TableError: with the problems of all that cannot be used.
        """
        check_layout(self.folder, self.split)
        check_usable(self.folder, (self.label_table, self.point_table, self.series_table))
        _ = self.series  # tells what is wrong with its own table
        self.label_table.tell()
        self.point_table.tell()
        for problem in dangling_points(self.point_table, self.label_table, self.series_table):
            log.warning("%s: %s: not used", self.point_table.path, problem)
        return self

    @cached_property
    def cells(self) -> pl.DataFrame:
        """The cells of train.csv, each once: study_id, condition, level, severity (null where unlabelled).

        Raises:
            InputError: where the table cannot be used.
        """
        return cells_from_wide(_whole(self.label_table.usable(), LABEL_KEY, LABEL_KEY))

    @cached_property
    def points(self) -> pl.DataFrame:
        """The label points, one a cell at most; raises as `cells` does."""
        return _whole(self.point_table.usable(), POINT_TABLE, POINT_KEY)

    def labelled_studies(self) -> list[Study]:
        """The studies that have labels, by id, with their points; raises as `cells` and `series` do."""
        severities: dict[int, dict] = {}
        for study, condition, level, severity in self.cells.drop_nulls("severity").iter_rows():
            severities.setdefault(study, {})[condition, level] = severity
        listed = {study.study_id: study for study in self.studies(severities)}
        placed = self.with_points([listed.get(each, Study(self.images, each, ())) for each in sorted(severities)])
        return [replace(study, severities=severities[study.study_id]) for study in placed]

    def with_points(self, studies: list[Study]) -> list[Study]:
        """The studies with their label points, where the table of points can be used."""
        if self.point_table.error:
            return studies
        points: dict[int, dict] = {}
        columns = (*POINT_KEY, "series_id", "instance_number", "x", "y")
        for study, condition, level, *place in self.points.select(columns).iter_rows():
            points.setdefault(study, {})[condition, level] = LabelPoint(*place)
        return [replace(study, points=points.get(study.study_id, {})) for study in studies]

    @cached_property
    def solution(self) -> Reading:
        """solution.csv, see `labels.usable_solution`; what of it is not used is told, once."""
        reading = self.reading(rsna.SOLUTION, usable_solution)
        reading.tell()
        return reading

    def known_labels(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, str] | None:
        """Labels of some of a grid's rows, where somebody has left them: for scoring and reports, never for grading.

        Args:
            rows: frame with row_id.

        Returns:
            The labelled cells as `labels.usable_solution` gives them and the name of their table: solution.csv, else
            train.csv; None where there are none.
        """
        for reading in (self.solution, self.label_table):
            if reading.error and not reading.missing:
                log.warning("labels: %s", reading.error)
            if reading.rows is None:
                continue
            truth = reading.rows if reading.path.name == rsna.SOLUTION else labelled_rows(self.cells)
            known = truth.filter(pl.col("row_id").is_in(rows["row_id"].implode()))
            if known.height:
                return known, reading.path.name
        return None


def _whole(rows: pl.DataFrame, needed: Iterable[str], key: tuple[str, ...]) -> pl.DataFrame:
    """The rows that have values in the needed columns, the first of each key."""
    return rows.drop_nulls(list(needed)).unique(key, keep="first", maintain_order=True)


def as_root(data: Root | Path | str, split: str) -> Root:
    """The root itself, or that of a folder."""
    return data if isinstance(data, Root) else Root(data, split)
