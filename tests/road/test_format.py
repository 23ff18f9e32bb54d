import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from cohort import Tables, write_images

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops import cutting
from stenosis_kit.crops.store import MANIFEST, open_store
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.road.format import format
from stenosis_kit.tables.root import Root


def content(store):
    return {path.name: path.read_bytes() for path in store.glob("*.npy")} | {
        "manifest": open_store(store).manifest.write_csv()
    }


def test_each_labelled_cell_is_cut_in_each_view_of_its_term(cohort, store):
    manifest = open_store(store).manifest
    labelled = Root(cohort).checked().cells.drop_nulls("severity")
    expected = 2 * labelled.height
    lost = sum(json.loads((store / "run.json").read_text())["lost"].values())
    assert manifest.height + lost == expected
    assert lost < 0.02 * expected


def test_the_manifest_has_the_contracts_columns(store):
    manifest = pl.read_parquet(store / "manifest.parquet")
    assert manifest.columns == list(MANIFEST)
    assert set(manifest["severity"].drop_nulls()) == {"normal_mild", "moderate", "severe"}
    assert set(manifest["weight"]) == {1.0, 2.0, 4.0}


def test_crops_show_something(store):
    for name, array in open_store(store).arrays.items():
        assert array.std(axis=(1, 2, 3)).min() > 5, name


@pytest.mark.parametrize("how", ["two workers", "a foreign executor"])
def test_whoever_cuts_the_crops_are_the_same(cohort, store, tmp_path, how):
    if how == "two workers":
        format(cohort, tmp_path / "s", workers=2)
    else:
        with ThreadPoolExecutor(2) as executor:
            format(cohort, tmp_path / "s", executor=executor)
    assert content(tmp_path / "s") == content(store)


def test_an_up_to_date_store_is_left_alone(cohort, store):
    before = (store / "canal_axial.npy").stat().st_mtime_ns
    run = format(cohort, store, workers=1)
    assert (store / "canal_axial.npy").stat().st_mtime_ns == before
    assert run["studies"] == 8


def test_cells_that_no_label_point_places_are_placed_as_prediction_would(cohort, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(cohort, root, symlinks=True, ignore=shutil.ignore_patterns("*_images"))
    for split in ("train", "test"):
        (root / f"{split}_images").symlink_to(cohort / f"{split}_images")
    points = pl.read_csv(root / rsna.POINTS_TABLE)
    study = points["study_id"][0]
    points.filter((pl.col("study_id") != study) | (pl.col("level") != "L3/L4")).write_csv(root / rsna.POINTS_TABLE)
    format(root, tmp_path / "store", workers=1)
    manifest = pl.read_parquet(tmp_path / "store" / "manifest.parquet")
    found = ("localiser on T2 and T1", "foramen finder on T1")
    placed = manifest.filter(pl.col("point_source").is_in(found))
    assert placed.height == 10  # the level's five cells, each in two views
    assert placed.select("study_id", "level").unique().rows() == [(study, "l3_l4")]


def test_a_stopped_run_goes_on_with_the_studies_it_lacks(cohort, store, tmp_path, monkeypatch):
    honest, cut = cutting.cut_part, []

    def stopping(folder, located):
        if len(cut) == 3:
            raise KeyboardInterrupt
        cut.append(located.study.study_id)
        return honest(folder, located)

    monkeypatch.setattr(cutting, "cut_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        format(cohort, tmp_path, workers=1)
    assert not (tmp_path / "run.json").exists()
    again = []
    monkeypatch.setattr(
        cutting, "cut_part", lambda folder, one: again.append(one.study.study_id) or honest(folder, one)
    )
    format(cohort, tmp_path, workers=1)
    assert len(again) == 5
    assert not set(again) & set(cut)
    assert content(tmp_path) == content(store)
    assert not (tmp_path / "parts").exists()


def test_changed_labels_make_the_store_anew(cohort, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for path in cohort.iterdir():
        (root / path.name).symlink_to(path)
    format(root, tmp_path / "s", workers=1)
    labels = pl.read_csv(cohort / "train.csv", infer_schema=False)
    (root / "train.csv").unlink()
    labels.head(2).write_csv(root / "train.csv")
    keep = labels["study_id"].head(2).to_list()
    points = pl.read_csv(cohort / "train_label_coordinates.csv", infer_schema=False)
    (root / "train_label_coordinates.csv").unlink()
    points.filter(pl.col("study_id").is_in(keep)).write_csv(root / "train_label_coordinates.csv")
    assert format(root, tmp_path / "s", workers=1)["studies"] == 2


def test_a_root_without_images_is_an_error_that_says_so(cohort, tmp_path):
    for name in ("train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"):
        shutil.copy(cohort / name, tmp_path)
    with pytest.raises(InputError, match=r"expected images that crops can be cut from; found none \(no such folder\)"):
        format(tmp_path, tmp_path / "s", workers=1)


def test_a_study_without_images_costs_only_its_own_crops(cohort, tmp_path):
    root = shutil.copytree(cohort, tmp_path / "root", symlinks=True)
    gone = next(iter(sorted((root / "train_images").iterdir())))
    shutil.rmtree(gone)
    run = format(root, tmp_path / "s", workers=1)
    manifest = open_store(tmp_path / "s").manifest
    assert int(gone.name) not in manifest["study_id"]
    assert manifest["study_id"].n_unique() == 7
    assert any("no readable" in why for why in run["lost"])


def test_every_view_has_its_array(store):
    assert {path.stem for path in store.glob("*.npy")} == {view.name for view in VIEWS}


def test_no_time_ends_it_and_the_next_run_goes_on(cohort, store, tmp_path):
    with pytest.raises(TimeTooShort, match="8 left when the time was up"):
        format(cohort, tmp_path, workers=1, budget=Budget(0.0))
    assert not (tmp_path / "run.json").exists()
    format(cohort, tmp_path, workers=1)
    assert content(tmp_path) == content(store)


@pytest.mark.parametrize("name", ["canal_axial.npy", "manifest.parquet"])
@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_a_finished_store_that_is_no_longer_whole_is_made_anew(cohort, store, tmp_path, name, how):
    copy = shutil.copytree(store, tmp_path / "s")
    if how == "missing":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes((store / name).read_bytes()[:-100])
    format(cohort, copy, workers=1)
    assert content(copy) == content(store)


def test_a_store_that_cannot_be_written_ends_the_run_and_loses_no_study(cohort, store, tmp_path, monkeypatch):
    def full(folder, crops):
        raise InputError(folder, "a file that can be written", "No space left on device", "Free some space.")

    with monkeypatch.context() as patched, pytest.raises(InputError, match="No space left"):
        patched.setattr(cutting, "write_part", full)
        format(cohort, tmp_path / "s", workers=1)
    format(cohort, tmp_path / "s", workers=1)
    assert content(tmp_path / "s") == content(store)


def test_a_link_to_nowhere_among_the_images_stops_nothing(cohort, store, tmp_path):
    root = shutil.copytree(cohort, tmp_path / "root")
    folder = next((root / "train_images").glob("*/*"))
    (folder / "900.dcm").symlink_to(tmp_path / "nowhere")
    run = format(root, tmp_path / "s", workers=1)
    assert content(tmp_path / "s") == content(store)
    assert sum(run["skipped_files"].values()) == 1


@pytest.mark.parametrize(("name", "why"), [("{}.dcm.gz", "packed"), ("x{}", "not named <integer>.dcm")])
def test_files_that_are_there_under_other_names_are_an_error_that_says_so(tmp_path, name, why):
    tables = Tables()
    root = tables.write(tmp_path / "root")
    write_images(root, "train", tables.series)
    for path in sorted((root / "train_images").rglob("*.dcm")):
        path.rename(path.with_name(name.format(path.stem)))
    with pytest.raises(InputError, match=rf"expected images that crops can be cut from; found none \(36 x {why}"):
        format(root, tmp_path / "s", workers=1)
