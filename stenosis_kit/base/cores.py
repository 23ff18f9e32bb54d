"""How many cores this process may use: fewer than the machine has, on a cluster's node or in a container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Cores of the process's affinity mask (taskset, Slurm, cpusets), or its cgroup's quota of CPU time where less."""
    on_linux = hasattr(os, "sched_getaffinity")  # macOS binds no process to cores
    allowed = len(os.sched_getaffinity(0)) if on_linux else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, *quotas(_CGROUPS, _OWN_CGROUP), math.inf)))


def quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """The quotas of a process's cgroup (version 2) and of all above it, in cores: CPU time by time.

    Args:
        cgroups: where the hierarchy is mounted.
        own: file that names the process's cgroup, as /proc/self/cgroup does.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    name = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    folder = cgroups / name.strip("/")
    for place in (folder, *folder.parents):
        try:
            quota, period = (place / "cpu.max").read_text().split()
            yield float(quota) / float(period)  # "max" is no number: without a limit
        except (OSError, ValueError):
            continue
