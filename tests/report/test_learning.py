import pytest

from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.learning import learning_section

ROWS = {
    "view,fold,epoch,nats,val_nats": ["a_b,0,1,0.9,0.8", "a_b,0,2,0.7,0.6", "a_b,1,1,0.9,", "c,0,1,0.5,0.4"],
    "view,fold,epoch,nats": ["a_b,0,1,0.9", "a_b,0,2,0.7", "a_b,1,1,0.9", "c,0,1,0.5"],
}


def learnt(folder, header):
    (folder / "history.csv").write_text("\n".join([header, *ROWS[header]]))
    return learning_section(Evidence(folder, {}, model=folder))


@pytest.mark.parametrize(("header", "last"), list(zip(ROWS, ("0.600, –", "–, –"), strict=True)))
def test_each_grader_has_a_row_with_its_folds_epochs_and_last_losses(tmp_path, header, last):
    found = learnt(tmp_path, header)
    row = found.split('<th scope="row">a, b</th>')[1].split("</tr>")[0]
    assert row == f"<td>2</td><td>2, 1</td><td>{last}</td>"
    assert found.count("<svg") == 2


def test_what_is_not_known_of_training_is_said(tmp_path):
    assert "no model with a training history" in learning_section(Evidence(tmp_path, {}))
    assert "When it was trained, and in what time, is not known." in learnt(tmp_path, next(iter(ROWS)))


@pytest.mark.parametrize(("start", "said"), [("none", ", from new weights."), ("bundled", ", starting from: bundled.")])
def test_it_says_what_the_networks_started_from(tmp_path, start, said):
    (tmp_path / "history.csv").write_text("view,fold,epoch,nats\na,0,1,0.9")
    run = {"networks": 2, "studies": 8, "seconds": {"train": 3.0}, "start": start}
    found = learning_section(Evidence(tmp_path, {}, model=tmp_path, model_run=run))
    assert f"2 networks were trained on 8 studies in 3.0 s{said}" in found
