"""Arrays that are written piece by piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stenosis_kit.base.arrays import DAMAGED, growing_array

PIECES = [np.full((count, 2, 3), value, np.uint8) for count, value in ((1, 7), (0, 0), (3, 200))]


def test_pieces_become_one_array(tmp_path: Path) -> None:
    with growing_array(tmp_path / "a.npy", (2, 3)) as append:
        for piece in PIECES:
            append(piece)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.concatenate(PIECES))


def test_no_piece_is_an_empty_array(tmp_path: Path) -> None:
    with growing_array(tmp_path / "a.npy", (2, 3)):
        pass
    assert np.load(tmp_path / "a.npy").shape == (0, 2, 3)


def test_a_piece_may_be_a_view_of_another_order(tmp_path: Path) -> None:
    piece = np.arange(12, dtype=np.uint8).reshape(3, 2, 2).transpose(1, 2, 0)
    with growing_array(tmp_path / "a.npy", (2, 3)) as append:
        append(piece)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), piece)


def test_a_failure_leaves_the_old_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PIECES[0])
    with pytest.raises(ZeroDivisionError), growing_array(tmp_path / "a.npy", (2, 3)) as append:
        append(PIECES[2])
        raise ZeroDivisionError
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), PIECES[0])
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("kept", [None, 0, 3, 50, 150])
def test_what_a_damaged_file_raises_is_known(tmp_path: Path, name: str, kept: int | None) -> None:
    path = tmp_path / name
    if kept is not None:
        np.savez_compressed(path, a=PIECES[2]) if path.suffix == ".npz" else np.save(path, np.zeros(100))
        path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DAMAGED), path.open("rb") as file:
        np.load(file)["a" if path.suffix == ".npz" else 0]
