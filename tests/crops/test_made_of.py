"""What a store was made of, and what of that has changed since."""

from __future__ import annotations

import json

import pytest

from stenosis_kit.crops import made_of
from stenosis_kit.crops.made_of import MadeOf

RLE, LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70"


def made_with(monkeypatch: pytest.MonkeyPatch, *syntaxes: str) -> MadeOf:
    monkeypatch.setattr(made_of, "readable_syntaxes", lambda: list(syntaxes))
    return MadeOf.of([], [])


def run_of(made: MadeOf) -> dict:
    return json.loads(json.dumps({"made_of": made.noted()}))


def test_a_decoder_that_was_missing_is_a_change(monkeypatch) -> None:
    before, after = made_with(monkeypatch, RLE), made_with(monkeypatch, RLE, LOSSLESS)
    assert after.changes(run_of(before)) == ["kit"]
    assert after.changes(run_of(after)) == []


def test_a_decoder_that_is_gone_is_none_and_a_store_of_before_they_were_noted_stays(monkeypatch) -> None:
    before, after = made_with(monkeypatch, RLE, LOSSLESS), made_with(monkeypatch, RLE)
    assert after.changes(run_of(before)) == []
    run = run_of(after)
    del run["made_of"]["syntaxes"]
    assert before.changes(run) == []
