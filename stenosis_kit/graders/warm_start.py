"""Warm start: training from the weights of an earlier model, and in its folds.

A network may only answer for studies that neither it nor the network it started from has learnt. So it starts from the
earlier network of its own fold, or from any where the earlier model has no such fold, or knows none of the studies; a
study that both models know keeps its fold; and the new model's folds.csv names the studies of both. The bundled graders
know no study at all: every network starts from them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.graders.bundled import BUNDLED, NONE, bundled_graders
from stenosis_kit.graders.model_file import MODEL_NAME, Description, TrainedGrader, read_description
from stenosis_kit.graders.plan import Plan
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.tables.folds import FOLDS_NAME, assign_folds, read_folds

log = logging.getLogger(__name__)

_ENOUGH_CROPS = 90_000
"""That a started network sees in all: of 10,800 real foramina 8 epochs reach what 15 do (.512 both, one of two folds,
single runs), while of 1,420 real recesses 7 do not (.594 for .569)."""
_LEAST_SHARE = 0.5  # chosen by hand: of the time that all epochs would take


@dataclass(frozen=True)
class Start:
    """An earlier model to start from.

    Attributes:
        folder: where its weights are; absolute, for other machines.
        description: its model.json.
        folds: {study: fold} of all studies that it, or a model that it started from, has learnt from.
        bundled: whether it is the one that comes with the package.
    """

    folder: Path
    description: Description
    folds: Mapping[int, int]
    bundled: bool = False

    @property
    def name(self) -> str:
        """As the command line has it."""
        return BUNDLED if self.bundled else str(self.folder)

    def copied_to(self, folder: Path) -> Start:
        """The same in another folder, which other machines see: each has a package of its own, somewhere else."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in (MODEL_NAME, *(each.weights for each in self.description.graders)):
            shutil.copyfile(self.folder / name, folder / name)
        return replace(self, folder=folder.absolute())

    def folds_kept(self, studies: Collection[int]) -> int | None:
        """Number of folds that training must keep; None where all studies are new to the earlier model."""
        return None if self.folds.keys().isdisjoint(studies) else len(set(self.folds.values()))

    def settings(
        self, training: Training, studies: Collection[int], crops: Mapping[str, int] | None = None
    ) -> Training:
        """The settings with its own networks' layers, no more folds than must be kept, and less time for many crops.

        Args:
            training: the settings.
            studies: that are learnt from.
            crops: {view: number of labelled crops}; see `_ENOUGH_CROPS`.

        Raises:
            InputError: where the inputs are too small for such networks.
        """
        own = self.description.training
        smallest = 2 ** len(own.filters)
        for grader in training.graders:
            if grader.px < smallest:
                expected = f"at least {smallest} pixels, for networks like those of {self.folder}"
                raise InputError(f"px of {grader.view}", expected, f"{grader.px}", "Give the --config of that model.")
        folds = min(training.folds, self.folds_kept(studies) or training.folds)
        graders = tuple(
            replace(grader, time=grader.time * self._share(grader, training, (crops or {}).get(grader.view, 0)))
            for grader in training.graders
        )
        return replace(training, folds=folds, filters=own.filters, dense=own.dense, graders=graders)

    @staticmethod
    def _share(grader: Grader, training: Training, crops: int) -> float:
        """Of the time that all epochs of a grader would take: where time is short, fewer do."""
        return min(1.0, max(_LEAST_SHARE, _ENOUGH_CROPS / max(training.max_epochs * grader.repeats * crops, 1)))

    def fitting(self, chosen: Plan, training: Training) -> Plan:
        """The plan, with finer inputs only if that lets no fewer weights fit."""

        def graders_with_weights(one: Plan) -> int:
            return sum(bool(self._fitting(grader, training)) for grader in one.settings(training).graders)

        return max(chosen, replace(chosen, axial=1.0, scale=1.0), key=graders_with_weights)

    def assign_folds(self, manifest: pl.DataFrame, folds: int, seed: int) -> dict[int, int]:
        """{study_id: fold} of its own studies and of a manifest's others, see `folds.assign_folds`.

        Its own keep their folds. Where it knows none of the manifest's, any of its networks may start any: of its own
        those for which networks would answer that started from what has learnt them move to a fold of no network.

        Raises:
            InputError: where all of the manifest's studies lie in one fold: there would be nothing to learn from.
        """
        known = pl.col("study_id").is_in(list(self.folds))
        own = self.folds if self.folds_kept(manifest["study_id"]) else self._answerable(folds)
        assigned = {**own, **assign_folds(manifest.filter(~known), folds, seed)}
        if len({assigned[study] for study in manifest["study_id"]}) < 2:
            found, remedy = "all of them in one fold", "Train without --start, or on more studies."
            raise InputError(self.folder, f"the studies of the store in several folds of {FOLDS_NAME}", found, remedy)
        return dict(sorted(assigned.items()))

    def _answerable(self, folds: int) -> dict[int, int]:
        """Its studies' folds, where each view has a network of the fold to start that of the new one; else one beyond.

        Args:
            folds: of the new model.
        """
        views: dict[str, set[int]] = {}
        for each in self.description.graders:
            views.setdefault(each.grader.view, set()).add(each.fold)
        whole, beyond = set.intersection(*views.values()), max([folds - 1, *self.folds.values()]) + 1
        return {study: fold if fold in whole else beyond for study, fold in self.folds.items()}

    def weights(self, trained: TrainedGrader, training: Training, studies: Collection[int]) -> Path | None:
        """The weights file from which a network may start: of its own fold, or of any if that has learnt none of its.

        Args:
            trained: the network.
            training: settings.
            studies: all that are trained on.
        """
        fitting = self._fitting(trained.grader, training)
        same = [each for each in fitting if each.fold == trained.fold]
        any_may = self.folds_kept(studies) is None or trained.fold not in self.folds.values()
        offers = same or (fitting if any_may else [])
        return self.folder / offers[(trained.fold + trained.number) % len(offers)].weights if offers else None

    def _fitting(self, grader: Grader, training: Training) -> list[TrainedGrader]:
        """Its networks of the grader's view whose weights have the same shapes."""
        own, wanted = self.description.training, (grader.view, *_shape(grader, training))
        return [each for each in self.description.graders if (each.grader.view, *_shape(each.grader, own)) == wanted]


def chosen_start(
    start: Path | str, model: Path, training: Training, cutting_version: int = CUTTING_VERSION
) -> Start | None:
    """What training starts from, by what the command line says.

    Args:
        start: "bundled", "none", or a model's folder.
        model: where the new one will be.
        training: settings. The bundled graders are left out, which is said, where these ask for networks of other
            widths, or the crops are cut in another way.
        cutting_version: of the crops that the new one will be trained on.

    Returns:
        None: new weights.

    Raises:
        InputError: where the package has no graders; as `read_start`.
    """
    if str(start) == NONE:
        return None
    if str(start) != BUNDLED:
        return read_start(Path(start), model, cutting_version)
    found = read_start(bundled_graders(), model, None)
    own, wanted = found.description.training, (training.filters, training.dense)
    if (own.filters, own.dense) != wanted:
        log.warning("train: the bundled graders have other widths than the settings ask for: ALL START ANEW")
        return None
    if found.description.cutting_version != cutting_version:
        log.warning("train: the bundled graders are for crops that are cut in another way: ALL START ANEW")
        return None
    return replace(found, bundled=True)


def read_start(folder: Path, model: Path, cutting_version: int | None = CUTTING_VERSION) -> Start:
    """Reads a model to start from.

    Args:
        folder: its folder.
        model: where the new one will be.
        cutting_version: of the crops that the new one will be trained on; None: any.

    Raises:
        InputError: where it is no model, does not say which studies it has learnt from, lacks weights, was trained on
            crops that are cut in another way, or would be overwritten.
    """
    import h5py

    if folder.exists() and model.exists() and folder.samefile(model):
        expected = "a model to start from in another folder than the new one's"
        raise InputError(folder, expected, "the same", "Give another folder for the new one.")
    description, folds = read_description(folder), read_folds(folder)
    if cutting_version is not None:
        description.check_cutting(folder, cutting_version)
    if not (folder / FOLDS_NAME).is_file():
        expected = f"a model with its {FOLDS_NAME}, which says what it has learnt from"
        raise InputError(folder, expected, "none", "Give the folder that train wrote, not a dataset's.")
    remedy = "Train that model again, or copy its folder again."
    for each in description.graders:
        path = folder / each.weights
        if not h5py.is_hdf5(path):
            raise InputError(path, "a network's weights", "something else" if path.exists() else "none", remedy)
        if each.content and fingerprint(path) != each.content:  # they may have learnt other studies
            raise InputError(path, f"the weights that {MODEL_NAME} was saved with", "others", remedy)
    return Start(folder.absolute(), description, folds)


def _shape(grader: Grader, training: Training) -> tuple:
    """What the shapes of a network's weights depend on: each block halves the image, rounding down."""
    return grader.px >> len(training.filters), training.filters, training.dense
