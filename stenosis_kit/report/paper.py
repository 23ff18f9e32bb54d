"""The report of a `paper` run, from what it left in its folder: the paper's figures beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stenosis_kit.budget import show_time
from stenosis_kit.paper import recipe, tables
from stenosis_kit.paper.holdout import IMAGE, STUDY
from stenosis_kit.report.markup import Markup, details, figure, image, join, note, table, tag
from stenosis_kit.report.page import Section, render
from stenosis_kit.report.provenance import pretty, versions_table

_OWN_FIGURES = ("figure_5_accuracy.png", "figure_6_loss.png", "figure_7_confusion.png")
_SAMPLE = ("figure_2_augmented.png",)
_SHARED_FIGURES = ("figure_1_workflow.png", "figure_3_block.png", "figure_4_architecture.png")
_RESAMPLES = 2000
_TERMS = {"spinal": "spinal canal", "any_severe_spinal": "any severe canal"}


def paper_page(folder: Path, run: dict[str, Any]) -> str:
    """The page of a paper run's folder."""
    sections = [_split_section(folder, run, by) for by in run["splits"]]
    sections += [
        Section("apart", "By image or by study", _apart(run)),
        Section("metric", "By the competition's metric", _comparison(run)),
        Section("levels", "Levels by K-Means", _levels(run)),
        Section("recipe", "The recipe", _recipe(folder, run)),
        Section("run", "The run", _run(run)),
    ]
    return render("The paper, reproduced", _lead(run), sections)


def _lead(run: dict[str, Any]) -> Markup:
    reached = ", ".join(f"{split['accuracy']:.3f} held out by {by}" for by, split in run["splits"].items())
    source = (
        "Garcia de Celis & Bukaita (2025), Deep Learning-Based Lumbar Spinal Canal Stenosis Classification Using MRI "
        "Scans, doi 10.18103/mra.v13i7.6660."
    )
    return join(
        tag("p", run["done"], class_="big"),
        tag("p", f"Accuracy: {reached}; the paper: {recipe.PAPER_ACCURACY}.", class_="big"),
        tag("p", source, class_="soft"),
    )


def _split_section(folder: Path, run: dict[str, Any], by: str) -> Section:
    own = folder / by if len(run["splits"]) > 1 else folder
    split = run["splits"][by]
    images = split["images"]
    text = (
        f"{images['test']} test images, {images['validate']} to validate with, copies of {images['train']} to learn "
        f"from, {split['severe_originals']} of them severe. {split['epochs']} of {recipe.EPOCHS} epochs in "
        f"{show_time(split['seconds'])}, ended by {split['ended_by']}; the weights of epoch {split['best_epoch']} were "
        f"kept. The paper: {recipe.PAPER_EPOCHS} epochs, {recipe.PAPER_TIME}."
    )
    if by == STUDY:
        text += f" {images['unused']} further images of the test studies are not used."
    body = join(
        tag("p", text),
        table(
            ("Class", *_beside("Precision", "Recall", "F1"), "Support"), _report_rows(own), "Table 4: classification"
        ),
        table(
            ("Class", "copies", "the paper"),
            _counted(own / tables.AFTER, recipe.PAPER_COPIES),
            "Table 3: images a class after augmentation",
        ),
        _pictures(own, run, _OWN_FIGURES),
        _pictures(own, run, _SAMPLE),
    )
    return Section(f"by-{by}", f"Held out by {by}", body)


def _beside(*names: str) -> list[str]:
    return [each for name in names for each in (name, "paper")]


def _report_rows(folder: Path) -> list[tuple]:
    rows = []
    for name, precision, recall, f1, support in pl.read_csv(folder / tables.REPORT, glob=False).iter_rows():
        stated = recipe.PAPER_SCORES.get(name, (None, None, recipe.PAPER_ACCURACY if name == "Accuracy" else None))
        pairs = zip((precision, recall, f1), stated, strict=True)
        rows.append((name, *(_two(value) for pair in pairs for value in pair), support))
    return rows


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _counted(path: Path, stated: dict[str, int]) -> list[tuple]:
    return [(name, count, stated[name]) for name, count in pl.read_csv(path, glob=False).iter_rows()]


def _pictures(folder: Path, run: dict[str, Any], names: tuple[str, ...]) -> Markup:
    captions = run.get("captions")
    if captions is None:
        return note("The figures are missing: matplotlib was not installed (pip install 'stenosis-kit[report]').")
    there = [name for name in names if (folder / name).is_file()]
    figures = [
        figure(image((folder / name).read_bytes(), captions[name], "png"), captions[name], "papers") for name in there
    ]
    return tag("div", *figures, class_="charts")


def _apart(run: dict[str, Any]) -> Markup:
    severe, tested = recipe.PAPER_COUNTS["Severe"], recipe.TEST_IMAGES
    left, copies = severe - tested, recipe.PAPER_COPIES["Severe"]
    text = (
        "The paper holds images out, and does not say whether a patient's other slices, or augmented copies, stay in "
        f"training. With {severe} severe images and {tested} of them in the test set, {left} originals feed the "
        f"{copies:,} of its Table 3, some {copies // left} copies each. Levels of one patient look alike, so a test "
        "image may be recognised instead of judged when its neighbours were learnt from. Here the copies of an image "
        "never leave its side of the split; what differs is whether its patient does."
    )
    if len(run["splits"]) < 2:
        return join(tag("p", text), note("Only one split was run; --split-by both compares them."))
    by_study, by_image = (run["splits"][by] for by in (STUDY, IMAGE))
    value = by_image["accuracy"] - by_study["accuracy"]
    low, high = _interval(by_image["test"], by_study["test"])
    found = (
        f"Accuracy by image is {by_image['accuracy']:.3f}, by study {by_study['accuracy']:.3f}: {value:+.3f} "
        f"(95 % of resampled studies: {low:+.3f} to {high:+.3f})."
    )
    verdict = "Too few test images to tell the two apart." if low <= 0 <= high else "More than chance."
    return join(tag("p", text), tag("p", f"{found} {verdict}", class_="big"))


def _interval(first: list, second: list) -> tuple[float, float]:
    """Of the difference of two accuracies on different test images, studies resampled in each."""
    rng = np.random.default_rng(0)
    low, high = np.quantile(_accuracies(first, rng) - _accuracies(second, rng), [0.025, 0.975])
    return float(low), float(high)


def _accuracies(test: list, rng: np.random.Generator) -> np.ndarray:
    study, truth, chosen = np.array(test).T
    names, place = np.unique(study, return_inverse=True)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
    right = np.bincount(place, truth == chosen, len(names))
    return (counts @ right) / (counts @ np.bincount(place, minlength=len(names)))


def _comparison(run: dict[str, Any]) -> Markup:
    found = run.get("comparison")
    if not found:
        why = "It needs the split by study." if STUDY not in run["splits"] else "The kit's own run failed: see the log."
        return note("Not compared. ", why)
    text = (
        f"{found['rows']} labelled canal rows of the {found['studies']} studies held out by study, from which neither "
        f"has learnt. The kit had as long as the paper's network, {show_time(found['seconds'])} "
        f"({found['share']:.0%} of the limit), and in it cut crops, trained graders for all 25 cells and predicted. "
        "The studies were chosen for the test images, so severe canals are more frequent in them than elsewhere. The "
        "paper's network answers as it is: it learnt from balanced classes, and was not made for this metric."
    )
    kit = "; ".join(f"{count} rows from {source}" for source, count in found["kit_rows"].items())
    if found["rows_without_image"]:
        text += f" {found['rows_without_image']} rows for which K-Means gave no image are priors."
    rows = [(who, *(f"{terms[term]:.3f}" for term in _TERMS)) for who, terms in found["terms"].items()]
    spoken = [
        f"{name}: {value:+.3f} (95 % of resampled studies: {low:+.3f} to {high:+.3f})"
        for name, (value, low, high) in zip(_TERMS.values(), found["differences"].values(), strict=True)
    ]
    return join(
        tag("p", text),
        table(("", *_TERMS.values()), rows, "Weighted log loss: lower is better"),
        tag("p", "The paper's minus the kit's: ", "; ".join(spoken), ". Above 0 the kit is better."),
        details("Where the kit's rows came from", tag("p", kit)),
    )


def _levels(run: dict[str, Any]) -> Markup:
    found = run["levels"]
    if not found["known"]:
        return note("No true levels are known: they come from the subarticular label points.")
    share, other = found["off"] / found["known"], found["other_level"] / found["known"]
    text = (
        f"Of {found['known']} images whose true level is known (from the readers' subarticular points), {found['off']} "
        f"({share:.0%}) show a place more than {found['near_mm']:g} mm from the level whose label they carry; "
        f"{found['other_level']} ({other:.0%}) are nearest to another level, and {found['wrong_class']} carry a class "
        f"that is not that level's. In {found['studies_right']} of {found['studies']} studies with five known levels "
        "all five are right. These labels train and test the network as they are, as in the paper."
    )
    return tag("p", text)


def _recipe(folder: Path, run: dict[str, Any]) -> Markup:
    mapping = pl.read_csv(folder / tables.MAPPING, glob=False).rows()
    return join(
        table(("Severity label", "class index"), mapping, "Table 1: mapping"),
        table(
            ("Class", "images", "the paper"),
            _counted(folder / tables.BEFORE, recipe.PAPER_COUNTS),
            "Table 2: images a class before augmentation",
        ),
        tag("h3", "Decided where the paper is silent"),
        tag("ul", *(tag("li", choice) for choice in run["choices"])),
        _pictures(folder, run, _SHARED_FIGURES),
    )


def _run(run: dict[str, Any]) -> Markup:
    timings = [(name, show_time(took)) for name, took in run["seconds"].items()]
    timings.append(("until the report", f"{show_time(run['elapsed_s'])} of {show_time(run['time_limit_s'])}"))
    return join(table(("stage", "took"), timings, "Timings"), versions_table(), details("run.json", pretty(run)))
