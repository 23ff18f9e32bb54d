"""One run at a time in a folder, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stenosis_kit import cli
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from stenosis_kit.base.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path):
    """A folder in which another process is at work, and that process."""
    root = Path(__file__).parents[2]
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "out")], stdout=subprocess.PIPE, cwd=root)
    assert other.stdout.readline() == b"held\n"
    yield tmp_path / "out", other
    other.kill()
    other.wait()
    other.stdout.close()


def test_a_second_run_is_refused_with_the_folder_named(held) -> None:
    folder, _ = held
    with pytest.raises(InputError, match=f"{folder}: .* found another run there"), locked(folder):
        pass


@pytest.mark.parametrize("command", ["submit", "format", "phantom", "split", "train"])
def test_every_command_that_fills_a_folder_keeps_others_out(held, command: str, capsys, tmp_path: Path) -> None:
    folder, _ = held
    data = [] if command == "phantom" else [str(tmp_path)]
    assert cli.main([command, *data, str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "another run there. Wait until it has ended" in error


def test_a_killed_run_holds_nothing(held) -> None:
    folder, other = held
    other.send_signal(signal.SIGKILL)
    other.wait()
    with locked(folder):
        assert folder.is_dir()


def test_afterwards_the_folder_is_free(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "out"):
            (tmp_path / "out" / "file").write_text("x")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]


def test_a_failed_run_leaves_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "out"):
        raise ZeroDivisionError
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_of_the_users_stays(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    assert tmp_path.is_dir()


def test_what_a_killed_run_left_half_written_is_cleared(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    living = f"store/.{os.getppid()}.partial.b.npy"
    killed = [f".{dead.pid}.partial.run.json", f"store/.{os.getpid()}.partial.a.npy"]
    for name in (*killed, living, "keep.csv", "store/.partial.npy"):
        (tmp_path / name).write_text("half")
    with locked(tmp_path):
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
        assert left == sorted(["keep.csv", "store", "store/.partial.npy", living])


def test_submit_is_kept_out_of_a_folder_whose_store_another_run_makes(tmp_path: Path, capsys) -> None:
    (tmp_path / "out" / "store").mkdir(parents=True)
    with locked(tmp_path / "out" / "store"):
        assert cli.main(["submit", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "expected a folder in which nothing else is at work; found another run there" in capsys.readouterr().err
