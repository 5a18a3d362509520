"""What was spent, of a history whose answer is known: a queue, failed jobs, a hole in the power trace."""

import pytest

from harness.measure.cost import Amount, Use, cost
from tests.harness.made import joules

H = 3600.0


def use(hours, **more):
    return Use(**{"what": "x", "fate": "ok", "duration_s": hours * H, "gpus": 0, "cores": 2.0} | more)


def test_hours_are_those_of_devices():
    found = cost([use(2.0, gpus=4, cores=16.0, machines=2.0), use(1.0, gpus=1, cores=8.0)])
    assert found.gpu_h == Amount(value=9.0, unknown=0, count=2)
    assert found.core_h == Amount(value=40.0, unknown=0, count=2)
    assert found.machine_h == Amount(value=5.0, unknown=0, count=2)


def test_a_history_with_a_queue_two_failed_jobs_and_a_hole_in_the_power_trace_is_told_exactly():
    watched = (
        (1.0 * H, (joules(720_000.0, coverage_pct=100.0),)),  # 200 W
        (1.0 * H, (joules(None, coverage_pct=60.0),)),  # a hole: nobody can tell
    )
    history = [
        use(0.5, gpus=2, cores=16.0, fate="failed", queue_s=1.0 * H, lost_s=0.5 * H),
        use(1.0, gpus=2, cores=16.0, fate="TIMEOUT", queue_s=0.25 * H, lost_s=0.2 * H),
        use(2.0, gpus=2, cores=16.0, staging_s=360.0, energies=watched),
    ]
    found = cost(history, gco2e_per_kwh=200.0)
    assert (found.uses, found.failed) == (3, 2)
    assert found.gpu_h.value == pytest.approx(7.0)
    assert found.core_h.value == pytest.approx(56.0)
    assert found.queue_h.value == pytest.approx(1.25)
    assert found.lost_h.value == pytest.approx(0.7)
    assert found.staging_h.value == pytest.approx(0.1)
    assert found.energy.kwh == pytest.approx(0.2)
    assert (found.energy.source, found.energy.devices) == ("measured", "GPUs")
    assert found.energy.coverage_pct == pytest.approx(100 * 1.0 / 3.5)
    assert found.energy.gco2e == pytest.approx(40.0)


def test_a_part_that_is_not_known_makes_a_sum_a_lower_bound():
    found = cost([use(1.0, cores=4.0), use(1.0, cores=None), use(1.0, gpus=None)])
    assert found.core_h == Amount(value=6.0, unknown=1, count=3)
    assert found.gpu_h == Amount(value=0.0, unknown=1, count=3)


def test_what_nobody_told_is_not_known_and_not_0():
    found = cost([Use(what="x", fate="ok", duration_s=None, gpus=None, cores=None)])
    assert not found.gpu_h.is_known
    assert not found.core_h.is_known
    assert found.energy.kwh is None
    assert cost([use(1.0)]).gpu_h.is_known  # without a GPU these are 0 hours


def test_a_try_whose_end_nobody_noted_lasted_longer_than_what_is_known():
    found = cost([use(1.0, is_cut=True, fate="cut short", lost_s=1.0 * H)])
    assert found.machine_h == Amount(value=1.0, unknown=1, count=1)
    assert found.machine_h.is_known


def test_a_declared_power_is_used_where_nothing_was_measured_and_there_alone():
    assert cost([use(2.0)], power_w=250.0).energy.kwh == pytest.approx(0.5)
    assert cost([use(2.0)], power_w=250.0).energy.source == "declared"
    measured = use(1.0, energies=((H, (joules(36_000.0),)),))
    assert cost([measured], power_w=250.0).energy.kwh == pytest.approx(0.01)


def test_the_energy_of_a_run_is_known_only_where_every_gpu_told_it():
    both = (joules(3.6e6, coverage_pct=100.0), joules(None, device="gpu1"))
    assert cost([use(1.0, gpus=2, energies=((H, both),))]).energy.kwh is None


def test_gpus_and_cpus_add_up_and_are_both_named():
    both = (joules(3.6e6, coverage_pct=100.0), joules(1.8e6, device="cpu", coverage_pct=98.0))
    found = cost([use(1.0, gpus=1, energies=((H, both),))]).energy
    assert found.kwh == pytest.approx(1.5)
    assert found.devices == "GPUs and CPUs"
    assert found.coverage_pct == pytest.approx(98.0)


def test_without_a_factor_nothing_is_told_of_carbon_dioxide():
    assert cost([use(1.0)], power_w=100.0).energy.gco2e is None


def test_the_coverage_of_a_time_that_is_not_known_is_not_known():
    found = cost([use(1.0, energies=((H, (joules(3.6e6),)),)), use(0.0, duration_s=None)])
    assert found.energy.kwh == pytest.approx(1.0)
    assert found.energy.coverage_pct is None


def test_nothing_costs_nothing():
    found = cost([])
    assert found.gpu_h == Amount(value=0.0, unknown=0, count=0)
    assert found.gpu_h.is_known
    assert cost([], power_w=200.0).energy.kwh is None
