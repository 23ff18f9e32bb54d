"""The competition's facts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from stenosis_kit import rsna


def test_levels_are_the_five_discs_from_head_to_feet() -> None:
    assert rsna.LEVELS == ("l1_l2", "l2_l3", "l3_l4", "l4_l5", "l5_s1")
    assert rsna.LEVEL_LABELS == ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


def test_weights_grow_with_severity() -> None:
    assert dict(zip(rsna.SEVERITIES, rsna.SEVERITY_WEIGHTS, strict=True)) == {
        "normal_mild": 1,
        "moderate": 2,
        "severe": 4,
    }
    assert rsna.SEVERITY_LABELS == ("Normal/Mild", "Moderate", "Severe")


def test_conditions_are_alphabetical_like_the_sample_submission() -> None:
    assert tuple(sorted(rsna.CONDITION_NAMES)) == rsna.CONDITION_NAMES
    assert len(set(rsna.CONDITION_NAMES)) == 5


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("spinal_canal_stenosis", "Spinal Canal Stenosis"),
        ("left_neural_foraminal_narrowing", "Left Neural Foraminal Narrowing"),
        ("right_subarticular_stenosis", "Right Subarticular Stenosis"),
    ],
)
def test_a_condition_is_spelt_as_in_the_points_table(name: str, label: str) -> None:
    assert rsna.CONDITION_BY_NAME[name].label == label


@pytest.mark.parametrize(
    ("term", "kind", "sides"),
    [
        ("spinal", "Sagittal T2/STIR", {None}),
        ("foraminal", "Sagittal T1", {"left", "right"}),
        ("subarticular", "Axial T2", {"left", "right"}),
    ],
)
def test_each_term_pools_its_sides_and_has_one_kind_of_series(term: str, kind: str, sides: set) -> None:
    conditions = [condition for condition in rsna.CONDITIONS if condition.term == term]
    assert {condition.side for condition in conditions} == sides
    assert {condition.series_kind for condition in conditions} == {kind}


def test_condition_of_tells_left_from_right() -> None:
    assert rsna.condition_of("foraminal", rsna.LEFT).name == "left_neural_foraminal_narrowing"
    assert rsna.condition_of("foraminal", rsna.RIGHT).name == "right_neural_foraminal_narrowing"
    assert rsna.condition_of("spinal", None).name == "spinal_canal_stenosis"


def test_a_study_has_25_cells_levels_inside_conditions() -> None:
    assert len(set(rsna.CELLS)) == 25
    assert rsna.CELLS[0] == ("left_neural_foraminal_narrowing", "l1_l2")
    assert rsna.CELLS[1] == ("left_neural_foraminal_narrowing", "l2_l3")
    assert rsna.CELLS[-1] == ("spinal_canal_stenosis", "l5_s1")
    assert rsna.LABEL_COLUMNS[-1] == "spinal_canal_stenosis_l5_s1"


def test_row_ids_and_cells_are_the_same_thing() -> None:
    for condition, level in rsna.CELLS:
        assert rsna.split_row_id(rsna.row_id(101, condition, level)) == (101, condition, level)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "101",
        "101_",
        "_spinal_canal_stenosis_l1_l2",
        "spinal_canal_stenosis_l1_l2",
        "101_spinal_canal_stenosis",
        "101_spinal_canal_stenosis_l1_l3",
        "101_spinal_canal_stenosis_L1_L2",
        "101_spinal_canal_stenosis_l1_l2_",
        "101__spinal_canal_stenosis_l1_l2",
        "101 _spinal_canal_stenosis_l1_l2",
        "-101_spinal_canal_stenosis_l1_l2",
        "1.0_spinal_canal_stenosis_l1_l2",
        "¹_spinal_canal_stenosis_l1_l2",
        "٣_spinal_canal_stenosis_l1_l2",
        "0101_spinal_canal_stenosis_l1_l2",
        f"{2**63}_spinal_canal_stenosis_l1_l2",
        f"{'9' * 5000}_spinal_canal_stenosis_l1_l2",
    ],
)
def test_what_is_not_a_row_id_is_none(text: str) -> None:
    assert rsna.split_row_id(text) is None


def test_typical_shares_are_probabilities_with_few_severe_at_the_top() -> None:
    for cell in rsna.CELLS:
        shares = rsna.typical_shares(*cell)
        assert sum(shares) == pytest.approx(1)
        assert min(shares) > 0
    assert rsna.typical_shares("spinal_canal_stenosis", "l4_l5") == pytest.approx((0.751, 0.12, 0.129))


@pytest.mark.parametrize("split", rsna.SPLITS)
def test_file_names_of_a_split(split: str) -> None:
    assert rsna.series_table(split) == f"{split}_series_descriptions.csv"
    assert rsna.images_folder(split) == f"{split}_images"


def test_rsna_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(rsna.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [getattr(node, "module", None) or node.names[0].name for node in imports]
    assert names
    assert not [name for name in names if name.startswith("stenosis_kit") or name == "."]
