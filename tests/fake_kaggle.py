"""A Kaggle made of folders: it mounts what a kernel's metadata asks for, and runs its script as Kaggle does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = ("competition", "dataset", "kernel")
LAYOUTS = {
    "new": {"competition": "competitions/{id}", "dataset": "datasets/{id}", "kernel": "notebooks/{id}"},
    "old": dict.fromkeys(SOURCES, "{slug}"),
    "one name": dict.fromkeys(SOURCES, "{slug}") | {"dataset": "d/{id}"},  # where two sources have it
}
"""Where each kind of source is mounted, by its id (owner/slug; a competition has a slug alone)."""

_FRAME = Path(__file__).parent / "kernel_frame"
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" "$0" && exec "$@"'
_NAMESPACE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", _READ_ONLY)


@dataclass(frozen=True)
class KernelRun:
    """How a kernel ended: exit code, what it said, how long it took, and whether its inputs are as they were."""

    code: int
    log: str
    seconds: float
    inputs_untouched: bool


class FakeKaggle:
    """One machine of Kaggle's.

    Args:
        root: scratch folder; its input/ and working/ are made anew for each kernel.
        layout: `LAYOUTS`' new or old.
        python: the interpreter of the image.
    """

    def __init__(self, root: Path, layout: str = "new", python: str | Path = sys.executable) -> None:
        self.inputs, self.working, self._script = root / "input", root / "working", root / "src" / "script.py"
        self.root = root
        self.layout = layout
        self.python = str(python)
        self.sources: dict[tuple[str, str], Path] = {}

    def offer(self, kind: str, source: str, folder: Path) -> None:
        """Makes a folder available as a competition, a dataset or a kernel's output under an id."""
        self.sources[kind, source] = folder

    def run(self, kernel: Path, timeout: float = 900.0, **environment: str) -> KernelRun:
        """Mounts the kernel's sources and runs its script in a fresh process; one that does not end gets code -9."""
        metadata = json.loads((kernel / "kernel-metadata.json").read_text())
        self._mount(metadata)
        shutil.copyfile(kernel / metadata["code_file"], self._script)  # nothing else of the folder is uploaded
        before, begun = self._listing(), time.monotonic()
        code, log = self._run_script(timeout, environment)
        return KernelRun(code, log, time.monotonic() - begun, self._listing() == before)

    def keep_output(self, folder: Path) -> Path:
        """Moves what the last kernel wrote to a folder."""
        shutil.rmtree(folder, ignore_errors=True)
        return self.working.rename(folder)

    def _mount(self, metadata: dict) -> None:
        for folder in (self.inputs, self.working, self._script.parent):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for kind in SOURCES:
            for source in metadata[f"{kind}_sources"]:
                if (kind, source) in self.sources:  # Kaggle leaves out what does not exist
                    place = LAYOUTS[self.layout][kind].format(id=source, slug=source.rpartition("/")[2])
                    shutil.copytree(self.sources[kind, source], self.inputs / place, copy_function=os.link)

    def _run_script(self, timeout: float, more: dict[str, str]) -> tuple[int, str]:
        frame = [*_NAMESPACE, str(self.inputs)] if has_namespaces() else []
        environment = os.environ | {"PYTHONPATH": str(_FRAME), "STENOSIS_KIT_KAGGLE": str(self.root)} | more
        with subprocess.Popen(
            [*frame, self.python, str(self._script)],
            cwd=self.working,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                log, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                log, _ = process.communicate()
        return process.returncode, log

    def _listing(self) -> list[tuple[str, int, int]]:
        files = sorted(self.inputs.rglob("*"))
        return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


@cache
def has_namespaces() -> bool:
    """Whether this machine lets us take the network away and mount inputs read-only; else Python's sockets are shut."""
    try:
        return subprocess.run([*_NAMESPACE, str(_FRAME), "true"], capture_output=True).returncode == 0
    except OSError:
        return False
