"""How well levels are found: the localiser beside the anatomical prior and K-Means, on the same studies.

    python tests/campaigns/levels.py ROOT [ROOT ...] [--model MODEL] [--stress N]

ROOT is a competition root whose test studies' true points are known: a phantom (solution_coordinates.csv) or one whose
test split is also its train split. Errors are in the sagittal plane of patient space.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.budget import Stopwatch
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import Series, largest, read_study
from stenosis_kit.images.stack import orientation_groups
from stenosis_kit.levels import anatomical_prior, kmeans
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import TYPICAL, VIEW_OF_TERM, Carry
from stenosis_kit.levels.label_points import canal_labels, in_patient
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.midline import on_midline
from stenosis_kit.levels.overview import Overview, study_overviews, to_pixels
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import Cell, LabelPoint, Study

CANAL = rsna.condition_of("spinal", None).name
SIDES = [rsna.condition_of("subarticular", side).name for side in (rsna.LEFT, rsna.RIGHT)]


@dataclass(frozen=True, eq=False)
class Case:
    """A study with its true points; `truth` (5, 3) is the canal's, patient mm, NaN where unknown."""

    study: list[Series]
    points: dict[Cell, LabelPoint]
    truth: np.ndarray


def read_cases(root: Path) -> list[Case]:
    """All test studies of a root whose canal is known."""
    table = root / "solution_coordinates.csv"
    frame = pl.read_csv(table if table.is_file() else root / rsna.POINTS_TABLE)
    names = {condition.label: condition.name for condition in rsna.CONDITIONS}
    points: dict[int, dict[Cell, LabelPoint]] = {}
    for row in frame.iter_rows(named=True):
        level = rsna.LEVELS[rsna.LEVEL_LABELS.index(row["level"])]
        place = LabelPoint(row["series_id"], row["instance_number"], row["x"], row["y"])
        points.setdefault(row["study_id"], {})[names[row["condition"]], level] = place
    tasks = Root(root, "test").studies()
    cases = [_case(task, points.get(task.study_id, {})) for task in tasks]
    return [case for case in cases if np.isfinite(case.truth).any()]


def _case(task: Study, points: dict[Cell, LabelPoint]) -> Case:
    study = read_study(task.images, task.study_id, task.series)
    return Case(study, points, canal_labels(study, points))


# --- Ways ----------------------------------------------------------------------------------------


def by_prior(case: Case) -> np.ndarray | None:
    """The anatomical prior's canal points."""
    series = largest(case.study, rsna.SAGITTAL_T2) or largest(case.study, rsna.SAGITTAL_T1)
    return anatomical_prior.canal_points(series) if series else None


def by_kmeans(case: Case) -> np.ndarray | None:
    """The paper's canal points, for which only heights count."""
    series = largest(case.study, rsna.AXIAL_T2)
    try:
        return kmeans.canal_points(series) if series else None
    except ValueError:
        return None


def by_labels(case: Case) -> np.ndarray | None:
    """The true points, projected: the best that projection can do."""
    return case.truth if np.isfinite(case.truth).all() else None


# --- What they reach -----------------------------------------------------------------------------


def measure(cases: list[Case], answers: list[np.ndarray | None]) -> dict[str, float]:
    """Errors, shifts and axial hits of a way's answers."""
    pairs = [(case, answer) for case, answer in zip(cases, answers, strict=True) if answer is not None]
    errors = np.array([np.linalg.norm((answer - case.truth)[:, 1:], axis=1) for case, answer in pairs])
    known = errors[np.isfinite(errors)]
    hits = [hit for case, answer in pairs for hit in axial_hits(case, answer)]
    beside = [beside_errors(case, answer) for case, answer in pairs]
    return {
        "studies": len(pairs),
        "median mm": float(np.median(known)),
        "<= 5 mm": float((known <= 5).mean()),
        "<= 10 mm": float((known <= 10).mean()),
        "worst mm": float(known.max()),
        "shifted": float(np.mean([is_shifted(answer, case.truth) for case, answer in pairs])),
        "axial hit": float(np.mean(hits)) if hits else float("nan"),
        "foramen mm": float(np.median(np.concatenate([one["foraminal"] for one in beside]))),
        "recess mm": float(np.median(np.concatenate([one["subarticular"] for one in beside]))),
    }


def beside_errors(case: Case, answer: np.ndarray, carry: Carry = TYPICAL) -> dict[str, list[float]]:
    """Distance of carried points from their labels in the plane that was labelled, mm, by term."""
    errors: dict[str, list[float]] = {"foraminal": [], "subarticular": []}
    canal = on_midline(case.study, CanalPoints(answer, "", np.ones(len(answer)))).points
    for (condition, level), point in case.points.items():
        term = rsna.CONDITION_BY_NAME[condition].term
        found = in_patient(case.study, point)
        if term in errors and found:
            series, place = found
            plane = series.planes[series.index_of(point.instance_number)]
            carried = plane.drop(carry.point(canal, VIEW_OF_TERM[term], condition, level))
            errors[term].append(float(np.linalg.norm(carried - place)))
    return errors


def is_shifted(answer: np.ndarray, truth: np.ndarray) -> bool:
    """Whether most points lie nearer to another level's true point than to their own."""
    away = np.linalg.norm((answer[:, None] - truth[None])[..., 1:], axis=-1)
    away[:, ~np.isfinite(truth).all(axis=1)] = np.inf
    known = np.isfinite(truth).all(axis=1)
    return bool((away.argmin(axis=1) != np.arange(len(truth)))[known].mean() > 0.5)


def axial_hits(case: Case, answer: np.ndarray) -> list[bool]:
    """Of each level with labelled recesses: is the chosen axial slice within one of either side's?

    Within one along the normal in the same series, or a plane that passes within 5 mm of the label.
    """
    axial = [series for series in case.study if series.kind == rsna.AXIAL_T2]
    hits = []
    for index, level in enumerate(rsna.LEVELS):
        labels = [case.points[side, level] for side in SIDES if (side, level) in case.points]
        places = [(point, found) for point in labels if (found := in_patient(case.study, point))]
        if not places:
            continue
        pick = nearest_slice(axial, answer[index])
        hits.append(bool(pick) and any(_beside(pick, point, *found) for point, found in places))
    return hits


def _beside(pick, point: LabelPoint, series: Series, place: np.ndarray) -> bool:
    if abs(float(pick.slice.plane.distance(place))) <= 5:
        return True
    if pick.series.series_id != series.series_id:
        return False
    labelled = series.index_of(point.instance_number)
    group = next(group for group in orientation_groups(series.planes) if labelled in group)
    chosen = pick.series.index_of(pick.slice.number)
    return chosen in group and abs(group.index(chosen) - group.index(labelled)) <= 1


# --- Zoomed, turned and cropped images -----------------------------------------------------------


def stress(cases: list[Case], localiser: Localiser, each: int, seed: int = 0) -> dict[str, float]:
    """Shifts and errors under random zoom (.8-1.25), rotation (10 degrees) and crops that keep the levels in view."""
    import tensorflow as tf

    from stenosis_kit.levels.augmentation import Changes, frame, move

    changes = Changes(rotation_deg=10, zoom=0.223, shift_mm=15, crop=0.5, crop_mm=(20, 90))
    tf.random.set_seed(seed)
    errors, shifts = [], []
    for case in cases:
        overviews = study_overviews(case.study) if np.isfinite(case.truth).all() else []
        if not overviews:
            continue
        overviews = [one.about(case.truth) for one in overviews]
        middle = len(overviews[0].pixels) // 2
        truth = to_pixels(overviews[0].frames, case.truth)[middle].astype(np.float32)
        layers = np.concatenate([one.pixels for one in overviews]).transpose(1, 2, 0).astype(np.float32)
        images, points = move(tf.constant(np.repeat(layers[None], each, 0)), tf.repeat(truth[None], each, 0), changes)
        images = (images * frame(points, tf.constant(each), changes)).numpy().transpose(0, 3, 1, 2).round()
        for changed, points_px in zip(images.astype(np.uint8), points.numpy(), strict=True):
            parts = np.split(changed, len(overviews))
            seen = [Overview(one.kind, part, one.frames) for one, part in zip(overviews, parts, strict=True)]
            found, wanted = localiser.locate([seen])[0].points, overviews[0].to_patient(middle, points_px)
            errors.append(np.linalg.norm((found - wanted)[:, 1:], axis=1))
            shifts.append(is_shifted(found, wanted))
    errors = np.array(errors)
    return {
        "studies": len(shifts),
        "median mm": float(np.median(errors)),
        "<= 5 mm": float((errors <= 5).mean()),
        "<= 10 mm": float((errors <= 10).mean()),
        "worst mm": float(errors.max()),
        "shifted": float(np.mean(shifts)),
        **dict.fromkeys(("axial hit", "foramen mm", "recess mm"), float("nan")),
    }


def main() -> None:
    """Prints a table a root."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("roots", type=Path, nargs="+", metavar="ROOT")
    parser.add_argument("--model", type=Path, help="a model whose localiser is measured; the bundled one by default")
    parser.add_argument("--stress", type=int, default=0, help="changed copies of each study")
    chosen = parser.parse_args()
    load_tensorflow()
    localiser = Localiser.load(chosen.model) if chosen.model else Localiser.bundled()
    ways: dict[str, Callable[[Case], np.ndarray | None]] = {
        "anatomical prior": by_prior,
        "K-Means": by_kmeans,
        "true points": by_labels,
    }
    for root in chosen.roots:
        cases = read_cases(root)
        overviews = [study_overviews(case.study) for case in cases]
        localiser.locate(overviews[:1])  # builds the graph
        watch = Stopwatch()
        found = localiser.locate(overviews)
        seconds = watch.lap("localiser") / max(len(cases), 1)
        rows = {"localiser": measure(cases, [one and one.points for one in found])}
        for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
            alone = localiser.locate([[one for one in seen if one.kind == kind] for seen in overviews])
            rows[f"localiser, {kind} alone"] = measure(cases, [one and one.points for one in alone])
        rows |= {name: measure(cases, [way(case) for case in cases]) for name, way in ways.items()}
        if chosen.stress:
            rows["localiser, zoomed, turned, cropped"] = stress(cases, localiser, chosen.stress)
        print(f"\n{root}: {len(cases)} studies; the network takes {seconds:.3f} s a study")
        print("| way | " + " | ".join(rows["localiser"]) + " |")
        print("| --- " * (len(rows["localiser"]) + 1) + "|")
        for name, row in rows.items():
            print(f"| {name} | " + " | ".join(_shown(value) for value in row.values()) + " |")


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else "-" if np.isnan(value) else f"{value:.3f}"


if __name__ == "__main__":
    main()
