import json
from dataclasses import asdict

import pytest

from harness.measure.record import Verdict as Limit
from harness.report.overview.record_rows import histories, record_row
from harness.verdict import Verdict
from tests.harness import made


def on_disk(record, results):
    """The folder of a record, written as the store writes it."""
    folder = results / record.platform / record.id
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(asdict(record), indent=1, sort_keys=True))
    return folder


def test_a_figure_knows_the_line_that_it_came_from(tmp_path):
    record = made.record(rates=[30.0, 32.0])
    folder = on_disk(record, tmp_path)
    row = record_row(record, folder)
    (figure,) = row.figures
    assert figure.value == pytest.approx((30.0 * 32.0) ** 0.5)
    assert figure.text == "31 images/s (20.6 to 46.7; n 2)"
    line = (folder / "record.json").read_text().splitlines()[figure.line - 1]
    assert line.strip().rstrip(",") == '"name": "train_images_per_s"'
    assert row.file == f"local/{record.id}/record.json"


def test_the_line_of_a_part_is_that_of_its_own_measurement(tmp_path):
    runs = [made.run(1, {("stage_s", "verify"): [1.0], ("stage_s", "train"): [20.0], "mAP": [0.5]})]
    record = made.record("chain", runs=runs)
    folder = on_disk(record, tmp_path)
    lines = (folder / "record.json").read_text().splitlines()
    words = {figure.words: figure for figure in record_row(record, folder).figures}
    assert lines[words["training"].line].strip().startswith('"of": "train"')
    assert words["mAP of the test frames"].value == 0.5


def test_a_record_says_whether_it_is_clean_and_why_not(tmp_path):
    rows = [
        record_row(record, tmp_path)
        for record in (
            made.record(rates=[30.0]),
            made.record(rates=[30.0], observed=made.observed(other_cpu_pct=50.0)),
            made.record(rates=[30.0], probe=None),
        )
    ]
    assert [row.is_comparable for row in rows] == [Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL]
    assert rows[1].label == "other processes took 50 % of the CPU"
    assert rows[2].label == "nothing watched the machine meanwhile"


def test_a_record_that_was_sent_in_says_so(tmp_path):
    row = record_row(made.record(rates=[30.0], contributed="a.zip, sha256 0123"), tmp_path)
    assert row.label == "contributed: a.zip, sha256 0123"


def test_a_record_without_figures_says_how_it_ended(tmp_path):
    row = record_row(made.record(status="failed", reason="out of memory"), tmp_path)
    assert (row.figures, row.status) == ((), "failed: out of memory")


def test_figures_that_are_nan_are_no_figures(tmp_path):
    assert record_row(made.record(rates=[float("nan"), float("nan")]), tmp_path).figures == ()


def test_text_of_others_is_in_one_line_without_control_characters(tmp_path):
    limit = Limit(word="compute\x1b[2J", why="a\nb", figures={})
    row = record_row(made.record(rates=[1.0], platform="p\nq", verdict=limit), tmp_path)
    assert row.platform == r"p\nq"
    assert row.verdict == r"compute\x1b[2J: a\nb"


def dated(day, *rates, **more):
    return made.record(
        rates=rates, started=f"2026-03-{day:02}T10:00:00Z", bench=f"202603{day:02}T100000Z-0000", **more
    )


def test_a_history_shows_the_records_of_one_set_up_in_order_with_the_references_band():
    records = [dated(3, 20.0), dated(1, 30.0), dated(2, 31.0)]
    (history,) = histories(records, {}, spread_pct=lambda recipe: 6.0)
    assert [point.value for point in history.points] == pytest.approx([30.0, 31.0, 20.0])
    assert history.reference == "20260301T100000Z-0000"
    # 30 times 1.06 to the power of 1.96 times the square root of two, for a session and its reference
    assert history.middle == pytest.approx(30.0)
    assert history.high == pytest.approx(30.0 * 1.06 ** (1.959964 * 2**0.5))
    assert history.low == pytest.approx(30.0 / 1.06 ** (1.959964 * 2**0.5))


def test_the_reference_is_that_which_is_named():
    records = [dated(1, 30.0), dated(2, 40.0), dated(3, 41.0)]
    named = {"local": "20260302T100000Z-0000"}
    (history,) = histories(records, named, spread_pct=lambda recipe: 6.0)
    assert history.middle == pytest.approx(40.0)


def test_records_of_other_data_have_a_history_of_their_own_which_says_so():
    records = [
        dated(day, rate, conditions={"data_sha256": data * 64})
        for day, rate, data in ((1, 30.0, "a"), (2, 31.0, "a"), (3, 20.0, "b"), (4, 21.0, "b"))
    ]
    found = histories(records, {}, spread_pct=lambda recipe: 6.0)
    assert [[point.value for point in one.points] for one in found] == [[30.0, 31.0], [20.0, 21.0]]
    assert [one.title.partition(", recipe ")[0][-13:] for one in found] == ["data aaaaaaaa", "data bbbbbbbb"]


def test_one_record_is_no_history_and_other_platforms_have_their_own():
    records = [dated(1, 30.0), dated(2, 31.0), dated(1, 99.0, platform="jade")]
    assert len(histories(records, {}, spread_pct=lambda recipe: 6.0)) == 1
    assert histories([], {}) == ()
