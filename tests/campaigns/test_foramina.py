"""How near foramina are found on pictures that others exported."""

import json

import numpy as np
import polars as pl
import pytest
from campaigns import foramina
from campaigns.foramina import errors_mm, figures_of, read_points
from PIL import Image

from stenosis_kit import rsna
from stenosis_kit.levels import foramen_training
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.foramen_patches import PX, STEP_MM

SIDE_PX = 200


@pytest.fixture
def pictures(tmp_path):
    """Of two studies a squeezed picture a side, with a bright spot at each of its five points."""
    (tmp_path / "slices").mkdir()
    rows = []
    for study in (1, 2):
        for condition in ("Left Neural Foraminal Narrowing", "Right Neural Foraminal Narrowing"):
            file, x = f"{study}_{condition[0]}.png", 150.0
            ys = np.linspace(100, 358, 5)  # 129 mm from end to end are .5 mm a pixel
            picture = np.full((SIDE_PX, SIDE_PX), 40, np.uint8)
            for level, y in zip(rsna.LEVEL_LABELS, ys, strict=True):
                rows.append(
                    dict(file=file, study_id=study, condition=condition, level=level, rows=400, cols=300, x=x, y=y)
                )
                row, column = round(y / 2), round(x / 1.5)
                picture[row - 2 : row + 3, column - 2 : column + 3] = 250
            Image.fromarray(picture).save(tmp_path / "slices" / file)
    pl.DataFrame(rows).write_csv(tmp_path / "index.csv")
    return tmp_path


def test_points_lie_in_their_patches_where_they_are_said_to(pictures):
    points = read_points(pictures)
    assert points.crops.shape == (20, 96, 96, 1) and points.patches.shape == (20, PX, PX)
    assert points.study.tolist() == [1] * 10 + [2] * 10
    for crop, patch, place in zip(points.crops[..., 0], points.patches, points.places, strict=True):
        assert spot_mm(crop, 64 / 96) == pytest.approx([0, 0], abs=0.9)
        if np.abs(place).max() < 15:
            assert spot_mm(patch, STEP_MM) == pytest.approx(place, abs=0.9)
    assert points.places.std() == pytest.approx(5, abs=1.5)


def spot_mm(image, step):
    """The middle of the bright spot nearest to the middle of an image, mm (x, y)."""
    rows, columns = np.nonzero(image > 145)
    away = (np.array([columns, rows]) - (image.shape[0] - 1) / 2) * step
    nearest = away[:, np.hypot(*away).argmin()]
    return away[:, np.hypot(*(away - nearest[:, None])) < 8].mean(axis=1)


def test_a_side_without_its_ends_takes_the_scale_of_the_other(pictures):
    index = pl.read_csv(pictures / "index.csv")
    whole = read_points(pictures)
    left = pl.col("condition").str.starts_with("Left") & (pl.col("study_id") == 1) & (pl.col("level") == "L1/L2")
    index.filter(~left).write_csv(pictures / "index.csv")
    assert np.array_equal(read_points(pictures).crops, whole.crops[1:])


def test_where_the_finder_is_unsure_the_expected_place_counts(pictures):
    points, broken = read_points(pictures), ForamenFinder()
    broken.network.set_weights([np.full_like(one, np.nan) for one in broken.network.get_weights()])
    rows = np.array([3, 5])
    assert errors_mm(broken, points, rows) == pytest.approx(np.linalg.norm(points.places[rows], axis=1))


def test_figures_of_distances():
    found = figures_of(np.array([1.0, 2.0, 3.0, 10.0]))
    assert found == {"points": 4, "median_mm": 2.5, "mean_mm": 4.0, "p90_mm": 7.9, "within_5_mm": 0.75}


def test_the_command_writes_what_was_carried_shipped_and_taught(pictures, monkeypatch):
    monkeypatch.setattr(foramen_training, "STEPS", 2)
    path = pictures / "figures.json"
    assert foramina.main(["--slices", str(pictures), "--folds", "2", "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert list(figures) == ["carried", "shipped", "taught"]
    assert all(row["points"] == 20 and np.isfinite(row["median_mm"]) for row in figures.values())


@pytest.mark.parametrize("what", ["no index", "no picture", "no model"])
def test_what_is_missing_is_said_in_a_line(pictures, capsys, what):
    if what == "no index":
        (pictures / "index.csv").unlink()
    elif what == "no picture":
        next((pictures / "slices").iterdir()).unlink()
    model = ["--model", str(pictures)] if what == "no model" else []
    arguments = ["--slices", str(pictures), "--folds", "0", "--json", str(pictures / "f.json"), *model]
    assert foramina.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
