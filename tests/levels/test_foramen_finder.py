"""The bundled foramen finder on synthetic studies; what it makes of logits."""

from dataclasses import replace

import numpy as np
import pytest
from true_canal import true_points

from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import FORAMINAL
from stenosis_kit.levels.foramen_finder import LEAST_CONFIDENCE, METHOD, ForamenFinder, decode
from stenosis_kit.levels.foramen_patches import FORAMINA, PX, SIDE, ForamenPatches, Patches, cells_mm

CANAL = CanalPoints(np.zeros((5, 3)), "some way", np.ones(5))


def patches_of(pixels):
    middles = np.array([[float(x), 5.0, 7.0] for x in range(len(pixels))])
    return Patches(pixels, middles, np.array([[0.0, 1, 0], [0, 0, -1]]), np.zeros(len(pixels)))


def test_found_foramina_lie_nearer_than_carried_ones(cohort, located):
    carried, found = [], []
    for one in located:
        for cell, truth in true_points(cohort, one.study).items():
            if cell in FORAMINA:
                place = one.canal.place(one.carry, FORAMINAL, *cell)
                found.append(np.linalg.norm(place.point - truth))
                carried.append(np.linalg.norm(one.carry.point(one.canal.points, FORAMINAL, *cell) - truth))
    assert len(found) >= 25
    assert np.median(found) <= 2
    assert np.median(found) < np.median(carried)


def test_what_shows_no_foramen_is_left_to_the_carry(bundled_foramina):
    noise = np.random.default_rng(0).integers(0, 255, (5, PX, PX)).astype(np.uint8)
    for pixels in (np.zeros_like(noise), np.full_like(noise, 200)):
        seen = ForamenPatches(CANAL, {FORAMINA[0]: patches_of(pixels)})
        assert bundled_foramina.find({1: seen})[1].foramina == {}


def test_a_network_that_answers_with_nan_finds_nothing(bundled_foramina):
    broken = ForamenFinder()
    broken.network.set_weights([np.full_like(one, np.nan) for one in broken.network.get_weights()])
    seen = ForamenPatches(CANAL, {FORAMINA[0]: patches_of(np.zeros((5, PX, PX), np.uint8))})
    assert broken.find({1: seen})[1].foramina == {}


def test_studies_without_patches_keep_their_canals(bundled_foramina):
    assert bundled_foramina.find({}) == {}
    assert bundled_foramina.find({1: ForamenPatches(CANAL, {})})[1].foramina == {}


def test_the_most_likely_cell_of_all_slices_is_the_answer():
    logits = np.zeros((3, SIDE, SIDE))
    logits[1, 6, 11] = 30
    index, place, confidence = decode(logits)
    assert index == 1
    assert place == pytest.approx(cells_mm()[[11, 6]], abs=0.01)
    assert confidence == pytest.approx(1, abs=0.01)


def test_two_likely_places_share_the_confidence_and_slices_beside_do_not():
    logits = np.zeros((3, SIDE, SIDE))
    logits[1, 4, 9] = logits[1, 13, 9] = 30
    assert decode(logits)[2] == pytest.approx(0.5, abs=0.02)
    logits[1, 13, 9], logits[0, 4, 9] = 0, 30
    assert decode(logits)[2] == pytest.approx(1, abs=0.02)


def test_a_map_that_tells_nothing_is_not_confident():
    _, place, confidence = decode(np.zeros((5, SIDE, SIDE)))
    assert confidence < LEAST_CONFIDENCE
    assert np.abs(place).max() < 2


def test_of_equally_likely_places_the_expected_one_is_taken():
    logits = np.zeros((1, SIDE, SIDE))
    logits[0, 9, 9] = logits[0, 1, 9] = 30
    assert decode(logits)[1] == pytest.approx(cells_mm()[[9, 9]], abs=0.01)


def test_found_places_are_in_patient_space(bundled_foramina, monkeypatch):
    logits = np.zeros((5, SIDE, SIDE))
    logits[3, 6, 11] = 40
    monkeypatch.setattr(bundled_foramina, "logits", lambda pixels: logits)
    (found,) = bundled_foramina.look([patches_of(np.zeros((5, PX, PX), np.uint8))])
    x, y = cells_mm()[[11, 6]]
    assert found.point == pytest.approx([3, 5 + x, 7 - y], abs=0.01)
    assert found.method == METHOD and found.confidence > LEAST_CONFIDENCE


def test_slices_nearer_to_the_expected_place_are_likelier(bundled_foramina, monkeypatch):
    monkeypatch.setattr(bundled_foramina, "logits", lambda pixels: np.zeros((5, SIDE, SIDE)))
    patches = replace(patches_of(np.zeros((5, PX, PX), np.uint8)), away=np.array([9.0, 4.5, 2, 1, 6]))
    assert bundled_foramina.look([patches])[0].point[0] == 3
