"""What codes, times and descriptions tell of a series."""

from __future__ import annotations

import pytest
from pacs import acquisition

from stenosis_kit.adopt import words
from stenosis_kit.adopt.words import LUMBAR, OTHER, T1, T2


@pytest.mark.parametrize(
    ("said", "weighting"),
    [
        ({"tr": 550, "te": 9.5, "codes": ["SE"]}, T1),
        ({"tr": 3800, "te": 102, "ti": 0}, T2),
        ({"tr": 1200, "te": 140}, T2),
        ({"tr": 4200, "te": 45, "ti": 160, "codes": ["SE", "IR"]}, T2),
        ({"tr": 2100, "te": 12, "ti": 860, "codes": ["IR"]}, T1),
        ({"tr": 9000, "te": 120, "ti": 2500, "codes": ["IR"]}, OTHER),
        ({"tr": 2800, "te": 15}, OTHER),
        ({"tr": 3000, "te": 45}, ""),
        ({"tr": 4000, "te": 80, "codes": ["EP"]}, OTHER),
        ({"tr": 600, "te": 18, "codes": ["GR"]}, OTHER),
        ({"codes": ["STIR"]}, T2),
        ({"tr": 4000}, ""),
        ({"te": 100}, ""),
    ],
    ids=[
        *(
            "T1",
            "T2",
            "3-D T2",
            "STIR",
            "T1 FLAIR",
            "T2 FLAIR",
            "PD",
            "TE between",
            "echo planar",
            "T2*",
            "contrast named",
        ),
        *("no TE", "no TR"),
    ],
)
def test_weighting_by_codes(said: dict, weighting: str) -> None:
    assert words.weighting_by_codes(acquisition(**said)) == weighting


@pytest.mark.parametrize(
    ("text", "weighting"),
    [
        ("t2_tse_sag_320", T2), ("Sag STIR", T2), ("SAG TIRM LWS", T2), ("T1W_TSE SAG", T1), ("PD SPAIR", ""),
        ("PD TSE", OTHER), ("ep2d_diff_b800", OTHER), ("T1 und T2", ""), ("sagittal", ""), ("Alt1", ""),
    ],
)  # fmt: skip
def test_weighting_by_words(text: str, weighting: str) -> None:
    assert words.weighting_by_words(acquisition(text)) == weighting


@pytest.mark.parametrize(
    ("text", "part", "region"),
    [
        ("T2 LWS sag", "cspine", LUMBAR), ("L-Spine", "", LUMBAR), ("t2 sag", "lspine", LUMBAR),
        ("rachis lombaire", "", LUMBAR),
        ("HWS sag T2", "spine", "the cervical spine"), ("C SPINE", "lspine", "the cervical spine"),
        ("thoracolumbar", "", LUMBAR), ("BWS", "", "the thoracic spine"), ("Whole spine T2", "", "the whole spine"),
        ("knee", "", "another part of the body"), ("sag t2", "spine", ""), ("tse", "", ""),
    ],
)  # fmt: skip
def test_region(text: str, part: str, region: str) -> None:
    assert words.region(acquisition(text, body_part=part)) == region


def test_localisers_and_what_is_made_from_images() -> None:
    for text in ("localizer", "3 PLANE LOC", "3-pl scout", "Lokalisator", "AAHScout", "survey"):
        assert words.is_scout(acquisition(text)), text
    assert words.is_scout(acquisition(codes=["ORIGINAL", "LOCALIZER"]))
    for text in ("t2 sag", "block tra", "localised"[:0], "L1-S1 block"):
        assert not words.is_scout(acquisition(text)), text
    assert words.is_made(acquisition(codes=["DERIVED", "SECONDARY"]))
    assert words.is_made(acquisition(sop_class="1.2.840.10008.5.1.4.1.1.7.3"))
    assert words.is_made(acquisition("T2 SPACE MPR tra"))
    assert not words.is_made(acquisition("t2 tse", codes=["DERIVED", "PRIMARY"]))


def test_contrast_agents_and_fat_suppression() -> None:
    for text in ("t1 fs sag", "T1 +C", "T1 KM", "t1_tse_fatsat", "T1 post Gd"):
        assert words.is_enhanced(acquisition(text)), text
    assert words.is_enhanced(acquisition(agent=True))
    assert words.is_enhanced(acquisition(codes=["FS"]))
    assert not words.is_enhanced(acquisition("t1_tse_sag"))
