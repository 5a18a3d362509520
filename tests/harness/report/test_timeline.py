import numpy as np
import pytest

from harness.report.style import style
from harness.report.timeline import MOST_POINTS, QUANTITIES, thin, timeline
from tests.harness.made import START_UNIX_S, record, run, samples

BEGIN_S = START_UNIX_S + 20
UTILISATION, MEMORY = QUANTITIES[0].metrics[0], QUANTITIES[1].metrics[0]
CPU_UTILISATION = QUANTITIES[0].metrics[1]
CHAIN = record("chain", runs=[run(1, {}, duration_s=100.0)])


@pytest.fixture(autouse=True)
def styled():
    with style():
        yield


def table(**columns):
    import pandas as pd

    return pd.DataFrame(samples(columns))


def told(name, start_s, duration_s, **more):
    return {"run": 1, "phase": name, "started_unix_s": BEGIN_S + start_s, "duration_s": duration_s, **more}


def test_many_samples_become_pieces_with_their_mean_and_their_ends():
    values = np.random.default_rng(0).uniform(0, 100, 10 * MOST_POINTS)
    found = thin(table(gpu0_utilisation_pct=values), UTILISATION).dropna()

    pieces = values.reshape(MOST_POINTS, 10)
    assert np.allclose(found["mean"], pieces.mean(axis=1))
    assert np.allclose(found["min"], pieces.min(axis=1))
    assert np.allclose(found["max"], pieces.max(axis=1))


def test_utilisation_is_the_mean_of_the_gpus_and_memory_their_sum_where_all_were_read():
    found = table(
        gpu0_utilisation_pct=[10, 20, np.nan],
        gpu1_utilisation_pct=[30, np.nan, np.nan],
        gpu0_memory_used_bytes=[2**30, 2**30, 2**30],
        gpu1_memory_used_bytes=[2**31, np.nan, 2**31],
    )

    assert list(thin(found, UTILISATION)["mean"].dropna()) == [20, 20]
    assert list(thin(found, MEMORY)["mean"].dropna()) == [3, 3]


def test_a_pause_breaks_the_line():
    host = [1.0] * 10 + [np.nan] * 5 + [2.0] * 10
    means = list(thin(table(host_cpu_pct=host), CPU_UTILISATION)["mean"])

    assert np.allclose(means, [1.0] * 10 + [np.nan] + [2.0] * 10 + [np.nan], equal_nan=True)


def test_beats_that_a_slower_sensor_sits_out_break_nothing():
    host = [5.0 if beat % 10 == 0 else np.nan for beat in range(100)]
    assert list(thin(table(host_cpu_pct=host), CPU_UTILISATION)["mean"].isna()) == [False] * 10 + [True]


def test_only_panels_with_samples_are_drawn():
    drawn = timeline(
        CHAIN, samples({"host_cpu_pct": np.full(100, 50.0), "gpu0_power_w": np.full(100, np.nan)}), []
    )

    assert [axes.get_ylabel() for axes in drawn.axes[1:]] == ["utilisation (%)"]
    assert drawn.axes[-1].get_xlabel() == "time since the start of run 1 (s)"


def test_without_samples_there_is_no_figure():
    assert timeline(CHAIN, {}, []) is None
    assert timeline(CHAIN, samples({"load_1min": [1.0, 2.0]}), []) is None
    assert timeline(CHAIN, samples({"host_cpu_pct": [np.nan] * 5}), []) is None
    assert timeline(CHAIN, samples({"host_cpu_pct": [50.0] * 5}, start_s=BEGIN_S + 5000), []) is None
    assert timeline(record("chain"), samples({"host_cpu_pct": [50.0] * 5}), []) is None


def test_phases_are_named_once_in_the_legend_and_stages_in_their_strip():
    phases = [
        told("stage train", 10, 80),
        told("start-up", 10, 10),
        told("epoch", 20, 30, epoch=1),
        told("epoch", 50, 30, epoch=2),
        {**told("of another run", 20, 30), "run": 2},
    ]
    drawn = timeline(CHAIN, samples({"host_cpu_pct": np.full(100, 50.0)}), phases)

    (legend,) = drawn.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["start-up", "epoch", "CPU, everybody's"]
    assert [text.get_text() for text in drawn.axes[0].texts] == ["train", "1", "2"]
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["phase", "stage"]


def test_the_longest_run_that_was_sampled_is_shown():
    short, long = run(1, {}, duration_s=10.0), run(2, {}, duration_s=900.0)
    drawn = timeline(
        record("train", runs=[short, long]),
        samples({"host_cpu_pct": np.full(900, 50.0)}, start_s=START_UNIX_S + 40),
        [],
    )

    assert drawn.axes[-1].get_xlabel() == "time since the start of run 2 (min)"
    assert drawn.axes[-1].get_xlim() == (0.0, 15.0)


def test_the_legend_has_only_phases_that_can_be_seen():
    # A picture is about a thousand pixels wide: 0.2 % of the time is two of them.
    phases = [told("epoch", 0, 90), told("checkpoint", 90, 0.2), told("checkpoint", 95, 0.2)]
    drawn = timeline(CHAIN, samples({"host_cpu_pct": np.full(100, 50.0)}), phases)

    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == ["epoch", "CPU, everybody's"]
    assert "too short to be seen: checkpoint" in drawn.texts[-1].get_text().replace("\n", " ")


def test_our_load_is_drawn_beside_that_of_everybody():
    columns = {"host_cpu_pct": np.full(100, 90.0), "tree_cpu_pct": np.full(100, 40.0)}
    lines = timeline(CHAIN, samples(columns), []).axes[1].lines

    assert {one.get_label(): float(np.nanmax(one.get_ydata())) for one in lines if len(one.get_ydata())} == {
        "CPU, everybody's": 90.0,
        "CPU and memory of our processes": 40.0,
    }
