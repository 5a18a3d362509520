import itertools
import os
import sys
import time

import pytest

from bench.sampler_cost import changes_pct, cpu_pct, main, multiply, steps_of_training
from yolo_v4.phases import Phases
from yolo_v4.status import StatusLog


def test_a_window_is_compared_with_the_two_around_it():
    # 0.25 s a step in the even windows, 0.2 s in the odd ones: with the sampler, a fifth fewer.
    steps = [
        (100 + window + place * 0.25, 0.24 if window % 2 == 0 else 0.192)
        for window in range(5)
        for place in (0, 1, 2)
    ]

    assert changes_pct(steps, began_s=100.0, window_s=1.0) == pytest.approx([-20.0])


def test_a_machine_that_slows_down_is_no_cost():
    # Each window is a hundredth slower than the one before.
    steps = [(window + 0.1, 0.5 + 0.005 * window) for window in range(7)]

    assert changes_pct(steps, began_s=0.0, window_s=1.0) == pytest.approx([0.0, 0.0])


def test_a_step_that_lies_in_two_windows_counts_for_none():
    steps = [(0.1, 0.5), (1.1, 0.5), (1.8, 0.9), (3.1, 0.5), (2.8, 0.1)]

    assert changes_pct(steps, began_s=0.0, window_s=1.0) == pytest.approx([400.0])


def test_steps_are_those_that_a_training_tells(tmp_path):
    phases = Phases(StatusLog(tmp_path / "status.json"))
    began_s = time.monotonic()
    for epoch in (1, 2):
        with phases.phase("epoch", epoch=epoch):
            for _ in phases.steps([1, 2, 3]):
                time.sleep(0.01)
    lasted_s = time.monotonic() - began_s

    starts_s, durations_s = zip(*steps_of_training(tmp_path), strict=True)
    assert len(starts_s) == 6
    assert all(later_s - sooner_s >= 0.009 for sooner_s, later_s in itertools.pairwise(starts_s))
    assert min(durations_s) >= 0.01
    assert sum(durations_s) <= lasted_s + 1e-4  # each is rounded


def test_multiplying_ends_with_the_first_step_after_the_time_it_was_told():
    began_s = time.monotonic()
    steps = multiply(0.3)
    lasted_s = time.monotonic() - began_s

    assert lasted_s >= 0.3
    # However busy the machine is, no step begins after the time is over.
    assert sum(duration_s for _, duration_s in steps[:-1]) < 0.3


def test_a_training_without_a_place_for_its_steps_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sampler_cost.py", "rate", "--", "true"])

    with pytest.raises(SystemExit):
        main()
    assert "a command needs --status" in capsys.readouterr().err


@pytest.mark.slow
def test_watching_two_gpus_takes_little_of_a_core(nvml_folder, checkout):
    environment = {**os.environ, "LD_LIBRARY_PATH": str(nvml_folder), "PYTHONPATH": str(checkout)}

    # Half a percent on an AMD EPYC. Loose, since the tests share their machine.
    assert 0.05 < cpu_pct(12.0, environment) < 2.0
