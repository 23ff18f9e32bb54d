"""`python -m campaigns.bench`: measures everything, writes bench.json and prints a table. Takes some 14 minutes."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from campaigns.bench.figures import table
from campaigns.bench.roots import make_cohort
from campaigns.bench.run import Sizes, bench

from stenosis_kit.base.files import write_json

REAL = Path(__file__).parents[4] / "shared" / "rsna" / "three_studies"
"""Three real studies, where a developer has them beside the checkout; never part of the project."""


def main() -> int:
    """Runs the bench; whether targets are met makes no difference to the exit code."""
    parser = argparse.ArgumentParser("bench", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("bench.json"), help="(default %(default)s)")
    parser.add_argument("--scratch", type=Path, default=Path("submission/local/bench"), help="keeps the phantom")
    parser.add_argument("--real", type=Path, default=REAL, help="a root of real studies, left out where it is absent")
    chosen = parser.parse_args()
    logging.getLogger("stenosis_kit").setLevel(logging.ERROR)
    sizes = Sizes()
    cohort = make_cohort(chosen.scratch.resolve() / "phantom", sizes.studies[-1])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = bench(cohort, chosen.real if chosen.real.is_dir() else None, sizes, Path(folder))
    write_json(chosen.output, found)
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
