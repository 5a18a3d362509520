"""What panels show of records: which rows and lines, where they are, and what is said of them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from harness.report.figures import batch_sizes, energy, learning, more_gpus, stage_times, throughput
from harness.report.panels import HOLLOW, MOST_ROWS, Dots, Line, Panel, dot_plot, line_plot
from harness.report.selection import newest
from harness.report.style import style
from tests.harness.made import joules, machine, observed, record, run

CASES = ("chain", "train", "scaling", "evaluate", "inference")


def of(*records):
    return {case: newest(records, case) for case in CASES}


def rows(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def medians(axes):
    """The numbers beside the dots."""
    return {text.get_text().split(" (")[0] for text in axes.texts}


@pytest.fixture(autouse=True)
def styled():
    with style():
        yield


def test_throughput_has_a_row_a_set_up_and_a_panel_a_kind_of_work():
    drawn = throughput(
        "sample",
        of(
            record("train", [10.0, 12.0, 11.0]),
            record("train", [400.0], platform="jade"),
            record("inference", runs=[run(1, {"images_per_s": [30.0]})]),
        ),
    )

    assert [axes.get_xlabel() for axes in drawn.axes] == ["training (images/s)", "inference (images/s)"]
    assert [[label.split(":")[0] for label in rows(axes)] for axes in drawn.axes] == [
        ["jade", "local"],
        ["local"],
    ]
    assert [medians(axes) for axes in drawn.axes] == [{"400", "11"}, {"30"}]
    assert {axes.get_xscale() for axes in drawn.axes} == {"log"}, (
        "11 and 400 are too far apart for one length"
    )


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("row", ["local", ", ".join(["a condition that was not recorded"] * 4)])
def test_words_beside_a_value_end_within_the_picture_however_long_the_rows_are(row, scale):
    ends = {"linear": (20.0, 22.0), "log": (1.0, 100.0)}[scale]
    remark = "(the limit of this machine was not recorded)"
    dots = [Dots(f"{row} {end}", [end], 0, False, remark=remark) for end in ends]
    drawn = dot_plot("Words", [Panel("s", dots=dots)], [one.row for one in dots])
    drawn.draw_without_rendering()

    (axes,) = drawn.axes
    extents = [words.get_window_extent() for words in (*axes.texts, *axes.get_yticklabels())]
    assert axes.get_xscale() == scale
    assert min(extent.x0 for extent in extents) >= 0
    assert max(extent.x1 for extent in extents) <= drawn.bbox.width


def test_a_long_row_is_broken_after_commas_and_its_lines_do_not_touch_those_of_the_next():
    names = [f"{place}, " + ", ".join(["two words"] * 20) for place in ("local", "jade")]
    drawn = dot_plot("Rows", [Panel("s", dots=[Dots(name, [1.0], 0, False) for name in names])], names)
    drawn.draw_without_rendering()

    first, second = drawn.axes[0].get_yticklabels()
    assert all(line.endswith((",", "two words")) for line in first.get_text().split("\n"))
    assert first.get_window_extent().y0 > second.get_window_extent().y1


def test_three_numbers_of_one_row_do_not_touch():
    stages = [f"stage {number}" for number in range(9)]
    dots = [Dots(stage, [10.0 + place], place, False, f"{place}") for stage in stages for place in range(3)]
    drawn = dot_plot("Stages", [Panel("s", dots=dots)], stages)
    drawn.draw_without_rendering()

    heights = sorted((words.get_window_extent() for words in drawn.axes[0].texts), key=lambda one: one.y0)
    assert len(heights) == 27
    assert all(below.y1 <= above.y0 for below, above in pairwise(heights))


def test_throughput_says_how_near_the_limit_it_is_or_that_nobody_recorded_it():
    measured = {"train_images_per_s": [10.0], "matmul_share_pct": [41.5]}
    records = [record("train", runs=[run(1, measured)]), record("train", [20.0], platform="jade")]
    drawn = throughput("sample", of(*records))

    assert {text.get_text() for text in drawn.axes[0].texts} == {
        "10 (41.5 % of the limit)",
        "20 (limit not recorded)",
    }


def test_no_panel_has_a_row_without_a_dot():
    # Training is measured by 4, evaluation by 8: rows that all panels share would be empty in one of them.
    drawn = throughput(
        "sample",
        of(
            record("train", [10.0]),
            record("evaluate", conditions={"batch": 8}, runs=[run(1, {"images_per_s": [30.0]})]),
        ),
    )

    dots = [sum(line.get_marker() == "o" for line in axes.lines) for axes in drawn.axes]
    assert dots == [len(rows(axes)) for axes in drawn.axes] == [1, 1]


def test_rows_and_legends_tell_date_and_commit():
    records = [
        record("train", [10.0]),
        record("train", [20.0], platform="jade", started="2026-04-02T10:15:00Z"),
    ]
    chain = record("chain", runs=[run(1, {("stage_s", "train"): [60.0], "epoch_loss": [2.0, 1.0]})])

    assert [label.splitlines()[-1] for label in rows(throughput("sample", of(*records)).axes[0])] == [
        "2026-04-02, commit 01234567",
        "2026-03-01, commit 01234567",
    ]
    for drawn in (stage_times("sample", of(chain)), learning("sample", of(chain))):
        (entry,) = (text.get_text() for text in drawn.legends[0].get_texts())
        assert entry.endswith(" (2026-03-01, commit 01234567)")


def test_rows_that_must_not_be_compared_say_by_what_they_differ():
    long = record("chain", conditions={"epochs": 14}, runs=[run(1, {"epoch_loss": [2.0, 1.0]})])
    short = record("chain", conditions={"epochs": 7}, runs=[run(1, {"epoch_loss": [2.0, 1.0]})])
    drawn = learning("sample", of(long, short))

    names = sorted(text.get_text() for text in drawn.legends[0].get_texts())
    assert [name.split(" (")[0].rpartition(", ")[2] for name in names] == ["14 epochs", "7 epochs"]


def test_what_is_not_comparable_is_hollow_and_the_foot_says_so():
    drawn = throughput("sample", of(record("train", [10.0], observed=observed(xid_events=2))))

    dot = next(line for line in drawn.axes[0].lines if line.get_marker() == "o")
    assert dot.get_markerfacecolor() == "white"
    assert HOLLOW in " ".join(text.get_text().replace("\n", " ") for text in drawn.texts)


def test_energy_tells_gpu_from_cpu_and_how_it_is_known():
    used = [joules(5.0), joules(2.0, device="cpu", method="integral")]
    drawn = energy("sample", of(record("train", runs=[run(1, {}, images=10, energy=used)])))

    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "GPU, its own counter",
        "CPU, power times time",
    ]
    assert medians(drawn.axes[0]) == {"500", "200"}


def test_energy_without_a_figure_is_no_dot_and_the_foot_says_why():
    hole = replace(joules(None), reason="only 59 % of the time is covered")
    records = [
        record("train", runs=[run(1, {}, images=10, energy=[hole])]),
        record("train", platform="jade", runs=[run(1, {}, images=10, energy=[joules(5.0)])]),
    ]
    drawn = energy("sample", of(*records))

    assert [label.split(":")[0] for label in rows(drawn.axes[0])] == ["jade"]
    foot = drawn.texts[-1].get_text().replace("\n", " ")
    assert "training, GPU: no figure of 1 of 1 runs: only 59 % of the time is covered" in foot


def test_stages_are_in_the_order_of_the_workflow():
    chain = record("chain", runs=[run(1, {("stage_s", "train"): [60.0], ("stage_s", "download"): [2.0]})])

    assert rows(stage_times("sample", of(chain)).axes[0]) == ["download", "train"]


def test_nothing_to_show_is_no_figure():
    assert throughput("sample", of()) is None
    assert energy("sample", of(record("train", [10.0]))) is None
    assert stage_times("sample", of(record("chain", runs=[run(1, {"mAP": [None]})]))) is None


def test_more_rows_than_a_page_holds_are_counted_in_the_foot():
    names = [f"row {n}" for n in range(MOST_ROWS + 7)]
    drawn = dot_plot("Many", [Panel("s", dots=[Dots(name, [1.0], 0, False) for name in names])], names)

    assert rows(drawn.axes[0]) == names[:MOST_ROWS]
    assert "7 more rows" in drawn.texts[-1].get_text()


def points(axes):
    """{legend's name: (x, y)} of the lines that have one."""
    return {
        line.get_label(): line.get_xydata().tolist()
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_learning_shows_the_loss_by_epoch_and_the_score_by_time_and_no_curve_twice():
    told = {"epoch_loss": [9.0, 5.0, 4.0], "epoch_mAP": [None, 0.2, 0.3], "epoch_end_s": [60.0, 120.0, 240.0]}
    drawn = learning("sample", of(record("chain", runs=[run(1, told)])))

    assert [axes.get_ylabel() for axes in drawn.axes] == ["training loss", "validation mAP"]
    assert [next(iter(points(axes).values())) for axes in drawn.axes] == [
        [[1, 9], [2, 5], [3, 4]],
        [[2, 0.2], [4, 0.3]],
    ]

    untimed = {name: values for name, values in told.items() if name != "epoch_end_s"}
    drawn = learning("sample", of(record("chain", runs=[run(1, untimed)])))
    assert next(iter(points(drawn.axes[1]).values())) == [[2, 0.2], [3, 0.3]]


def test_without_a_score_the_loss_stands_alone():
    drawn = learning("sample", of(record("chain", runs=[run(1, {"epoch_loss": [9.0, 5.0]})])))
    assert len(drawn.axes) == 1
    assert learning("sample", of()) is None


def test_efficiency_is_throughput_over_that_of_perfect_scaling():
    measured = {1: 100.0, 2: 180.0, 4: 300.0}
    records = [
        record("train", [rate] * 5, machine=machine(gpus=count), conditions={"gpus": count})
        for count, rate in measured.items()
    ]
    alone = record("train", [5.0], platform="one-gpu", machine=machine(gpus=1))
    drawn = more_gpus("sample", of(*records, alone))

    rates, shares = (next(iter(points(axes).values())) for axes in drawn.axes)
    assert len(points(drawn.axes[0])) == 1, "one count is no scaling"
    assert np.allclose(rates, [[1, 100], [2, 180], [4, 300]])
    assert np.allclose(shares, [[1, 100], [2, 90], [4, 75]])
    assert [label.get_text() for label in drawn.axes[0].get_xticklabels()] == ["1", "2", "4"]


def test_a_study_draws_strong_and_weak_scaling_apart_from_one_beginning():
    # Strong: 8 frames in all; weak: 8 frames a GPU.
    study = [
        ("strong and weak", 1, 8, 100.0),
        ("strong", 2, 4, 150.0),
        ("weak", 2, 8, 190.0),
        ("strong", 4, 2, 200.0),
    ]
    records = [
        record(
            "scaling",
            [rate],
            machine=machine(gpus=gpus),
            conditions={"scaling": kind, "gpus": gpus, "batch": batch},
        )
        for kind, gpus, batch, rate in study
    ]
    drawn = more_gpus("sample", of(*records))

    names = {
        kind: f"local: Made-up 100, portable, fp32, batch 8, {kind} scaling (2026-03-01, commit 01234567)"
        for kind in ("strong", "weak")
    }
    rates, shares = (points(axes) for axes in drawn.axes)
    assert rates.keys() == shares.keys() == {*names.values()}
    assert np.allclose(rates[names["strong"]], [[1, 100], [2, 150], [4, 200]])
    assert np.allclose(rates[names["weak"]], [[1, 100], [2, 190]])
    assert np.allclose(shares[names["strong"]], [[1, 100], [2, 75], [4, 50]])
    assert np.allclose(shares[names["weak"]], [[1, 100], [2, 95]])


def test_batch_sizes_have_a_panel_for_each_kind_of_work_that_had_several():
    records = [
        record("inference", conditions={"batch": batch}, runs=[run(1, {"images_per_s": [10.0 * batch]})])
        for batch in (1, 8)
    ]
    drawn = batch_sizes("sample", of(*records, record("train", [3.0])))

    assert [axes.get_ylabel() for axes in drawn.axes] == ["inference (images/s)"]
    assert batch_sizes("sample", of(record("train", [3.0]))) is None
    assert more_gpus("sample", of(record("train", [3.0]))) is None


@pytest.mark.parametrize(("widest", "scale"), [(20.0, "linear"), (21.0, "log")])
def test_dots_that_are_far_apart_have_a_logarithmic_axis(widest, scale):
    panel = Panel("s", dots=[Dots("near", [1.0], 0, False), Dots("far", [widest], 0, False)])

    assert dot_plot("Two", [panel], ["near", "far"]).axes[0].get_xscale() == scale


def test_lines_of_one_name_look_alike_in_all_panels():
    one, other = Line("one", [1, 2], [1, 2]), Line("other", [1, 2], [2, 1])
    drawn = line_plot("Two", [Panel("x", lines=[one, other]), Panel("x", lines=[other])])

    looks = [
        {line.get_label(): (line.get_color(), line.get_marker()) for line in axes.lines}
        for axes in drawn.axes
    ]
    assert looks[0]["other"] == looks[1]["other"] != looks[0]["one"]
