"""Images grouped to series: echoes, doubles, numbers, and what a header alone rules out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fabricate import plane, tilted
from pacs import acquisition

from stenosis_kit.adopt.image import Image
from stenosis_kit.adopt.series import integer_id, series_of
from stenosis_kit.adopt.sources import Source


def images(count: int = 6, kind: str = "sagittal", **said: object) -> list[Image]:
    found = acquisition(**said)
    planes = [plane(kind, 4.0 * place, mm=2.5) for place in range(count)]
    return [
        Image(Source(Path(f"{n}")), None, "1.2", "1.2.1", f"1.2.1.{n}", "", n, item, found)
        for n, item in enumerate(planes, 1)
    ]


def test_ids_hold_in_a_spreadsheet_and_stay() -> None:
    ids = {integer_id(f"1.2.{n}") for n in range(2000)}
    assert len(ids) == 2000
    assert 10**10 < max(ids) < 10**11
    assert integer_id("1.2", "3") != integer_id("1.2.3")
    assert integer_id("1.2.3") == integer_id("1.2.3")


def test_an_image_that_comes_again_is_counted_once() -> None:
    some = images()
    (found,) = series_of([*some, replace(some[0], source=Source(Path("elsewhere")))])
    assert (len(found.images), found.doubles) == (6, 1)


def test_two_echoes_of_one_series_are_two_series() -> None:
    late = [replace(one, instance=one.instance + "x") for one in images(te=100.0, tr=3000.0)]
    early, other = series_of([*images(te=15.0, tr=3000.0), *late])
    assert len(early.images) == len(other.images) == 6
    assert early.key[0] == other.key[0]
    assert early.key[1] != other.key[1]
    assert len(series_of([*images(), *images(te=100.0)[:0]])) == 1


def test_numbers_are_instance_numbers_where_they_tell_images_apart() -> None:
    some = images()
    (found,) = series_of(reversed(some))
    assert {number: image.instance for number, image in found.images.items()} == {n: f"1.2.1.{n}" for n in range(1, 7)}
    (alike,) = series_of(replace(one, number=7) for one in some)
    assert sorted(alike.images) == [1, 2, 3, 4, 5, 6]
    places = [float(alike.images[n].plane.origin[0]) for n in sorted(alike.images)]
    assert places in (sorted(places), sorted(places, reverse=True))


@pytest.mark.parametrize(
    ("some", "why"),
    [
        (images(), ""),
        (images(text="t2 lws"), ""),
        (images(4), "4 slices: a localiser, or cut off"),
        (images(text="survey"), "a localiser"),
        (images(codes=["DERIVED", "SECONDARY"]), "made from other images, or a screenshot"),
        (images(text="hws"), "the cervical spine"),
        ([*images(), *images(2, "axial")], "a localiser: its images lie in several planes"),
        ([replace(one, plane=None) for one in images()], "its images do not say where they lie"),
        ([replace(one, plane=tilted(one.plane, 90, "z")) for one in images()], "coronal"),
        ([replace(one, plane=plane("sagittal", n, mm=5.0)) for n, one in enumerate(images())], "above 450 mm"),
        ([replace(one, plane=plane("sagittal", n, mm=1.0)) for n, one in enumerate(images())], "less than 150 mm"),
    ],
    ids=[
        *("one", "said to be lumbar", "few", "scout", "derived", "cervical", "planes", "no place", "coronal", "tall"),
        "low",
    ],
)
def test_what_a_header_rules_out(some: list[Image], why: str) -> None:
    some = [replace(one, instance=f"{n}") for n, one in enumerate(some)]
    (found,) = series_of(some)
    assert why in found.left_out()
    assert bool(why) == bool(found.left_out())
