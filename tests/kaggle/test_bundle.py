"""What is staged for upload, and what is refused before anything is replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stenosis_kit import __version__
from stenosis_kit.base.errors import InputError
from stenosis_kit.cli import main
from stenosis_kit.kaggle import bundle as module
from stenosis_kit.kaggle.bundle import bundle, stage_kernels
from stenosis_kit.kaggle.metadata import read_metadata

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def staged(model: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose wheel was built and checked before."""
    wheel = next(package.glob("*.whl"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "build_wheel", lambda _, folder: Path(shutil.copy(wheel, folder)))
        patch.setattr(module, "check_wheel", lambda _: None)
        return bundle(model, "ada", tmp_path_factory.mktemp("bundle") / "build")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that is not built, for tests of what comes after it."""
    monkeypatch.setattr(module, "build_wheel", lambda _, folder: (folder / "x.whl").write_bytes(b"") and folder)
    monkeypatch.setattr(module, "check_wheel", lambda _: None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_bundle_is_flat_and_holds_wheel_weights_model_and_metadata_alone(staged, model):
    weights = [path.name for path in model.glob("*.weights.h5")]
    assert weights
    wheel = f"stenosis_kit-{__version__}-py3-none-any.whl"
    assert names(staged) == sorted(
        [*weights, "model.json", "localiser.json", "foramina.json", "dataset-metadata.json", wheel]
    )
    assert all((staged / name).read_bytes() == (model / name).read_bytes() for name in [*weights, "model.json"])


def test_a_bundles_metadata_obeys_the_rules_and_describes_it_with_the_card(staged):
    metadata = read_metadata(staged / "dataset-metadata.json")
    assert metadata["id"] == "ada/stenosis-kit"
    assert metadata["description"].startswith("# Stenosis kit")
    assert "not a medical device" in metadata["description"]


def test_the_cards_figures_are_those_of_the_readme():
    readme, card = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "submission/dataset-card.md"))
    lines = readme[readme.index("How they do on real crops") :].splitlines()
    for name, row in (("foramina", "foramina, one"), ("recesses", "recesses, axial"), ("axial canals", "canal, axial")):
        cells = next(line for line in lines if line.startswith(f"| {row}")).split("|")
        prior, answers = cells[3].strip(), cells[5].strip(" *")
        assert f"{name} {answers} for {prior}" in " ".join(card.split())


def test_without_a_model_the_package_goes_alone(quick, tmp_path, caplog):
    caplog.set_level("INFO", logger="stenosis_kit")
    assert names(bundle(None, "ada", tmp_path / "build")) == ["dataset-metadata.json", "x.whl"]
    assert "2 files, 0.0 MB, 0 of them networks" in caplog.text
    assert "package alone" in caplog.text


def test_without_an_owner_the_placeholder_stays_and_that_is_said(quick, tmp_path, caplog):
    folder = bundle(None, None, tmp_path / "build")
    assert json.loads((folder / "dataset-metadata.json").read_text())["id"] == "OWNER/stenosis-kit"
    assert "still says OWNER" in caplog.text


@pytest.mark.parametrize(
    ("harm", "match"),
    [
        (lambda path: path.write_bytes(b"not HDF5"), "expected weights of canal_axial"),
        (lambda path: path.unlink(), "expected weights of canal_axial"),
        (lambda path: shutil.copyfile(path.with_name("foraminal_sagittal.fold1.weights.h5"), path), "canal_axial"),
        (lambda path: path.with_name("model.json").write_text("{}"), "expected the model.json of version"),
        (lambda path: path.with_name("model.json").unlink(), "expected a trained model's model.json"),
    ],
    ids=["damaged weights", "missing weights", "another network's weights", "damaged model.json", "no model.json"],
)
def test_a_model_that_does_not_load_is_refused_and_the_earlier_bundle_stays(quick, model, tmp_path, harm, match):
    folder = shutil.copytree(model, tmp_path / "model")
    harm(folder / "canal_axial.fold1.weights.h5")
    before = names(bundle(None, "ada", tmp_path / "out" / "build"))
    with pytest.raises(InputError, match=match):
        bundle(folder, "ada", tmp_path / "out" / "build")
    assert names(tmp_path / "out" / "build") == before
    assert names(tmp_path / "out") == ["build"]


def test_a_folder_of_somebody_elses_is_not_replaced(quick, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="an empty folder or an earlier upload"):
        bundle(None, "ada", tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_folder_that_holds_more_than_an_upload_is_not_replaced(quick, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "dataset-metadata.json").write_text("{}")  # as `kaggle datasets init` writes into the folder to upload
    before = names(folder)
    with pytest.raises(InputError, match="an empty folder or an earlier upload; found one with folds.csv in it"):
        bundle(folder, "ada", folder)
    assert names(folder) == before
    kernels = stage_kernels("ada", tmp_path / "kernels")
    (kernels / "submit" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="found one with submit/notes.txt in it"):
        stage_kernels("ada", kernels)
    assert (kernels / "submit" / "notes.txt").read_text() == "mine"


def test_a_folder_of_other_scripts_is_not_replaced_by_kernels(tmp_path):
    (tmp_path / "src" / "package").mkdir(parents=True)
    (tmp_path / "src" / "package" / "core.py").write_text("mine")
    with pytest.raises(InputError, match="found one with package/core.py in it"):
        stage_kernels("ada", tmp_path / "src")
    assert (tmp_path / "src" / "package" / "core.py").read_text() == "mine"


def test_the_kernels_sources_are_not_replaced_by_an_owners(monkeypatch, tmp_path):
    shutil.copytree(module.source_tree() / "kernels", tmp_path / "kernels")
    monkeypatch.setattr(module, "source_tree", lambda: tmp_path)
    before = (tmp_path / "kernels" / "submit" / "kernel-metadata.json").read_text()
    with pytest.raises(InputError, match="another folder than that of the kernels' sources"):
        stage_kernels("ada", tmp_path / "kernels")
    assert (tmp_path / "kernels" / "submit" / "kernel-metadata.json").read_text() == before


def test_a_file_is_not_replaced_by_a_folder(quick, tmp_path):
    (tmp_path / "build").write_text("mine")
    with pytest.raises(InputError, match="an empty folder or an earlier upload; found a file"):
        bundle(None, "ada", tmp_path / "build")


def test_a_new_bundle_replaces_the_earlier_one_whole(quick, tmp_path):
    folder = bundle(None, "ada", tmp_path / "build")
    (folder / "old.weights.h5").touch()
    assert names(bundle(None, "ada", tmp_path / "build")) == ["dataset-metadata.json", "x.whl"]


def test_a_folder_of_somebody_elses_weights_is_not_replaced(quick, tmp_path):
    (tmp_path / "build").mkdir()
    for name in ("resnet.weights.h5", "model.json"):
        (tmp_path / "build" / name).touch()
    with pytest.raises(InputError, match="an earlier upload; found one without dataset-metadata.json"):
        bundle(None, "ada", tmp_path / "build")
    assert names(tmp_path / "build") == ["model.json", "resnet.weights.h5"]


@pytest.mark.parametrize("there", [False, True])
def test_a_link_stays_and_the_folder_that_it_leads_to_is_replaced(quick, tmp_path, there):
    if there:
        (tmp_path / "disk" / "build").mkdir(parents=True)
    (tmp_path / "link").symlink_to("disk/build")
    for _ in range(2):
        bundle(None, "ada", tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert names(tmp_path / "disk" / "build") == ["dataset-metadata.json", "x.whl"]
        assert names(tmp_path / "disk") == ["build"]


def test_an_installed_copy_cannot_bundle_and_says_where_to(monkeypatch, tmp_path):
    monkeypatch.setattr(module.stenosis_kit, "__file__", str(tmp_path / "stenosis_kit" / "__init__.py"))
    with pytest.raises(InputError, match="an installed copy. Run it in a clone"):
        bundle(None, "ada", tmp_path / "build")


def test_kernels_are_staged_with_their_owner_each_with_its_script(tmp_path):
    folder = stage_kernels("ada", tmp_path / "kernels")
    assert names(folder) == ["format", "submit", "train"]
    for name in names(folder):
        assert names(folder / name) == sorted(["kernel-metadata.json", f"{name}.py"])
        metadata = read_metadata(folder / name / "kernel-metadata.json")
        assert metadata["id"] == f"ada/stenosis-kit-{name}"
        assert metadata["dataset_sources"] == ["ada/stenosis-kit"]


def test_the_commands_say_what_comes_next(quick, tmp_path, capsys):
    assert main(["kernels", "--owner", "ada", "-o", str(tmp_path / "kernels")]) == 0
    assert main(["bundle", "--owner", "ada", "-o", str(tmp_path / "build")]) == 0
    out = capsys.readouterr().out
    assert f"kaggle kernels push -p {tmp_path}/kernels/submit --timeout 32400" in out
    assert f"kaggle datasets create -p {tmp_path}/build" in out


def test_a_wrong_owner_on_the_command_line_is_wrong_use(tmp_path, capsys):
    assert main(["kernels", "--owner", "a b", "-o", str(tmp_path / "kernels")]) == 2
    assert capsys.readouterr().err.startswith("stenosis-kit kernels: owner: expected a Kaggle account's name")
    assert not (tmp_path / "kernels").exists()
