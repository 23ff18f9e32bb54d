from pages import section

from stenosis_kit.report.command import report


def test_images_are_read_by_workers_alone_so_that_a_mount_that_is_silent_holds_up_nothing(run, page, monkeypatch):
    def hang(path):
        raise AssertionError(f"{path} is read in the main process")

    monkeypatch.setattr("stenosis_kit.images.series.read_slice", hang)
    assert report(run).read_text().count("<img") == page.count("<img")
    again = (run / "report.html").read_text()
    assert section(again, "Levels").count("<circle") == section(page, "Levels").count("<circle") > 10
