"""Sections of the paper's page on what the paper does not report: the two splits, the metric, the levels."""

from __future__ import annotations

from typing import Any

import numpy as np

from stenosis_kit.answers.bootstrap import estimate, resampled
from stenosis_kit.base.budget import show_time
from stenosis_kit.paper import recipe
from stenosis_kit.paper.holdout import IMAGE, STUDY
from stenosis_kit.report.markup import Markup, details, join, note, table, tag

_TERMS = {"spinal": "spinal canal", "any_severe_spinal": "any severe canal"}


def apart(run: dict[str, Any]) -> Markup:
    """How far the split by image is from the split by study, and why it matters."""
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
    rng = np.random.default_rng(0)  # the test images differ, so studies are resampled in each split on its own
    value, low, high = estimate(_accuracies(by_image["test"], rng) - _accuracies(by_study["test"], rng))
    found = (
        f"Accuracy by image is {by_image['accuracy']:.3f}, by study {by_study['accuracy']:.3f}: {value:+.3f} "
        f"(95 % of resampled studies: {low:+.3f} to {high:+.3f})."
    )
    verdict = "Too few test images to tell the two apart." if low <= 0 <= high else "More than chance."
    return join(tag("p", text), tag("p", f"{found} {verdict}", class_="big"))


def _accuracies(test: list, rng: np.random.Generator) -> np.ndarray:
    """(1 + resamples,) accuracies over `resampled`, of (study, true class, class answered) a test image."""
    study, truth, chosen = np.array(test).T
    names, place = np.unique(study, return_inverse=True)
    counts = resampled(len(names), seed=rng)
    right = np.bincount(place, truth == chosen, len(names))
    return (counts @ right) / (counts @ np.bincount(place, minlength=len(names)))


def comparison(run: dict[str, Any]) -> Markup:
    """The paper's network and the kit's graders by the competition's metric."""
    found = run.get("comparison")
    if not found:
        why = "It needs the split by study." if STUDY not in run["splits"] else "The kit's own run failed: see the log."
        return note("Not compared. ", why)
    text = (
        f"{found['rows']} labelled canal rows of the {found['studies']} studies held out by study, from which neither "
        f"has learnt. The kit had as long as the paper's network, {show_time(found['seconds'])} "
        f"({found['share']:.0%} of the limit), in which to cut crops, train graders for all 25 cells, and predict. "
        "The studies were chosen for the test images, so severe canals are more frequent in them than elsewhere. The "
        "paper's network answers as it is: it learnt from balanced classes, and was not made for this metric."
    )
    kit = "; ".join(f"{count} rows from {source}" for source, count in found["kit_rows"].items())
    graded = any(source.startswith("grader") for source in found["kit_rows"])
    if found["rows_without_image"]:
        text += f" {found['rows_without_image']} rows for which K-Means gave no image are priors."
    rows = [(who, *(f"{terms[term]:.3f}" for term in _TERMS)) for who, terms in found["terms"].items()]
    spoken = [
        f"{name}: {value:+.3f} (95 % of resampled studies: {low:+.3f} to {high:+.3f})"
        for name, (value, low, high) in zip(_TERMS.values(), found["differences"].values(), strict=True)
    ]
    return join(
        tag("p", text),
        "" if graded else note("The kit's time was too short to train anything: its rows are all priors."),
        table(("", *_TERMS.values()), rows, "Weighted log loss: lower is better"),
        tag("p", "The paper's minus the kit's: ", "; ".join(spoken), ". Above 0 the kit is better."),
        details("Where the kit's rows came from", tag("p", kit), tag("p", "Its own report is kit/report.html.")),
    )


def k_means_levels(run: dict[str, Any]) -> Markup:
    """How often K-Means was wrong."""
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
