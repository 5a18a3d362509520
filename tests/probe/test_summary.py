import json
from dataclasses import asdict

import numpy as np
import pytest

from probe.samples import read_columns
from probe.summary import (
    Summary,
    as_text,
    energy_j,
    metrics_as_text,
    missed_beats,
    summarise_metrics,
    throttled,
)

GOLDEN = """\
command         python 'my training.py' --epochs 3
exit status     137
duration        3,661 s
CPU             7,000 s, 191.2 % of a core
peak memory     1.500 GB
energy of gpu0  60.00 J
gpu0 throttled  power cap, hardware thermal slowdown
samples         4, 1 beats missed
fault           gpu0_power_w is gone: GPU is lost

metric                 unit   mean  median    p95    min    max  change
host_cpu_pct           %     25.00   25.00  38.50  10.00  40.00
disk_read_total_bytes  MB                                         3.000
gpu0_power_w           W     100.0   100.0  100.0  100.0  100.0
gpu0_energy_total_j    J                                          60.00
load_1min                    0.125   0.125  0.125  0.125  0.125
"""


@pytest.fixture
def columns(write_samples):
    """Four beats, half a second apart, of which one was missed."""
    folder = write_samples(
        [10.0, 10.5, 11.5, 12.0],
        host_cpu_pct=[10.0, 20.0, 30.0, 40.0],
        disk_read_total_bytes=[5e6, 6e6, 7e6, 8e6],
        gpu0_power_w=[100.0, None, None, 100.0],
        gpu0_energy_total_j=[1000.0, None, 1050.0, 1060.0],
        gpu0_throttle_reasons=[1, 4, 0x41, 0],
        load_1min=[0.125] * 4,
        cpu_energy_total_j=[None] * 4,
    )
    return read_columns(folder)


def test_the_table_of_a_run(columns):
    metrics = summarise_metrics(columns)
    summary = Summary(
        command=("python", "my training.py", "--epochs", "3"),
        exit_status=137,
        started_unix_s=10.0,
        duration_s=3661.0,
        cpu_s=7000.0,
        cpu_pct=191.2,
        peak_memory_bytes=1_500_000_000,
        energy_j=energy_j(metrics),
        throttled=throttled(columns),
        samples=4,
        missed_beats=missed_beats(columns, gpu_hz=2.0, host_hz=1.0),
        faults=("gpu0_power_w is gone: GPU is lost",),
        metrics=metrics,
    )

    assert as_text(summary) + "\n" == GOLDEN
    assert json.loads(json.dumps(asdict(summary), allow_nan=False))["throttled"] == {
        "gpu0": ["power cap", "hardware thermal slowdown"]
    }


def test_figures_are_those_of_numpy(write_samples):
    values = np.random.default_rng(1).lognormal(size=37).tolist()
    (found,) = summarise_metrics(
        read_columns(write_samples([float(place) for place in range(37)], steal_pct=values))
    )

    assert found.samples == 37
    assert found.mean == pytest.approx(np.mean(values))
    assert found.median == pytest.approx(np.median(values))
    assert found.p95 == pytest.approx(np.percentile(values, 95))
    assert (found.min, found.max) == (pytest.approx(min(values)), pytest.approx(max(values)))


def test_what_was_never_read_is_left_out(columns):
    assert "cpu_energy_total_j" not in {one.metric for one in summarise_metrics(columns)}
    assert energy_j(summarise_metrics(columns)) == {"gpu0": 60.0}


def test_of_a_counter_that_was_reset_no_change_and_no_energy_is_known(write_samples):
    folder = write_samples([1.0, 2.0, 3.0, 4.0], gpu0_energy_total_j=[500.0, 600.0, 0.0, 100.0])
    (found,) = summarise_metrics(read_columns(folder))

    assert (found.samples, found.change) == (4, None)
    assert energy_j([found]) == {}


def test_of_a_total_that_was_read_once_no_change_is_known(write_samples):
    (found,) = summarise_metrics(read_columns(write_samples([1.0], gpu0_energy_total_j=[7e6])))

    assert (found.samples, found.change) == (1, None)
    assert energy_j([found]) == {}
    assert metrics_as_text([found]).splitlines()[-1] == "gpu0_energy_total_j  J"


def test_of_nothing_there_is_nothing_to_say():
    assert summarise_metrics({}) == ()
    assert metrics_as_text(()) == ""


@pytest.mark.parametrize(
    ("highest", "unit", "shown"),
    [(999.0, "bytes", "999.0"), (1e3, "kB", "1.000"), (25e9, "GB", "25.00"), (1.5e12, "TB", "1.500")],
)
def test_bytes_are_shown_in_a_unit_that_fits(write_samples, highest, unit, shown):
    metrics = summarise_metrics(read_columns(write_samples([0.0], tree_rss_bytes=[highest])))

    assert metrics_as_text(metrics).splitlines()[-1].split() == ["tree_rss_bytes", unit, *[shown] * 5]
