"""The whole road at the competition's size: what each stage takes, and the most memory that is held at a time.

    stenosis-kit phantom cohort --studies 1975 --test-studies 722
    PYTHONPATH=tests python -m campaigns.scale cohort OUT --time-limit 60m --json F

The cohort needs about half an hour of two cores and 12 GB of disk. Linux alone tells of memory.

Writes {"train_studies", "test_studies", "seconds": {stage: s}, "whole_s", "peak_gb", "score"}.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from campaigns.bench.memory import watched

from stenosis_kit.base.budget import Stopwatch
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.tables.root import Root


def measure(root: Path, out: Path, limit: str) -> dict:
    """Runs `submit` as a user would, in a process of its own.

    Args:
        root: a competition root with labels of its test split.
        out: of submit.
        limit: its time limit, as the command line takes it.

    Raises:
        InputError: where submit did not leave what is measured.
    """
    command = [sys.executable, "-m", "stenosis_kit", "submit", str(root), str(out), "--time-limit", limit]
    watch = Stopwatch()
    with subprocess.Popen(command) as process, watched(process.pid) as memory:
        code = process.wait()
    watch.lap("whole")
    if code not in (0, 1):
        raise InputError(out, "a submit that ends well", f"exit code {code}", "It said why.")
    run = read_json(out / RUN_NAME, "the run.json of submit")
    studies = {f"{split}_studies": Root(root, split).grid["study_id"].n_unique() for split in ("train", "test")}
    beside = {"seconds": run["seconds"], "whole_s": round(watch.seconds["whole"], 1)}
    return studies | beside | {"peak_gb": round(memory.peak_gb, 2), "score": run["score"]["score"]}


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = argparse.ArgumentParser(prog="campaigns.scale", description=__doc__.split("\n")[0])
    parser.add_argument("root", type=Path, metavar="ROOT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--time-limit", default="60m", help="of submit (default 60m)")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    args = parser.parse_args(arguments)
    try:
        figures = measure(args.root, args.out, args.time_limit)
    except InputError as error:
        print(f"campaigns.scale: {error}", file=sys.stderr)
        return 2
    write_json(args.json, figures)
    print(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
