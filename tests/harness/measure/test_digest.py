import numpy as np
import pytest

from harness.measure import digest
from harness.measure.record import Run

NAN = float("nan")


def samples(**columns):
    return {name: np.array(values, dtype=float) for name, values in columns.items()}


def run(number=1, start=0.0, seconds=4.0, probed=True):
    return Run(number=number, started_unix_s=start, duration_s=seconds, probed=probed, images=0)


def test_a_column_in_short():
    (found,) = digest.series(samples(load_1min=[1, 2, NAN, 3, 10], cpu_temperature_c=[NAN] * 5))

    assert (found.metric, found.samples, found.missing) == ("load_1min", 4, 1)
    assert (found.mean, found.median, found.low, found.high, found.change) == (4.0, 2.5, 1.0, 10.0, 9.0)


def test_of_a_total_only_the_change_means_something():
    (found,) = digest.series(samples(disk_read_total_bytes=[100, 150, 400]))

    assert (found.mean, found.median, found.p95, found.change) == (None, None, None, 300.0)


def test_a_total_that_begins_again_in_each_run_grew_in_all_of_them():
    (found,) = digest.series(samples(cpu_energy_total_j=[0, 40, 100, 0, 90, 10, 110]))

    assert (found.metric, found.change) == ("cpu_energy_total_j", 100.0 + 90.0 + 10.0 + 100.0)


def test_a_phase_has_the_means_of_the_samples_by_the_time_that_they_share_with_it():
    seen = samples(
        unix_s=[0, 1, 2, 3], late_s=[0] * 4, gpu0_power_w=[10, 20, 40, NAN], energy_total_j=[1, 2, 3, 4]
    )
    phases = [
        {"phase": "epoch", "started_unix_s": 0.5, "duration_s": 1.0},
        {"phase": "checkpoint", "started_unix_s": 2.5, "duration_s": 1.0},
        {"phase": "epoch", "started_unix_s": 1.6, "duration_s": 0.8},
    ]

    epoch, checkpoint = digest.phase_summaries(phases, seen, gpu_hz=1, host_hz=1)

    # 20 W tell of the second up to 1 s, 40 W of that up to 2 s, and of 2 s to 2.4 s nobody knows.
    mean_w = (0.5 * 20 + 0.5 * 40 + 0.4 * 40) / 1.4
    assert (epoch.phase, epoch.count, epoch.total_s) == ("epoch", 2, 1.8)
    assert epoch.means == {"gpu0_power_w": pytest.approx(mean_w, abs=1e-4)}
    assert epoch.peaks == {"gpu0_power_w": 40.0}
    assert checkpoint.means == checkpoint.peaks == {"gpu0_power_w": None}


def test_a_phase_shorter_than_a_beat_has_the_mean_of_the_sample_that_covers_it():
    seen = samples(unix_s=[0, 1, 2, 12, 13], late_s=[0] * 5, tree_cpu_pct=[5, 10, 90, 50, 50])
    phases = [
        {"phase": "checkpoint", "started_unix_s": 1.2, "duration_s": 0.6},
        {"phase": "paused", "started_unix_s": 5.0, "duration_s": 2.0},  # nobody looked from 2 s to 11 s
        {"phase": "half", "started_unix_s": 0.5, "duration_s": 1.0},
        {"phase": "whole", "started_unix_s": -9.0, "duration_s": 99.0},
    ]
    found = {one.phase: one for one in digest.phase_summaries(phases, seen, gpu_hz=1, host_hz=1)}

    assert found["checkpoint"].means == {"tree_cpu_pct": 90.0}
    assert found["checkpoint"].peaks == {"tree_cpu_pct": None}  # nothing was read while it went on
    assert found["paused"].means == {"tree_cpu_pct": None}
    assert found["whole"].means == {"tree_cpu_pct": 41.0}  # five samples of a second each
    assert found["half"].means == {"tree_cpu_pct": 50.0}


def test_runs_that_were_too_short_to_watch_are_told():
    runs = [run(seconds=seconds) for seconds in (0.66, 5.0, 4.9)]
    found = digest.probe({}, runs, gpu_hz=10, host_hz=1, faults=[])

    assert found.faults == ("2 of 3 runs lasted less than 5 s: too short to watch",)
    assert digest.probe({}, runs, gpu_hz=10, host_hz=20, faults=[]).faults == ()


def test_how_the_sampler_did_its_beats_gaps_and_cost():
    seen = samples(
        unix_s=[0.0, 1.001, 2.0, 5.002, 6.0, 7.0],
        late_s=[0.0, 0.001, 0.0, 0.002, 0.0, 0.0],
        probe_cpu_total_s=[0.1, 0.102, 0.104, 0.106, 0.108, 0.114],
    )
    found = digest.probe(
        seen, [run(seconds=7.2)], gpu_hz=10, host_hz=1, faults=["gpu0_power_w is gone: lost"]
    )

    assert (found.samples, found.missed_beats, found.gaps_s) == (6, 2, (3.002,))
    assert found.beat_error_p95_s == pytest.approx(0.00175)
    assert found.cpu_pct == pytest.approx(0.2)
    assert found.faults == ("gpu0_power_w is gone: lost",)


def test_a_sampler_that_died_leaves_a_gap_up_to_the_end():
    found = digest.probe(
        samples(unix_s=[0, 1], late_s=[0, 0]), [run(seconds=9)], gpu_hz=10, host_hz=1, faults=[]
    )

    assert found.gaps_s == (8.0,)


def test_zero_samples_are_one_gap_and_no_figures():
    found = digest.probe(
        {}, [run(seconds=9)], gpu_hz=10, host_hz=1, faults=["the sampler ended with status 1"]
    )

    assert (found.samples, found.beat_error_p95_s, found.cpu_pct, found.gaps_s) == (0, None, None, (9.0,))


def test_what_else_went_on():
    found = digest.observed(
        samples(
            unix_s=[0, 1],
            host_cpu_pct=[100, 80],
            tree_cpu_pct=[70, 70],
            clock_jump_s=[0.0, -2.5],
            gpu0_throttle_reasons=[0x1, 0x41],
            gpu1_throttle_reasons=[0x4, NAN],
            gpu0_other_processes=[0, 2],
            gpu0_temperature_c=[NAN, 70],
            gpu1_temperature_c=[65, 80],
            gpu0_ecc_errors_total=[3, 5],
        )
    )

    assert found.other_cpu_pct == 20.0
    assert found.clock_jump_s == 2.5
    assert found.throttle_reasons == ("power cap", "hardware thermal slowdown")
    assert found.throttled_pct == {"power cap": 100.0, "hardware thermal slowdown": 50.0}
    assert (found.other_gpu_processes, found.start_temperature_c, found.ecc_errors) == (2, 70.0, 2)
    assert found.xid_events is None


def test_one_throttled_sample_is_a_share_of_the_time_on_the_gpu_that_had_it_most():
    capped, free = [0x4] + [0x1] * 5999, [0x1] * 6000
    found = digest.observed(samples(gpu0_throttle_reasons=free, gpu1_throttle_reasons=capped))

    assert found.throttled_pct == {"power cap": pytest.approx(100 / 6000, abs=1e-4)}
    assert digest.observed(samples(gpu0_throttle_reasons=free)).throttled_pct == {}
    assert digest.observed(samples(gpu0_throttle_reasons=[NAN])).throttled_pct is None


@pytest.mark.parametrize(
    ("own", "used"),
    [
        (
            {"gpu0": [0, 1, 0], "gpu1": [0, 0, 0], "gpu10": [NAN, 2, 2], "gpu2": [1, 1, 1]},
            ("gpu0", "gpu2", "gpu10"),
        ),
        ({"gpu0": [0, 0, 0]}, None),  # over before anybody looked
        ({"gpu0": [NAN, NAN, NAN]}, None),  # in a container
    ],
)
def test_a_gpu_was_used_where_a_process_of_ours_was_seen_on_it(own, used):
    columns = {f"{gpu}_own_processes": values for gpu, values in own.items()}

    assert digest.observed(samples(**columns)).used_gpus == used


def test_of_nothing_nothing_is_known():
    found = digest.observed({})

    assert (found.other_cpu_pct, found.other_gpu_processes, found.throttle_reasons) == (None, None, ())
