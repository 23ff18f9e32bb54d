"""What a network learns from: the right crops with the right labels, batch by batch."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from easy_lesson import GRADER, easy_lesson

from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import batches as batches_module
from stenosis_kit.graders.augmentation import Augmentation
from stenosis_kit.graders.batches import batches, labelled, read_lesson

VIEW = "canal_axial"


def test_each_labelled_crop_of_the_view_is_learnt_or_held_out(store):
    opened = open_store(store)
    studies = opened.manifest["study_id"].unique().sort().to_list()
    folds = {study: place % 2 for place, study in enumerate(studies)}
    lesson, rows = read_lesson(opened, VIEW, folds, 1)
    assert sorted([*lesson.learn, *lesson.validate]) == list(range(len(lesson.crops)))
    held_out = labelled(opened)[rows]
    assert set(held_out["view"]) == {VIEW}
    assert {folds[study] for study in held_out["study_id"]} == {1}
    assert held_out["row"].to_list() == lesson.validate.tolist()
    assert (
        held_out["weight"].to_list()
        == lesson.weight[lesson.validate].tolist()
        == (2.0 ** lesson.severity[lesson.validate]).tolist()
    )


def test_a_crop_without_label_is_neither_learnt_nor_held_out_and_moves_no_other(store):
    opened = open_store(store)
    gone = opened.manifest.filter(view=VIEW)["row"][1]
    here = (pl.col("view") == VIEW) & (pl.col("row") == gone)
    lost = {name: pl.when(here).then(None).otherwise(pl.col(name)).alias(name) for name in ("severity", "weight")}
    lacking = replace(opened, manifest=opened.manifest.with_columns(**lost))
    folds = dict.fromkeys(opened.manifest["study_id"].to_list(), 0)
    whole, (lesson, rows) = read_lesson(opened, VIEW, folds, 0)[0], read_lesson(lacking, VIEW, folds, 0)
    assert lesson.validate.tolist() == [row for row in whole.validate if row != gone]
    assert labelled(lacking)[rows]["row"].to_list() == lesson.validate.tolist()
    np.testing.assert_array_equal(lesson.severity[lesson.validate], whole.severity[lesson.validate])


def test_batches_hold_each_row_once_with_its_label_and_a_mean_weight_of_1():
    lesson = easy_lesson()
    parts = list(batches(lesson, lesson.validate, GRADER, 10).as_numpy_iterator())
    images, labels, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    assert images.shape == (24, 32, 32, 3)
    assert images.dtype == np.float32
    assert (labels.argmax(axis=1) == lesson.severity[lesson.validate]).all()
    assert weights.mean() == pytest.approx(1)
    assert weights.max() / weights.min() == pytest.approx(4)


def test_crops_that_were_read_are_let_go_after_some_batches(monkeypatch):
    released = []
    monkeypatch.setattr(batches_module, "_HELD", 2)
    monkeypatch.setattr(batches_module, "release", lambda crops: released.append(len(crops)))
    lesson = easy_lesson()
    assert len(list(batches(lesson, lesson.validate, GRADER, 5))) == 5
    assert released == [len(lesson.crops)] * 2


@pytest.mark.parametrize("ranges", [None, Augmentation()])
def test_no_batch_waits_for_autotuning(ranges):
    lesson = easy_lesson()
    assert batches(lesson, lesson.learn, GRADER, 8, ranges).options().autotune.enabled is False
