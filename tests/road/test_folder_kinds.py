"""No command writes over another's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.store import MANIFEST_NAME
from stenosis_kit.road.folder_kinds import MODEL, PAPER, STORE, SUBMIT, check_kind


@pytest.mark.parametrize(("made_by", "wanted"), [(SUBMIT, STORE), (MODEL, STORE), (STORE, SUBMIT), (PAPER, MODEL)])
def test_another_commands_folder_is_not_written_over(tmp_path: Path, made_by: str, wanted: str) -> None:
    check_kind(tmp_path, wanted)
    write_json(tmp_path / RUN_NAME, {made_by: 1, "seconds": {}})
    check_kind(tmp_path, made_by)
    with pytest.raises(InputError, match="expected a folder for a.*; found that of a.*Give another folder"):
        check_kind(tmp_path, wanted)
    write_json(tmp_path / RUN_NAME, {"fingerprint": "of something else"})
    check_kind(tmp_path, wanted)


def test_a_store_is_known_without_its_run_json_too(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).touch()
    check_kind(tmp_path, STORE)
    with pytest.raises(InputError, match="expected a folder for a model; found that of a crop store"):
        check_kind(tmp_path, MODEL)
