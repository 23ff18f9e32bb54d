"""adopt, on phantoms that are handed out as a PACS would, and on what is no good."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from campaigns.adopted import differences, misses
from fabricate import blobs, plane, write_dicom, write_series
from pacs import FORMS, MARKER, write_pacs

from stenosis_kit import cli, rsna
from stenosis_kit.adopt import choice
from stenosis_kit.adopt.adopted import TABLE
from stenosis_kit.adopt.command import adopt
from stenosis_kit.adopt.series import integer_id
from stenosis_kit.base.errors import InputError

FORMS_HERE = tuple(form for form in FORMS if form not in ("jpegls", "jpeg2000"))  # which an extra decodes


@pytest.fixture(scope="module")
def pacs(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """The cohort's three test studies as a PACS hands them out; nobody writes into it."""
    out = tmp_path_factory.mktemp("pacs") / "in"
    return out, write_pacs(cohort, out, seed=3, forms=FORMS_HERE)


@pytest.fixture(scope="module")
def adopted(pacs: tuple[Path, dict], tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("adopted") / "root"
    return root, adopt(pacs[0], root)


def lumbar(folder: Path, study: str, series: str, kind: str = "sagittal", **tags: object) -> Path:
    """A series of blobs that says by its header what it is."""
    planes = [plane(kind, step * 4.4, mm=4.0, shape=(70, 70)) for step in range(-4, 5)]
    tags = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "Modality": "MR",
        "BodyPartExamined": "LSPINE",
    } | tags
    write_series(folder, blobs(plane("sagittal", 0.0).center[None]), planes)
    for path in sorted(folder.glob("*.dcm")):
        write_dicom(path, planes[int(path.stem) - 1], pixels_of(path), **tags)
    return folder


def pixels_of(path: Path):
    import pydicom

    return pydicom.dcmread(path).pixel_array


T1 = {"RepetitionTime": 500, "EchoTime": 10}
T2 = {"RepetitionTime": 4000, "EchoTime": 100}


def kinds(root: Path, split: str = "test") -> list[str]:
    return sorted(pl.read_csv(root / rsna.series_table(split))["series_description"])


def test_all_series_of_all_studies_come_back(pacs, adopted) -> None:
    assert misses(pacs[1], adopted[1]) == []
    assert adopted[1].lost == []
    assert adopted[1].taken.height == 9


def test_predictions_are_those_on_the_original(cohort, pacs, adopted, model, tmp_path: Path) -> None:
    from stenosis_kit.road.predict import predict

    for name, data in (("original", cohort), ("again", adopted[0])):
        predict(data, [model], tmp_path / f"{name}.csv", workers=1)
    original, again = (pl.read_csv(tmp_path / f"{name}.csv") for name in ("original", "again"))
    assert differences(pacs[1], original, again) < 1e-6


def test_nothing_of_the_patient_is_written(pacs, adopted) -> None:
    written = [path for path in adopted[0].rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.suffix == ".dcm" for path in written), "none was copied: the case tests nothing"
    uids = [uid for study, series in pacs[1].values() for uid in (study, *series)]
    for path in written:
        data = path.read_bytes()
        for text in (MARKER, "19470131", "20230704", *uids):
            assert text.encode() not in data, f"{path.name} holds {text}"


def test_originals_stay_and_ids_are_the_same_again(pacs, adopted, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in pacs[0].rglob("*")}
    shutil.copytree(pacs[0], tmp_path / "elsewhere" / "deeper")
    again = adopt(tmp_path / "elsewhere", tmp_path / "root", keep_uids=True)
    assert {path: path.stat().st_mtime_ns for path in pacs[0].rglob("*")} == before
    columns = ["study_id", "series_id", "series_description", "why"]
    assert again.table.select(columns).equals(adopted[1].table.select(columns))
    assert set(again.table["study_uid"]) == {uid for uid, _ in pacs[1].values()}


def test_the_users_table_decides(pacs, adopted, tmp_path: Path) -> None:
    table = pl.read_csv(adopted[0] / TABLE)
    axial = table.filter(series_description=rsna.AXIAL_T2)["series_id"][0]
    changed = pl.when(pl.col("series_id") == axial).then(pl.lit("")).otherwise(pl.col("series_description"))
    table.with_columns(series_description=changed).write_csv(tmp_path / "mine.csv")
    again = adopt(pacs[0], tmp_path / "root", series=tmp_path / "mine.csv")
    assert again.table.filter(series_id=axial)["why"].item() == "decided by the user"
    assert again.taken.height == 8
    table.with_columns(series_description=pl.lit("Coronal")).write_csv(tmp_path / "mine.csv")
    with pytest.raises(InputError, match="Coronal"):
        adopt(pacs[0], tmp_path / "root", series=tmp_path / "mine.csv")


def test_an_edited_table_survives_whatever_stops_the_next_run(tmp_path: Path, monkeypatch) -> None:
    folder, root = tmp_path / "in", tmp_path / "root"
    lumbar(folder / "a", "1.2", "1.2.1", **T1)
    adopt(folder, root)
    edited = (root / TABLE).read_text().replace(rsna.SAGITTAL_T1, rsna.SAGITTAL_T2)
    (root / TABLE).write_text(edited)
    (tmp_path / "empty").mkdir()
    (tmp_path / "grades.csv").write_text("study,grade\n1.2,mild\n")
    for source, labels in ((tmp_path / "empty", None), (folder, tmp_path / "grades.csv")):
        with pytest.raises(InputError):
            adopt(source, root, series=root / TABLE, labels=labels)
        assert (root / TABLE).read_text() == edited
        assert kinds(root) == [rsna.SAGITTAL_T1]
        assert len(list(root.glob("test_images/*/*/*.dcm"))) == 9

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("stenosis_kit.adopt.command.copy_images", interrupted)
        adopt(folder, root, series=root / TABLE)
    assert (root / TABLE).read_text() == edited
    adopt(folder, root, series=root / TABLE)
    assert kinds(root) == [rsna.SAGITTAL_T2]


def test_of_several_the_finer_one_is_taken_and_one_study_in_two_folders_is_one(tmp_path: Path) -> None:
    lumbar(tmp_path / "a" / "x", "1.2", "1.2.1", **T1)
    lumbar(tmp_path / "b", "1.2", "1.2.2", **T2)
    lumbar(tmp_path / "c", "1.2", "1.2.3", **T2, PixelSpacing=[3.6, 3.6])
    shutil.copytree(tmp_path / "b", tmp_path / "d")
    found = adopt(tmp_path, tmp_path.parent / "root_of_several", split="train")
    assert kinds(tmp_path.parent / "root_of_several", "train") == [rsna.SAGITTAL_T1, rsna.SAGITTAL_T2]
    assert integer_id("1.2", "1.2.3") in found.taken["series_id"]
    assert found.table.filter(series_id=integer_id("1.2", "1.2.2"))["doubles"].item() == 9


def test_exit_codes_and_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_before) -> None:
    lumbar(tmp_path / "in" / "good", "1.2", "1.2.1", **T1)
    assert cli.main(["adopt", str(tmp_path / "in"), str(tmp_path / "root")]) == 0
    assert "without Axial T2: 1 studies" in capsys.readouterr().out
    lumbar(tmp_path / "in" / "ct", "1.3", "1.3.1", Modality="CT")
    (tmp_path / "in" / "good" / "1.dcm").write_bytes(b"")
    (tmp_path / "in" / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    assert cli.main(["adopt", str(tmp_path / "in"), str(tmp_path / "root")]) == 1
    out = capsys.readouterr().out
    for line in (
        "1 of 2 studies",
        "no MR but CT",
        "a file of no bytes",
        "an archive that is damaged",
        "NOT ADOPTED: 1",
    ):
        assert line in out
    shutil.rmtree(tmp_path / "in" / "good")
    assert cli.main(["adopt", str(tmp_path / "in"), str(tmp_path / "root")]) == 2
    assert "no MR but CT" in capsys.readouterr().err


def test_two_studies_that_come_to_one_id_are_not_mixed_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("stenosis_kit.adopt.series.integer_id", lambda *parts: len(parts))
    for study in ("1.2", "1.3"):
        lumbar(tmp_path / "in" / study, study, f"{study}.1", **T1)
    with pytest.raises(InputError, match="found two of one id"):
        adopt(tmp_path / "in", tmp_path / "root")


def test_folders_that_are_no_good(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "mine" / "test_images").mkdir(parents=True)
    (tmp_path / "mine" / TABLE).write_text("")
    for folder, root in (
        *(("none", "root"), ("in", "root"), ("in", "full"), ("in", "in/root")),
        ("mine/test_images", "mine"),
    ):
        with pytest.raises(InputError):
            adopt(tmp_path / folder, tmp_path / root)
    assert (tmp_path / "mine" / "test_images").is_dir()
    (tmp_path / "mine" / "train.csv").write_text("grades of mine")
    with pytest.raises(InputError, match="no input"):
        adopt(tmp_path / "in", tmp_path / "mine", labels=tmp_path / "mine" / "train.csv")
    assert (tmp_path / "mine" / "train.csv").read_text() == "grades of mine"
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("words", [True, False], ids=["as they are", "by pixels alone"])
def test_real_studies_come_back(real_studies: Path, tmp_path: Path, monkeypatch, words: bool) -> None:
    if not words:
        monkeypatch.setattr(choice, "weighting_by_words", lambda _: "")
    paths = sorted((real_studies / "test_images").glob("*/*/*.dcm"), key=lambda path: path.name[::-1])
    for number, path in enumerate(paths):
        target = tmp_path / "in" / str(number % 3) / f"IM{number}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    adopt(tmp_path / "in", tmp_path / "root")
    truth = dict(
        pl.read_csv(real_studies / "test_series_descriptions.csv").select("series_id", "series_description").rows()
    )
    found = pl.read_csv(tmp_path / "root" / "test_series_descriptions.csv")
    assert found.height == len(truth) == 9
    for study, series, kind in found.iter_rows():
        image = next((tmp_path / "root" / "test_images" / str(study) / str(series)).iterdir())
        assert truth[int(image.resolve().parent.name)] == kind


def test_own_grades_can_be_learnt_from_without_points(cohort, pacs, tmp_path: Path) -> None:
    from stenosis_kit.crops.store import open_store
    from stenosis_kit.road.format import format
    from stenosis_kit.tables.labels import read_solution

    truth = read_solution(cohort / "solution.csv")
    uids = {study: uid for study, (uid, _) in pacs[1].items()}
    grades = truth.select(
        pl.col("study_id").replace_strict(uids).alias("study_uid"),
        "level",
        "condition",
        pl.col("severity").alias("grade"),
    )
    grades.write_csv(tmp_path / "grades.csv")
    adopt(pacs[0], tmp_path / "root", split="train", labels=tmp_path / "grades.csv")
    format(tmp_path / "root", tmp_path / "store", workers=1)
    manifest = open_store(tmp_path / "store").manifest
    assert manifest.unique(["study_id", "condition", "level"]).height == truth.height
    assert not manifest["point_source"].str.contains("label").any()
