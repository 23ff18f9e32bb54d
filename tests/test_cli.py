"""The command line: exit codes, messages and signals, without TensorFlow."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import worker_functions as functions
from cohort import Tables, read_csv, swap_text, write_csv

import stenosis_kit
from stenosis_kit import cli
from stenosis_kit.arguments import parse

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Tables().write(tmp_path / "data")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


def environment(**more: str) -> dict[str, str]:
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)} | more


# --- Done: 0, and the answer is no: 1 ----------------------------------------------------------


def test_check_says_legal(run: Run, root: Path) -> None:
    assert run("check", root / "sample_submission.csv", root) == (0, "legal\n", "")


def test_check_says_what_is_wrong(run: Run, root: Path) -> None:
    path = write_csv(root / "submission.csv", read_csv(root / "sample_submission.csv")[1:])
    code, out, err = run("check", path, root)
    missing = "201_left_neural_foraminal_narrowing_l1_l2"
    assert (code, err) == (1, "")
    assert out == f"WRONG missing row: 1 row(s), first {missing}\nNOT legal\n"


def test_check_takes_the_split(run: Run, root: Path) -> None:
    code, out, _ = run("check", root / "sample_submission.csv", root, "--split", "train")
    assert code == 1
    assert "missing row: 100 row(s)" in out


def test_score_prints_and_writes_the_terms(run: Run, root: Path, tmp_path: Path) -> None:
    assert run("split", root, tmp_path / "out", "--test-share", ".5")[0] == 0
    submission, labels = tmp_path / "out" / "sample_submission.csv", tmp_path / "out" / "solution.csv"
    code, out, err = run("score", submission, labels, "--json", tmp_path / "score.json")
    assert (code, err) == (0, "")
    assert "foraminal          1.0986" in out
    assert "(a constant, for comparison)" in out
    keys = {"score", "spinal", "foraminal", "subarticular", "any_severe_spinal", "rows", "studies", "rows_ignored"}
    assert set(json.loads((tmp_path / "score.json").read_text())) == keys


def test_score_of_a_term_without_rows_is_null_in_json(run: Run, root: Path, tmp_path: Path) -> None:
    row = {"row_id": "201_spinal_canal_stenosis_l1_l2", "normal_mild": 1, "moderate": 0, "severe": 0}
    labels = write_csv(tmp_path / "solution.csv", [row])
    code, _, err = run("score", root / "sample_submission.csv", labels, "--json", tmp_path / "score.json")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "score.json").read_text())
    assert (found["foraminal"], found["score"]) == (None, None)
    assert found["rows_ignored"] == 49


def test_score_against_another_submission(run: Run, root: Path, tmp_path: Path) -> None:
    run("split", root, tmp_path / "out", "--test-share", ".5")
    submission, labels = tmp_path / "out" / "sample_submission.csv", tmp_path / "out" / "solution.csv"
    code, out, _ = run("score", submission, labels, "--against", submission)
    assert code == 0
    assert f"against {submission}: +0.0000" in out


def test_split_says_what_it_made(run: Run, root: Path, tmp_path: Path) -> None:
    code, out, err = run("split", root, tmp_path / "out", "--test-share", ".25", "--seed", 3)
    assert (code, err) == (0, "")
    assert "3 training and 1 held-out studies" in out


def test_doctor_of_a_healthy_root(run: Run, root: Path, tmp_path: Path) -> None:
    code, out, err = run("doctor", root, "--json", tmp_path / "findings.json")
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "findings.json").read_text())["cells"] == 100
    assert ["cells", "100"] in [line.split() for line in out.splitlines()]


def test_doctor_says_no_where_rows_will_be_lost(run: Run, tmp_path: Path) -> None:
    tables = Tables()
    tables.points[0]["series_id"] = 9999
    code, out, _ = run("doctor", tables.write(tmp_path))
    assert code == 1
    assert "points on unknown series: 1." in out


def test_doctor_of_the_test_split(run: Run, root: Path) -> None:
    code, out, _ = run("doctor", root, "--split", "test")
    assert code == 0
    assert ["studies", "2"] in [line.split() for line in out.splitlines()]


# --- Unusable input: 2 -------------------------------------------------------------------------


def command(name: str, root: Path) -> list[object]:
    """A command line over a root, for commands that need no TensorFlow."""
    sample, out = root.parent / "submission.csv", root.parent / "out"
    sample.write_text("row_id,normal_mild,moderate,severe\n")
    return {
        "check": ["check", sample, root],
        "score": ["score", sample, root / "train.csv"],
        "split": ["split", root, out],
        "doctor": ["doctor", root],
        "levels": ["levels", root, "-o", out / "levels.csv"],
        "format": ["format", root, out],
    }[name]


COMMANDS = ("check", "score", "split", "doctor", "levels", "format")


def assert_one_line(err: str, name: str, path: object) -> None:
    assert err.startswith(f"stenosis-kit {name}: {path}")
    assert "expected " in err
    assert "; found " in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert "unexpected" not in err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_root_that_is_not_there(run: Run, tmp_path: Path, name: str) -> None:
    code, _, err = run(*command(name, tmp_path / "nowhere"))
    assert code == 2
    assert_one_line(err, name, tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_root_without_tables(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    code, _, err = run(*command(name, tmp_path / "data"))
    assert code == 2
    assert_one_line(err, name, tmp_path / "data")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_root_that_is_a_file(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "data").write_text("")
    code, _, err = run(*command(name, tmp_path / "data"))
    assert code == 2
    assert_one_line(err, name, tmp_path / "data")


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        ("check", "test_series_descriptions.csv", 1),  # the submission is none
        ("score", "train.csv", 2),  # labels that are scored by have to be right
        ("split", "train.csv", 0),
        ("format", "train_label_coordinates.csv", 2),  # there are no images
        ("levels", "test_series_descriptions.csv", 0),
    ],
)
@pytest.mark.parametrize("found", ["1.5", "-1", "../x"])
def test_an_id_that_is_no_natural_number_is_named_and_leads_nowhere(
    run: Run, root: Path, name: str, table: str, expected: int, found: str
) -> None:
    rows = read_csv(root / table)
    write_csv(root / table, [rows[0], rows[1] | {"study_id": found}, *rows[2:]])
    code, _, err = run(*command(name, root))
    assert str(root) in err
    assert f"row 3, column study_id: expected an integer; found '{found}'" in err
    assert code == expected


@pytest.mark.parametrize("name", ["split", "format"])
def test_all_tables_that_cannot_be_used_are_told_at_once(run: Run, root: Path, name: str) -> None:
    swap_text(root / "train.csv", "study_id", "study")
    swap_text(root / "train_label_coordinates.csv", "level", "height")
    code, _, err = run(*command(name, root))
    assert code == 2
    assert "train.csv: row 1: expected a column study_id" in err
    assert "train_label_coordinates.csv: row 1: expected a column level" in err


@pytest.mark.parametrize("table", ["train.csv", "train_label_coordinates.csv"])
@pytest.mark.parametrize("name", ["split", "format"])
def test_a_root_that_lacks_one_table(run: Run, root: Path, name: str, table: str) -> None:
    (root / table).unlink()
    code, _, err = run(*command(name, root))
    assert code == 2
    assert_one_line(err, name, root / table)


def test_format_without_images_is_unusable_input(run: Run, root: Path) -> None:
    code, _, err = run("format", root, root.parent / "out", "--workers", 1)
    assert code == 2
    assert "expected images that crops can be cut from; found none" in err
    assert "Traceback" not in err


def test_check_of_a_submission_that_is_not_there(run: Run, root: Path) -> None:
    code, _, err = run("check", root / "mine.csv", root)
    assert code == 2
    assert_one_line(err, "check", root / "mine.csv")


def test_score_of_a_submission_that_lacks_a_labelled_row(run: Run, root: Path) -> None:
    code, _, err = run("score", root / "sample_submission.csv", root / "train.csv")
    assert code == 2
    assert "100 labelled row(s) missing, the first 101_left_neural_foraminal_narrowing_l1_l2" in err
    assert_one_line(err, "score", root / "sample_submission.csv")


@pytest.mark.parametrize("name", ["doctor", "score", "levels"])
def test_an_output_that_cannot_be_written(run: Run, root: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "below"
    run("split", root, tmp_path / "held", "--test-share", ".5")
    held = tmp_path / "held"
    arguments = {
        "doctor": ["doctor", root, "--json", out],
        "score": ["score", held / "sample_submission.csv", held / "solution.csv", "--json", out],
        "levels": ["levels", Tables(test_studies=(201,)).write(tmp_path / "one"), "-o", out],
    }[name]
    code, _, err = run(*arguments)
    assert code == 2
    assert "expected " in err
    assert "unexpected" not in err


# --- Outputs that would cost an input: 2 -------------------------------------------------------


def command_writing(name: str, root: Path, out: object) -> list[object]:
    """A command line that writes `out`."""
    mine = root / "mine.csv"
    labels, sample = root / "train.csv", root / "sample_submission.csv"
    return {
        "doctor --json": ["doctor", root, "--json", out],
        "score --json": ["score", mine, labels, "--json", out],
        "score --against --json": ["score", sample, labels, "--against", mine, "--json", out],
        "levels -o": ["levels", root, "-o", out],
        "levels --preview": ["levels", root, "-o", root.parent / "levels.csv", "--preview", out],
        "levels MODEL -o": ["levels", root, root, "-o", out],
    }[name]


LOSSES = {
    "doctor --json": ("train.csv", "sample_submission.csv", "test_series_descriptions.csv", "train_images/x.json"),
    "score --json": ("mine.csv", "train.csv", "train_label_coordinates.csv"),
    "score --against --json": ("mine.csv", "sample_submission.csv"),
    "levels -o": ("sample_submission.csv", "solution.csv", "oracle_submission.csv", "test_images/201/levels.csv"),
    "levels --preview": ("train.csv", "../levels.csv"),
    "levels MODEL -o": ("model.json", "oof.csv", "canal_sagittal.fold0.weights.h5"),
}


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in LOSSES.items() for file in files])
def test_no_command_writes_over_what_it_reads(run: Run, root: Path, name: str, file: str, linked: bool) -> None:
    for own in ("mine.csv", "canal_sagittal.fold0.weights.h5"):
        (root / own).write_bytes((root / "sample_submission.csv").read_bytes())
    (root / "train_images").mkdir()
    (root / "test_images" / "201").mkdir(parents=True)
    out = root / file
    if linked:
        out = root.parent / "link"
        out.symlink_to(root / file)
    before = contents(root.parent)
    code, printed, err = run(*command_writing(name, root, out))
    assert (code, printed) == (2, "")
    assert_one_line(err, name.split()[0], out)
    assert "expected a file that is no input, no other output and none of the competition's own" in err
    assert contents(root.parent) == before


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "levels MODEL -o"])
@pytest.mark.parametrize("kind", ["a folder", "links that lead in a circle"])
def test_an_output_that_is_no_file_is_refused_before_any_work(run: Run, root: Path, name: str, kind: str) -> None:
    loop = root.parent / "loop"
    loop.symlink_to("loop")
    code, printed, err = run(*command_writing(name, root, root if kind == "a folder" else loop))
    assert (code, printed) == (2, "")
    assert_one_line(err, name.split()[0], root if kind == "a folder" else loop)
    assert f"found {kind}" in err


def test_no_store_is_made_among_the_images(run: Run, root: Path) -> None:
    code, _, err = run("format", root, root / "train_images" / "store")
    assert code == 2
    assert_one_line(err, "format", root / "train_images" / "store" / "run.json")
    assert list((root / "train_images").iterdir()) == []


@pytest.mark.parametrize("output", [".", "/", ""])
@pytest.mark.parametrize("name", ["doctor --json", "levels -o"])
def test_a_folder_without_a_name_is_no_output_either(run: Run, root: Path, name: str, output: str) -> None:
    code, _, err = run(*command_writing(name, root, output))
    assert code == 2
    assert "expected a file to write; found a folder" in err


@pytest.mark.parametrize(
    ("command", "file"), [("submit", "run.json"), ("submit", "model/oof.csv"), ("train", "run.json")]
)
def test_the_settings_file_is_not_written_over(run: Run, root: Path, command: str, file: str) -> None:
    config = root.parent / "out" / file
    config.parent.mkdir(parents=True)
    config.write_text("folds = 3")
    (root.parent / "link.toml").symlink_to(config)
    for given in (config, root.parent / "link.toml"):
        code, _, err = run(command, root, root.parent / "out", "--config", given)
        assert code == 2
        assert_one_line(err, command, config)
        assert config.read_text() == "folds = 3"


def test_json_to_standard_output_comes_in_its_order(root: Path) -> None:
    line = [sys.executable, "-m", "stenosis_kit", "doctor", root, "--json", "/dev/stdout"]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    printed = done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1]
    assert json.loads(printed)["cells"] == 100
    assert done.stdout.endswith("}\n\nno row will be lost\n")


def test_a_model_may_stand_behind_an_option_and_one_called_bundled_is_not_the_packages() -> None:
    assert parse(["levels", "data", "-o", "levels.csv", "model"]).model == Path("model")
    assert parse(["predict", "data", "one", "-o", "s.csv", "two"]).model == [Path("one"), Path("two")]
    for given, expected in (("bundled", "bundled"), ("./bundled", str(Path("bundled").absolute()))):
        assert str(parse(["submit", "data", "out", "--model", given]).model) == expected
        assert [str(path) for path in parse(["predict", "data", given, "-o", "s.csv"]).model] == [expected]


# --- Wrong use: 2 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["check", "a.csv"], "the following arguments are required: DATA"),
        (["check", "a.csv", "data", "--split", "validation"], "invalid choice: 'validation'"),
        (["levels", "data"], "the following arguments are required: -o/--output"),
        (["split", "data", "out", "--test-share", "half"], "invalid float value: 'half'"),
        (["format", "data", "store", "--workers", "0"], "expected a whole number above 0; found '0'"),
        (["doctor", "data", "--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_wrong_use_says_what_was_expected(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["5", "0s", "-5m", "5x", "1h30m", ""])
@pytest.mark.parametrize("name", ["submit", "train", "predict"])
def test_a_wrong_time_limit(name: str, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["-o", "submission.csv"] if name == "predict" else []
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "a", "b", *more, f"--time-limit={limit}"])
    assert ended.value.code == 2
    assert f"expected a time such as 90s, 15m or 8.5h; found {limit!r}" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["0", "1", "-.5", "nan"])
def test_a_share_that_holds_out_nothing_or_all(run: Run, root: Path, share: str) -> None:
    code, _, err = run("split", root, root.parent / "out", f"--test-share={share}")
    assert code == 2
    assert_one_line(err, "split", "--test-share")


def test_a_negative_seed_is_wrong_use_not_a_fault_of_ours(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = cli.main(["split", str(root), str(root.parent / "out"), "--seed=-1"])
    except SystemExit as ended:
        code = ended.code
    err = capsys.readouterr().err
    assert code == 2
    assert "unexpected" not in err


# --- Errors nobody foresaw ---------------------------------------------------------------------


def break_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("one by nought")

    monkeypatch.setattr("stenosis_kit.answers.check.check", broken)


def test_an_unexpected_error_shows_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STENOSIS_KIT_DEBUG", raising=False)
    break_check(monkeypatch)
    code, out, err = run("check", "a", "b")
    assert (code, out) == (2, "")
    assert err.startswith("stenosis-kit check: unexpected ZeroDivisionError: one by nought\n")
    assert "STENOSIS_KIT_DEBUG=1" in err
    assert "Traceback" not in err


def test_debugging_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STENOSIS_KIT_DEBUG", "1")
    break_check(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        cli.main(["check", "a", "b"])


# --- Processes ---------------------------------------------------------------------------------

SLEEPING = """
import sys, time
import stenosis_kit.answers.check
def sleep(*_):
    print("begun", flush=True)
    time.sleep(60)
stenosis_kit.answers.check.check = sleep
from stenosis_kit.cli import main
sys.exit(main(["check", "a", "b"]))
"""

WORKING = """
import sys
from pathlib import Path
import stenosis_kit.answers.check
import worker_functions
from stenosis_kit.base.tasks import run_tasks
def work(lock, _):
    for _ in run_tasks(worker_functions.hang_at_seven, [(1, lock), (7, lock)], 2):
        print("begun", flush=True)
stenosis_kit.answers.check.check = lambda lock, *_: work(lock, _)
from stenosis_kit.cli import main
sys.exit(main(["check", sys.argv[1], "b"]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_at_once_with_its_code(number: signal.Signals, code: int) -> None:
    arguments = [sys.executable, "-c", SLEEPING]
    with subprocess.Popen(
        arguments, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert err == f"\nstenosis-kit: stopped by {number.name}; start again to go on\n"


def test_a_signal_ends_the_workers_too(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    arguments = [sys.executable, "-c", WORKING, str(lock)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        assert functions.comes_true(lambda: lock.is_file() and bool(lock.read_text()))
        assert functions.is_held(lock)
        process.terminate()
        assert process.wait(timeout=20) == 143
    assert functions.comes_true(lambda: not functions.is_held(lock))


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stenosis_kit", "--version"], env=environment(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, stenosis_kit.__version__ + "\n", "")


def test_the_command_line_is_light_until_a_command_runs() -> None:
    code = "import sys, stenosis_kit.cli; print([m for m in ('tensorflow', 'keras', 'polars') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(("unbuffered", "code"), [("", 1), ("1", 141)])
def test_a_reader_that_leaves_is_no_error_of_ours_and_makes_nothing_legal(
    root: Path, tmp_path: Path, unbuffered: str, code: int
) -> None:
    (tmp_path / "bad.csv").write_text("row_id,normal_mild,moderate,severe\n")
    arguments = [sys.executable, "-m", "stenosis_kit", "check", tmp_path / "bad.csv", root]
    read_end, write_end = os.pipe()
    os.close(read_end)
    more = environment(PYTHONUNBUFFERED=unbuffered)
    done = subprocess.run(arguments, env=more, stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert done.stderr == ""
    assert done.returncode == code


def test_wrong_use_is_wrong_use_where_nobody_reads_why(root: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    arguments = [sys.executable, "-m", "stenosis_kit", "check", root / "nowhere.csv", root]
    done = subprocess.run(arguments, env=environment(), stdout=subprocess.PIPE, stderr=write_end)
    os.close(write_end)
    assert done.returncode == 2


@pytest.mark.parametrize("command", ["train store model", "split data out", "phantom out"])
def test_a_seed_that_scikit_learn_would_refuse_is_wrong_use(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*command.split(), "--seed", str(2**32)])
    assert end.value.code == 2
    assert "expected a whole number from 0 to 2147483647" in capsys.readouterr().err
