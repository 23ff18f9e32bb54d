"""What each command does with its arguments: it calls the function of its name and prints. Heavy imports happen inside.

Each returns the exit code: 0 done; 1 done, but the answer is no.
"""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stenosis_kit.base.budget import Budget

if TYPE_CHECKING:
    from stenosis_kit.base.cluster import Cluster
    from stenosis_kit.graders.settings import Training

Arguments = argparse.Namespace


def run_phantom(chosen: Arguments) -> int:
    """Makes a synthetic cohort."""
    from stenosis_kit.phantom import phantom

    names = ("studies", "test_studies", "seed", "size", "faults", "noise", "workers", "preview")
    phantom(chosen.out, **{name: getattr(chosen, name) for name in names})
    return 0


def run_split(chosen: Arguments) -> int:
    """Holds out studies, and says how many."""
    from stenosis_kit.road.split import split

    counts = split(chosen.data, chosen.out, chosen.test_share, chosen.seed)
    print(f"{chosen.out}: {counts['train']} training and {counts['test']} held-out studies")
    if counts["images"] < counts["train"] + counts["test"]:
        print(f"only {counts['images']} of them have images in {chosen.data}")
    print(f"next: stenosis-kit submit {chosen.out} RUN")
    return 0


def run_adopt(chosen: Arguments) -> int:
    """Makes a root of a folder; 1 where some studies could not be adopted."""
    from stenosis_kit.adopt.command import adopt

    adopted = adopt(chosen.folder, chosen.root, chosen.split, chosen.series, chosen.labels, chosen.keep_uids)
    print(*adopted.lines(), sep="\n")
    print(f"next: stenosis-kit predict {chosen.root} --split {chosen.split} -o submission.csv")
    return int(bool(adopted.lost))


def run_doctor(chosen: Arguments) -> int:
    """Prints what is wrong with a data folder; 1 where rows will be lost."""
    from stenosis_kit.base.files import write_json
    from stenosis_kit.base.output import check_outputs
    from stenosis_kit.doctor import doctor
    from stenosis_kit.tables.own_files import own_files

    if chosen.json:
        check_outputs([chosen.json], own_files(chosen.data))
    found = doctor(chosen.data, chosen.split, pixels=chosen.pixels)
    print(*found.lines(), sep="\n")
    if chosen.json:
        write_json(chosen.json, found.findings)
    print("", "ROWS WILL BE LOST OR UNUSABLE: see above." if found.rows_lost else "no row will be lost", sep="\n")
    return int(found.rows_lost)


def run_format(chosen: Arguments) -> int:
    """Cuts crops."""
    from stenosis_kit.road.format import format

    with _cluster(chosen, chosen.data, chosen.store) as cluster:
        format(chosen.data, chosen.store, chosen.workers, cluster and cluster.executor, chosen.fresh)
    return 0


def run_train(chosen: Arguments) -> int:
    """Trains graders."""
    from dataclasses import replace

    from stenosis_kit.graders.bundled import BUNDLED, NONE
    from stenosis_kit.graders.model_file import model_files
    from stenosis_kit.road.train import train

    given = {name: value for name in ("folds", "seed") if (value := getattr(chosen, name)) is not None}
    training = replace(_training(chosen, model_files(chosen.model)), **given)
    start = chosen.start or BUNDLED
    folders = [chosen.store, chosen.model, *([] if start in (BUNDLED, NONE) else [Path(start)])]
    with _cluster(chosen, *folders) as cluster:
        train(chosen.store, chosen.model, _budget(chosen), training, chosen.fresh, cluster, start)
    return 0


def run_levels(chosen: Arguments) -> int:
    """Finds points."""
    from stenosis_kit.road.levels import levels

    levels(chosen.data, chosen.output, chosen.split, chosen.model, preview=chosen.preview)
    return 0


def run_predict(chosen: Arguments) -> int:
    """Grades a split."""
    from stenosis_kit.road.predict import predict

    predict(chosen.data, chosen.model or (), chosen.output, chosen.split, _budget(chosen), lean=chosen.lean)
    return 0


def run_check(chosen: Arguments) -> int:
    """Prints what is illegal in a submission; 1 where anything is."""
    from stenosis_kit.answers.check import check, is_legal

    findings = check(chosen.submission, chosen.data, chosen.split)
    print(*findings, sep="\n", end="\n" if findings else "")
    print("legal" if is_legal(findings) else "NOT legal")
    return int(not is_legal(findings))


def run_score(chosen: Arguments) -> int:
    """Prints the metric, its parts and what constants reach."""
    from stenosis_kit.answers.score import baselines, compare, score
    from stenosis_kit.base.files import write_json
    from stenosis_kit.base.output import check_outputs
    from stenosis_kit.tables.own_files import own_files

    if chosen.json:
        inputs = [path for path in (chosen.submission, chosen.labels, chosen.against) if path]
        check_outputs([chosen.json], [*inputs, *(own for path in inputs for own in own_files(path.parent))])
    result = score(chosen.submission, chosen.labels)
    other = compare(chosen.submission, chosen.against, chosen.labels) if chosen.against else None
    if chosen.json:
        write_json(chosen.json, result)
    for name, value in result.items():
        print(f"{name:18} {_shown(value)}")
    for name, value in baselines(chosen.labels).items():
        print(f"{name:18} {_shown(value)}  (a constant, for comparison)")
    if other:
        interval = f"95 % of resamples from {other.low:+.4f} to {other.high:+.4f}"
        print(f"against {chosen.against}: {other.difference:+.4f} ({interval}); better in {other.share_better:.1%}")
    return 0


def run_submit(chosen: Arguments) -> int:
    """Goes the whole road; 1 where the submission is not legal."""
    from stenosis_kit.base.errors import InputError
    from stenosis_kit.graders.bundled import BUNDLED
    from stenosis_kit.graders.model_file import model_files
    from stenosis_kit.road.submit import submit, written

    for option in ("config", "start"):
        if chosen.model and getattr(chosen, option):
            found = f"--model {chosen.model}, with which nothing is trained"
            raise InputError(f"--{option}", "a training", found, "Leave one of them out.")
    training = _training(chosen, [*written(chosen.out), *model_files(chosen.out / "model")])
    run = submit(chosen.data, chosen.out, _budget(chosen), chosen.model, training, chosen.start or BUNDLED)
    return int(not run["legal"])


def run_bundle(chosen: Arguments) -> int:
    """Stages the dataset."""
    from stenosis_kit.kaggle.bundle import bundle

    folder = bundle(chosen.model, chosen.owner, chosen.output)
    print(f"next: kaggle datasets create -p {folder} (later: kaggle datasets version -p {folder} -m WHY)")
    return 0


def run_kernels(chosen: Arguments) -> int:
    """Stages the kernels."""
    from stenosis_kit.kaggle.bundle import stage_kernels

    folder = stage_kernels(chosen.owner, chosen.output)
    print(f"next: kaggle kernels push -p {folder}/submit --timeout 32400")
    return 0


def run_paper(chosen: Arguments) -> int:
    """Runs the paper's recipe."""
    from stenosis_kit.paper.command import paper

    paper(chosen.data, chosen.out, _budget(chosen), chosen.split_by, chosen.input_size)
    return 0


def run_sheet(chosen: Arguments) -> int:
    """Makes a page for each study."""
    from stenosis_kit.report.sheet import INDEX, sheet

    pages = sheet(chosen.data, chosen.submission, chosen.out, chosen.split)
    print(f"{len(pages)} sheets: {chosen.out / INDEX}")
    return 0


def run_report(chosen: Arguments) -> int:
    """Makes a run's report."""
    from stenosis_kit.paper.page import is_paper_run, write_page
    from stenosis_kit.report.command import report

    print(write_page(chosen.folder) if is_paper_run(chosen.folder) else report(chosen.folder))
    return 0


def _training(chosen: Arguments, outputs: list[Path]) -> Training:
    """The defaults, or what --config makes of them, a file that is none of the outputs."""
    from stenosis_kit.base.output import check_outputs
    from stenosis_kit.graders.settings import Training
    from stenosis_kit.graders.settings_file import read_training

    if not chosen.config:
        return Training()
    check_outputs(outputs, [chosen.config])
    return read_training(chosen.config)


def _cluster(chosen: Arguments, *folders: Path) -> AbstractContextManager[Cluster | None]:
    """The cluster of --scheduler, whose workers must see the folders."""
    from stenosis_kit.base.cluster import connected

    return connected(chosen.scheduler, *folders) if chosen.scheduler else nullcontext()


def _budget(chosen: Arguments) -> Budget:
    """The command's time limit, counted from when the command began."""
    spent = chosen.started.elapsed()
    return Budget(chosen.time_limit, spent) if chosen.time_limit else Budget(spent=spent)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(len(value) if isinstance(value, list) else value)
