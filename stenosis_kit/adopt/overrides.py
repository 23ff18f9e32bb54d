"""A user's table of what series are."""

from __future__ import annotations

from pathlib import Path

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.series import SERIES_KEY, read_series


def read_overrides(path: Path) -> dict[tuple[int, int], str]:
    """{(study_id, series_id): its kind, empty where it is to be left out}.

    Raises:
        InputError: where the table cannot be used.
        TableError: where a kind is none of `rsna.SERIES_KINDS`, or a row is doubled or broken.
    """
    table = read_series(path)
    wrong = table.rows.filter(~table.rows["series_description"].fill_null("").is_in(("", *rsna.SERIES_KINDS)))
    problems = [*table.problems]
    for series_id, kind in wrong.select("series_id", "series_description").iter_rows():
        problems.append(f"series {series_id}: expected {', '.join(rsna.SERIES_KINDS)} or nothing; found {kind!r}")
    if problems:
        raise TableError(path, problems)
    rows = table.rows.select(*SERIES_KEY, "series_description").iter_rows()
    return {(study, series): kind or "" for study, series, kind in rows}
