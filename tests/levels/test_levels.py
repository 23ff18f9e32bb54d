"""Where each level is: K-Means, projection, the anatomical prior, their chain, and the `levels` command."""

import numpy as np
import polars as pl
import pytest
from fabricate import blobs, plane, stored, tilted, write_series

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import Series, largest, read_series
from stenosis_kit.images.slice import Slice
from stenosis_kit.levels import anatomical_prior, kmeans
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.fallback import locate
from stenosis_kit.levels.points import COLUMNS
from stenosis_kit.road.levels import levels

SCENE = blobs(np.zeros((1, 3)))
LEVEL_Z = (66.0, 33.0, 0.0, -33.0, -62.0)
LORDOSIS = (-12.0, -6.0, 0.0, 8.0, 22.0)  # degrees of the discs about the left-right axis


def series_of(planes, kind, series_id=1, numbers=None):
    """A series that knows where its slices lie; no files."""
    named = numbers or range(1, len(planes) + 1)
    slices = [Slice(number, None, item) for number, item in zip(named, planes, strict=True)]
    return Series(series_id, kind, slices, {})


def disc_angled(each=4, gap=4.0, shape=(60, 60)):
    """Five blocks of slices along the discs, head first, and the level of each slice."""
    planes, owner = [], []
    for level, (z, degrees) in enumerate(zip(LEVEL_Z, LORDOSIS, strict=True)):
        base = tilted(plane("axial", z, mm=3.0, shape=shape), degrees, "x")
        for i in range(each):
            shift = ((each - 1) / 2 - i) * gap
            planes.append(Plane(base.origin + shift * base.normal, base.row, base.column, base.spacing, base.shape))
            owner.append(level)
    return planes, owner


def sagittal(
    kind=rsna.SAGITTAL_T2, offsets=(-8.0, -4.0, 0.0, 4.0, 8.0), mm=4.0, shape=(70, 70), how="as is", series_id=1
):
    planes = [plane("sagittal", x, mm, shape) for x in offsets]
    return series_of([stored(item, np.zeros(shape), how)[0] for item in planes], kind, series_id)


def points_at(fractions, width_mm, height_mm, x=0.0):
    """(5, 3) places at fractions of a sagittal image about the origin."""
    return np.array([[x, (fx - 0.5) * width_mm, (0.5 - fy) * height_mm] for fx, fy in fractions])


# --- K-Means -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "how"),
    [
        ("head first", "as is"),
        ("feet first", "as is"),
        ("shuffled", "as is"),
        ("feet first", "flipped x"),
        ("head first", "flipped y"),
        ("head first", "rotated"),
    ],
)
def test_k_means_labels_equal_disc_angled_blocks_whatever_the_stored_order(order, how):
    planes, owner = disc_angled()
    places = {
        "head first": np.arange(20),
        "feet first": np.arange(20)[::-1],
        "shuffled": np.random.default_rng(3).permutation(20),
    }[order]
    planes = [stored(planes[i], np.zeros(planes[i].shape), how)[0] for i in places]
    series = series_of(planes, rsna.AXIAL_T2)
    found, _ = kmeans.kmeans_levels(kmeans.slice_positions(series))
    assert found.tolist() == [owner[places[item.number - 1]] for item in series.slices]


@pytest.mark.parametrize("how", ["as is", "flipped x", "flipped y", "rotated"])
def test_k_means_picks_a_slice_of_each_level_l1_l2_first(how):
    planes, _ = disc_angled(each=3)
    series = series_of([stored(item, np.zeros(item.shape), how)[0] for item in planes], rsna.AXIAL_T2)
    picked = [series.slices[i] for i in kmeans.level_slices(series)]
    assert [item.number for item in picked] == [2, 5, 8, 11, 14]  # the middle slice of each block, head first
    assert [item.plane.center[2] for item in picked] == pytest.approx(LEVEL_Z)


def test_k_means_centres_run_from_head_to_feet():
    positions = np.array([50.0, -40, 10, -20, 30, 51, -41, 11, -21, 31])
    found, centers = kmeans.kmeans_levels(positions)
    assert centers == pytest.approx([50.5, 30.5, 10.5, -20.5, -40.5])
    assert found.tolist() == [0, 4, 2, 3, 1, 0, 4, 2, 3, 1]


def test_k_means_of_five_slices_gives_each_its_own_level():
    found, centers = kmeans.kmeans_levels(np.array([0.0, 4, 8, 12, 16]))
    assert found.tolist() == [4, 3, 2, 1, 0]
    assert centers == pytest.approx([16, 12, 8, 4, 0])


def test_k_means_gives_the_same_answer_each_time():
    positions = np.random.default_rng(1).uniform(-80, 80, 40)
    (first, _), (second, _) = kmeans.kmeans_levels(positions), kmeans.kmeans_levels(positions)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("positions", [[], [1.0], [0.0, 4, 8, 12], [0.0, 0, 4, 4, 8, 8, 12, 12]])
def test_k_means_of_too_few_different_positions_is_an_error(positions):
    with pytest.raises(ValueError, match="at least five"):
        kmeans.kmeans_levels(np.array(positions))


def test_k_means_canal_points_are_the_middles_of_the_level_slices():
    planes, _ = disc_angled(each=3)
    points = kmeans.canal_points(series_of(planes, rsna.AXIAL_T2))
    assert points == pytest.approx(np.array([[0, 0, z] for z in LEVEL_Z]), abs=1e-6)


# --- Projection ----------------------------------------------------------------------------------


def test_projection_picks_the_nearest_slice_over_several_series():
    upper = series_of([plane("axial", z) for z in (30.0, 26.0, 22.0)], rsna.AXIAL_T2, 1)
    lower = series_of([plane("axial", z) for z in (-2.0, 2.5)], rsna.AXIAL_T2, 2)
    pick = nearest_slice([upper, lower], np.array([3.0, 4.0, 1.0]))
    assert (pick.series.series_id, pick.slice.number) == (2, 2)
    assert pick.distance_mm == pytest.approx(1.5)
    pick = nearest_slice([upper, lower], np.array([3.0, 4.0, 25.0]))
    assert (pick.series.series_id, pick.slice.number) == (1, 2)


def test_projection_measures_to_the_plane_of_an_angled_slice():
    planes, owner = disc_angled(each=3)
    series = series_of(planes, rsna.AXIAL_T2)
    for level, z in enumerate(LEVEL_Z):
        steep = planes[3 * level + 1]
        point = steep.center + 20 * steep.column  # behind the middle of the block's middle slice
        pick = nearest_slice([series], point)
        assert owner[pick.slice.number - 1] == level
        assert pick.slice.plane is steep
        assert pick.distance_mm == pytest.approx(0, abs=1e-6)
        assert abs(point[2] - z) == pytest.approx(20 * abs(np.sin(np.deg2rad(LORDOSIS[level]))), abs=1e-6)


@pytest.mark.parametrize(("away", "covered"), [(9.99, True), (10.01, False)])
def test_projection_guards_at_ten_mm(away, covered):
    series = series_of([plane("axial", 0.0), plane("axial", 4.0)], rsna.AXIAL_T2)
    assert (nearest_slice([series], np.array([0, 0, -away])) is not None) == covered


def test_projection_keeps_a_guard_of_ones_own():
    series = series_of([plane("axial", 0.0)], rsna.AXIAL_T2)
    assert nearest_slice([series], np.array([0, 0, 3.0]), guard_mm=2.0) is None
    assert nearest_slice([series], np.array([0, 0, 3.0]), guard_mm=4.0).distance_mm == pytest.approx(3)


def test_projection_on_nothing_is_nothing():
    assert nearest_slice([], np.zeros(3)) is None
    assert nearest_slice([series_of([], rsna.AXIAL_T2)], np.zeros(3)) is None


def test_a_far_slice_that_shows_the_point_does_not_hide_a_covering_one_beside_it():
    # the point lies 2 mm above a slice, just outside its image; a wide slice 60 mm below "shows" it
    small = series_of([plane("axial", 0.0, shape=(40, 40))], rsna.AXIAL_T2, 1)
    wide = series_of([plane("axial", -60.0, shape=(200, 200))], rsna.AXIAL_T2, 2)
    point = np.array([25.0, 0.0, 2.0])
    assert nearest_slice([small], point).series is small
    pick = nearest_slice([small, wide], point)
    assert pick is not None
    assert pick.series is small


# --- The anatomical prior ------------------------------------------------------------------------


def test_the_prior_lies_at_the_mean_fractions_of_a_sagittal_t2():
    assert anatomical_prior.canal_points(sagittal()) == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 280, 280))


def test_the_prior_knows_an_image_that_is_not_square():
    points = anatomical_prior.canal_points(sagittal(shape=(80, 60)))
    assert points == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 240, 320))


def test_the_prior_on_t1_steps_from_the_foramina_back_into_the_canal():
    points = anatomical_prior.canal_points(sagittal(rsna.SAGITTAL_T1))
    assert points == pytest.approx(points_at(rsna.CANAL_FRACTIONS, 280, 280))  # the field that the steps are meant for
    other = anatomical_prior.canal_points(sagittal(rsna.SAGITTAL_T1, shape=(80, 80)))
    steps = points_at(rsna.CANAL_FRACTIONS, 280, 280) - points_at(rsna.FORAMEN_FRACTIONS, 280, 280)
    assert other == pytest.approx(points_at(rsna.FORAMEN_FRACTIONS, 320, 320) + steps)


@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated"])
@pytest.mark.parametrize("kind", [rsna.SAGITTAL_T2, rsna.SAGITTAL_T1])
def test_the_prior_does_not_depend_on_storage(kind, how):
    shape = (80, 60)
    assert anatomical_prior.canal_points(sagittal(kind, shape=shape, how=how)) == pytest.approx(
        anatomical_prior.canal_points(sagittal(kind, shape=shape))
    )


@pytest.mark.parametrize("offsets", [(10.0, 14.0, 18.0), (18.0, 14.0, 10.0), (14.0,)])
def test_the_prior_lies_on_the_middle_slice(offsets):
    assert anatomical_prior.canal_points(sagittal(offsets=offsets))[:, 0] == pytest.approx([14] * 5)


def test_the_prior_of_an_oblique_series_lies_in_its_middle_plane():
    planes = [tilted(plane("sagittal", x, 4.0, (70, 70)), 10.0, "z") for x in (-4.0, 0.0, 4.0)]
    points = anatomical_prior.canal_points(series_of(planes, rsna.SAGITTAL_T2))
    assert planes[1].distance(points) == pytest.approx([0] * 5, abs=1e-9)
    assert (np.diff(points[:, 2]) < -20).all()  # L1/L2 at the head


def test_the_prior_of_an_empty_series_is_an_error():
    with pytest.raises(ValueError, match="without slices"):
        anatomical_prior.canal_points(series_of([], rsna.SAGITTAL_T2))


# --- The chain -----------------------------------------------------------------------------------


def axial_series():
    return series_of(disc_angled(each=3)[0], rsna.AXIAL_T2, 7)


def test_locate_takes_k_means_where_one_axial_series_shows_all_levels():
    found = locate([axial_series(), sagittal(), sagittal(rsna.SAGITTAL_T1)])
    assert found.method == kmeans.METHOD
    assert found.points[:, 2] == pytest.approx(LEVEL_Z)


@pytest.mark.parametrize("axial", ["none", "too short", "two series"])
def test_locate_prefers_t2_where_no_single_axial_series_shows_all_levels(axial):
    planes = disc_angled(each=3)[0]
    series = {"none": [], "too short": [planes[:9]], "two series": [planes, planes]}[axial]
    t2, t1 = sagittal(shape=(80, 80)), sagittal(rsna.SAGITTAL_T1, offsets=np.arange(-20.0, 21.0, 4.0))
    found = locate([*(series_of(each, rsna.AXIAL_T2, 7 + i) for i, each in enumerate(series)), t1, t2])
    assert found.points == pytest.approx(anatomical_prior.canal_points(t2))
    assert found.method == anatomical_prior.METHOD


@pytest.mark.parametrize("instead", ["missing", "empty"])
def test_locate_falls_back_on_t1_where_t2_is_gone(instead):
    t1 = sagittal(rsna.SAGITTAL_T1, shape=(80, 80))
    found = locate([t1] + ([series_of([], rsna.SAGITTAL_T2)] if instead == "empty" else []))
    assert found.points == pytest.approx(anatomical_prior.canal_points(t1))
    assert found.method == anatomical_prior.METHOD


def test_locate_falls_back_on_k_means_where_only_axial_images_are_left():
    two = [axial_series(), series_of(disc_angled(each=2)[0], rsna.AXIAL_T2, 8), series_of([], rsna.SAGITTAL_T1)]
    assert locate(two).method == kmeans.METHOD
    assert locate(two).points[:, 2] == pytest.approx(LEVEL_Z)


def test_locate_says_less_the_further_it_falls_back():
    first, last = locate([axial_series()]), locate([sagittal()])
    assert 0 < last.confidence.max() < first.confidence.min() < 1


@pytest.mark.parametrize(
    "study",
    [
        [],
        [series_of([], kind) for kind in rsna.SERIES_KINDS],
        [series_of([plane("axial", z) for z in (0.0, 4, 8, 12)], rsna.AXIAL_T2)],
    ],
    ids=["no series", "empty series", "four axial slices"],
)
def test_locate_says_so_where_nothing_can_be_found(study):
    assert locate(study) is None


def test_largest_has_the_most_slices_and_of_equals_comes_first():
    study = [
        sagittal(offsets=(0.0, 4.0), series_id=1),
        sagittal(offsets=(0.0, 4.0, 8.0), series_id=2),
        sagittal(offsets=(1.0, 5.0, 9.0), series_id=3),
        sagittal(rsna.SAGITTAL_T1, series_id=4),
    ]
    assert largest(study, rsna.SAGITTAL_T2).series_id == 2
    assert largest(study, rsna.AXIAL_T2) is None


# --- The command ---------------------------------------------------------------------------------

TABLE = "study_id,series_id,series_description\n"


@pytest.fixture(scope="module", autouse=True)
def no_network():
    """These scenes are no spines, and their levels lie where the anatomical prior puts them."""
    with pytest.MonkeyPatch.context() as patch:
        unlocated = lambda studies, models, workers: [*map(LocatedStudy, studies)]  # noqa: E731
        patch.setattr("stenosis_kit.road.levels.find_canals", unlocated)
        yield


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
    return levels(root, output, workers=1), output


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
    assert levels(tmp_path, tmp_path / "out.csv", workers=1).equals(found[0])


def test_levels_of_the_train_split_need_no_labels(root, tmp_path, found):
    (tmp_path / "train_images").symlink_to(root / "test_images")
    (tmp_path / "train_series_descriptions.csv").write_text((root / "test_series_descriptions.csv").read_text())
    assert levels(tmp_path, tmp_path / "out.csv", split="train", workers=1).equals(found[0])


def test_levels_without_a_series_table_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="test_series_descriptions.csv"):
        levels(tmp_path, tmp_path / "out.csv", workers=1)
    assert not (tmp_path / "out.csv").exists()
