"""The public functions of `import stenosis_kit as sk`: light to import, and still functions after everything ran."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import stenosis_kit as sk
from stenosis_kit.base.budget import Budget

HEAVY = ("tensorflow", "keras", "polars", "numpy", "pydicom", "cv2")
NAMES = ["check", "five_block_cnn", "format", "predict", "score", "submit", "train"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = f"import sys, stenosis_kit; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_network_is_made_in_silence() -> None:
    code = "import stenosis_kit as sk; print(sk.five_block_cnn(input_shape=(32, 32, 1), filters=(1,) * 5).name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("five_block_cnn\n", "")


def test_the_public_names_are_listed() -> None:
    assert sorted(set(sk.__all__) - {"__version__"}) == NAMES
    assert set(sk.__all__) <= set(dir(sk))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_right_below_the_package_bears_the_name_of_a_public_function(name: str) -> None:
    folder = Path(sk.__file__).parent
    assert not (folder / name).exists() and not (folder / f"{name}.py").exists()


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'stenosis_kit' has no attribute 'grade'"):
        _ = sk.grade


def test_each_can_be_called_twice_also_after_submit(
    cohort: Path, store: Path, model: Path, small_training, tmp_path: Path
) -> None:
    """Store and model are up to date, and predict and submit have no time to grade: it is the names that are tested."""
    network = {"input_shape": (32, 32, 1), "filters": (1,) * 5, "dense": (2,)}
    for turn in range(2):
        assert sk.format(cohort, store, workers=1)["studies"] == 8
        assert sk.train(store, model, Budget(), small_training, start="none")["networks"] == 8
        assert sk.predict(cohort, [model], tmp_path / "p.csv", budget=Budget(0.1)).grid.height == 75
        assert sk.check(tmp_path / "p.csv", cohort) == []
        assert sk.score(tmp_path / "p.csv", cohort / "solution.csv")["studies"] == 3
        assert sk.five_block_cnn(**network).output_shape == (None, 3)
        assert sk.submit(cohort, tmp_path / f"out{turn}", Budget(0.1), model)["legal"]


def test_a_whole_run_reads_each_table_once(cohort: Path, model: Path, tmp_path: Path, monkeypatch) -> None:
    read, honest = Counter(), Path.read_bytes

    def counting(path: Path) -> bytes:
        read[path] += 1
        return honest(path)

    monkeypatch.setattr(Path, "read_bytes", counting)
    sk.submit(cohort, tmp_path / "out", Budget(600.0), model)
    of_cohort = {path.name: n for path, n in read.items() if path.parent == cohort and path.suffix == ".csv"}
    assert {"train.csv", "test_series_descriptions.csv", "solution.csv"} <= set(of_cohort)
    del of_cohort["oracle_submission.csv"]  # a submission: scored by submit, and shown by the report
    assert set(of_cohort.values()) == {1}, of_cohort
