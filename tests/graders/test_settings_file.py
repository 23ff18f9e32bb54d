"""Settings from a file: what it changes, what it leaves, and one clear line for whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from stenosis_kit import cli
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.graders.settings_file import read_training

Config = Callable[[str], Path]
pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Writes a file of settings."""

    def write(text: str) -> Path:
        path = tmp_path / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_an_empty_file_is_the_defaults(config: Config) -> None:
    assert read_training(config("")) == Training()


def test_what_a_file_gives_takes_the_defaults_place(config: Config) -> None:
    read = read_training(config("folds = 5\npeak_rate = 1\nfilters = [8, 8, 16]\nblock_dropout = 0.1"))
    assert read == replace(Training(), folds=5, peak_rate=1.0, filters=(8, 8, 16), block_dropout=0.1)
    assert type(read.peak_rate) is float


def test_a_grader_is_changed_by_its_view_and_the_others_stay(config: Config) -> None:
    read = read_training(config("[graders.canal_sagittal]\npx = 64\ntime = 2.5"))
    first, *others = Training().graders
    assert read.graders == (replace(first, px=64, time=2.5), *others)


def test_a_list_of_graders_is_all_there_will_be(config: Config) -> None:
    read = read_training(config('[[graders]]\nview = "canal_axial"\nmm = 30\n[[graders]]\nview = "canal_sagittal"'))
    sagittal, axial = (grader for grader in Training().graders if grader.view.startswith("canal"))
    assert read.graders == (replace(axial, mm=30.0), sagittal)


@pytest.mark.parametrize("settings", [Training, Grader])
def test_an_unknown_key_is_told_with_the_valid_ones(config: Config, settings: type) -> None:
    text = "fold = 3" if settings is Training else "[graders.canal_axial]\nfold = 3"
    with pytest.raises(InputError, match="found 'fold'") as refused:
        read_training(config(text))
    assert ", ".join(field.name for field in fields(settings)) in refused.value.expected


WHOLE, ROUND = "a whole number above 0", "a number from 0 to less than 1"
WRONG = {
    "folds = 0": f"folds to be {WHOLE}; found 0",
    "folds = 2.0": f"folds to be {WHOLE}; found 2.0",
    "folds = true": f"folds to be {WHOLE}; found True",
    "grow = 3": "grow to be true or false; found 3",
    "seed = -1": "seed to be a whole number from 0 to 2147483647; found -1",
    "momentum = 1.0": f"momentum to be {ROUND}; found 1.0",
    "dense_dropout = '0.5'": f"dense_dropout to be {ROUND}; found '0.5'",
    "peak_rate = nan": "peak_rate to be a number above 0; found nan",
    "weight_decay = inf": "weight_decay to be a number 0 or more; found inf",
    f"seed = 1{400 * '0'}": "seed to be a whole number from 0 to 2147483647; found 10",
    f"weight_decay = 1{400 * '0'}": "weight_decay to be a number 0 or more; found 10",
    "filters = []": f"filters to be a list, each {WHOLE}; found []",
    "dense = [8, -8]": f"dense to be a list, each {WHOLE}; found [8, -8]",
    "graders = 3": "graders as [graders.VIEW] or [[graders]] tables; found graders = 3",
    "graders = []": "graders as [graders.VIEW] or [[graders]] tables; found graders = []",
    "graders = [3]": "graders to be a table; found 3",
    "graders.canal_axial = 3": "graders.canal_axial to be a table; found 3",
    "[graders.canal_axial]\npx = -3": f"graders.canal_axial.px to be {WHOLE}; found -3",
    "[graders.canal_axial]\npx = 16": "graders.canal_axial.px to be at least 32, for 5 filters; found 16",
    "[graders.canal_axial]\nmm = 80": "graders.canal_axial.mm to be at most the crop's 64; found 80",
    "[graders.canal_axial]\nview = 3": "graders.canal_axial.view to be a text; found 3",
    "[graders.canal_axial]\nview = 'canal'": "a grader's view to be one of canal_sagittal, ",
    "[graders.canal]\npx = 64": "the VIEW of [graders.VIEW] to be one of canal_sagittal, ",
    "[[graders]]\npx = 64": "the view of each of the [[graders]] to be one of canal_sagittal, ",
    "[[graders]]\nview = []": "the view of each of the [[graders]] to be one of canal_sagittal, ",
    2 * "[[graders]]\nview = 'canal_axial'\n": "one graders.canal_axial; found 2",
    "folds =": "a TOML file of settings; found line 1, 'folds =': invalid value. ",
    "seed = 3\ngrow = True": "a TOML file of settings; found line 2, 'grow = True': invalid value. ",
    "folds: 3\nseed = 3": "a TOML file of settings; found line 1, 'folds: 3': expected '=' after a key",
    "\n\n  peak_rate = 1,5 # \u2028\n": "a TOML file of settings; found line 3, 'peak_rate = 1,5 #': expected newline",
    "folds = 3\nfolds = 3": "a TOML file of settings; found line 2, 'folds = 3': cannot overwrite a value. ",
    "folds = 3\nfilters = [\n8,\n\n": "a TOML file of settings; found line 3, '8,': ",
    f"folds = {9999 * '['}": f"a TOML file of settings; found line 1, 'folds = {52 * '['}': too many brackets. ",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_in_a_line(config: Config, text: str) -> None:
    path = config(text)
    with pytest.raises(InputError) as refused:
        read_training(path)
    assert str(refused.value).startswith(f"{path}: expected {WRONG[text]}")
    assert "\n" not in str(refused.value)


GOOD = "# Größe\nfolds = 3\n[graders.canal_axial]\npx = 64\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_and_other_line_ends_are_no_fault(
    config: Config, tmp_path: Path, encoding: str, newline: str
) -> None:
    path = tmp_path / "saved.toml"
    path.write_bytes(GOOD.replace("\n", newline).encode(encoding))
    assert read_training(path) == read_training(config(GOOD)) != Training()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (GOOD.encode("utf-16"), "text in UTF-16"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "text in UTF-16"),
        ("folds = 3".encode("utf-16-le"), "text in UTF-16, or no text"),
        (b"folds = 3\n# Gr\xf6\xdfe", "line 2 with a byte that is not UTF-8, 0xf6"),
        (b"PK\3\4\0\0", "text in UTF-16, or no text"),
    ],
    ids=["utf-16", "utf-16 big end first", "utf-16 without a mark", "latin-1", "an archive"],
)
def test_text_in_another_encoding_is_named_with_the_remedy(tmp_path: Path, data: bytes, found: str) -> None:
    (tmp_path / "f.toml").write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_training(tmp_path / "f.toml")
    assert (refused.value.found, refused.value.remedy) == (found, "Save it as UTF-8.")


@pytest.mark.parametrize(
    ("name", "found"), [("missing.toml", "no such file"), (".", "a folder"), ("f.toml/below", "no such file")]
)
def test_what_is_no_file(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "f.toml").touch()
    with pytest.raises(InputError, match=f"expected a TOML file of settings; found {found}. "):
        read_training(tmp_path / name)


# --- On the command line -----------------------------------------------------------------------


def test_the_command_line_goes_before_the_file(config: Config, tmp_path: Path, monkeypatch) -> None:
    given = []
    monkeypatch.setattr("stenosis_kit.road.train.train", lambda *arguments, **_: given.append(arguments[3]))
    path = config("folds = 5\nseed = 7\nbatch = 32")
    assert cli.main(["train", "store", str(tmp_path / "model"), "--config", str(path), "--folds", "2"]) == 0
    assert given == [replace(Training(), folds=2, seed=7, batch=32)]


def test_submit_takes_a_file_too(config: Config, tmp_path: Path, monkeypatch) -> None:
    given = []
    monkeypatch.setattr(
        "stenosis_kit.road.submit.submit", lambda *arguments: given.append(arguments[4]) or {"legal": True}
    )
    assert cli.main(["submit", "data", str(tmp_path / "out"), "--config", str(config("batch = 32"))]) == 0
    assert given == [replace(Training(), batch=32)]


@pytest.mark.parametrize("option", ["--config", "--start"])
def test_what_is_for_training_is_refused_with_a_model(config: Config, tmp_path: Path, capsys, option: str) -> None:
    path, out = config("batch = 32"), tmp_path / "out"
    assert cli.main(["submit", "data", str(out), option, str(path), "--model", "model"]) == 2
    expected = (
        f"stenosis-kit submit: {option}: expected a training; found --model model, with which nothing is trained. "
    )
    assert capsys.readouterr().err.startswith(expected)


@pytest.mark.parametrize("name", ["submit", "train"])
def test_a_wrong_file_ends_a_command_before_it_begins(config: Config, tmp_path: Path, capsys, name: str) -> None:
    path = config("batches = 3")
    assert cli.main([name, str(tmp_path), str(tmp_path / "out"), "--config", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"stenosis-kit {name}: {path}: expected each key to be one of folds, ")
    assert not (tmp_path / "out").exists()
