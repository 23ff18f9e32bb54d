"""Makes every Python process that a kernel starts behave as if on Kaggle: read at start-up from PYTHONPATH.

Four cores, no network, no stenosis_kit but the mounted one; and, where the environment says so, a mount that is slow
(FAKE_KAGGLE_READ_S seconds for each DICOM file) and in which some files never answer (FAKE_KAGGLE_DEAD in their path).
"""

import builtins
import io
import os
import socket
import sys
import time

sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
os.cpu_count = lambda: 4

_connect = socket.socket.connect


def _refuse(self, address):
    if self.family == socket.AF_UNIX:
        return _connect(self, address)
    raise OSError(f"a kernel has no internet: {address}")


socket.socket.connect = socket.socket.connect_ex = _refuse

_READ_S, _DEAD = float(os.environ.get("FAKE_KAGGLE_READ_S", 0)), os.environ.get("FAKE_KAGGLE_DEAD")


def _slow(opener):
    def slow(path, *arguments, **options):
        name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
        if name.endswith(".dcm"):
            time.sleep(_READ_S)
            while _DEAD and _DEAD in name:
                time.sleep(3600)
        return opener(path, *arguments, **options)

    return slow


if _READ_S or _DEAD:
    builtins.open = io.open = _slow(io.open)
    os.open = _slow(os.open)
