"""The picture of one study."""

import sys

import pytest

from stenosis_kit.base.errors import InputError


def test_preview_shows_a_study(small_cohort, tmp_path):
    pytest.importorskip("matplotlib")
    from stenosis_kit.phantom.preview import save_preview

    save_preview(small_cohort, tmp_path / "a" / "preview.png")
    assert (tmp_path / "a" / "preview.png").stat().st_size > 50_000


def test_without_matplotlib_it_says_what_to_install(small_cohort, tmp_path, monkeypatch):
    from stenosis_kit.phantom.preview import save_preview

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        save_preview(small_cohort, tmp_path / "preview.png")
