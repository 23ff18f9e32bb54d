import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.crops.store import Store
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.sheets import crops_section, mistakes_section


def stored(folder):
    """A store of one crop of each view for each cell of three studies, its grey value the study's."""
    rows, arrays = [], {view.name: [] for view in VIEWS}
    for study, severity in enumerate(rsna.SEVERITIES):
        for condition, level in rsna.CELLS:
            for view in VIEWS:
                if view.term == rsna.CONDITION_BY_NAME[condition].term:
                    cell = {"study_id": study, "condition": condition, "level": level, "severity": severity}
                    rows.append(cell | {"view": view.name, "row": len(arrays[view.name])})
                    arrays[view.name].append(np.full((8, 8, 3), 80 * study, np.uint8))
    return Store(folder, pl.DataFrame(rows), {name: np.array(crops) for name, crops in arrays.items()}, {})


def test_crops_are_shown_by_view_and_severity_and_of_as_many_studies_as_there_are(tmp_path):
    found = crops_section(Evidence(tmp_path, {}, store=stored(tmp_path)), None)
    assert found.count("<h3>") == 3 * len(VIEWS)
    assert found.count("<img") == sum(3 * min(8, 5 * (1 if view.term == "spinal" else 2)) for view in VIEWS)


def test_the_worst_mistakes_come_first_with_their_share_and_their_crop(tmp_path):
    store = stored(tmp_path)
    cells = store.manifest.unique(["study_id", "condition", "level"], maintain_order=True)
    ids = [rsna.row_id(*cell) for cell in cells.select("study_id", "condition", "level").iter_rows()]
    cells = cells.with_columns(pl.Series("row_id", ids), normal_mild=0.98, moderate=0.01, severe=0.01)
    found = mistakes_section(Evidence(tmp_path, {}, answers=cells, store=store), None)
    assert found.count("<img") == found.count("label: ") == 12
    assert found.count("study 2") == 2 * 12  # the severe ones: in the text and in the picture's description
    assert "12 cells make" in found
    assert "have no picture" not in found
