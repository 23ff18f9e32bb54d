import json
import shutil

import cv2
import numpy as np
import polars as pl
import pytest
from cohort import read_csv
from headless import BROWSER, look
from small_network import small_network

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.cli import main
from stenosis_kit.paper import comparison, fitting, plan
from stenosis_kit.paper.command import paper
from stenosis_kit.paper.images import make_images
from stenosis_kit.report import charts
from stenosis_kit.road.submit import submit

SHARED = {"table_1_mapping.csv", "table_2_before.csv"}
OWN = {"table_3_after.csv", "table_4_report.csv"}
SHARED_FIGURES = {"figure_1_workflow.png", "figure_3_block.png", "figure_4_architecture.png"}
OWN_FIGURES = {"figure_2_augmented.png", "figure_5_accuracy.png", "figure_6_loss.png", "figure_7_confusion.png"}
FOLDERS = {"Normal_Mild": "normal_mild", "Moderate": "moderate", "Severe": "severe"}


@pytest.fixture(scope="module")
def root(cohort, tmp_path_factory):
    """The cohort with canal labels of which each class has plenty."""
    root = tmp_path_factory.mktemp("paper") / "root"
    root.mkdir()
    for path in cohort.iterdir():
        (root / path.name).symlink_to(path)
    table = pl.read_csv(cohort / "train.csv")
    labels = np.resize(rsna.SEVERITY_LABELS, 5 * table.height).reshape(5, -1)
    columns = [f"spinal_canal_stenosis_{level}" for level in rsna.LEVELS]
    table = table.with_columns(pl.Series(name, values) for name, values in zip(columns, labels, strict=True))
    (root / "train.csv").unlink()
    table.write_csv(root / "train.csv")
    return root


@pytest.fixture(scope="module")
def small():
    """Small networks, few epochs, images made once a root, and a kit that has only time for priors."""
    made = {}

    def images_once(root, folder, budget):
        if root.folder in made:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(made[root.folder][0], folder)
        else:
            made[root.folder] = folder, make_images(root, folder, budget)
        return made[root.folder][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stenosis_kit.paper.run.make_images", images_once)
        patch.setattr(fitting, "EPOCHS", 3)
        patch.setattr(fitting, "compiled", small_network)
        patch.setattr(plan, "seconds_an_image", lambda px: 1e-3)  # test_plan measures it
        patch.setattr(comparison, "submit", lambda data, out, budget: submit(data, out, Budget(1.0)))
        yield


@pytest.fixture(scope="module")
def done(root, small, tmp_path_factory):
    out = tmp_path_factory.mktemp("paper") / "out"
    budget = Budget(600.0)
    run = paper(root, out, budget, input_size=32)
    assert budget.remaining() > 0
    return run, out


def names(folder):
    return {path.name for path in folder.iterdir() if path.suffix in (".csv", ".png")}


def test_tables_and_figures_have_the_contracts_names(done):
    _, out = done
    assert names(out) == SHARED | OWN | SHARED_FIGURES | OWN_FIGURES | {"canal_answers.csv"}
    for split in ("study", "image"):
        assert names(out / split) == OWN | OWN_FIGURES
    for path in out.glob("**/figure_*.png"):
        assert min(cv2.imread(str(path)).shape[:2]) > 100


def test_images_are_256_rgb_pngs_in_the_folder_of_their_label(done, root):
    _, out = done
    labels = {int(row["study_id"]): row for row in read_csv(root / "train.csv")}
    paths = list((out / "images").glob("*/*.png"))
    assert len(paths) > 35
    for path in paths:
        study, level = path.stem.split("_", 1)
        label = labels[int(study)][f"spinal_canal_stenosis_{level}"]
        assert rsna.SEVERITIES[rsna.SEVERITY_LABELS.index(label)] == FOLDERS[path.parent.name]
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (256, 256, 3)
        assert (pixels[..., :1] == pixels).all()
        assert pixels.max() > 200


def test_table_1_is_the_papers(done):
    rows = [tuple(row.values()) for row in read_csv(done[1] / "table_1_mapping.csv")]
    assert rows == [("Moderate", "0"), ("Normal/Mild", "1"), ("Severe", "2")]


def test_tables_2_and_3_count_images_before_and_after_balancing(done):
    run, out = done
    before = dict(tuple(row.values()) for row in read_csv(out / "table_2_before.csv"))
    for folder, label in (("Normal_Mild", "Normal/Mild"), ("Moderate", "Moderate"), ("Severe", "Severe")):
        assert int(before[label]) == len(list((out / "images" / folder).iterdir()))
    after = [int(row["Number of Images"]) for row in read_csv(out / "study" / "table_3_after.csv")]
    assert after == [run["plan"]["copies"]] * 3


@pytest.mark.parametrize("split", ["study", "image"])
def test_table_4_follows_from_the_answers_to_the_test_images(done, split):
    run, out = done
    table = {row["Class"]: row for row in read_csv(out / split / "table_4_report.csv")}
    assert list(table) == ["Moderate", "Normal/Mild", "Severe", "Accuracy", "Macro avg", "Weighted avg"]
    _, truth, chosen = np.array(run["splits"][split]["test"]).T
    assert float(table["Accuracy"]["F1-Score"]) == pytest.approx((truth == chosen).mean(), abs=1e-4)
    recall = (chosen[truth == 2] == 2).mean()
    assert float(table["Severe"]["Recall"]) == pytest.approx(recall, abs=1e-4)
    assert len({table[name]["Support"] for name in ("Moderate", "Normal/Mild", "Severe")}) == 1


def test_the_kit_answers_for_the_very_studies_that_the_paper_has_not_seen(done):
    run, out = done
    found = run["comparison"]
    answers = pl.read_csv(out / "canal_answers.csv")
    rows = answers["row_id"].str.extract(r"^(\d+)").cast(pl.Int64)
    tested = {study for study, _, _ in run["splits"]["study"]["test"]}
    assert tested <= set(rows)
    series = pl.read_csv(out / "kit" / "data" / "test_series_descriptions.csv")
    assert set(series["study_id"]) == set(rows)
    assert not set(pl.read_csv(out / "kit" / "data" / "train.csv")["study_id"]) & set(rows)
    assert is_legal(check(out / "kit" / "submission.csv", out / "kit" / "data"))
    assert found["studies"] == len(set(rows))
    for term, (value, low, high) in found["differences"].items():
        paper_, kit = (found["terms"][who][term] for who in (comparison.PAPER, comparison.KIT_NAME))
        assert value == pytest.approx(paper_ - kit)
        assert low <= value <= high


def test_answers_change_from_the_papers_class_order_to_the_metrics():
    rows = pl.DataFrame({"study_id": [7], "level": ["l4_l5"]})
    frame = comparison.canal_answers(rows, np.array([[0.2, 0.7, 0.1]]))
    assert frame.rows()[0] == pytest.approx(("7_spinal_canal_stenosis_l4_l5", 0.7, 0.2, 0.1))


def test_level_errors_are_counted_against_the_label_points(done):
    found = done[0]["levels"]
    assert 30 < found["known"] <= 40
    assert found["other_level"] <= found["off"] < found["known"]


def test_the_report_says_first_what_was_done_and_shows_the_papers_figures_beside(done):
    run, out = done
    page = (out / "report.html").read_text()
    body = page.split("</h1>")[1]
    assert body.index(run["done"].replace("'", "&#x27;")) < body.index("<nav")
    assert "32×32 pixels (the paper: 256×256)" in run["done"]
    for stated in ("0.95", "0.97", "0.92", "2164", "16 epochs, about two hours", "15 originals feed the 2,164"):
        assert stated in page
    for title in ("Held out by study", "Held out by image", "By image or by study", "Levels by K-Means"):
        assert f"<h2>{title}</h2>" in page
    assert "too short to train anything: its rows are all priors" in page
    assert page.count("<img") == 11
    assert "<script" not in page
    assert json.loads((out / "run.json").read_text())["elapsed_s"] < 600


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_report_fits_a_phone_and_loads_without_a_complaint(done, tmp_path):
    seen, console = look((done[1] / "report.html").read_text(), tmp_path, 390)
    assert (seen["images"], seen["broken"], seen["fetched"]) == (11, 0, 0)
    assert seen["needed"] <= 390
    assert console == []


def test_a_kit_that_fails_and_a_page_that_fails_cost_the_paper_nothing(root, small, tmp_path, monkeypatch, caplog):
    def fail(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr(comparison, "submit", fail)
    monkeypatch.setattr("stenosis_kit.paper.run.write_page", fail)
    monkeypatch.setattr(charts, "can_draw", lambda: False)
    run = paper(root, tmp_path / "out", Budget(600.0), "study", 32)
    assert "comparison" not in run
    assert names(tmp_path / "out") == SHARED | OWN | {"canal_answers.csv"}
    assert "no comparison with the kit: MemoryError: no room" in caplog.text
    assert "it could not be made: MemoryError: no room" in caplog.text


def test_one_split_alone_stands_at_the_top_and_replaces_an_earlier_run(root, small, done, tmp_path, monkeypatch):
    monkeypatch.setattr(charts, "can_draw", lambda: False)
    out = tmp_path / "out"
    run = paper(root, out, Budget(600.0), "image", 32)
    assert names(out) == SHARED | OWN
    assert run["splits"]["image"]["accuracy"] == done[0]["splits"]["image"]["accuracy"]
    page = (out / "report.html").read_text()
    assert "matplotlib was not installed" in page
    assert "Not compared. It needs the split by study." in page
    with pytest.raises(TimeTooShort):  # the folder is taken again
        paper(root, out, Budget(5.0), "image", 32)


def test_too_short_a_time_is_refused_before_it_is_overrun(root, tmp_path):
    budget = Budget(30.0)
    with pytest.raises(TimeTooShort, match="for each of 3 trainings"):
        paper(root, tmp_path / "out", budget)
    assert budget.remaining() > 0


def test_an_output_folder_with_other_files_is_refused_and_left_alone(root, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert main(["paper", str(root), str(tmp_path)]) == 2
    assert "expected a new or empty folder, or an earlier paper's; found other files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_output_folder_among_the_images_is_refused(root, capsys):
    assert main(["paper", str(root), str(root / "train_images" / "paper")]) == 2
    assert "a folder that is no input and lies in none" in capsys.readouterr().err
    assert not (root / "train_images" / "paper").exists()


@pytest.mark.parametrize(("option", "message"), [("16", "32 to 1024 pixels"), ("x", "a whole number above 0")])
def test_an_input_size_that_cannot_be_is_refused(root, tmp_path, capsys, option, message):
    try:
        code = main(["paper", str(root), str(tmp_path / "out"), "--input-size", option])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert message in capsys.readouterr().err


def test_a_class_without_images_is_refused(cohort, tmp_path):
    table = pl.read_csv(cohort / "train.csv")
    columns = [pl.lit("Normal/Mild").alias(f"spinal_canal_stenosis_{level}") for level in rsna.LEVELS]
    root = tmp_path / "root"
    root.mkdir()
    for path in cohort.iterdir():
        if path.name != "train.csv":
            (root / path.name).symlink_to(path)
    table.with_columns(columns).write_csv(root / "train.csv")
    assert main(["paper", str(root), str(tmp_path / "out")]) == 2


def test_a_folder_of_somebody_elses_images_is_not_taken_for_a_papers(root, tmp_path):
    own = tmp_path / "out" / "images" / "Moderate" / "mine.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(InputError, match="a new or empty folder, or an earlier paper's"):
        paper(root, tmp_path / "out", Budget(600.0))
    assert own.read_bytes() == b"mine"


def test_an_interrupted_run_leaves_no_summary_of_the_run_before(root, done, small, tmp_path, monkeypatch):
    out = shutil.copytree(done[1], tmp_path / "out")
    monkeypatch.setattr("stenosis_kit.paper.run.PaperRun.train_splits", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        paper(root, out, Budget(600.0), input_size=32)
    assert not (out / "run.json").exists() and not (out / "report.html").exists()
    monkeypatch.undo()
    assert paper(root, out, Budget(600.0), input_size=32)["command"] == "paper"
    assert not (out / "unfinished.txt").exists()
