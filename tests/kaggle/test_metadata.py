"""Kaggle's rules for metadata files, each broken once; and the tracked files, which break none and name nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.kaggle.metadata import MetadataError, dataset_problems, kernel_problems, read_metadata, slug_of

ROOT = Path(__file__).parents[2]
DATASET = ROOT / "submission" / "dataset-metadata.json"
KERNELS = sorted((ROOT / "kernels").glob("*/kernel-metadata.json"))
TRACKED = [DATASET, *KERNELS]
LOST = object()


def changed(path: Path, key: str, value: object) -> dict:
    """A tracked file's metadata with one key changed, or `LOST`."""
    metadata = json.loads(path.read_text()) | {key: value}
    return {name: each for name, each in metadata.items() if each is not LOST}


def test_there_are_three_kernels():
    assert [path.parent.name for path in KERNELS] == ["format", "submit", "train"]


@pytest.mark.parametrize("path", TRACKED, ids=lambda path: path.parent.name)
def test_the_tracked_files_obey_every_rule_and_name_nobody(path):
    metadata = read_metadata(path)
    sources = [
        each for name in ("dataset_sources", "kernel_sources", "model_sources") for each in metadata.get(name, [])
    ]
    assert {source.partition("/")[0] for source in [metadata["id"], *sources]} == {"OWNER"}


@pytest.mark.parametrize("path", TRACKED, ids=lambda path: path.parent.name)
def test_an_owner_takes_the_placeholders_place_everywhere(path):
    metadata = read_metadata(path, "ada-l")
    assert metadata["id"].startswith("ada-l/stenosis-kit")
    assert "OWNER" not in json.dumps(metadata)


@pytest.mark.parametrize("owner", ["", "ada l", "ada/l", "-ada", "../ada"])
def test_what_is_no_account_is_refused(owner):
    with pytest.raises(InputError, match="account's name"):
        read_metadata(DATASET, owner)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("title", "Short", "title: expected 6 to 50 characters; found 'Short'"),
        ("title", "x" * 51, "title: expected 6 to 50 characters"),
        ("title", LOST, "title: expected 6 to 50 characters; found 'nothing'"),
        ("id", "OWNER/short", "id: expected owner/slug with a slug of 6 to 50 characters; found 'OWNER/short'"),
        ("id", "OWNER/" + "x" * 51, "id: expected owner/slug"),
        ("id", "stenosis-kit", "id: expected owner/slug"),
        ("licenses", [], "licenses: expected exactly one"),
        ("licenses", [{"name": "apache-2.0"}, {"name": "other"}], "licenses: expected exactly one"),
        ("licenses", [{"name": "MY-OWN"}], "licenses: expected exactly one"),
        ("licenses", "apache-2.0", "licenses: expected exactly one"),
        ("subtitle", "too short", "subtitle: expected 20 to 80 characters"),
        ("subtitle", "x" * 81, "subtitle: expected 20 to 80 characters"),
        ("licences", [], "licences: expected a key that Kaggle knows"),
    ],
)
def test_a_dataset_that_breaks_a_rule(key, value, problem):
    problems = dataset_problems(changed(DATASET, key, value))
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_dataset_may_do_without_a_subtitle():
    assert dataset_problems(changed(DATASET, "subtitle", LOST)) == []


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("title", "Stenosis kit", "title: expected a title whose slug is the id's, stenosis-kit-submit"),
        ("code_file", "other.py", "code_file: expected a file in "),
        ("code_file", LOST, "code_file: expected a file in "),
        ("language", "r", "language: expected python; found 'r'"),
        ("kernel_type", "program", "kernel_type: expected script or notebook"),
        ("is_private", "true", "is_private: expected true or false"),
        ("enable_internet", LOST, "enable_internet: expected false (left out, it is true); found 'nothing'"),
        ("enable_internet", True, "enable_internet: expected false"),
        ("enable_gpu", True, "enable_gpu: expected false"),
        ("dataset_sources", ["stenosis-kit"], "dataset_sources: expected a list of owner/slug"),
        ("kernel_sources", "OWNER/stenosis-kit-train", "kernel_sources: expected a list of owner/slug"),
        ("competition_sources", [], "competition_sources: expected [rsna-2024-"),
        ("competition_sources", ["rsna/rsna-2024"], "competition_sources: expected [rsna-2024-"),
        ("model_sources", ["OWNER/kit"], "model_sources: expected a list of owner/model/framework/variation/version"),
        ("docker_image_pinning_type", "newest", "docker_image_pinning_type: expected original or latest"),
        ("enable_intenet", False, "enable_intenet: expected a key that Kaggle knows"),
    ],
)
def test_a_kernel_that_breaks_a_rule(key, value, problem):
    path = ROOT / "kernels" / "submit" / "kernel-metadata.json"
    problems = kernel_problems(changed(path, key, value), path.parent)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_kernels_slug_of_four_characters_is_too_short():
    path = ROOT / "kernels" / "submit" / "kernel-metadata.json"
    problems = kernel_problems(changed(path, "id", "OWNER/subm") | {"title": "subm"}, path.parent)
    assert [problem.partition(":")[0] for problem in problems] == ["id", "title"]


def test_all_broken_rules_are_told_at_once_with_the_files_name(tmp_path):
    path = tmp_path / "dataset-metadata.json"
    path.write_text(json.dumps({"title": "Short", "id": "x"}))
    with pytest.raises(MetadataError) as error:
        read_metadata(path)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[:2] for line in lines[:3]] == [[str(path), key] for key in ("title", "id", "licenses")]
    assert len(lines) == 4


@pytest.mark.parametrize("title", ["Stenosis kit submit", "stenosis-kit: submit", "  Stenosis  Kit (submit) "])
def test_a_titles_slug(title):
    assert slug_of(title) == "stenosis-kit-submit"
