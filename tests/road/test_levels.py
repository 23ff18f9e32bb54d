"""The levels command: 25 rows a study, whatever is missing, from the images alone."""

import logging
import shutil
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from fabricate import blobs, plane, write_series
from flaky_disk import FlakyDisk

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.series import read_series
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.points import COLUMNS
from stenosis_kit.road.levels import levels

SCENE = blobs(np.zeros((1, 3)))
TABLE = "study_id,series_id,series_description\n"


def levels_of(*given, **named):
    """`levels` of these scenes, which are no spines: their levels lie where the anatomical prior puts them."""
    with pytest.MonkeyPatch.context() as patch:
        blind = SimpleNamespace(find=lambda studies: [*map(LocatedStudy, studies)])
        patch.setattr("stenosis_kit.road.levels.CanalFinder", lambda models, workers: blind)
        return levels(*given, workers=1, **named)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A competition root without labels: a whole study, one whose axial series ends above L4/L5, one without images."""
    folder = tmp_path_factory.mktemp("root")
    z_of = [(0.5 - y) * 280 for _, y in rsna.CANAL_FRACTIONS]
    rows = []
    for study, covered in ((12, 5), (7, 3)):
        kinds = {100 * study + 1: rsna.SAGITTAL_T2, 100 * study + 2: rsna.SAGITTAL_T1, 100 * study + 3: rsna.AXIAL_T2}
        for series_id, kind in kinds.items():
            if kind == rsna.AXIAL_T2:
                planes = [plane("axial", z, mm=4.0, shape=(40, 40)) for z in z_of[:covered]]
            else:
                planes = [plane("sagittal", x, mm=7.0, shape=(40, 40)) for x in np.arange(-5, 6) * 4.4]
            write_series(folder / "test_images" / str(study) / str(series_id), SCENE, planes)
            rows.append(f"{study},{series_id},{kind}\n")
    rows.append(f"9,901,{rsna.SAGITTAL_T2}\n")
    (folder / "test_series_descriptions.csv").write_text(TABLE + "".join(rows))
    return folder


@pytest.fixture(scope="module")
def found(root, tmp_path_factory):
    output = tmp_path_factory.mktemp("levels") / "levels.csv"
    return levels_of(root, output), output


def test_levels_writes_the_columns_of_the_label_points_and_more(found):
    frame, output = found
    columns = "study_id,series_id,instance_number,condition,level,x,y"
    added = "patient_x_mm,patient_y_mm,patient_z_mm,method,confidence"
    assert output.read_text().splitlines()[0] == f"{columns},{added}"
    assert frame.schema == COLUMNS
    assert pl.read_csv(output, schema=COLUMNS).equals(frame)


def test_levels_has_twenty_five_rows_a_study_in_the_grid_s_order(found):
    frame, _ = found
    assert frame["study_id"].to_list() == [7] * 25 + [9] * 25 + [12] * 25
    names = {c.name: c.label for c in rsna.CONDITIONS}
    cells = [(names[condition], rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]) for condition, level in rsna.CELLS]
    for study in (7, 9, 12):
        assert frame.filter(study_id=study).select("condition", "level").rows() == cells


def test_levels_of_a_whole_study_are_complete(found):
    frame, _ = found
    assert frame.filter(study_id=12).null_count().sum_horizontal().item() == 0


def test_a_cell_that_no_series_covers_keeps_its_row_with_the_rest_empty(found):
    frame, _ = found
    study = frame.filter(study_id=7)
    empty = study.filter(pl.col("series_id").is_null())
    axial = [rsna.condition_of("subarticular", side).label for side in (rsna.LEFT, rsna.RIGHT)]
    assert set(empty.select("condition", "level").rows()) == {(c, level) for c in axial for level in ("L4/L5", "L5/S1")}
    rest = empty.drop("study_id", "condition", "level")
    assert rest.null_count().sum_horizontal().item() == rest.width * rest.height


def test_a_study_without_images_keeps_its_empty_rows(found):
    study = found[0].filter(study_id=9)
    assert study.height == 25
    rest = study.drop("study_id", "condition", "level")
    assert rest.null_count().sum_horizontal().item() == rest.width * rest.height


def test_levels_points_lie_on_the_series_and_slice_they_name(found, root):
    frame, _ = found
    kinds = {1201: rsna.SAGITTAL_T2, 1202: rsna.SAGITTAL_T1, 1203: rsna.AXIAL_T2}
    study = {i: read_series(root / "test_images" / "12" / str(i), i, kind) for i, kind in kinds.items()}
    of_label = {condition.label: condition for condition in rsna.CONDITIONS}
    for row in frame.filter(study_id=12).iter_rows(named=True):
        series = study[row["series_id"]]
        assert series.kind == of_label[row["condition"]].series_kind
        item = series.planes[series.index_of(row["instance_number"])]
        place = np.array([row["patient_x_mm"], row["patient_y_mm"], row["patient_z_mm"]])
        assert item.to_pixel(place) == pytest.approx([row["x"], row["y"]])
        assert abs(item.distance(place)) <= rsna.LEVEL_GUARD_MM
        assert item.shows(place)


def test_levels_never_reads_labels(found, root, tmp_path):
    assert sorted(path.name for path in root.iterdir()) == ["test_images", "test_series_descriptions.csv"]
    (tmp_path / "test_images").symlink_to(root / "test_images")
    (tmp_path / "test_series_descriptions.csv").write_text((root / "test_series_descriptions.csv").read_text())
    (tmp_path / "train.csv").write_text("not a table of labels")
    (tmp_path / "train_label_coordinates.csv").write_text("\x00\x00")
    assert levels_of(tmp_path, tmp_path / "out.csv").equals(found[0])


def test_levels_of_the_train_split_need_no_labels(root, tmp_path, found):
    (tmp_path / "train_images").symlink_to(root / "test_images")
    (tmp_path / "train_series_descriptions.csv").write_text((root / "test_series_descriptions.csv").read_text())
    assert levels_of(tmp_path, tmp_path / "out.csv", split="train").equals(found[0])


def test_levels_without_a_series_table_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="test_series_descriptions.csv"):
        levels(tmp_path, tmp_path / "out.csv", workers=1)
    assert not (tmp_path / "out.csv").exists()


def test_a_path_that_leads_to_no_model_is_an_input_error(root, tmp_path):
    with pytest.raises(InputError, match="model.json"):
        levels(root, tmp_path / "levels.csv", model=tmp_path / "nowhere")


def test_the_levels_command_asks_it(cohort, tmp_path):
    found = levels(cohort, tmp_path / "levels.csv", workers=1, preview=tmp_path / "levels.png")
    foraminal = pl.col("condition").str.contains("Foraminal")
    assert set(found.filter(~foraminal)["method"].drop_nulls()) == {"localiser on T2 and T1"}
    assert (found.filter(foraminal)["method"] == "foramen finder on T1").sum() >= 24
    assert found["series_id"].is_null().sum() <= 4 and found.height == 75
    assert (tmp_path / "levels.png").read_bytes().startswith(b"\x89PNG")


# --- Files that are passed over ------------------------------------------------------------------


def renamed(root, tmp_path, change):
    """The root, every image file changed."""
    copy = shutil.copytree(root, tmp_path / "root")
    for path in sorted((copy / "test_images").rglob("*.dcm")):
        change(path)
    return copy


def test_files_that_are_passed_over_are_named(root, tmp_path, caplog):
    copy = shutil.copytree(root, tmp_path / "root")
    (copy / "test_images" / "12" / "1201" / "1.dcm").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        levels_of(copy, tmp_path / "levels.csv")
    line = "levels: study 12, series 1201: 1 file(s) passed over, the first 1.dcm: a file of no bytes"
    assert caplog.messages == [line]


@pytest.mark.parametrize("name", ["{}.DCM", "{}.Dcm", "{}"])
def test_images_of_other_names_give_the_same_points(root, found, tmp_path, name):
    copy = renamed(root, tmp_path, lambda path: path.rename(path.with_name(name.format(path.stem))))
    assert levels_of(copy, tmp_path / "levels.csv").equals(found[0])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda path: path.rename(path.with_name(f"{path.name}.gz")), "52 x packed (.gz): "),
        (lambda path: path.rename(path.with_name(f"image {path.name}")), "52 x not named <integer>.dcm"),
        (lambda path: path.write_bytes(b"<html>"), "52 x expected a DICOM file; found one that starts with b'<htm'"),
    ],
    ids=["packed", "other names", "no images"],
)
def test_one_loud_line_says_why_no_image_can_be_read(root, tmp_path, caplog, change, why):
    frame = levels_of(renamed(root, tmp_path, change), tmp_path / "levels.csv")
    assert frame["method"].is_null().all()
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage().startswith("levels: NOT ONE IMAGE OF 3 STUDIES CAN BE READ: ")
    assert f"found {why}" in line.getMessage()


def test_one_loud_line_names_a_folder_that_stands_in_itself(root, tmp_path, caplog):
    copy = shutil.copytree(root, tmp_path / "root")
    (copy / "test_images").rename(copy / "inner")
    (copy / "test_images").mkdir()
    (copy / "inner").rename(copy / "test_images" / "test_images")
    levels_of(copy, tmp_path / "levels.csv")
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "6 x its folder lies deeper than <study_id>/<series_id>: move it up (12/1201/test_images/12/1201)" in line


@pytest.mark.parametrize("times", [1, 2, 99])
def test_a_study_that_could_not_be_read_is_tried_once_more_and_then_named(
    root, found, tmp_path, monkeypatch, caplog, times
):
    disk = FlakyDisk(monkeypatch)
    disk.fail("/12/1202/", 11 * times)  # made of a study twice, whose eleven slices fail
    frame = levels_of(root, tmp_path / "levels.csv")
    assert ("STUDY 12 COULD NOT BE READ: 1202/1.dcm" in caplog.text) == (times == 99)
    assert ("tried once more" in caplog.text) == (times > 1)
    assert frame.equals(found[0]) == (times != 99)
