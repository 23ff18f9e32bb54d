"""Every way in which a submission may be illegal, each alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cohort import Tables, read_csv, write_csv

from stenosis_kit.answers.check import Finding, check, is_legal
from stenosis_kit.base.errors import InputError

Rows = list[dict[str, str]]
FIRST = "201_left_neural_foraminal_narrowing_l1_l2"
FOURTH = "201_left_neural_foraminal_narrowing_l4_l5"
LAST = "202_spinal_canal_stenosis_l5_s1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Tables().write(tmp_path / "data")


@pytest.fixture
def rows(root: Path) -> Rows:
    return read_csv(root / "sample_submission.csv")


def checked(root: Path, rows: Rows) -> list[Finding]:
    return check(write_csv(root / "submission.csv", rows), root)


def test_the_sample_submission_is_legal(root: Path) -> None:
    assert check(root / "sample_submission.csv", root) == []


def test_the_real_sample_submission_is_legal(real_tables: Path) -> None:
    assert check(real_tables / "sample_submission.csv", real_tables) == []


def test_the_train_split_is_checked_against_its_own_studies(root: Path, rows: Rows) -> None:
    own = [row | {"row_id": row["row_id"].replace("202", "104").replace("201", "103")} for row in rows]
    findings = check(write_csv(root / "submission.csv", own), root, "train")
    assert [(finding.kind, finding.count) for finding in findings] == [("missing row", 50)]


def drop_fourth(rows: Rows) -> Rows:
    return rows[:3] + rows[4:]


def drop_a_study(rows: Rows) -> Rows:
    return rows[:25]


def double_fourth(rows: Rows) -> Rows:
    return [*rows, rows[3]]


def add_foreign(rows: Rows) -> Rows:
    return [*rows, rows[0] | {"row_id": "999_spinal_canal_stenosis_l1_l2"}]


def naming(row_id: str) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows, rows[0] | {"row_id": row_id}]


def giving(*values: object) -> Callable[[Rows], Rows]:
    texts = dict(zip(("normal_mild", "moderate", "severe"), map(str, values), strict=True))
    return lambda rows: [*rows[:3], rows[3] | texts, *rows[4:-1], rows[-1] | texts]


AT_FOURTH = f"row 5 ({FOURTH}): "


@pytest.mark.parametrize(
    ("fault", "kind", "count", "first"),
    [
        (drop_fourth, "missing row", 1, FOURTH),
        (drop_a_study, "missing row", 25, "202_left_neural_foraminal_narrowing_l1_l2"),
        (double_fourth, "doubled row", 1, f"row 52: {FOURTH}"),
        (add_foreign, "row of a study that is not in the split", 1, "row 52: 999_spinal_canal_stenosis_l1_l2"),
        (naming("201_spinal_canal_stenosis"), "not a row id", 1, "row 52: '201_spinal_canal_stenosis'"),
        (naming(FIRST.upper()), "not a row id", 1, f"row 52: '{FIRST.upper()}'"),
        (naming("0" + FIRST), "not a row id", 1, f"row 52: '0{FIRST}'"),
        (naming(""), "not a row id", 1, "row 52: None"),
        (giving("x", 0.5, 0.5), "not a number", 2, AT_FOURTH + "x, 0.5, 0.5"),
        (giving("", 0.5, 0.5), "not a number", 2, AT_FOURTH + "None, 0.5, 0.5"),
        (giving(0.5, "50%", 0.5), "not a number", 2, AT_FOURTH + "0.5, 50%, 0.5"),
        (giving(0.5, 0.5, "NaN"), "NaN", 2, AT_FOURTH + "0.5, 0.5, NaN"),
        (giving(0.5, 0.5, "inf"), "infinite", 2, AT_FOURTH + "0.5, 0.5, inf"),
        (giving(0.3, 0.3, 0.3), "does not sum to 1", 2, AT_FOURTH + "0.3, 0.3, 0.3"),
        (giving(0.5, 0.5, 0.00002), "does not sum to 1", 2, AT_FOURTH + "0.5, 0.5, 2e-05"),
        (giving(0, 0, 0), "does not sum to 1", 2, AT_FOURTH + "0, 0, 0"),
    ],
)
def test_one_fault_is_found_counted_and_its_first_row_named(
    root: Path, rows: Rows, fault: Callable[[Rows], Rows], kind: str, count: int, first: str
) -> None:
    findings = checked(root, fault(rows))
    assert findings == [Finding(kind, count, first)]
    assert not is_legal(findings)
    assert str(findings[0]) == f"WRONG {kind}: {count} row(s), first {first}"


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ((-0.1, 0.5, 0.6), {"negative"}),
        ((1.5, 0, -0.5), {"negative", "above 1"}),
        ((1.5, 0, 0), {"above 1", "does not sum to 1"}),
        (("-inf", 0.5, 0.5), {"infinite", "negative"}),
    ],
)
def test_values_outside_0_to_1_are_found(root: Path, rows: Rows, values: tuple, kinds: set[str]) -> None:
    findings = checked(root, giving(*values)(rows))
    assert {finding.kind for finding in findings} == kinds
    assert all(finding.count == 2 and finding.first.startswith(AT_FOURTH) for finding in findings)


@pytest.mark.parametrize(
    "values", [(0.333333, 0.333333, 0.333333), (1, 0, 0), ("1e-4", "0.9998", "1E-4"), (0.2, 0.3, 0.5)]
)
def test_what_sums_to_1_but_for_rounding_is_legal(root: Path, rows: Rows, values: tuple) -> None:
    assert checked(root, giving(*values)(rows)) == []


def test_several_faults_are_all_found(root: Path, rows: Rows) -> None:
    wrong = giving("nan", -1, 2)(add_foreign(double_fourth(rows))[1:])
    assert {finding.kind for finding in checked(root, wrong)} == {
        "missing row",
        "doubled row",
        "row of a study that is not in the split",
        "NaN",
        "negative",
        "above 1",
    }


def test_another_order_is_legal_and_remarked(root: Path, rows: Rows) -> None:
    findings = checked(root, [rows[0], rows[2], rows[1], *rows[3:]])
    (remark,) = findings
    assert is_legal(findings)
    assert (remark.count, remark.first) == (50, "row 3")
    assert str(remark).startswith("note  another order")


def test_columns_in_another_order_are_legal(root: Path, rows: Rows) -> None:
    assert is_legal(checked(root, [dict(reversed(row.items())) for row in rows]))


def without(column: str) -> Callable[[Rows], Rows]:
    return lambda rows: [{name: value for name, value in row.items() if name != column} for row in rows]


def with_more(rows: Rows) -> Rows:
    return [row | {"study_id": "201"} for row in rows]


def with_train_names(rows: Rows) -> Rows:
    return [dict(zip(("row_id", "Normal/Mild", "Moderate", "Severe"), row.values(), strict=True)) for row in rows]


@pytest.mark.parametrize("fault", [without("row_id"), without("severe"), with_more, with_train_names])
def test_wrong_columns_are_found_with_what_was_expected(root: Path, rows: Rows, fault: Callable[[Rows], Rows]) -> None:
    wrong = fault(rows)
    (finding,) = checked(root, wrong)
    expected = "row 1: expected row_id, normal_mild, moderate, severe; found " + ", ".join(wrong[0])
    assert (finding.kind, finding.first) == ("wrong columns", expected)


@pytest.mark.parametrize("header", ["row_id,normal_mild,moderate,severe", "severe,moderate,normal_mild,row_id"])
def test_a_header_alone_is_not_legal(root: Path, header: str) -> None:
    (root / "submission.csv").write_text(header + "\n")
    assert not is_legal(check(root / "submission.csv", root))


@pytest.mark.parametrize(
    "data", [b"", b"row_id,a\n1,2,3,4\n", bytes(range(256)) * 9, b"PK\x03\x04"], ids=["empty", "ragged", "bytes", "zip"]
)
def test_what_is_not_csv_is_not_legal(root: Path, data: bytes) -> None:
    (root / "submission.csv").write_bytes(data)
    findings = check(root / "submission.csv", root)
    assert findings
    assert not is_legal(findings)


def with_bom(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


def with_crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def with_quoted_ids(data: bytes) -> bytes:
    return b"\n".join(b'"' + line.replace(b",", b'",', 1) for line in data.splitlines())


def with_a_blank_last_line(data: bytes) -> bytes:
    return data + b"\n"


@pytest.mark.parametrize("rewrite", [with_bom, with_crlf, with_quoted_ids, with_a_blank_last_line])
def test_spelling_that_every_reader_of_csv_takes_is_legal(root: Path, rewrite: Callable[[bytes], bytes]) -> None:
    data = (root / "sample_submission.csv").read_bytes()
    (root / "submission.csv").write_bytes(rewrite(data))
    assert (root / "submission.csv").read_bytes() != data
    assert check(root / "submission.csv", root) == []


@pytest.mark.parametrize(("name", "found"), [("nothing.csv", "no such file"), (".", "a folder")])
def test_a_submission_that_is_no_file_is_an_input_error(root: Path, name: str, found: str) -> None:
    with pytest.raises(InputError, match=f"expected a submission; found {found}. "):
        check(root / name, root)


def test_a_root_without_the_splits_series_table_is_an_input_error(root: Path) -> None:
    (root / "test_series_descriptions.csv").unlink()
    with pytest.raises(InputError, match="expected test_series_descriptions.csv; found"):
        check(root / "sample_submission.csv", root)


def test_a_series_listed_twice_does_not_change_the_grid(tmp_path: Path) -> None:
    tables = Tables()
    tables.test_series += tables.test_series[:2]
    root = tables.write(tmp_path)
    assert check(root / "sample_submission.csv", root) == []
