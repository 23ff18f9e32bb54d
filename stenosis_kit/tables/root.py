"""A competition root and one of its splits: each table read once, when it is first asked for, and handed on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import EXAMPLES, TableError, and_more
from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.labels import cells_from_wide, labelled_rows, read_labels, read_solution
from stenosis_kit.tables.no_table import unpacking
from stenosis_kit.tables.points import POINT_KEY, read_points
from stenosis_kit.tables.reading import Reading
from stenosis_kit.tables.sample import read_sample
from stenosis_kit.tables.series import SERIES_KEY, read_series, unknown_kinds
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
        return self.reading(rsna.series_table(self.split), read_series)

    @property
    def label_table(self) -> Reading:
        """train.csv as it stands."""
        return self.reading(rsna.TRAIN_TABLE, read_labels)

    @property
    def point_table(self) -> Reading:
        """train_label_coordinates.csv, see `points.read_points`."""
        return self.reading(rsna.POINTS_TABLE, read_points)

    @property
    def true_points(self) -> Reading:
        """The split's points as somebody knows them: the readers', or those of a phantom's test studies."""
        return self.point_table if self.split == "train" else self.reading(rsna.SOLUTION_POINTS, read_points)

    def reading(self, name: str, reader: Callable[[Path], pl.DataFrame]) -> Reading:
        """What reading a file of the root came to; the second time it is remembered."""
        if name not in self._readings:
            self._readings[name] = Reading.of(self.folder / name, reader)
        return self._readings[name]

    # --- The split's series and grid -----------------------------------------------------------

    @cached_property
    def series(self) -> pl.DataFrame:
        """The series that the split's grid comes from, each once: study_id, series_id, series_description.

        A doubled row or a series of an unknown kind is no reason to refuse a submission: the latter stays, and is not
        read.

        Raises:
            InputError: where the folder is no competition root, or its series table cannot be used.
        """
        self._check_layout()
        return self.series_table.usable().unique(SERIES_KEY, keep="first", maintain_order=True)

    @property
    def sample(self) -> Reading:
        """sample_submission.csv, which is of the test split, see `sample.read_sample`."""
        return self.reading(rsna.SAMPLE_SUBMISSION, read_sample)

    @cached_property
    def grid(self) -> pl.DataFrame:
        """All rows of a submission, see `grid.grid`: of the series table's studies, and of the sample's.

        A study that stands in one of the two alone is named in the log; raises as `series` does.
        """
        listed = set(self.series["study_id"])
        sampled = set(self.sampled["study_id"]) if self.sampled is not None else listed
        table = rsna.series_table(self.split)
        for alone, here, there in (
            (sampled - listed, rsna.SAMPLE_SUBMISSION, table),
            (listed - sampled, table, rsna.SAMPLE_SUBMISSION),
        ):
            if alone:
                text = "%d studies stand in %s and not in %s, the first %d; they have rows all the same"
                log.warning(text, len(alone), here, there, min(alone))
        return grid(listed | sampled)

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
        """Itself, where the tables of training can all be used and agree with each other.

        Raises:
            InputError: where one is missing or no CSV.
            TableError: with the problems of all three, or all points that lead nowhere.
        """
        self._check_layout()
        tables = ((self.label_table, ("study_id",)), (self.point_table, POINT_KEY), (self.series_table, SERIES_KEY))
        problems = [f"{table.path.name}: {problem}" for table, key in tables for problem in table.problems(key)]
        if self.series_table.rows is not None:
            kinds = unknown_kinds(self.series_table.rows)
            problems += [f"{self.series_table.path.name}: {problem}" for problem in kinds]
        problems = problems or self._dangling_points()
        if problems:
            raise TableError(self.folder, problems)
        return self

    @cached_property
    def cells(self) -> pl.DataFrame:
        """The cells of train.csv: study_id, condition, level, severity (null where unlabelled).

        Raises:
            InputError: where the table cannot be used.
        """
        return cells_from_wide(self.label_table.usable())

    @property
    def points(self) -> pl.DataFrame:
        """The label points; raises as `cells` does."""
        return self.point_table.usable()

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
        points: dict[int, dict] = {}
        columns = (*POINT_KEY, "series_id", "instance_number", "x", "y")
        rows = self.point_table.rows
        for study, condition, level, *place in rows.select(columns).iter_rows() if rows is not None else ():
            points.setdefault(study, {})[condition, level] = LabelPoint(*place)
        return [replace(study, points=points.get(study.study_id, {})) for study in studies]

    def known_labels(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, str] | None:
        """Labels of some of a grid's rows, where somebody has left them: for scoring and reports, never for grading.

        Args:
            rows: frame with row_id.

        Returns:
            The labelled cells as `labels.read_solution` gives them and the name of their table: solution.csv, else
            train.csv; None where there are none.
        """
        for reading in (self.reading(rsna.SOLUTION, read_solution), self.label_table):
            if reading.error and not reading.missing:
                log.warning("labels: %s", reading.error)
            if reading.rows is None:
                continue
            truth = reading.rows if reading.path.name == rsna.SOLUTION else labelled_rows(self.cells)
            known = truth.filter(pl.col("row_id").is_in(rows["row_id"].implode()))
            if known.height:
                return known, reading.path.name
        return None

    # --- Checks --------------------------------------------------------------------------------

    def protect(self, output: Path) -> None:
        """Raises InputError where an output would overwrite one of the competition's own files."""
        if output.resolve().parent == self.folder.resolve() and output.name in rsna.FILES:
            raise InputError(output, "a new file", "one of the competition's own", "Give the output another name.")

    def _check_layout(self) -> None:
        """Raises InputError where the folder is not a competition root."""
        if not self.folder.is_dir():
            found = "a file" if self.folder.exists() else "no such folder"
            remedy = "Give the folder into which the competition's zip was unpacked."
            raise InputError(self.folder, "a folder with the competition's files", found, remedy)
        table = self.folder / rsna.series_table(self.split)
        if not table.is_file():
            names = sorted(entry.name for entry in self.folder.iterdir())
            found = (", ".join(names[:6]) + (" …" if len(names) > 6 else "")) if names else "an empty folder"
            remedy = unpacking(table) or "Give the folder into which the competition's zip was unpacked."
            raise InputError(self.folder, table.name, found, remedy)

    def _dangling_points(self) -> list[str]:
        """Points of studies or series that the other tables do not know."""
        problems = []
        series = self.series_table
        owners = ((rsna.TRAIN_TABLE, self.cells, ["study_id"]), (series.path.name, series.rows, list(SERIES_KEY)))
        for name, owner, key in owners:
            lost = self.points.with_row_index("row").join(owner, on=key, how="anti").sort("row")
            for row, found in lost.select("row", key[-1]).head(EXAMPLES).iter_rows():
                expected = f"expected a {key[-1]} of {name}; found {found}"
                problems.append(f"{rsna.POINTS_TABLE}: row {row + 2}, column {key[-1]}: {expected}")
            problems += and_more(lost["row"].to_list())
        return problems


def as_root(data: Root | Path | str, split: str) -> Root:
    """The root itself, or that of a folder."""
    return data if isinstance(data, Root) else Root(data, split)
