from pages import section

from stenosis_kit.report.provenance import pretty, timings_table


def test_the_rows_of_the_submission_are_counted_by_origin(page, run):
    found = section(page, "Where rows came from")
    assert "75 rows" in found
    assert "grader: foraminal_sagittal" in found


def test_long_lists_are_counted_and_short_ones_shown():
    found = pretty({"short": [1, 2], "long": list(range(100)), "inner": {"long": [0] * 13}})
    assert "100 entries" in found
    assert "13 entries" in found
    assert found.count("99") == 0


def test_timings_end_with_the_whole_run_which_may_not_be_noted():
    found = timings_table({"seconds": {"cut": 61.0}, "elapsed_s": 70.0, "time_limit_s": 120.0}, "all of it")
    assert found.index("1 min 01 s") < found.index("all of it") < found.index("1 min 10 s of 2 min 00 s")
    assert "not noted" in timings_table({}, "all of it")
    assert "<td>1 min 05 s</td>" in timings_table({"elapsed_s": 65.0, "time_limit_s": None}, "all of it")
