from dataclasses import replace

import pytest

from harness.measure.comparability import differing_conditions, judge, reasons
from tests.harness.made import observed, record


def test_what_ran_undisturbed_is_clean():
    assert judge(record()) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"observed": observed(other_gpu_processes=2)}, "2 other processes on the GPU"),
        ({"observed": observed(other_cpu_pct=34.6)}, "other processes took 35 % of the CPU"),
        ({"observed": observed(throttle_reasons=("power cap",))}, "the GPU was slowed down: power cap"),
        ({"observed": observed(start_temperature_c=71.0)}, "the GPU was at 71 °C before it began"),
        ({"observed": observed(xid_events=1)}, "the GPU reported errors"),
        ({"observed": observed(clock_jump_s=3.0)}, "the clock jumped by 3.0 s"),
        ({"status": "failed", "reason": "no room on the disk"}, "it failed: no room on the disk"),
        ({"status": "truncated", "reason": "it was cut short"}, "it ended early: it was cut short"),
        ({"source": "dmon_1.txt", "code": None}, "imported from dmon_1.txt: what ran is not known"),
        (
            {"code": replace(record().code, dirty=("specs/bench.toml",))},
            "code was changed and not committed: specs/bench.toml",
        ),
    ],
)
def test_what_disturbed_a_measurement_is_said_in_words(changes, reason):
    assert judge(record(**changes)) == (reason,)


def test_what_nobody_could_see_speaks_for_nothing():
    assert judge(record(observed=observed(other_gpu_processes=None, other_cpu_pct=None))) == ()
    assert judge(record(observed=None)) == ()


def test_the_label_a_record_carries_holds_and_one_without_is_judged():
    assert reasons(record(not_comparable=("as was said then",))) == ("as was said then",)
    assert reasons(record(status="truncated", reason="killed")) == ("it ended early: killed",)


def test_conditions_that_differ_are_named_with_both_values():
    one = record(conditions={"data_sha256": "a" * 64, "seed": 1})
    other = record(conditions={"data_sha256": "a" * 63 + "b", "seed": 2, "limit": 5})

    assert differing_conditions(one, one) == []
    assert differing_conditions(one, other) == [("limit", "not noted", "5"), ("seed", "1", "2")]
