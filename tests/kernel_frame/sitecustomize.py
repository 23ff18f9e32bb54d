"""Makes every Python process that a kernel starts behave as if on Kaggle: read at start-up from PYTHONPATH.

Four cores, no network, no stenosis_kit but the mounted one; and, where the environment says so, a mount that is slow
(FAKE_KAGGLE_READ_S seconds for each DICOM file) and in which some files never answer (FAKE_KAGGLE_DEAD in their path).
Python's audit events see every connection and every opened file, whatever library asks for it.
"""

import os
import socket
import sys
import time

_READ_S, _DEAD = float(os.environ.get("FAKE_KAGGLE_READ_S", 0)), os.environ.get("FAKE_KAGGLE_DEAD")


def _watch(event, arguments):
    if event == "socket.connect" and arguments[0].family != socket.AF_UNIX:
        raise OSError(f"a kernel has no internet: {arguments[1]}")
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        _wait(os.fspath(arguments[0]))


def _wait(path):
    if path.endswith(".dcm"):
        time.sleep(_READ_S)
        while _DEAD and _DEAD in path:
            time.sleep(3600)


sys.addaudithook(_watch)
sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
os.cpu_count = lambda: 4
