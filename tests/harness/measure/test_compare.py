import pytest

from harness.errors import ConfigError
from harness.measure.compare import compare, obstacles, pairs, select_records
from tests.harness.made import FACTS, observed, record, run

OLD, NEW = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb"
TEN = [10.0, 10.0, 10.0, 10.0, 10.0]


def train(rates, **words):
    return record("train", rates, **words)


def test_a_ratio_is_ours_over_theirs_with_its_interval():
    (rate,) = compare([train([20.0, 20.0, 20.0, 20.0, 20.0])], [train(TEN)])

    assert (rate.name, rate.unit) == ("train train_images_per_s", "images/s")
    assert (rate.ours.median, rate.theirs.median) == (20.0, 10.0)
    assert (rate.ratio.ratio, rate.ratio.low, rate.ratio.high) == (2.0, 2.0, 2.0)


def test_of_few_repeats_nothing_is_worse():
    (rate,) = compare([train([2.0])], [train(TEN)])

    assert (rate.ratio.ratio, rate.ratio.low) == (0.2, None)
    assert not rate.is_worse


@pytest.mark.parametrize(
    ("name", "ours", "worse"),
    [
        ("images_per_s", 9.4, True),
        ("images_per_s", 9.6, False),  # 4 % is within what is borne
        ("images_per_s", 12.0, False),
        ("command_s", 10.6, True),
        ("command_s", 10.4, False),
        ("command_s", 8.0, False),
        ("images_per_j", 9.0, True),
    ],
)
def test_worse_is_slower_or_longer_by_more_than_five_percent(name, ours, worse):
    one, other = (
        record("inference", runs=[run(n, {name: [value]}) for n in range(1, 6)]) for value in (ours, 10.0)
    )
    assert compare([one], [other])[0].is_worse == worse


def test_a_difference_that_chance_makes_is_not_worse():
    (rate,) = compare([train([8.0, 9.0, 9.1, 11.0, 12.0])], [train([9.0, 9.5, 10.0, 10.5, 11.0])])

    assert rate.ratio.ratio == pytest.approx(0.91)
    assert not rate.is_worse


def test_a_platform_means_its_newest_bench():
    old, new, jade = train(TEN, bench=OLD), train(TEN, bench=NEW), train(TEN, platform="jade", bench=NEW)
    imported = record("imported", bench="20270101T000000Z-imported-0000", source="dmon.txt")
    records = [old, new, jade, imported]

    assert select_records(records, "jade") == [jade]
    assert select_records([old, new, imported], "local") == [new]
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

    assert list(pairs(ours, theirs)) == [(ours[1], theirs[0])]
    assert list(pairs(ours[:1], theirs[1:])) == [(ours[0], theirs[1])]


def test_everything_in_the_way_is_listed_once():
    one = train(TEN, observed=observed(other_gpu_processes=1))
    other = train(TEN, conditions={"seed": 7}, facts={**FACTS, "number_format": "bf16"})

    assert obstacles([one], [other]) == [
        "local/20260301T101500Z-train-0000: 1 other processes on the GPU",
        "train: seed is 42, there 7",
        "train: number_format is fp32, there bf16",
    ]
    assert obstacles([other], [other]) == []


def test_epochs_are_a_course_and_not_compared():
    one = record("chain", runs=[run(1, {"epoch_loss": [3.0, 2.0], ("stage_s", "verify"): [4.0]})])

    assert [each.name for each in compare([one], [one])] == ["chain stage_s of verify"]
