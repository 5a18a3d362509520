import math

import pytest

from harness.errors import ConfigError
from harness.measure.compare import are_apart, compare, matches, obstacles, questions, select_records
from tests.harness.made import FACTS, machine, observed, record, run

OLD, NEW = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb"
TEN = [10.0, 10.0, 10.0, 10.0, 10.0]


def train(rates, **words):
    return record("train", rates, **words)


def at(hour, minute=0, *, lasts_min=10):
    """When a session began and ended."""
    begun = 60 * hour + minute
    return {
        "started": f"2026-03-01T{begun // 60:02}:{begun % 60:02}:00Z",
        "finished_utc": f"2026-03-01T{(begun + lasts_min) // 60:02}:{(begun + lasts_min) % 60:02}:00Z",
    }


def test_a_ratio_is_ours_over_theirs():
    (rate,) = compare([train([20.0] * 5, bench=NEW)], [train(TEN, bench=OLD)], declared_pct=6.0)

    assert (rate.name, rate.unit) == ("train train_images_per_s", "images/s")
    assert (rate.ours, rate.theirs) == (((20.0,) * 5,), ((10.0,) * 5,))
    assert rate.ratio.ratio == pytest.approx(2.0)


def test_the_declared_spread_is_in_every_interval_that_compares_sessions_and_in_no_other():
    one, other = (record("train", [10.0] * 5, bench=OLD, conditions={"batch": batch}) for batch in (4, 8))
    (within,) = compare([one], [other], declared_pct=6.0)
    (between,) = compare([train(TEN, bench=NEW)], [train(TEN, bench=OLD)], declared_pct=6.0)

    assert within.ratio.log_error == 0.0
    assert between.ratio.log_error == pytest.approx(math.log(1.06) * math.sqrt(2))


def test_sessions_half_an_hour_apart_tell_their_spread():
    def benches(day, **times):
        return [
            train([rate] * 5, bench=f"{day}-{n}", **at(n * 2)) for n, rate in enumerate((9.9, 10, 10.1), 1)
        ]

    (rate,) = compare(benches(NEW), benches(OLD), declared_pct=6.0)

    assert rate.ratio.sessions == (3, 3)
    assert not rate.ratio.is_declared
    assert rate.ratio.log_error == pytest.approx(0.01 * math.sqrt(2 / 3), rel=1e-3)


def test_sessions_are_apart_from_the_end_of_one_to_the_begin_of_the_next():
    assert are_apart([train(TEN, **at(10)), train(TEN, **at(10, 40))])
    assert not are_apart([train(TEN, **at(10)), train(TEN, **at(10, 39))])
    assert are_apart([train(TEN, **at(10, 40)), train(TEN, **at(10))])
    assert are_apart([train(TEN)])
    assert not are_apart([train(TEN, **at(10)), train(TEN, **{**at(12), "finished_utc": "yesterday"})])


def test_a_platform_means_its_newest_bench_with_all_its_sessions():
    old, jade = train(TEN, bench=OLD), train(TEN, platform="jade", bench=NEW)
    new = [train(TEN, bench=f"{NEW}-{number}") for number in (1, 2)]
    imported = record("imported", bench="20270101T000000Z-imported-0000", source="dmon.txt")
    records = [old, *new, jade, imported]

    assert select_records(records, "jade") == [jade]
    assert select_records([old, *new, imported], "local") == new
    assert select_records([old, *new], NEW) == new
    assert select_records([old, *new], f"{NEW}-2") == new[1:]
    assert select_records(records, OLD) == [old]
    assert select_records([old], f"results/local/{old.id}/") == [old]
    assert select_records(records, f"jade,{OLD}") == [jade, old]


def test_what_is_not_there_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match="no platform, bench or record is called 'jode'") as caught:
        select_records([train(TEN, platform="jade")], "jode")
    assert caught.value.remedy == "take jade"


def test_cases_measured_by_several_batch_sizes_meet_their_like():
    ours = [record("inference", conditions={"batch": batch}) for batch in (1, 8)]
    theirs = [record("inference", conditions={"batch": batch}) for batch in (8, 32)]

    assert list(matches(ours, theirs)) == [
        ("inference by 1", [ours[0]], []),
        ("inference by 8", [ours[1]], [theirs[0]]),
    ]
    assert list(matches(ours[:1], theirs[1:])) == [("inference", [ours[0]], [theirs[1]])]


def test_records_of_several_platforms_are_not_taken_for_sessions():
    ours = [train(TEN, platform=name) for name in ("jade", "tursa")]
    theirs = [train(TEN)]

    assert [group for _, group, _ in matches(ours, theirs)] == [[ours[0]], [ours[1]]]


def test_everything_in_the_way_is_listed_once():
    one = train(TEN, observed=observed(other_gpu_processes=1))
    other = train(TEN, conditions={"seed": 7}, facts={**FACTS, "number_format": "bf16"})

    assert obstacles([one], [other]) == [
        "local/20260301T101500Z-train-0000: 1 other processes on the GPU",
        "train: seed is 42, there 7",
        "train: number_format is fp32, there bf16",
    ]
    assert obstacles([other], [other]) == []


def test_a_session_that_differs_from_another_of_its_side_is_in_the_way():
    odd = train(TEN, conditions={"seed": 7})
    assert obstacles([train(TEN), odd], [train(TEN)]) == ["train: seed is 42, there 7"]


def test_what_may_differ_is_the_question():
    other = train(TEN, machine=machine(cpu="Another 7"))
    assert questions([train(TEN)], [other]) == [
        "cpu_model is Made(R) Up(TM) CPU E5 @ 2.50GHz, there Another 7"
    ]


def test_of_runs_without_spread_nothing_is_said_within_one_session():
    one = record("inference", runs=[run(1, {"images_per_s": [5.0]})])
    (rate,) = compare([one], [one], declared_pct=6.0)
    assert rate.ratio.interval is None


def test_single_operations_are_timed_unwatched_and_compared_all_the_same():
    micro = record("micro", [1.0], observed=None, probe=None)
    assert obstacles([micro], [micro]) == []
    unseen = train(TEN, observed=None, probe=None)
    assert len(obstacles([unseen], [unseen])) == 1
