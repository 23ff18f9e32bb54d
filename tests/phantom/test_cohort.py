"""The phantom's tables, labels, files and faults."""

import csv
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.anatomy import severity
from stenosis_kit.phantom.cohort import MARKER
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.phantom.files.write import draw_header, write_slice
from stenosis_kit.phantom.make import make_study, plan_study
from stenosis_kit.phantom.study import Order

HEADER = (
    *("SOPInstanceUID", "ContentDate", "ContentTime", "SeriesDescription", "PatientID", "SliceThickness"),
    *("SpacingBetweenSlices", "PatientPosition", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceLocation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "WindowCenter", "WindowWidth", "PixelData"),
)
TRAIN_STUDIES, TEST_STUDIES = 5, 2


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def plane_of(data: pydicom.Dataset) -> Plane:
    shape = (data.Rows, data.Columns)
    return Plane.from_tags(data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing, shape)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("cohort") / "phantom"
    return phantom(out, studies=TRAIN_STUDIES, test_studies=TEST_STUDIES, seed=3, workers=1)


@pytest.fixture(scope="module")
def planned() -> list:
    return [plan_study(Order(5, index, "train", mode="none")) for index in range(60)]


# --- Tables ----------------------------------------------------------------------------------


def test_tables_have_the_competitions_columns_and_rows(cohort):
    train = rows_of(cohort / "train.csv")
    assert len(train) == TRAIN_STUDIES
    assert set(train[0]) == {"study_id", *rsna.LABEL_COLUMNS}
    assert list(train[0])[1] == "spinal_canal_stenosis_l1_l2"
    assert {row[column] for row in train for column in rsna.LABEL_COLUMNS} <= {"", *rsna.SEVERITY_LABELS}
    for split, count in (("train", TRAIN_STUDIES), ("test", TEST_STUDIES)):
        series = rows_of(cohort / rsna.series_table(split))
        assert list(series[0]) == ["study_id", "series_id", "series_description"]
        assert len({row["study_id"] for row in series}) == count
        assert {row["series_description"] for row in series} <= set(rsna.SERIES_KINDS)
    points = rows_of(cohort / "train_label_coordinates.csv")
    assert list(points[0]) == ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"]
    assert {row["condition"] for row in points} == {condition.label for condition in rsna.CONDITIONS}
    assert {row["level"] for row in points} == set(rsna.LEVEL_LABELS)


def test_sample_submission_holds_every_cell_in_order_and_thirds(cohort):
    rows = rows_of(cohort / "sample_submission.csv")
    assert tuple(rows[0]) == rsna.SUBMISSION_COLUMNS
    assert len(rows) == 25 * TEST_STUDIES
    assert tuple(rsna.split_row_id(row["row_id"])[1:] for row in rows[:25]) == rsna.CELLS
    assert float(rows[0]["severe"]) == 1 / 3


def test_solution_holds_labelled_cells_only_and_the_oracle_holds_all(cohort):
    solution, oracle = rows_of(cohort / "solution.csv"), rows_of(cohort / "oracle_submission.csv")
    assert list(solution[0]) == ["row_id", *rsna.SEVERITIES, "sample_weight"]
    labelled = [row for row in rows_of(cohort / "latents.csv") if row["split"] == "test" and row["severity"]]
    assert len(solution) == len(labelled)
    for row, latent in zip(solution, labelled, strict=True):
        assert row["row_id"] == rsna.row_id(latent["study_id"], latent["condition"], latent["level"])
        assert row[latent["severity"]] == "1"
        assert float(row["sample_weight"]) == rsna.SEVERITY_WEIGHTS[rsna.SEVERITIES.index(latent["severity"])]
    values = np.array([[float(row[name]) for name in rsna.SEVERITIES] for row in oracle])
    assert len(values) == 25 * TEST_STUDIES
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-12)
    assert values.min() > 5e-5


def test_points_lie_on_the_kind_of_series_that_readers_used(cohort):
    kinds = {row["series_id"]: row["series_description"] for row in rows_of(cohort / "train_series_descriptions.csv")}
    expected = {condition.label: condition.series_kind for condition in rsna.CONDITIONS}
    for row in rows_of(cohort / "train_label_coordinates.csv"):
        assert kinds[row["series_id"]] == expected[row["condition"]]


def test_points_fall_inside_images_and_left_ones_have_the_larger_x(cohort):
    places = {}
    for row in rows_of(cohort / "solution_coordinates.csv"):
        path = cohort / "test_images" / row["study_id"] / row["series_id"] / f"{row['instance_number']}.dcm"
        plane = plane_of(pydicom.dcmread(path, stop_before_pixels=True))
        pixel = np.array([float(row["x"]), float(row["y"])])
        assert (pixel > 0).all() and (pixel < plane.shape[::-1]).all()
        place = np.array([float(row[f"patient_{axis}_mm"]) for axis in "xyz"])
        np.testing.assert_allclose(plane.to_patient(pixel), place, atol=0.05)
        places[row["study_id"], row["condition"], row["level"]] = place
    pairs = [
        (place, places.get((s, c.replace("Left", "Right"), lv))) for (s, c, lv), place in places.items() if "Left" in c
    ]
    assert len(pairs) >= 16
    assert all(left[0] > right[0] + 10 for left, right in pairs if right is not None)


# --- Labels ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn() -> list[severity.Severity]:
    streams = (np.random.Generator(np.random.PCG64(np.random.SeedSequence([11, i]))) for i in range(2000))
    return [severity.draw(rng) for rng in streams]


def test_prevalences_match_the_competitions(drawn):
    labels = np.array([one.labels for one in drawn])
    for index, condition in enumerate(rsna.CONDITIONS):
        for level, name in enumerate(rsna.LEVELS):
            shares = rsna.typical_shares(condition.name, name)
            for k in (1, 2):
                sd = np.sqrt(shares[k] * (1 - shares[k]) / len(labels))
                assert abs((labels[:, index, level] == k).mean() - shares[k]) < 4 * sd + 0.006, (
                    condition.name,
                    name,
                    k,
                )
    assert 0.13 < (labels[:, 4] == 2).any(1).mean() < 0.22


def test_sides_and_neighbouring_conditions_correlate_as_in_the_competition(drawn):
    signal = np.array([one.signal for one in drawn])
    correlation = lambda a, b: np.corrcoef(signal[:, a].ravel(), signal[:, b].ravel())[0, 1]  # noqa: E731
    assert 0.45 < correlation(0, 2) < 0.75  # foraminal, left and right
    assert 0.6 < correlation(1, 3) < 0.9  # subarticular, left and right
    assert correlation(1, 4) > correlation(0, 4) > 0.3  # with the canal


def official_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The competition's metric for (studies, 5, 5) labels and (studies, 5, 5, 3) probabilities."""
    weights = np.array(rsna.SEVERITY_WEIGHTS)[labels]
    nats = -np.log(np.take_along_axis(probabilities, labels[..., None], -1)[..., 0])
    terms = []
    for term in rsna.TERMS:
        rows = [i for i, condition in enumerate(rsna.CONDITIONS) if condition.term == term]
        terms.append(np.average(nats[:, rows], weights=weights[:, rows]))
    truth, found = (labels[:, 4] == 2).any(1), probabilities[:, 4, :, 2].max(1)
    terms.append(np.average(-np.log(np.where(truth, found, 1 - found)), weights=weights[:, 4].max(1)))
    return float(np.mean(terms))


def test_oracle_scores_where_the_best_graders_do_and_beats_prior_and_uniform(drawn):
    labels, oracle = np.array([one.labels for one in drawn]), np.array([one.oracle for one in drawn])
    shares = np.array([[rsna.typical_shares(c.name, level) for level in rsna.LEVELS] for c in rsna.CONDITIONS])
    prior = shares * rsna.SEVERITY_WEIGHTS
    prior = np.broadcast_to(prior / prior.sum(-1, keepdims=True), oracle.shape)
    uniform = np.full(oracle.shape, 1 / 3)
    score = official_score(labels, oracle)
    assert 0.38 < score < 0.42
    assert score + 0.3 < official_score(labels, prior) < official_score(labels, uniform) - 0.1


def test_without_noise_labels_follow_the_signal():
    quiet = [severity.draw(np.random.default_rng(i), noise=0.0) for i in range(100)]
    labels, oracle = np.array([one.labels for one in quiet]), np.array([one.oracle for one in quiet])
    assert official_score(labels, oracle) < 0.03
    assert (oracle.argmax(-1) == labels).all()


def test_compromise_is_a_third_and_two_thirds_at_the_thresholds():
    for term, thresholds in severity.THRESHOLDS.items():
        np.testing.assert_allclose(severity.compromise_of(thresholds[:, 0], term), 1 / 3)
        np.testing.assert_allclose(severity.compromise_of(thresholds[:, 1], term), 2 / 3)


# --- Files -----------------------------------------------------------------------------------


def test_every_file_has_the_real_header_and_is_read_by_pydicom_alone(cohort):
    files = sorted(cohort.glob("*_images/*/*/*.dcm"))
    syntaxes = Counter()
    for path in files[::3]:
        data = pydicom.dcmread(path)
        keywords = tuple(element.keyword for element in data)
        assert tuple(k for k in keywords if k not in ("RescaleIntercept", "RescaleSlope")) == HEADER, path
        assert data.file_meta.MediaStorageSOPClassUID.name == "Enhanced MR Image Storage"
        assert data.StudyInstanceUID == path.parts[-3] and data.InstanceNumber == int(path.stem)
        assert data.SeriesDescription in ("T1", "T2", "")
        assert data.pixel_array.shape == (data.Rows, data.Columns)
        assert 100 < data.pixel_array.max() < 4096
        syntaxes[data.file_meta.TransferSyntaxUID.name] += 1
    assert "Explicit VR Little Endian" in syntaxes


def test_slices_of_a_stack_lie_spacing_between_slices_apart(planned):
    for study in planned[:20]:
        for series in study.series.values():
            for first, second in zip(series.planes, series.planes[1:], strict=False):
                if (
                    abs(first.normal @ second.normal) > 0.99999
                    and abs(first.distance(second.origin)) < 1.5 * series.distance
                ):
                    assert abs(first.distance(second.origin)) == pytest.approx(series.distance, abs=1e-6)


def test_axial_stacks_cover_the_levels_that_have_points(planned):
    for study in planned:
        assert len(study.points) == 25
        slices = [len(series.planes) for series in study.series.values()]
        assert min(slices) >= 11 and max(slices) <= 45


def test_both_axial_protocols_occur():
    orders = [Order(5, index, "train") for index in range(40)]
    studies = [plan_study(order) for order in orders]
    tilts = [len({tuple(p.normal.round(6)) for p in s.planes}) for st in studies for s in st.series.values()]
    assert tilts.count(5) > 5  # disc-angled blocks
    assert sum(len(s.planes) > 24 for st in studies for s in st.series.values()) > 5  # contiguous stacks


def test_label_points_lie_where_the_competitions_do(planned):
    canal = np.full((len(planned), 5, 2), np.nan)
    for row, study in enumerate(planned):
        for (condition, level), (series, _, x, y, _) in study.points.items():
            if rsna.CONDITIONS[condition].term == "spinal":
                rows, columns = study.series[series].planes[0].shape
                canal[row, level] = x / columns, y / rows
    np.testing.assert_allclose(canal.mean(0)[:, 1], [y for _, y in rsna.CANAL_FRACTIONS], atol=0.025)
    np.testing.assert_allclose(canal.mean(0)[:, 0], [x for x, _ in rsna.CANAL_FRACTIONS], atol=0.08)


def test_header_values_and_slice_counts_do_not_give_labels_away(planned):
    """What can be read without looking correlates with no more labels than chance lets it."""
    studies = planned + [plan_study(Order(5, index, "train")) for index in range(60, 200)]
    burden = np.array([study.severity.signal.mean() for study in studies])
    for kind in (rsna.SAGITTAL_T2, rsna.AXIAL_T2):
        first = [next((s for s in study.series.values() if s.kind == kind), None) for study in studies]
        for measure in (
            lambda s: len(s.planes),
            lambda s: s.thickness,
            lambda s: s.distance,
            lambda s: s.planes[0].spacing[0],
            lambda s: s.planes[0].shape[0],
            lambda s: s.planes[0].shape[1],
            lambda s: s.planes[0].row[0],
        ):
            values = np.array([np.nan if s is None else measure(s) for s in first], float)
            known = np.isfinite(values)
            correlation = np.corrcoef(values[known], burden[known])[0, 1]
            assert abs(correlation) < 4 / np.sqrt(known.sum()), (kind, correlation)
    ids = np.array([study.order.study_id for study in studies], float)
    assert abs(np.corrcoef(ids, burden)[0, 1]) < 0.25


# --- Runs ------------------------------------------------------------------------------------


def fingerprint(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(root.glob("*.csv"))}


def test_same_seed_gives_the_same_labels_and_geometry_whatever_the_workers(cohort, tmp_path):
    again = phantom(tmp_path / "two", studies=TRAIN_STUDIES, test_studies=TEST_STUDIES, seed=3, workers=2)
    assert fingerprint(again) == fingerprint(cohort)
    files = sorted(path.relative_to(cohort) for path in cohort.glob("*_images/*/*/*"))
    assert files == sorted(path.relative_to(again) for path in again.glob("*_images/*/*/*"))
    first, second = (pydicom.dcmread(root / files[7]) for root in (cohort, again))
    assert first.ImagePositionPatient == second.ImagePositionPatient
    assert np.abs(first.pixel_array.astype(int) - second.pixel_array).max() <= 2


def test_faults_and_size_do_not_change_severity_and_spine():
    one, two = plan_study(Order(1, 4, "train", mode="none")), plan_study(Order(1, 4, "train", size="full", mode="none"))
    np.testing.assert_array_equal(one.severity.signal, two.severity.signal)
    np.testing.assert_array_equal(one.spine.column.centers, two.spine.column.centers)
    other = plan_study(Order(2, 4, "train", mode="none"))
    assert not np.array_equal(one.severity.signal, other.severity.signal)


def test_a_finished_cohort_is_reused_and_another_one_replaces_it(tmp_path):
    out = phantom(tmp_path / "p", studies=1, test_studies=0, seed=1, workers=1, faults="none")
    stamp = (out / MARKER).stat().st_mtime_ns
    start = time.perf_counter()
    assert phantom(out, studies=1, test_studies=0, seed=1, workers=2, faults="none") == out
    assert time.perf_counter() - start < 0.2
    assert (out / MARKER).stat().st_mtime_ns == stamp
    before = fingerprint(out)
    phantom(out, studies=1, test_studies=0, seed=2, workers=1, faults="none")
    assert fingerprint(out) != before
    assert len(list((out / "train_images").iterdir())) == 1


def test_an_interrupted_run_is_redone(tmp_path):
    out = phantom(tmp_path / "p", studies=1, test_studies=0, workers=1)
    marker = json.loads((out / MARKER).read_text())
    (out / MARKER).write_text(json.dumps(marker | {"complete": False}))
    (out / "train.csv").unlink()
    phantom(out, studies=1, test_studies=0, workers=1)
    assert (out / "train.csv").exists()


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(InputError, match="expected an empty folder or a phantom; found something else"):
        phantom(tmp_path, studies=1, test_studies=0)
    assert (tmp_path / "train.csv").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong",
    [{"size": "huge"}, {"faults": "some"}, {"studies": 0, "test_studies": 0}, {"noise": -1}, {"force": {0: ["x"]}}],
)
def test_wrong_arguments_are_named(tmp_path, wrong):
    with pytest.raises(InputError, match="|".join(wrong)):
        phantom(tmp_path / "p", **({"studies": 1, "test_studies": 0} | wrong))


def test_importing_it_imports_nothing_heavy():
    heavy = ("tensorflow", "keras", "matplotlib", "polars")
    code = f"import sys, stenosis_kit.phantom; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- Faults ----------------------------------------------------------------------------------

PLANNED = {
    "missing_t1": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T1] == 0,
    "missing_t2": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T2] == 0,
    "missing_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 0,
    "two_t1": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T1] == 2,
    "two_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 2,
    "three_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 3,
    "uncovered_l1_l2": lambda s: (s.labels[[1, 3], 0] == -1).all() and (s.labels[4] >= 0).all(),
    "uncovered_l2_l3": lambda s: (s.labels[[1, 3], :2] == -1).all(),
    "missing_side": lambda s: (s.labels[0] == -1).all(),
    "missing_canal": lambda s: (s.labels[4] == -1).all(),
    "instance_offset": lambda s: all(x.numbers[0] > 1 for x in s.series.values()),
    "instance_huge": lambda s: all(x.numbers[-1] > 5000 for x in s.series.values()),
    "instance_gap": lambda s: any(n > len(x.numbers) for x in s.series.values() for n in x.numbers),
    "thin_axial": lambda s: any(len(x.planes) > 100 for x in s.series.values()),
    "steep_axial": lambda s: any(
        40 < abs(np.rad2deg(np.arccos(abs(x.planes[0].normal[2])))) < 60 for x in s.series.values()
    ),
    "mixed_shapes": lambda s: any(len({p.shape for p in x.planes}) == 2 for x in s.series.values()),
    "duplicate_positions": lambda s: any(
        a is b for x in s.series.values() for a, b in zip(x.planes, x.planes[1:], strict=False)
    ),
    "swapped_sides": lambda s: s.points[0, 2][4][0] < s.points[2, 2][4][0],
    "shifted_levels": lambda s: abs(s.points[4, 2][4][2] - s.true_points[4, 2][4][2]) > 20,
    "reversed_sagittal": lambda s: next(iter(s.series.values())).planes[0].origin[0] > 0,
}


@pytest.mark.parametrize("fault", sorted(PLANNED))
def test_a_forced_fault_shows_in_the_plan(fault):
    study = plan_study(Order(8, 1, "train", mode="none", forced=(fault,)))
    assert fault in study.faults
    assert PLANNED[fault](study)


WRITTEN = {
    "rescale_tags": lambda d: d.get("RescaleSlope") == 1,
    "rescale_slope": lambda d: d.get("RescaleSlope") == 2.5 and d.RescaleIntercept == -64,
    "no_spacing_tags": lambda d: "SliceThickness" not in d and "SpacingBetweenSlices" not in d,
    "no_pixel_spacing": lambda d: "PixelSpacing" not in d,
    "no_orientation": lambda d: "ImageOrientationPatient" not in d,
    "no_position": lambda d: "ImagePositionPatient" not in d,
    "empty_position": lambda d: d.ImagePositionPatient is None,
    "feet_first": lambda d: d.PatientPosition == "FFS",
    "monochrome1": lambda d: d.PhotometricInterpretation == "MONOCHROME1" and np.median(d.pixel_array) > 2000,
    "signed_pixels": lambda d: d.PixelRepresentation == 1 and d.pixel_array.min() < 0,
    "eight_bit": lambda d: d.BitsAllocated == 8 and d.pixel_array.dtype == np.uint8,
    "sixteen_bit": lambda d: d.BitsStored == 16 and d.pixel_array.max() > 4095,
    "rle": lambda d: d.file_meta.TransferSyntaxUID.name == "RLE Lossless",
    "implicit_vr": lambda d: d.file_meta.TransferSyntaxUID.is_implicit_VR,
    "jpeg2000": lambda d: d.file_meta.TransferSyntaxUID.name.startswith("JPEG 2000") and len(d.PixelData) > 0,
    "constant_image": lambda d: np.ptp(d.pixel_array) == 0,
}


@pytest.mark.parametrize("fault", sorted(WRITTEN))
def test_a_forced_fault_shows_in_a_file(fault, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 700, (40, 300)).astype(np.uint16)
    pixels[10:20, 30:290] = 900
    plane = Plane(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0), pixels.shape)
    for faults in ((), (fault,)):
        study = plan_study(Order(8, 1, "train", mode="none", forced=faults))
        header = draw_header(np.random.default_rng(0), study, next(iter(study.series)))
        write_slice(tmp_path / "1.dcm", pixels, plane, header, study.faults)
        data = pydicom.dcmread(tmp_path / "1.dcm")
        assert WRITTEN[fault](data) == bool(faults)
        if fault in ("rle", "implicit_vr", "no_position"):
            np.testing.assert_array_equal(data.pixel_array, pixels)


DAMAGED = {
    "truncated_file": lambda folder: len({len(p.read_bytes()) for p in folder.glob("*/*.dcm")}) > 3,
    "empty_file": lambda folder: any(p.stat().st_size == 0 for p in folder.glob("*/*.dcm")),
    "stray_file": lambda folder: any(folder.glob("*/.DS_Store")),
    "empty_series": lambda folder: any(not any(p.iterdir()) for p in folder.iterdir()),
    "missing_series_folder": lambda folder: len(list(folder.iterdir())) == 0,
    "missing_study_folder": lambda folder: not folder.exists(),
    "unlisted_series": lambda folder: (folder / "77").is_dir(),
}


@pytest.mark.parametrize("fault", sorted(DAMAGED))
def test_a_forced_fault_shows_in_the_folder(fault, tmp_path):
    order = Order(8, 1, "test", mode="none", forced=("missing_t1", "missing_axial", fault))
    make_study(order, tmp_path)
    assert DAMAGED[fault](tmp_path / str(order.study_id))


def test_every_fault_has_rates_and_hard_ones_are_no_rarer():
    assert all(0 <= real <= hard <= 1 for real, hard in RATES.values())
    assert {*PLANNED, *WRITTEN, *DAMAGED} <= set(RATES)


def test_preview_shows_a_study(cohort, tmp_path):
    pytest.importorskip("matplotlib")
    from stenosis_kit.phantom.preview import save_preview

    save_preview(cohort, tmp_path / "a" / "preview.png")
    assert (tmp_path / "a" / "preview.png").stat().st_size > 50_000
