"""The picture of one study."""

import pytest


def test_preview_shows_a_study(small_cohort, tmp_path):
    pytest.importorskip("matplotlib")
    from stenosis_kit.phantom.preview import save_preview

    save_preview(small_cohort, tmp_path / "a" / "preview.png")
    assert (tmp_path / "a" / "preview.png").stat().st_size > 50_000
