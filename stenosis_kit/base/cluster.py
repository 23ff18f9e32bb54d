"""A Dask cluster as an executor, for `--scheduler ADDRESS`.

Only this module knows of Dask, and imports it when a cluster is asked for. What runs there reads and writes files in
folders that all machines see under the same paths.
"""

from __future__ import annotations

import gc
import logging
import os
import platform
import socket
from collections.abc import Iterator
from concurrent.futures import Executor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stenosis_kit import __version__
from stenosis_kit.base.errors import InputError, first_line

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

_CONNECT_S = 5.0  # chosen by hand, as the next
_LOOK_S = 10.0  # a worker's first task waits for imports
_START = "dask scheduler, and on each machine: dask worker ADDRESS --nthreads 1"


@dataclass(frozen=True)
class Cluster:
    """A cluster with an open connection.

    Attributes:
        executor: runs functions there that are importable by name.
        workers: number of processes.
    """

    executor: Executor
    workers: int


@contextmanager
def connected(address: str, *folders: Path) -> Iterator[Cluster]:
    """Connects to a cluster. The end of the block cancels what has not begun there.

    Args:
        address: of the scheduler, host:port or tcp://host:port.
        folders: those that exist here, the workers must see under the same paths.

    Raises:
        InputError: where Dask is not installed, nothing answers at the address, or no worker there can be used.
    """
    with _client(address) as client:
        executor = client.get_executor(pure=False)  # runs everything anew: Dask would give a remembered result
        yield Cluster(executor, _usable_workers(client, executor, address, folders))


def _client(address: str) -> Client:
    option = f"--scheduler {address}"
    try:
        from distributed import Client
    except ImportError:
        remedy = "Install it: pip install distributed"
        raise InputError(option, "Dask's package distributed", "none", remedy) from None
    try:
        _knock(address)
        gc.collect()  # collected while this one starts, a client that failed before would wait for its lock for ever
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        expected = "host:port of a Dask scheduler that answers"
        raise InputError(option, expected, first_line(error), f"Start one: {_START}") from None


def _knock(address: str) -> None:
    """Raises OSError or ValueError where nothing listens; a client that fails to connect logs tracebacks."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if not parts.hostname or not parts.port:
        raise ValueError("no host:port")
    if parts.scheme in ("tcp", "tls"):
        socket.create_connection((parts.hostname, parts.port), _CONNECT_S).close()


def _usable_workers(client: Client, executor: Executor, address: str, folders: tuple[Path, ...]) -> int:
    """The number of processes that answer `_look` in time: those that are busy or hang do not."""
    option, seen = f"--scheduler {address}", [str(folder.absolute()) for folder in folders if folder.is_dir()]
    try:
        client.wait_for_workers(1, timeout=_CONNECT_S)
    except TimeoutError:
        raise InputError(option, "a cluster with workers", "none", f"Start some: {_START}") from None
    asked = {executor.submit(_look, seen, workers=[worker]): worker for worker in client.nthreads()}
    answered = wait(asked, _LOOK_S).done
    processes = {_checked(f"{option}: worker {asked[one]}", one.exception() or one.result()) for one in answered}
    if not processes:
        raise InputError(option, f"workers that answer within {_LOOK_S:g} s", "none", "Are they busy? Try again.")
    if len(answered) < len(asked):
        log.warning("%s: %d of %d workers do not answer yet", option, len(asked) - len(answered), len(asked))
    return len(processes)


def _look(folders: list[str]) -> tuple[str, str, list[str]]:
    """Run on a worker: its process, its version of the kit, and the folders that it does not see."""
    process = f"{platform.node()} {os.getpid()}"
    return process, __version__, [folder for folder in folders if not Path(folder).is_dir()]


def _checked(worker: str, seen: tuple[str, str, list[str]] | BaseException) -> str:
    """The process of a worker that can be used.

    Raises:
        InputError: where it has another version of the kit, or none, or does not see a folder.
    """
    expected = f"stenosis-kit {__version__}"
    if isinstance(seen, BaseException):
        raise InputError(worker, expected, f"{type(seen).__name__}: {seen}", "Install it there.") from None
    process, version, missing = seen
    if version != __version__:
        raise InputError(worker, expected, version, "Install the same version on all machines.")
    if missing:
        remedy = "All machines must see it under this path, by NFS for instance."
        raise InputError(worker, f"to see {missing[0]}", "no such folder", remedy)
    return process
