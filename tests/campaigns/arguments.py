"""Options that the campaigns on real crops share."""

from __future__ import annotations

import argparse
from pathlib import Path


def crops_parser(name: str, what: str) -> argparse.ArgumentParser:
    """A parser that asks for the crops, and where the figures go.

    Args:
        name: of the campaign.
        what: it measures.
    """
    parser = argparse.ArgumentParser(prog=name, description=what)
    parser.add_argument("--crops", type=Path, required=True, help="folder of <view>_<share>.npz")
    parser.add_argument("--share", default="open", help="open or kept (default open)")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    return parser
