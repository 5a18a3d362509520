"""The sampler as a bench uses it, on a stand-in for NVML."""

import os
import signal
import time

import numpy as np
import psutil
import pytest

from harness.measure import digest, energy
from harness.measure.energy import energies
from harness.measure.record import Run
from harness.measure.record_files import read_faults
from harness.measure.sampling import watched
from probe.samples import read_samples

# A busy machine may hold the sampler up between a reading and its time: here by a tenth of a second.
BUSY = 0.07


@pytest.fixture
def watch(nvml_folder, tmp_path, monkeypatch):
    """Samples for so many seconds; gives the samples and what the sampler complained of."""

    def watch(seconds, words="", during=lambda: None, **rates):
        monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_folder))
        monkeypatch.setenv("FAKE_NVML", words)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        # On a busy machine a reading comes late after the end; how late it may be is tested elsewhere.
        monkeypatch.setattr(energy, "MOST_EDGE_PCT", 50.0)
        with watched(tmp_path, **{"gpu_hz": 20.0, "host_hz": 2.0, **rates}):
            started_s = time.time()
            during()
            time.sleep(seconds)
            ended_s = time.time()
        run = Run(number=1, started_unix_s=started_s, duration_s=ended_s - started_s, probed=True, images=0)
        return read_samples(tmp_path), run, read_faults(tmp_path)

    return watch


@pytest.mark.slow
def test_gpus_and_host_are_read_at_their_own_pace_and_energy_agrees_by_both_ways(watch):
    samples, run, said = watch(3.0, gpu_hz=5.0, host_hz=1.0)

    assert said == ()
    # The median: a busy machine misses beats. GPUs are read once more at the start and the end of a run.
    for column, beat_s in (("gpu1_utilisation_pct", 0.2), ("host_cpu_pct", 1.0)):
        gaps_s = np.diff(samples["unix_s"][np.isfinite(samples[column])])
        assert np.median(gaps_s) == pytest.approx(beat_s, rel=0.1), column
    span = (run.started_unix_s, run.started_unix_s + run.duration_s)
    first, second = energies(samples, [span], gpu_hz=5.0, host_hz=1.0)
    assert (first.device, first.method, second.device) == ("gpu0", "counter", "gpu1")
    assert first.energy_j == pytest.approx(100 * run.duration_s, rel=BUSY)
    assert first.other_j == pytest.approx(first.energy_j, rel=BUSY)


@pytest.mark.slow
def test_energy_is_read_at_the_start_and_the_end_of_a_run_and_not_only_on_beats(watch):
    samples, run, _ = watch(1.5, gpu_hz=0.5, host_hz=0.5)  # the next beat would be at 2 s

    span = (run.started_unix_s, run.started_unix_s + run.duration_s)
    first, second = energies(samples, [span], gpu_hz=0.5, host_hz=0.5)
    assert first.energy_j == pytest.approx(100 * run.duration_s, rel=BUSY)
    assert second.energy_j == pytest.approx(101 * run.duration_s, rel=BUSY)
    # The last reading follows the end of the run by a moment; the run's own clock may tick in between.
    assert min(first.coverage_pct, second.coverage_pct) >= 99.9


@pytest.mark.slow
def test_a_slow_call_is_beats_missed_and_no_more(watch):
    samples, run, said = watch(2.0, "slow")

    found = digest.probe(samples, [run], gpu_hz=20.0, host_hz=2.0, faults=said)
    assert found.missed_beats >= 7
    assert np.isfinite(samples["gpu0_power_w"][-5:]).all()


@pytest.mark.slow
def test_a_lost_gpu_is_nothing_from_then_on_and_said(watch):
    samples, _, said = watch(2.5, "lost")

    on_beats = np.isfinite(samples["gpu1_utilisation_pct"])  # energy alone is read before and after, too
    assert on_beats.sum() == on_beats.size - 2
    told = np.isfinite(samples["gpu0_utilisation_pct"])[on_beats]
    assert told[:10].all()
    assert not told[-5:].any()
    assert "gpu0_utilisation_pct is gone: GPU is lost" in said


@pytest.mark.slow
def test_a_sampler_that_is_killed_is_a_fault_and_what_it_wrote_is_there(watch):
    def kill():
        time.sleep(1.5)
        (sampler,) = [child for child in psutil.Process().children() if "sample" in child.cmdline()]
        os.kill(sampler.pid, signal.SIGKILL)

    samples, run, said = watch(2.0, during=kill)

    assert said == (f"the sampler ended with status -{signal.SIGKILL:d}",)
    assert samples["unix_s"].size > 5  # all but the last second
    found = digest.probe(samples, [run], gpu_hz=20.0, host_hz=2.0, faults=said)
    assert found.gaps_s[-1] > 1.5


@pytest.mark.slow
def test_a_second_run_goes_into_the_same_file(watch):
    first, _, _ = watch(0.5)
    second, _, _ = watch(0.5, "missing")

    assert [*second] == [*first]
    assert second["unix_s"].size > first["unix_s"].size
    assert (np.diff(second["unix_s"]) > 0).all()
    assert np.isnan(second["gpu0_power_w"][first["unix_s"].size :]).all()
