import math
from dataclasses import replace

import pytest

from harness.measure.compare import Comparison
from harness.measure.gate_rows import is_judged, judge
from harness.measure.stats import ratio
from harness.verdict import Verdict

YES, NO, CANNOT_TELL = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL


def compared(quantity, ours, theirs, *, spread=0.0, declared_pct=6.0, of=""):
    """One session a side, of five runs whose logarithms spread evenly around the mean."""
    sides = [
        [[mean * math.exp(spread * step) for step in (-1.5, -0.75, 0, 0.75, 1.5)]] for mean in (ours, theirs)
    ]
    return Comparison(
        case="train",
        quantity=quantity,
        of=of,
        ours=tuple(map(tuple, sides[0])),
        theirs=tuple(map(tuple, sides[1])),
        ratio=ratio(*sides, declared_pct=declared_pct, apart=True),
    )


def verdict(*arguments, **words):
    (row,) = judge([compared(*arguments, **words)])
    return row.is_worse


# With one row and a declared spread of 1 %, 1.645 * 1 % * sqrt(2) = 2.3 % is beyond chance: floors decide.
@pytest.mark.parametrize(
    ("quantity", "ours", "theirs", "worse"),
    [
        ("train_images_per_s", 9.4, 10.0, YES),
        ("train_images_per_s", 9.6, 10.0, NO),  # 4 % is within what is borne
        ("train_images_per_s", 12.0, 10.0, NO),
        ("images_per_s", 0.85, 0.9, NO),  # more than 5 %, but less than 0.1 images/s
        ("stage_s", 106.0, 100.0, YES),
        ("stage_s", 104.0, 100.0, NO),
        ("stage_s", 2.4, 0.5, NO),  # 1.9 s
        ("stage_s", 2.6, 0.5, YES),
        ("command_s", 0.9, 0.5, NO),  # 0.4 s
        ("command_s", 1.1, 0.5, YES),
        ("start_up_s", 2.6, 2.0, YES),
        ("peak_memory_bytes", 120e6, 100e6, NO),  # less than 64 MiB
        ("peak_memory_bytes", 1.2e9, 1e9, YES),
        ("energy_j", 108.0, 100.0, NO),  # 8 J
        ("energy_j", 1080.0, 1000.0, YES),
        ("mAP", 0.385, 0.4, NO),  # less than 0.02
        ("mAP", 0.36, 0.4, YES),
        ("mAP", 0.0, 0.4, YES),
        ("mAP", 0.0, 0.0, NO),  # of a training that was too short to find anything
        ("mAP", 0.0, 0.01, NO),  # it could never be 0.02 worse
        ("mAP", 0.1, 0.0, CANNOT_TELL),
    ],
)
def test_a_loss_must_exceed_a_relative_and_an_absolute_floor(quantity, ours, theirs, worse):
    assert verdict(quantity, ours, theirs, declared_pct=1.0) is worse


def test_a_loss_that_chance_makes_is_not_worse():
    # 1.645 times 6 % times the root of 2: 14 %.
    assert verdict("stage_s", 113.0, 100.0) is NO
    assert verdict("stage_s", 116.0, 100.0) is YES


def test_the_more_rows_the_more_chance_makes():
    rows = [compared("stage_s", 116.0, 100.0)]
    rows += [compared("stage_s", 100.0, 100.0, of=str(n)) for n in range(19)]
    assert [row.is_worse for row in judge(rows)] == [NO] * 20  # one row alone is worse
    rows[0] = compared("stage_s", 130.0, 100.0)
    assert [row.is_worse for row in judge(rows)] == [YES, *[NO] * 19]


def test_each_row_that_is_worse_leaves_fewer_for_chance():
    # Bonferroni asks z = 1.960 of each of two (17.5 %), Holm of the first and 1.645 of the second (14.5 %).
    rows = [compared("stage_s", 140.0, 100.0), compared("stage_s", 116.0, 100.0, of="second")]
    assert [row.is_worse for row in judge(rows)] == [YES, YES]
    assert [row.is_worse for row in judge([compared("stage_s", 100.0, 100.0), rows[1]])] == [NO, NO]


def test_where_a_doubling_could_hide_it_cannot_be_told():
    (row,) = judge([compared("stage_s", 10.0, 10.0, spread=0.6)])
    assert row.is_worse is CANNOT_TELL
    assert row.why == "it spreads so much that a doubling could hide"

    # Where the floor itself is more than a doubling, nothing hides that would count.
    (small,) = judge([compared("stage_s", 0.1, 0.1, spread=0.4)])
    assert small.is_worse is NO


def test_a_short_stage_that_is_never_the_same_keeps_no_gate_from_an_answer():
    # Seconds of verify in three sessions of one machine and in three more, of a family of 18 rows.
    ours, theirs = ([[each] for each in side] for side in ((0.528, 0.693, 0.65), (0.6, 0.5, 0.72)))
    short = replace(
        compared("stage_s", 1.0, 1.0),
        ours=tuple(map(tuple, ours)),
        theirs=tuple(map(tuple, theirs)),
        ratio=ratio(ours, theirs, declared_pct=6.0, apart=True),
    )
    rows = judge([short, *(compared("stage_s", 100.0, 100.0, of=str(n)) for n in range(17))])

    assert [row.is_worse for row in rows] == [NO] * 18


def test_what_would_have_been_seen_is_said_of_each_row():
    row, rate = judge([compared("stage_s", 100.0, 100.0), compared("images_per_s", 10.0, 10.0)])

    # One-sided 2.5 % of each of two: 1.960 + 0.842 standard errors.
    loss = 2.801585 * math.log(1.06) * math.sqrt(2)
    assert row.visible == pytest.approx(math.exp(loss) - 1, rel=1e-4)
    assert rate.visible == pytest.approx(1 - math.exp(-loss), rel=1e-4)


def test_parts_of_a_command_are_judged_and_not_the_network():
    assert is_judged("export", "command_s", "")
    assert not is_judged("train", "command_s", "")
    assert not is_judged("train", "train_wait_s", "")
    assert not is_judged("chain", "stage_s", "download")
    assert is_judged("chain", "stage_s", "train")
