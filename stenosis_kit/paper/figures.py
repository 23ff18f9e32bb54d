"""The paper's seven figures, from the run; those of the network are drawn from the model itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit.base.files import replacing
from stenosis_kit.paper.recipe import CLASSES, EPOCHS, PATIENCE, SIDE_PX

if TYPE_CHECKING:
    import keras
    from matplotlib.axes import Axes

    from stenosis_kit.paper.copies import Images
    from stenosis_kit.paper.fitting import Fitted
    from stenosis_kit.paper.holdout import Holdout
    from stenosis_kit.paper.plan import Plan

CAPTIONS = {
    "figure_1_workflow.png": "Figure 1: data cleaning and processing workflow",
    "figure_2_augmented.png": "Figure 2: sample of images with their assigned class after augmentation",
    "figure_3_block.png": "Figure 3: a convolutional block, drawn from the model",
    "figure_4_architecture.png": "Figure 4: the model's architecture, drawn from the model",
    "figure_5_accuracy.png": "Figure 5: training and validation accuracy over the epochs",
    "figure_6_loss.png": "Figure 6: training and validation loss over the epochs",
    "figure_7_confusion.png": "Figure 7: the confusion matrix for the test data",
}
WORKFLOW, AUGMENTED, BLOCK, ARCHITECTURE, ACCURACY, LOSS, CONFUSION = CAPTIONS

_BOX = {"boxstyle": "round,pad=0.45", "facecolor": "#eef4f6", "edgecolor": "#1f6f8b"}
_TRAIN, _HELD_OUT = "#5b666e", "#1f6f8b"


def draw_workflow(folder: Path, counts: Mapping[str, int], studies: int, holdout: Holdout, plan: Plan) -> None:
    """Figure 1: the steps of the run, with its own counts, from top to bottom."""
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    steps = [
        f"Axial T2 series of {studies} studies (DICOM)",
        "K-Means on slice location:\na slice for each of five levels",
        "The canal's label of the level gives the class",
        f"Greyscale normalisation;\nPNG, {SIDE_PX}×{SIDE_PX}, RGB",
        f"{sum(counts.values())} images:\n{counted}",
        f"Held out by {holdout.by}:\n{len(holdout.test)} test and {len(holdout.validate)} validation images",
        f"Augmentation of the other {len(holdout.train)}:\n{plan.copies} copies a class",
        f"Five-block CNN on {plan.px}×{plan.px} images",
    ]
    _chain(folder / WORKFLOW, steps)


def draw_augmented(folder: Path, copies: Images) -> None:
    """Figure 2: four augmented images with their class index, two of them of the classes that are rare."""
    places = np.linspace(0, len(copies.rows) - 1, 4).round().astype(int)
    with _drawing(folder / AUGMENTED, 8.0, 2.4, 4) as grid:
        for axes, place in zip(grid, places, strict=True):
            label = int(copies.labels[copies.rows[place]])
            axes.imshow(copies.image(int(place)), cmap="gray", vmin=0, vmax=255)
            axes.set_title(f"{label}: {CLASSES[label]}", fontsize=10)
            axes.set_axis_off()


def draw_block(folder: Path, network: keras.Model) -> None:
    """Figure 3: the layers of the first block."""
    layers = [layer for layer in network.layers if layer.name.startswith("block1")]
    steps = [
        f"Input: {_shape(network.input.shape)}",
        *(f"{_described(layer)}: {_shape(layer.output.shape)}" for layer in layers),
    ]
    _chain(folder / BLOCK, steps)


def draw_architecture(folder: Path, network: keras.Model) -> None:
    """Figure 4: the blocks and the dense layers, with the shapes that leave them and their parameters."""
    parts: dict[str, list] = {}
    for layer in network.layers:
        parts.setdefault(layer.name.split("_")[0], []).append(layer)
    steps = []
    for name, layers in parts.items():
        parameters = sum(layer.count_params() for layer in layers)
        counted = f"\n{parameters:,} parameters" if parameters else ""
        steps.append(f"{_titled(name, layers)}: {_shape(layers[-1].output.shape)}{counted}")
    steps.append(f"{network.count_params():,} parameters in all")
    _chain(folder / ARCHITECTURE, steps)


def draw_curves(folder: Path, fitted: Fitted) -> None:
    """Figures 5 and 6: accuracy and loss over the epochs, with the epoch whose weights were kept and the stop."""
    epochs = np.arange(1, len(fitted.history) + 1)
    stop = f"stopped by {fitted.ended_by}: epoch {len(epochs)} of {EPOCHS}"
    for name, key, label in ((ACCURACY, "accuracy", "accuracy"), (LOSS, "loss", "cross-entropy, nats")):
        with _drawing(folder / name, 5.5, 3.4) as axes:
            for column, color, text in ((key, _TRAIN, "training"), (f"val_{key}", _HELD_OUT, "validation")):
                axes.plot(epochs, [epoch[column] for epoch in fitted.history], "o-", ms=3, color=color, label=text)
            axes.axvline(fitted.best + 1, color=_HELD_OUT, ls=":", label=f"weights kept: epoch {fitted.best + 1}")
            axes.axvline(len(epochs), color="#c8344a", ls="--", label=stop)
            axes.set(xlabel=f"epoch (patience {PATIENCE})", ylabel=label, xlim=(0.5, EPOCHS + 0.5))
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)


def draw_confusion(folder: Path, truth: np.ndarray, chosen: np.ndarray) -> None:
    """Figure 7: rows the labels, columns the answers."""
    from sklearn.metrics import ConfusionMatrixDisplay

    with _drawing(folder / CONFUSION, 4.8, 4.0) as axes:
        ConfusionMatrixDisplay.from_predictions(
            truth, chosen, labels=range(len(CLASSES)), display_labels=CLASSES, cmap="Blues", ax=axes, colorbar=False
        )


@contextmanager
def _drawing(path: Path, width: float, height: float, columns: int = 1) -> Iterator[Axes]:
    """Gives axes of so many inches, or an array of them, and saves what was drawn on them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure.subplots(1, columns)
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


def _chain(path: Path, steps: Sequence[str]) -> None:
    """Boxes from top to bottom, with an arrow from each to the next."""
    with _drawing(path, 4.6, 0.62 * len(steps)) as axes:
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(len(steps) - 0.5, -0.5))
        for place, text in enumerate(steps):
            axes.text(0.5, place, text, ha="center", va="center", fontsize=9, bbox=_BOX)
            if place:
                arrow = {"arrowstyle": "->", "color": _TRAIN}
                axes.annotate("", (0.5, place - 0.3), (0.5, place - 0.7), arrowprops=arrow)


def _shape(shape: Sequence[int | None]) -> str:
    return "×".join(str(size) for size in shape[1:])


def _described(layer: keras.Layer) -> str:
    """A layer and what was chosen of it."""
    settings = layer.get_config()
    kind = type(layer).__name__
    if kind == "Conv2D":
        return f"{kind}, {settings['filters']} filters of 3×3, {settings['activation']}"
    if kind == "Dropout":
        return f"{kind} {settings['rate']:g}"
    return kind


def _titled(name: str, layers: Sequence[keras.Layer]) -> str:
    if name.startswith("block"):
        filters = layers[0].get_config()["filters"]
        return f"Block {name.removeprefix('block')}, 2 × {filters} filters"
    if len(layers) > 1:
        return f"Dense {layers[0].get_config()['units']}, normalisation, dropout {layers[-1].get_config()['rate']:g}"
    return {"crop": "Input", "flatten": "Flatten", "severity": "Dense 3, softmax"}.get(name, name)
