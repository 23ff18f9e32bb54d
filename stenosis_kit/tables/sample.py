"""sample_submission.csv: the rows that Kaggle scores."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import Table, read_text, with_names


def read_sample(path: Path) -> Table:
    """The row ids of a sample submission, each once, in its order: row_id, study_id. What is no row id is left out.

    Raises:
        InputError: where the file is missing or no CSV, or has no row id of the competition.
    """
    text = with_names(read_text(path), ["row_id"])
    ids = text["row_id"].drop_nulls().unique(maintain_order=True).to_list() if "row_id" in text.columns else []
    rows = [(row_id, parts[0]) for row_id in ids if (parts := rsna.split_row_id(row_id))]
    if not rows:
        raise InputError(path, "row ids of the competition", "none", "Download it again, or delete it.")
    return Table(pl.DataFrame(rows, schema={"row_id": pl.String, "study_id": pl.Int64}, orient="row"))
