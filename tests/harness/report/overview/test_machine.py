import numpy as np
import pytest

from harness.measure.record import Verdict
from harness.report.overview.machine import BINS, candidates, machine_at_work
from tests.harness import made

LENGTH_S = 480.0


@pytest.fixture
def record():
    return made.record("chain", runs=[made.run(1, {}, duration_s=LENGTH_S)])


def sampled(hz=1.0, **columns):
    count = int(LENGTH_S * hz)
    return made.samples({name: [value] * count for name, value in columns.items()}, hz=hz)


def lanes(record, samples):
    return {lane.name: lane for lane in machine_at_work(record, samples, [], None).lanes}


def test_a_lane_is_the_mean_of_its_samples_between_the_least_and_the_largest(record):
    start_s = record.runs[0].started_unix_s + 0.5
    samples = made.samples({"tree_cpu_pct": [40.0, 60.0] * 240}, hz=1.0, start_s=start_s)
    lane = lanes(record, samples)["CPU, our processes"]
    assert lane.mean == (50.0,) * BINS
    assert (set(lane.low), set(lane.high), lane.top) == ({40.0}, {60.0}, 100.0)


def test_gpus_are_averaged_or_added_up(record):
    columns = {
        "gpu0_utilisation_pct": 20.0,
        "gpu1_utilisation_pct": 60.0,
        "gpu0_power_w": 100.0,
        "gpu1_power_w": 150.0,
    }
    found = lanes(record, sampled(**columns))
    assert found["GPU utilisation, mean"].mean[0] == 40.0
    assert found["GPU power, sum"].mean[0] == 250.0


def test_memory_is_in_gib(record):
    lane = lanes(record, sampled(tree_rss_bytes=3.0 * 2**30))["memory, our processes"]
    assert (lane.mean[0], lane.unit) == (3.0, "GiB")


def test_a_pause_of_the_sampler_stays_open_and_a_slow_beat_does_not(record):
    values = [50.0] * 120
    samples = made.samples({"tree_cpu_pct": values}, hz=0.25)  # each beat as long as two bins
    lane = lanes(record, samples)["CPU, our processes"]
    assert None not in lane.mean[:-2]
    paused = made.samples({"tree_cpu_pct": [50.0] * 480}, hz=1.0)
    paused["tree_cpu_pct"][100:200] = np.nan
    assert lanes(record, paused)["CPU, our processes"].mean[50:100] == (None,) * 50


def test_without_a_number_there_is_nothing_to_show(record):
    assert machine_at_work(record, {}, [], None) is None
    assert machine_at_work(record, sampled(tree_cpu_pct=float("nan")), [], None) is None
    assert machine_at_work(made.record("chain"), sampled(tree_cpu_pct=1.0), [], None) is None


def test_phases_are_those_of_the_run_that_can_be_seen(record):
    start_s = record.runs[0].started_unix_s
    phases = [
        {"run": 1, "phase": "stage train", "started_unix_s": start_s + 10, "duration_s": 400.0},
        {"run": 1, "phase": "epoch", "started_unix_s": start_s + 20, "duration_s": 9999.0},
        {"run": 1, "phase": "checkpoint", "started_unix_s": start_s + 20, "duration_s": 0.01},
        {"run": 2, "phase": "epoch", "started_unix_s": start_s + 20, "duration_s": 100.0},
    ]
    shown = machine_at_work(record, sampled(tree_cpu_pct=1.0), phases, None)
    assert [(one.name, one.start_s, one.end_s, one.is_stage) for one in shown.phases] == [
        ("train", pytest.approx(10.0), pytest.approx(410.0), True),
        ("epoch", pytest.approx(20.0), LENGTH_S, False),
    ]


def test_the_verdict_and_the_share_of_the_limit_are_told_where_there_are_any(record):
    samples = sampled(tree_cpu_pct=1.0)
    assert machine_at_work(record, samples, [], None).word == ""
    assert machine_at_work(record, samples, [], 12.5).limit_share_pct == 12.5
    limit = Verdict(word="data-starved", why="waits", figures={}, remedy="more cores")
    judged = made.record("chain", runs=record.runs, verdict=limit)
    shown = machine_at_work(judged, samples, [], None)
    assert (shown.word, shown.why, shown.remedy) == ("data-starved", "waits", "more cores")


def test_a_comparable_record_of_a_chain_comes_first():
    disturbed = made.observed(other_cpu_pct=50.0)
    records = [
        made.record("train", rates=[1.0]),
        made.record("chain", rates=[1.0], started="2026-03-02T10:00:00Z", observed=disturbed),
        made.record("chain", rates=[1.0], started="2026-03-01T10:00:00Z"),
        made.record("evaluate", rates=[1.0]),
    ]
    order = candidates(records)
    assert [(one.case, one.started_utc[:10]) for one in order] == [
        ("chain", "2026-03-01"),
        ("train", "2026-03-01"),
        ("chain", "2026-03-02"),
    ]
