from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text

from harness.report.figures import figures
from harness.report.style import render, style
from harness.workspace.marker import STAGES
from tests.harness.made import START_UNIX_S, joules, machine, observed, record, run, samples

RNG = np.random.default_rng(2)
PLATFORMS = {
    "local": (0, 36.0),
    "baskerville": (1, 820.0),
    "isambard-ai": (4, 5200.0),
    "a-machine-with-a-long-name": (1, 410.0),
}


def everything():
    """Records of every case from four platforms, one of them disturbed."""
    for platform, (gpus, rate) in PLATFORMS.items():
        words = {
            "platform": platform,
            "machine": machine(
                gpus=gpus, name="NVIDIA A100-SXM4-40GB", cpu="Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"
            ),
            "conditions": {"gpus": max(gpus, 1)},
            "observed": observed(other_gpu_processes=int(platform == "baskerville")),
        }
        used = [joules(100.0)] if gpus else [joules(50.0, device="cpu", method="integral")]
        rates = RNG.normal(rate, rate / 100, 5)
        yield record(
            "train",
            runs=[
                run(n, {"train_images_per_s": [one]}, images=9, energy=used) for n, one in enumerate(rates)
            ],
            **words,
        )
        for case in ("evaluate", "inference"):
            for batch in (1, 8):
                runs = [
                    run(n, {"images_per_s": [one * batch**0.5]}, images=9, energy=used)
                    for n, one in enumerate(rates)
                ]
                yield record(
                    case, runs=runs, **{**words, "conditions": {**words["conditions"], "batch": batch}}
                )
        told = {("stage_s", stage): [4000 / rate * n + 1] for n, stage in enumerate(STAGES)}
        course = {
            "epoch_loss": [90.0, 40.0],
            "epoch_mAP": [0.1, 0.4],
            "epoch_end_s": [4000 / rate, 8000 / rate],
        }
        yield record("chain", runs=[run(1, {**told, **course}, duration_s=200.0)], **words)


def watched(record):
    columns = {"host_cpu_pct": np.full(200, 60.0), "tree_rss_bytes": np.full(200, 2e9)}
    for gpu in record.machine.gpus:
        columns[f"gpu{gpu.uuid[-1]}_utilisation_pct"] = RNG.uniform(80, 100, 200)
        columns[f"gpu{gpu.uuid[-1]}_power_w"] = RNG.uniform(200, 300, 200)
    return samples(columns)


def phases(record):
    begun = START_UNIX_S + 20
    spans = [
        ("stage train", 0, 190),
        ("start-up", 0, 20),
        ("epoch", 20, 80),
        ("epoch", 100, 80),
        ("checkpoint", 180, 10),
    ]
    return [
        {"run": 1, "phase": name, "started_unix_s": begun + at, "duration_s": long}
        for name, at, long in spans
    ]


@pytest.fixture(autouse=True)
def styled():
    with style():
        yield


@pytest.mark.slow
def test_each_recipe_and_each_platform_has_its_plots():
    other = record("train", [5.0], conditions={"recipe": "my recipe/2"})
    names = [name for name, _ in figures([*everything(), other], watched, phases)]

    assert names == [
        "throughput-my-recipe-2",
        *(f"{kind}-sample" for kind in ("throughput", "energy", "stages", "learning", "batches")),
        *(f"timeline-{platform}" for platform in sorted(PLATFORMS)),
    ]


def test_no_records_are_no_plots():
    assert list(figures([], watched, phases)) == []


def test_of_a_platform_that_was_only_watched_the_time_is_shown():
    seen = record("imported", machine=None, source="dmon_1.txt", runs=[run(1, {}, duration_s=200.0)])
    columns = samples({"gpu0_utilisation_pct": np.full(200, 50.0)})

    assert [name for name, _ in figures([seen], lambda _: columns, lambda _: [])] == ["timeline-local"]


def test_of_a_rate_of_nothing_there_is_no_multiple():
    rates = {1: 0.0, 2: 10.0, 4: 20.0}
    measured = [
        record("train", [rate], machine=machine(gpus=4), conditions={"gpus": gpus}, bench=f"b{gpus}")
        for gpus, rate in rates.items()
    ]
    assert "gpus-sample" not in [name for name, _ in figures(measured, watched, phases)]


@pytest.mark.slow
def test_no_two_words_of_a_plot_lie_on_each_other_and_none_is_cut_off():
    for name, drawn in figures(list(everything()), watched, phases):
        render(drawn)
        unseen = beyond(drawn)
        words = [text for text in drawn.findobj(Text) if text.get_text().strip() and text.get_visible()]
        words = [text for text in words if text not in unseen]
        assert len(words) > 8, name
        boxes = [(text.get_text(), text.get_window_extent().shrunk(0.95, 0.8)) for text in words]
        page = drawn.bbox
        assert [
            word for word, box in boxes if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0
        ] == [], name
        assert [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)] == [], name


def beyond(drawn):
    """Labels of ticks outside the ends of their axis, which exist and are not drawn."""
    return [
        label
        for axes in drawn.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    ]


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes_in_any_order():
    records = [
        record("train", [10.0, 11.0, 12.0, 13.0, 14.0], platform=name) for name in ("jade", "local", "pearl")
    ]

    def drawn(found):
        return {name: render(figure) for name, figure in figures(found, lambda _: {}, lambda _: [])}

    assert drawn(records) == drawn(records[::-1])
