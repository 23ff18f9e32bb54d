"""The report of a `paper` run, from what it left in its folder: the paper's figures beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from stenosis_kit.base.budget import show_time
from stenosis_kit.base.files import write_text
from stenosis_kit.base.output import check_outputs
from stenosis_kit.paper import recipe, tables
from stenosis_kit.paper.findings import apart, comparison, k_means_levels
from stenosis_kit.paper.holdout import STUDY
from stenosis_kit.report.evidence import read_run
from stenosis_kit.report.markup import Markup, details, figure, image, join, note, table, tag
from stenosis_kit.report.page import REPORT, Section, render
from stenosis_kit.report.provenance import pretty, timings_table, versions_table
from stenosis_kit.tables.own_files import own_files

_OWN_FIGURES = ("figure_5_accuracy.png", "figure_6_loss.png", "figure_7_confusion.png")
_SAMPLE = ("figure_2_augmented.png",)
_SHARED_FIGURES = ("figure_1_workflow.png", "figure_3_block.png", "figure_4_architecture.png")
_SCORES = ("Class", "Precision", "paper", "Recall", "paper", "F1", "paper", "Support")
_CHANCE = 0.4  # chosen by hand: accuracy up to a little above a third is little more than a guess


def is_paper_run(folder: Path) -> bool:
    """Whether a run's folder is one that `paper` left."""
    return read_run(folder).get("command") == "paper"


def write_page(folder: Path) -> Path:
    """Writes the report.html of a paper run's folder, from its run.json, tables and figures; returns its path."""
    path, run = folder / REPORT, read_run(folder)
    check_outputs([path], own_files(Path(run["data"])) if isinstance(run.get("data"), str) else [])
    write_text(path, paper_page(folder, run))
    return path


def paper_page(folder: Path, run: dict[str, Any]) -> str:
    """The page of a paper run's folder."""
    sections = [_split_section(folder, run, by) for by in run["splits"]]
    timings = timings_table(run, "until the report")
    sections += [
        Section("apart", "By image or by study", apart(run)),
        Section("metric", "By the competition's metric", comparison(run)),
        Section("levels", "Levels by K-Means", k_means_levels(run)),
        Section("recipe", "The recipe", _recipe(folder, run)),
        Section("run", "The run", join(timings, versions_table(), details("run.json", pretty(run)))),
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
    if split["accuracy"] < _CHANCE:
        text += (
            f" Accuracy {split['accuracy']:.2f} is about what chance would give. Where copies are few and the canal is "
            "only some pixels wide, validation loss can be lowest before anything is learnt, and early stopping keeps "
            "those weights."
        )
    if by == STUDY:
        text += f" {images['unused']} further images of the test studies are not used."
    body = join(
        tag("p", text),
        table(_SCORES, _report_rows(own), "Table 4: classification"),
        _count_table(own / tables.AFTER, "copies", recipe.PAPER_COPIES, "Table 3: images a class after augmentation"),
        _pictures(own, run, _OWN_FIGURES),
        _pictures(own, run, _SAMPLE),
    )
    return Section(f"by-{by}", f"Held out by {by}", body)


def _report_rows(folder: Path) -> list[tuple]:
    rows = []
    for name, precision, recall, f1, support in pl.read_csv((folder / tables.REPORT).read_bytes()).iter_rows():
        stated = recipe.PAPER_SCORES.get(name, (None, None, recipe.PAPER_ACCURACY if name == "Accuracy" else None))
        pairs = zip((precision, recall, f1), stated, strict=True)
        rows.append((name, *(_two(value) for pair in pairs for value in pair), support))
    return rows


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _count_table(path: Path, what: str, stated: dict[str, int], caption: str) -> Markup:
    """A table of counts by class, with those that the paper states."""
    rows = [(name, count, stated[name]) for name, count in pl.read_csv(path.read_bytes()).iter_rows()]
    return table(("Class", what, "the paper"), rows, caption)


def _pictures(folder: Path, run: dict[str, Any], names: tuple[str, ...]) -> Markup:
    captions = run.get("captions")
    if captions is None:
        return note("The figures are missing: matplotlib was not installed (pip install matplotlib).")
    there = [name for name in names if (folder / name).is_file()]
    figures = [
        figure(image((folder / name).read_bytes(), captions[name], "png"), captions[name], "papers") for name in there
    ]
    return tag("div", *figures, class_="charts")


def _recipe(folder: Path, run: dict[str, Any]) -> Markup:
    mapping, before = pl.read_csv((folder / tables.MAPPING).read_bytes()).rows(), folder / tables.BEFORE
    return join(
        table(("Severity label", "class index"), mapping, "Table 1: mapping"),
        _count_table(before, "images", recipe.PAPER_COUNTS, "Table 2: images a class before augmentation"),
        tag("h3", "Decided where the paper is silent"),
        tag("ul", *(tag("li", choice) for choice in run["choices"])),
        _pictures(folder, run, _SHARED_FIGURES),
    )
