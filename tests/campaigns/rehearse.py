"""The rehearsal: from a checkout to a scored submission of a hidden test set, on a Kaggle made of folders.

A phantom is the competition. The kernels run in the Kaggle image's versions, without a network, on read-only mounts;
what a laptop does, the newest versions do. Exit code 1 where a check fails. `make rehearse` runs it.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from fake_kaggle import FakeKaggle, KernelRun, has_namespaces  # noqa: E402
from version_probe import largest_differences, probe  # noqa: E402

from stenosis_kit import rsna  # noqa: E402
from stenosis_kit.answers.check import check, is_legal  # noqa: E402
from stenosis_kit.answers.score import baselines, score  # noqa: E402
from stenosis_kit.base.budget import parse_time  # noqa: E402
from stenosis_kit.base.files import read_json, write_text  # noqa: E402
from stenosis_kit.kaggle.bundle import bundle, stage_kernels  # noqa: E402
from stenosis_kit.phantom import phantom  # noqa: E402

OWNER = "rehearsal"
DATASET = f"{OWNER}/stenosis-kit"
ANSWERS = ("solution.csv", "solution_coordinates.csv", "oracle_submission.csv", "latents.csv")
HIDDEN_FAULTS = {0: ["missing_t1"], 1: ["missing_t2"], 2: ["missing_axial"], 3: ["missing_study_folder"]}
SAME_ANSWERS = 1e-5
_START_S = 15.0  # of the kernel's own process and the command's, on a busy machine, before the limit counts


@dataclass
class Rehearsal:
    """The scratch folder, and what was found so far."""

    scratch: Path
    python: str
    studies: int
    hidden_studies: int
    train_limit: str
    logs: Path
    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Adds a line to the log."""
        self.lines.append(text)
        print(text, flush=True)

    def check(self, what: str, holds: bool, found: object = "") -> None:
        """Adds a check to the log."""
        self.say(f"  {'ok    ' if holds else 'FAILED'} {what}{f': {found}' if found != '' else ''}")
        if not holds:
            self.failed.append(what)

    def machine(self, layout: str) -> FakeKaggle:
        """A fresh Kaggle with the competition and the dataset as they are staged."""
        machine = FakeKaggle(self.scratch / "kaggle", layout, self.python)
        machine.offer("competition", rsna.SLUG, self.scratch / "competition")
        machine.offer("dataset", DATASET, self.scratch / "build")
        return machine

    def run(self, machine: FakeKaggle, name: str, limit: str, **environment: str) -> KernelRun:
        """Runs a kernel; one that fails ends the rehearsal."""
        done = machine.run(self.scratch / "kernels" / name, STENOSIS_KIT_TIME_LIMIT=limit, **environment)
        write_text(self.logs / f"{len(self.lines):02d}.{name}.log", done.log)
        self.say(f"{name} kernel, {machine.layout} mounts: exit code {done.code} in {done.seconds:.0f} s")
        self.check("the package comes from the mounted wheel", "-py3-none-any.whl" in done.log.splitlines()[0])
        self.check("its inputs are as they were", done.inputs_untouched)
        late = done.seconds - parse_time(limit)
        self.check(
            f"it keeps its time limit, {limit}", late < _START_S, "" if late < _START_S else f"{late:.0f} s late"
        )
        if done.code:
            raise SystemExit(f"{done.log}\nthe {name} kernel failed; its log stands above")
        return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the rehearsal."""
    parser = argparse.ArgumentParser("rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("--kaggle-python", default=sys.executable, help="an interpreter with the image's versions")
    parser.add_argument("--studies", type=int, default=160, help="training studies (default %(default)s)")
    parser.add_argument("--hidden-studies", type=int, default=60, help="hidden test studies (default %(default)s)")
    parser.add_argument("--train-limit", default="5m", help="of the train kernel (default %(default)s)")
    parser.add_argument("--logs", type=Path, help="folder for the log, and that of each kernel")
    chosen = parser.parse_args(arguments)
    logging.getLogger("stenosis_kit").setLevel(logging.ERROR)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        python = str(Path(chosen.kaggle_python).absolute())
        logs = chosen.logs or Path(folder) / "logs"
        now = Rehearsal(Path(folder), python, chosen.studies, chosen.hidden_studies, chosen.train_limit, logs)
        rehearse(now)
    now.say(
        f"{'FAILED: ' + '; '.join(now.failed) if now.failed else 'passed'}, {time.monotonic() - begun:.0f} s in all"
    )
    if chosen.logs:
        write_text(chosen.logs / "rehearsal.log", "\n".join(now.lines) + "\n")
    return int(bool(now.failed))


def rehearse(now: Rehearsal) -> None:
    """All of it, in the order in which a user does it."""
    frame = "none (a namespace of its own), inputs mounted read-only" if has_namespaces() else "none (sockets are shut)"
    now.say(f"network: {frame}")
    make_competition(now)
    stage_kernels(OWNER, now.scratch / "kernels")
    bundle(None, OWNER, now.scratch / "build")
    machine = now.machine("new")
    now.run(machine, "format", "1h")
    machine.offer("kernel", f"{OWNER}/stenosis-kit-format", machine.keep_output(now.scratch / "formatted"))
    now.run(machine, "train", now.train_limit)
    machine.offer("kernel", f"{OWNER}/stenosis-kit-train", machine.keep_output(now.scratch / "trained"))
    now.run(machine, "submit", "3m")
    judge(now, machine, "visible")

    compare_version_ends(now)
    bundle(now.scratch / "trained" / "model", OWNER, now.scratch / "build")
    machine = now.machine("old")
    now.run(machine, "submit", "3m")
    judge(now, machine, "visible")
    show_hidden_studies(now)
    silent = sorted((now.scratch / "competition" / rsna.images_folder("test")).iterdir())[0].name
    slow = {"FAKE_KAGGLE_READ_S": "0.005", "FAKE_KAGGLE_DEAD": f"test_images/{silent}/"}
    done = now.run(machine, "submit", "6m", KAGGLE_IS_COMPETITION_RERUN="1", **slow)
    now.check("a file that never answers does not hold it up", done.seconds < 300, f"{done.seconds:.0f} s of 6 min")
    now.check("the silent study's rows fall back, and say so", falls_back(machine, silent))
    judge(now, machine, "hidden", better_than_prior=True)


def make_competition(now: Rehearsal) -> None:
    """The competition as all see it, with one test study; and the hidden test set, of other studies."""
    visible, hidden = now.scratch / "competition", now.scratch / "hidden"
    phantom(visible, studies=now.studies, test_studies=1, seed=1)
    phantom(hidden, studies=0, test_studies=now.hidden_studies, seed=2, force=HIDDEN_FAULTS)
    for root, name in ((visible, "visible"), (hidden, "hidden")):
        (now.scratch / "answers" / name).mkdir(parents=True)
        for answer in ANSWERS:
            (root / answer).rename(now.scratch / "answers" / name / answer)
    now.say(f"competition: {now.studies} training studies and 1 visible test study; {now.hidden_studies} hidden ones")


def show_hidden_studies(now: Rehearsal) -> None:
    """Puts the hidden test set in the place of the visible one, as the rerun does."""
    for name in (rsna.series_table("test"), rsna.SAMPLE_SUBMISSION, rsna.images_folder("test")):
        place = now.scratch / "competition" / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        (now.scratch / "hidden" / name).rename(place)


def judge(now: Rehearsal, machine: FakeKaggle, answers: str, better_than_prior: bool = False) -> None:
    """Checks and scores the submission that a kernel has just written, offline, as a user can."""
    submission, truth = machine.working / "submission.csv", now.scratch / "answers" / answers / "solution.csv"
    findings = check(submission, now.scratch / "competition")
    now.check("the submission is complete and legal", is_legal(findings), ", ".join(map(str, findings)))
    reached, beside = score(submission, truth)["score"], baselines(truth)
    beside["oracle"] = score(truth.with_name("oracle_submission.csv"), truth)["score"]
    figures = ", ".join(f"{name} {figure(value)}" for name, value in beside.items())
    now.say(f"  score of the {answers} test set: {figure(reached)} (beside it {figures})")
    if better_than_prior:
        now.check("better than the prior", reached < beside["prior"], f"{reached:.4f} against {beside['prior']:.4f}")


def compare_version_ends(now: Rehearsal) -> None:
    """Weights that the kernel trained load here bit for bit, and what is saved here loads there."""
    model, saved = now.scratch / "trained" / "model", now.scratch / "saved_here"
    saved.mkdir()
    shutil.copyfile(model / "model.json", saved / "model.json")
    probe(model, now.scratch / "here.npz", saved)
    script = Path(__file__).parents[1] / "version_probe.py"
    command = [now.python, str(script), str(saved), str(now.scratch / "there.npz")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], env={"PYTHONPATH": str(Path.cwd())})
    weights, answers = largest_differences(now.scratch / "here.npz", now.scratch / "there.npz")
    now.say("version ends: weights trained there, loaded and saved here, loaded there again")
    now.check("weights are the same bit for bit", weights == 0, weights)
    now.check(f"answers agree to {SAME_ANSWERS}", answers <= SAME_ANSWERS, f"{answers:.1e}")


def falls_back(machine: FakeKaggle, study: str) -> bool:
    """Whether all rows of a study, and not of all others, are priors with a reason."""
    rows = read_json(machine.working / "submission.run.json", "what predict says")["rows"]
    own = [row["source"] == "prior" for row_id, row in rows.items() if row_id.startswith(f"{study}_")]
    return len(own) == len(rsna.CELLS) and all(own) and any(row["source"] == "grader" for row in rows.values())


def figure(value: float | None) -> str:
    """A score for people."""
    return "none" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    sys.exit(main())
