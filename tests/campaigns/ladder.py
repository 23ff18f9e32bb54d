"""Draws the score ladder: what nothing, the prior, the kit in the time it was given, and the oracle reach.

    for limit in 3m 8m 30m; do stenosis-kit submit phantom runs/$limit --time-limit $limit --start none; done
    python tests/campaigns/ladder.py runs/3m runs/8m runs/30m -o ladder.png

All runs are of one root, so that what stands beside them is the same; of a synthetic one the bundled graders, made from
the same model of anatomy, would tell of themselves. Prints the rungs, and the share of the way from
the prior to the oracle that each run closed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stenosis_kit.base.budget import show_time
from stenosis_kit.base.files import read_json

_KIT, _BESIDE = "#1f6f8b", "#9aa5ab"


class Rung(NamedTuple):
    """A name, a score, and the share of the way from prior to oracle (None for what is no run)."""

    name: str
    score: float
    closed: float | None = None


def ladder(runs: Sequence[Path]) -> list[Rung]:
    """The rungs, the worst first.

    Args:
        runs: what `submit` wrote, on one root with an oracle.
    """
    rungs: dict[str, Rung] = {}
    for folder in runs:
        run = read_json(folder / "run.json", "the run.json of submit")
        beside, own = run["score"]["baselines"], run["score"]["score"]
        for name in ("uniform", "prior", "oracle"):
            rungs[name] = Rung(name, beside[name])
        closed = (beside["prior"] - own) / (beside["prior"] - beside["oracle"])
        name = f"kit, {show_time(run['time_limit_s']).removesuffix(' 00 s')}"
        rungs[name] = Rung(name, own, closed)
    return sorted(rungs.values(), key=lambda rung: -rung.score)


def draw(rungs: Sequence[Rung], path: Path) -> None:
    """Writes the picture."""
    from matplotlib.figure import Figure

    figure = Figure((7.2, 0.42 * len(rungs) + 0.9), dpi=110, layout="constrained")
    axes = figure.subplots()
    colors = [_BESIDE if rung.closed is None else _KIT for rung in rungs]
    bars = axes.barh([rung.name for rung in rungs], [rung.score for rung in rungs], color=colors, height=0.62)
    axes.bar_label(bars, [shown(rung) for rung in rungs], padding=4)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * rungs[0].score)
    axes.set_xlabel("score on the synthetic cohort's test studies (lower is better)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def shown(rung: Rung) -> str:
    """A rung's figures."""
    return f"{rung.score:.3f}" + ("" if rung.closed is None else f"  ({rung.closed:.0%} of prior to oracle)")


def main() -> None:
    """Reads the command line, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders that submit wrote")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    rungs = ladder(arguments.runs)
    draw(rungs, arguments.output)
    print(*(f"{rung.name:20} {shown(rung)}" for rung in rungs), sep="\n")


if __name__ == "__main__":
    main()
