"""Sheets of crops: of each severity, what the graders look at in them, and the worst mistakes."""

from __future__ import annotations

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.crops.store import severity_indices
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.model_file import TrainedGrader, read_description
from stenosis_kit.graders.settings import Training
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, figure, join, note, tag
from stenosis_kit.report.measures import Graded, nats
from stenosis_kit.report.pictures import heated, middle, picture, probabilities, severity_name
from stenosis_kit.report.quality import condition_label, level_label
from stenosis_kit.tables.folds import read_folds

_A_SEVERITY = 8  # crops shown of each view and severity
_EXPLAINED = 3  # crops explained of each grader and severity
_WORST = 12  # cells shown of those that cost most
_GRADER_S = 3.0  # usually kept for Grad-CAM of one grader; chosen by hand
_KEEP_S = 0.5  # kept for writing the page when cutting crops of the worst mistakes takes all of its time


def crops_section(evidence: Evidence, budget: Budget) -> Markup:
    """Some crops of each view and severity, as the store holds them."""
    if evidence.store is None:
        return note(evidence.no_store)
    blocks = []
    for view, array in evidence.store.arrays.items():
        for severity in rsna.SEVERITIES:
            rows = _drawn(evidence.store.manifest.filter(view=view, severity=severity), _A_SEVERITY)
            tiles = [_tile(array[row["row"]], row, view) for row in rows.to_dicts()]
            if tiles:
                title = tag("h3", _view_name(view), ": ", severity_name(severity))
                blocks.append(join(title, tag("div", *tiles, class_="crops")))
    text = "Middle slices, drawn at random from the training crops; right sides are mirrored, as the graders see them."
    return join(tag("p", text, class_="soft"), *blocks)


def saliency_section(evidence: Evidence, budget: Budget) -> Markup:
    """Grad-CAM of a few crops of each severity, by a network that has not seen their study."""
    if evidence.store is None:
        return note(evidence.no_store)
    from stenosis_kit.base.tensorflow_start import load_tensorflow

    load_tensorflow()
    description = read_description(evidence.model)
    held_out = [study for study, fold in read_folds(evidence.model).items() if fold == 0]
    blocks = [
        _explained(evidence, trained, description.training, held_out)
        for trained in description.graders
        if trained.fold == trained.number == 0 and budget.reaches(_GRADER_S)
    ]
    text = (
        "Left as the network sees it, right with what speaks for the label's severity (Grad-CAM). The crops are of "
        "studies that the network has not learnt from. A hint at what it uses, not a proof."
    )
    return join(tag("p", text, class_="soft"), *blocks)


def mistakes_section(evidence: Evidence, budget: Budget) -> Markup:
    """The cells with the largest weighted log loss, with label, answer and crop."""
    every = evidence.answers.with_columns(nats=nats(Graded.of(evidence.answers)))
    worst = every.sort("nats", descending=True).head(_WORST)
    share = worst["nats"].sum() / every["nats"].sum()
    pictured = _crops_of_cells(evidence, worst, budget)
    figures = [_mistake(row, pictured.get(row["row_id"])) for row in worst.to_dicts()]
    text = f"By weighted log loss; these {worst.height} cells make {share:.0%} of the sum over all cells."
    if any(row not in pictured for row in worst["row_id"]):
        text += " Some have no picture: no image of them could be cut, or the time was up."
    return join(tag("p", text, class_="soft"), tag("div", *figures, class_="crops wide"))


def _drawn(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Random rows, of as many different studies as possible."""
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=0)
    first = shuffled.unique("study_id", keep="first", maintain_order=True)
    rest = shuffled.join(first, on=["study_id", "condition", "level"], how="anti", maintain_order="left")
    return pl.concat([first, rest]).head(count)


def _view_name(view: str) -> str:
    return view.replace("_", ", ").capitalize()


def _tile(crop: np.ndarray, row: dict, view: str) -> Markup:
    side = rsna.CONDITION_BY_NAME[row["condition"]].side or ""
    alt = f"Crop, {_view_name(view)}, {side} {level_label(row['level'])}, labelled {row['severity']}"
    return figure(picture(middle(crop), alt), f"{level_label(row['level'])} {side}")


def _explained(evidence: Evidence, trained: TrainedGrader, training: Training, studies: list[int]) -> Markup:
    from stenosis_kit.report.saliency import grad_cam

    view = trained.grader.view
    mine = evidence.store.manifest.filter((pl.col("view") == view) & pl.col("study_id").is_in(studies))
    rows = pl.concat([_drawn(mine.filter(severity=name), _EXPLAINED) for name in rsna.SEVERITIES])
    if rows.is_empty():
        return Markup("")
    crops = evidence.store.arrays[view][rows["row"].to_numpy()]
    seen, heat, answers = grad_cam(evidence, trained, training, crops, severity_indices(rows))
    tiles = []
    for row, grey, warm, answer in zip(rows.to_dicts(), seen, heat, answers, strict=True):
        alt = f"{_view_name(view)} crop of {level_label(row['level'])}, labelled {row['severity']}"
        pair = tag("div", picture(grey, alt), picture(heated(grey, warm), f"{alt}: Grad-CAM"), class_="pair")
        tiles.append(figure(pair, join(severity_name(row["severity"]), probabilities(answer))))
    return join(tag("h3", _view_name(view)), tag("div", *tiles, class_="crops wide"))


def _mistake(row: dict, crop: np.ndarray | None) -> Markup:
    where = f"{condition_label(row['condition'])}, {level_label(row['level'])}"
    answer = [row[name] for name in rsna.SEVERITIES]
    shown = picture(middle(crop), f"Crop of {where}, study {row['study_id']}") if crop is not None else ""
    label = join("label: ", severity_name(row["severity"]))
    loss = f"loss {row['nats']:.2f}, study {row['study_id']}"
    return figure(shown, join(where, tag("br"), label, tag("br"), "answer: ", probabilities(answer), tag("br"), loss))


def _crops_of_cells(evidence: Evidence, cells: pl.DataFrame, budget: Budget) -> dict[str, np.ndarray]:
    """{row_id: crop} in the first view of each cell: from the store where they were learnt from, else cut anew."""
    root = evidence.root
    if evidence.store is not None and (root is None or root.split == "train"):
        cell = ["study_id", "condition", "level"]
        return _first_views(evidence.store.manifest.join(cells.select(cell), on=cell).to_dicts(), evidence.store.arrays)
    if root is None or not root.images.is_dir():
        return {}
    models = [evidence.model] if evidence.model else []
    located = find_canals(root.studies(set(cells["study_id"])), models, budget=budget.share(0.5, keep=_KEEP_S))
    found: dict[str, np.ndarray] = {}
    for _, crops in run_tasks(cut_study, located, budget=budget.share(keep=_KEEP_S)):
        if isinstance(crops, StudyCrops):
            found |= _first_views(crops.rows, crops.arrays)
    return found


def _first_views(rows: list[dict], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """{row_id: crop} of a manifest's rows, each cell in the first of its views that there is."""
    order = list(VIEW_BY_NAME)
    return {
        rsna.row_id(row["study_id"], row["condition"], row["level"]): arrays[row["view"]][row["row"]]
        for row in sorted(rows, key=lambda row: -order.index(row["view"]))  # the last of a cell stays
    }
