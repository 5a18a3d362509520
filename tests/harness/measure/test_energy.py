import numpy as np
import pytest

from harness.measure.energy import energies, remarks
from harness.measure.record import total_j
from tests.harness import made
from tests.harness.measure.energy_traces import NAN, START_S, TENTHS, TRACES, both, host, read, without

RATES = {"gpu_hz": 10.0, "host_hz": 1.0}


def of(trace, **rates):
    """What is told of each device of a trace."""
    spans = [(START_S + trace.span[0], START_S + trace.span[1])]
    # A log of others has one line a second.
    pace = 1.0 if "a log" in trace.name else 10.0
    return {one.device: one for one in energies(trace.samples(), spans, gpu_hz=pace, host_hz=1.0)}


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.name)
def test_a_trace_with_known_joules_gives_them_within_a_hundredth_or_says_why_not(trace):
    found = of(trace)

    assert found.keys() == trace.told.keys()
    for device, told in trace.told.items():
        if isinstance(told, str):
            assert (found[device].energy_j, told in found[device].reason) == (None, True), found[
                device
            ].reason
        else:
            assert found[device].reason == ""
            assert found[device].energy_j == pytest.approx(told, rel=0.01)
    expected = [
        f"energy of {device}{' cannot be told' if isinstance(told, str) else ''}: "
        for device, told in trace.told.items()
        if isinstance(told, str) or device in trace.disagree
    ]
    assert [
        line.startswith(start) for line, start in zip(remarks(found.values()), expected, strict=True)
    ] == [True for _ in expected]
    for device, off_pct in trace.disagree.items():
        assert found[device].difference_pct == pytest.approx(off_pct, abs=0.2)
    is_known = all(not isinstance(told, str) for told in trace.told.values())
    kind = next(iter(trace.told))[:3]
    assert total_j(found.values(), kind) == (
        pytest.approx(sum(trace.told.values()), rel=0.01) if is_known else None
    )


def test_energy_of_phases_is_that_of_all_of_them_together():
    # 90 W all the time: two epochs of 30 s, whatever lies between them.
    spans = [(START_S + 10, START_S + 40), (START_S + 60, START_S + 90)]
    (found,) = energies(both(90, 90), spans, **RATES)

    assert (found.method, found.coverage_pct) == ("counter", 100.0)
    assert found.energy_j == pytest.approx(5400, rel=0.001)
    assert found.other_j == pytest.approx(5400, rel=0.001)


def test_another_run_in_the_same_file_says_nothing_of_this_one():
    # RAPL is counted from the sampler's first look, which is another one for each run.
    first, second = host(np.arange(0, 101.0)), host(np.arange(400, 501.0))
    file = {name: np.concatenate([first[name], second[name]]) for name in first}

    for start_s in (0.5, 400.5):
        (found,) = energies(file, [(START_S + start_s, START_S + start_s + 99)], **RATES)
        assert (found.energy_j, found.reason) == (pytest.approx(5940, rel=0.001), "")


def test_the_coverage_is_that_of_each_device():
    file = without(
        {**both(90, 90), "gpu1_power_w": np.full(TENTHS.shape, 50.0)}, since_s=40, until_s=43, like="gpu1"
    )
    first, second = energies(file, [(START_S, START_S + 100)], **RATES)

    assert (first.coverage_pct, second.coverage_pct) == (100.0, pytest.approx(97.0, abs=0.2))


def test_a_gpu_that_was_not_used_does_not_count():
    file = {
        **both(90, 90),
        "gpu1_power_w": np.full(TENTHS.shape, 50.0),
        "gpu2_power_w": np.full(TENTHS.shape, NAN),
    }
    span = [(START_S, START_S + 100)]

    assert [one.device for one in energies(file, span, **RATES)] == ["gpu0", "gpu1", "gpu2"]
    assert total_j(energies(file, span, **RATES), "gpu") is None
    used = energies(file, span, **RATES, used=("gpu0", "gpu1"))
    assert total_j(used, "gpu") == pytest.approx(14_000, rel=0.001)


def test_without_samples_or_time_there_is_nothing():
    assert energies({}, [(0.0, 1.0)], **RATES) == ()
    assert energies(read(TENTHS, host_cpu_pct=1), [(START_S, START_S + 9)], **RATES) == ()
    assert energies(both(90, 90), [], **RATES) == ()


def test_a_total_needs_every_device_of_its_kind():
    one, other, unknown = (
        made.joules(100.0),
        made.joules(50.0, device="gpu1"),
        made.joules(None, device="gpu2"),
    )

    assert total_j([one, other], "gpu") == 150.0
    assert total_j([one, other, unknown], "gpu") is None
    assert total_j([one], "cpu") is None
