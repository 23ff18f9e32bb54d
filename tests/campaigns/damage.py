"""Damaged data: every fault of the phantom alone and in pairs, damaged DICOM files, damaged tables, stores and models.

Whatever the damage, a command ends with a complete, legal result or with exit code 2 and a clear message, and the
rows that the damage does not concern are as without it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.commands import run
from campaigns.mutations import CSV_MUTATIONS, mutate
from campaigns.tally import Tally

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.files import read_json
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.faults import RATES

SAME = 1e-6
_SERIES = rsna.series_table("test")


def fault_sets(pairs: int, seed: int, names: Iterable[str] = RATES) -> list[tuple[str, ...]]:
    """Each fault alone, then random pairs of them."""
    names, rng = sorted(names), np.random.default_rng(seed)
    return [(name,) for name in names] + [tuple(sorted(rng.choice(names, 2, replace=False))) for _ in range(pairs)]


def faults_in_test(model: Path, scratch: Path, sets: Sequence[tuple[str, ...]]) -> Tally:
    """Every other test study has faults; the studies between them have to be graded as if they were alone."""
    tally = Tally("phantom faults, test split")
    force = {2 * number: names for number, names in enumerate(sets)}
    faulty = phantom(scratch / "faulty", studies=0, test_studies=2 * len(sets), faults="none", force=force, workers=2)
    series = pl.read_csv(faulty / _SERIES)
    healthy = series["study_id"].unique(maintain_order=True).to_list()[1::2]
    alone = scratch / "alone"
    alone.mkdir()
    series.filter(pl.col("study_id").is_in(healthy)).write_csv(alone / _SERIES)
    (alone / "test_images").symlink_to((faulty / "test_images").resolve())
    answers = {}
    for root in (faulty, alone):
        faults, answers[root] = _predicted(root, model, scratch / f"{root.name}.csv")
        if faults:
            tally.note(root.name, faults)
            return tally
    for study, names in zip(healthy, sets, strict=True):
        rows = [rsna.row_id(study, condition, level) for condition, level in rsna.CELLS]
        lost = sum(not np.allclose(answers[alone][row], answers[faulty][row], rtol=0, atol=SAME) for row in rows)
        tally.note(" + ".join(names), rows=len(rows), lost=lost)
    return tally


def _predicted(root: Path, model: Path, output: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """What is wrong with a prediction, and its rows by id."""
    faults = run("predict", root, model, "-o", output).faults((0,)) or _illegal(output, root)
    frame = None if faults else pl.read_csv(output)
    return faults, {} if frame is None else dict(
        zip(frame["row_id"], frame.select(rsna.SEVERITIES).to_numpy(), strict=True)
    )


def faults_in_train(scratch: Path, sets: Sequence[tuple[str, ...]]) -> Tally:
    """A cohort of faulty training studies: format keeps every study, and cuts what can be cut."""
    tally = Tally("phantom faults, train split")
    root = phantom(
        scratch / "train", studies=len(sets), test_studies=0, faults="none", force=dict(enumerate(sets)), workers=2
    )
    ended = run("format", root, scratch / "store")
    faults = ended.faults((0,))
    cut = set() if faults else set(pl.read_parquet(scratch / "store" / "manifest.parquet")["study_id"])
    hopeless = {"missing_study_folder", "no_position", "empty_position", "no_orientation", "no_pixel_spacing"}
    labels = pl.read_csv(root / rsna.TRAIN_TABLE, infer_schema=False)["study_id"]
    for study, names in zip(labels, sets, strict=True):
        bad = faults or ([] if int(study) in cut or hopeless & set(names) else ["no crop of that study"])
        tally.note(" + ".join(names), bad)
    return tally


def damaged_files(model: Path, cohort: Path, scratch: Path, count: int, seed: int) -> Tally:
    """Copies of a test study, each with one damaged file; rows of other terms are still graded, from the same views.

    Their figures may move a little: all series together tell where the levels are.
    """
    tally, rng = Tally("damaged DICOM files"), np.random.default_rng(seed)
    series = pl.read_csv(cohort / _SERIES)
    study = series["study_id"][0]
    own = series.filter(study_id=study)
    copies = [own.with_columns(study_id=pl.lit(number, pl.Int64)) for number in range(1, count + 1)]
    root = scratch / "damaged"
    root.mkdir(parents=True)
    pl.concat([own, *copies]).write_csv(root / _SERIES)
    images, source = root / "test_images", cohort / "test_images" / str(study)
    shutil.copytree(source, images / str(study))
    cases = [_damaged_copy(source, images / str(number), rng) for number in range(1, count + 1)]
    faults, _ = _predicted(root, model, scratch / "damaged.csv")
    rows = {} if faults else read_json(scratch / "damaged.run.json", "what predict writes")["rows"]
    kinds = dict(own.select("series_id", "series_description").iter_rows())
    for number, (series_id, case) in enumerate(cases, start=1):
        cells = [] if faults else _not_concerned(kinds[series_id])
        lost = sum(rows[f"{number}_{c}_{level}"] != rows[f"{study}_{c}_{level}"] for c, level in cells)
        tally.note(f"{case} in a {kinds[series_id]}", faults, len(cells), lost)
    return tally


def _damaged_copy(source: Path, folder: Path, rng: np.random.Generator) -> tuple[int, str]:
    """Links to a study's files, one of which is replaced by a damaged copy; its series, and what happened."""
    files = sorted(source.glob("*/*.dcm"))
    victim = files[int(rng.integers(len(files)))]
    for path in files:
        target = folder / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path == victim:
            case, damaged = mutate(path.read_bytes(), rng)
            target.write_bytes(damaged)
        else:
            target.symlink_to(path.resolve())
    return int(victim.parent.name), f"{case}: {victim.name}"


def _not_concerned(kind: str) -> list[tuple[str, str]]:
    """Cells that are not cut from a series of that kind; sagittal T2 shows the levels, which concern all."""
    terms = {rsna.AXIAL_T2: ("foraminal",), rsna.SAGITTAL_T1: ("spinal", "subarticular"), rsna.SAGITTAL_T2: ()}[kind]
    return [(c, level) for c, level in rsna.CELLS if rsna.CONDITION_BY_NAME[c].term in terms]


def damaged_tables(
    cohort: Path, scratch: Path, names: Iterable[str] = CSV_MUTATIONS, tables: Iterable[str] = ()
) -> Tally:
    """Each table of a root (or those that are named), rewritten in each way, before the commands that read it."""
    tally = Tally("damaged tables")
    commands = {
        _SERIES: [("levels", "-o", scratch / "levels.csv")],
        rsna.TRAIN_TABLE: [("format", scratch / "store"), ("doctor",)],
        rsna.POINTS_TABLE: [("format", scratch / "store"), ("doctor",)],
        rsna.series_table("train"): [("format", scratch / "store"), ("doctor",)],
    }
    for table, name in product(tables or commands, names):
        root = _with_table(cohort, scratch / "root", table, CSV_MUTATIONS[name]((cohort / table).read_bytes()))
        for command, *rest in commands[table]:
            ended = run(command, root, *rest)
            tally.note(f"{table}, {name}: {command}", ended.faults((0, 1, 2) if command == "doctor" else (0, 2)))
    return tally


def _with_table(cohort: Path, root: Path, table: str, data: bytes) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for path in cohort.glob("*.csv"):
        shutil.copy(path, root)
    for split in rsna.SPLITS:
        (root / rsna.images_folder(split)).symlink_to((cohort / rsna.images_folder(split)).resolve())
    (root / table).write_bytes(data)
    return root


def damaged_models(model: Path, root: Path, scratch: Path, count: int, seed: int) -> Tally:
    """A model of which one file is damaged or missing, before it predicts."""
    output = scratch / "by_damaged.csv"
    tally, rng = Tally("damaged models"), np.random.default_rng(seed)
    for case, copy in _damaged_copies(model, scratch / "model", count, rng):
        output.unlink(missing_ok=True)
        ended = run("predict", root, copy, "-o", output)
        tally.note(case, ended.faults() or (_illegal(output, root) if ended.code == 0 else []))
    return tally


def damaged_stores(store: Path, scratch: Path, count: int, seed: int) -> Tally:
    """A store of which one file is damaged or missing, before it is trained on (in too short a time)."""
    tally, rng = Tally("damaged stores"), np.random.default_rng(seed)
    for case, copy in _damaged_copies(store, scratch / "store", count, rng):
        tally.note(case, run("train", copy, scratch / "never", "--time-limit", "1s").faults())
    return tally


def _damaged_copies(folder: Path, copy: Path, count: int, rng: np.random.Generator) -> Iterator[tuple[str, Path]]:
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    for _ in range(count):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        victim = copy / files[int(rng.integers(len(files)))]
        case, damaged = mutate(victim.read_bytes(), rng)
        if rng.random() < 0.1:
            case = "missing"
            victim.unlink()
        else:
            victim.write_bytes(damaged)
        yield f"{victim.name}, {case}", copy


def _illegal(submission: Path, root: Path) -> list[str]:
    findings = check(submission, root)
    return [] if is_legal(findings) else [str(finding) for finding in findings]
