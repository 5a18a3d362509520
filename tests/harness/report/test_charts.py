import pytest

from harness.report.charts import HOLLOW, MOST_ROWS, Dots, Panel, dot_plot, energy, stage_times, throughput
from harness.report.selection import newest
from harness.report.style import style
from tests.harness.made import joules, observed, record, run

CASES = ("train", "evaluate", "inference")


def of(*records):
    return {case: newest(records, case) for case in CASES}


def rows(drawn):
    return [label.get_text() for label in drawn.axes[0].get_yticklabels()]


def medians(axes):
    """Where the dots are, with their number beside them."""
    return {text.get_text() for text in axes.texts}


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

    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["training", "inference"]
    assert [label.split(":")[0] for label in rows(drawn)] == ["jade", "local"]
    assert [medians(axes) for axes in drawn.axes] == [{"400", "11"}, {"30"}]
    assert {axes.get_xscale() for axes in drawn.axes} == {"log"}, "11 and 400 are too far apart for one length"
    assert drawn.axes[0].get_xlabel() == "throughput (images/s)"


def test_what_is_not_comparable_is_hollow_and_the_foot_says_so():
    drawn = throughput("sample", of(record("train", [10.0], observed=observed(xid_events=2))))

    dot = next(line for line in drawn.axes[0].lines if line.get_marker() == "o")
    assert dot.get_markerfacecolor() == "white"
    assert HOLLOW in " ".join(text.get_text().replace("\n", " ") for text in drawn.texts)


def test_energy_tells_gpu_from_cpu_and_how_it_is_known():
    used = [joules(5.0), joules(2.0, device="cpu", method="integral")]
    drawn = energy("sample", of(record("train", runs=[run(1, {}, images=10, energy=used)])))

    (legend,) = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == ["GPU, its own counter", "CPU, power times time"]
    assert medians(drawn.axes[0]) == {"500", "200"}


def test_stages_are_in_the_order_of_the_workflow():
    chain = record("chain", runs=[run(1, {("stage_s", "train"): [60.0], ("stage_s", "download"): [2.0]})])

    assert rows(stage_times("sample", newest([chain], "chain"))) == ["download", "train"]


def test_nothing_to_show_is_no_figure():
    assert throughput("sample", of()) is None
    assert energy("sample", of(record("train", [10.0]))) is None
    assert stage_times("sample", newest([record("chain", runs=[run(1, {"mAP": [None]})])], "chain")) is None


def test_more_rows_than_a_page_holds_are_counted_in_the_foot():
    names = [f"row {n}" for n in range(MOST_ROWS + 7)]
    drawn = dot_plot("Many", [Panel("", "s", [Dots(name, [1.0], 0, False) for name in names])], names)

    assert rows(drawn) == names[:MOST_ROWS]
    assert "7 more rows" in drawn.texts[-1].get_text()
