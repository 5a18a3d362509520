import math
import statistics

import pytest

from harness.errors import ConfigError
from harness.measure.gate import judge_newest
from harness.measure.seeds import quantity
from harness.verdict import Verdict
from tests.harness.made import FACTS, observed, record, run, watched
from tests.harness.measure.test_band import made

OLD, NEW, NEWEST = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb", "20260301T000000Z-cccc"
YES, NO, CANNOT_TELL = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL


def bench(name, rate, **words):
    return record("train", [rate * part for part in (0.98, 0.99, 1.0, 1.01, 1.02)], bench=name, **words)


def judged(records, *references, recipe="sample"):
    return judge_newest(records, "local", recipe, references=references, declared_pct=3.0)


def test_the_newest_bench_is_judged_by_the_first_or_by_the_reference():
    records = [bench(NEW, 70.0), bench(NEWEST, 80.0), bench(OLD, 100.0)]

    by_first = judged(records)
    assert (by_first.sessions, by_first.reference) == ((NEWEST,), (OLD,))
    assert by_first.is_worse is YES
    assert [row.name for row in by_first.rows] == ["train train_images_per_s"]

    by_reference = judged(records, NEW)
    assert by_reference.reference == (NEW,)
    assert by_reference.rows[0].comparison.ratio.ratio == pytest.approx(80 / 70)
    assert by_reference.is_worse is NO


def test_another_runtime_is_neither_gain_nor_loss():
    def evaluated(name, rate, runtime):
        runs = [run(number, {"images_per_s": [rate + number]}) for number in range(1, 6)]
        return record("evaluate", runs=runs, bench=name, facts={**FACTS, "runtime": runtime})

    for rate in (50.0, 200.0):
        result = judged([evaluated(OLD, 100.0, "PyTorch"), evaluated(NEW, rate, "onnxruntime")])

        assert result.is_worse is CANNOT_TELL
        (row,) = [one for one in result.rows if one.name.endswith("images_per_s")]
        assert (row.is_worse, row.differs) == (CANNOT_TELL, True)
        assert row.why == "runtime is onnxruntime, there PyTorch"


def test_a_reference_of_several_benches_counts_as_so_many_sessions():
    result = judged([bench(OLD, 100.0), bench(NEW, 104.0), bench(NEWEST, 80.0)], OLD, NEW)

    assert result.reference == (OLD, NEW)
    assert result.rows[0].comparison.ratio.sessions == (1, 2)


def test_sessions_of_one_bench_are_judged_together():
    records = [bench(f"{name}-{number}", 100.0) for name in (OLD, NEW) for number in (1, 2, 3)]
    result = judged(records)

    assert result.reference == tuple(f"{OLD}-{number}" for number in (1, 2, 3))
    assert result.sessions == tuple(f"{NEW}-{number}" for number in (1, 2, 3))


def test_without_a_bench_newer_than_the_reference_it_cannot_be_told():
    for records, references, why in (
        ([], (), "there is none of this platform and recipe"),
        ([bench(OLD, 100.0)], (), "none is newer than the reference"),
        ([bench(OLD, 100.0), bench(NEW, 100.0)], (NEW,), "none is newer than the reference"),
    ):
        result = judged(records, *references)
        assert result.is_worse is CANNOT_TELL
        assert [row.why for row in result.rows] == [why]


def test_other_platforms_recipes_and_cases_are_passed_over():
    others = [
        bench(NEWEST, 1.0, platform="jade"),
        bench(NEWEST, 1.0, source="dmon.txt"),
        bench(NEWEST, 1.0, conditions={"recipe": "smoke"}),
        record("scaling", [1.0] * 5, bench=NEWEST),
    ]
    result = judged([bench(OLD, 100.0), bench(NEW, 100.0), *others])

    assert result.sessions == (NEW,)
    assert result.is_worse is NO
    assert judged([bench(OLD, 100.0), *others], recipe="smoke").reference == (NEWEST,)


def test_a_reference_of_another_recipe_leaves_the_first_bench_as_it_is():
    other = bench(NEW, 1.0, conditions={"recipe": "smoke"})
    assert judged([bench(OLD, 100.0), other, bench(NEWEST, 100.0)], NEW).reference == (OLD,)


def test_a_reference_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="is called '20260101T000000Z-aaab'"):
        judged([bench(OLD, 100.0), bench(NEW, 100.0)], "20260101T000000Z-aaab")


def test_of_what_was_disturbed_it_cannot_be_told():
    disturbed = bench(NEW, 50.0, observed=observed(xid_events=1))
    result = judged([bench(OLD, 100.0), disturbed])

    assert result.is_worse is CANNOT_TELL
    assert result.rows[0].why == f"{disturbed.id}: the GPU reported errors"
    assert result.rows[0].comparison is not None  # its figures can be shown


def test_of_what_nobody_watched_it_cannot_be_told():
    unwatched = bench(NEW, 50.0, probe=watched(faults=("the sampler ended with status -9",)))
    result = judged([bench(OLD, 100.0), unwatched])

    assert result.is_worse is CANNOT_TELL
    assert result.rows[0].why == (f"{unwatched.id}: the sampler complained: the sampler ended with status -9")


def test_a_session_that_was_disturbed_is_left_out_and_told_where_others_are_there():
    disturbed = bench(f"{NEW}-1", 50.0, observed=observed(xid_events=1))
    result = judged([bench(OLD, 100.0), disturbed, bench(f"{NEW}-2", 100.0)])

    assert result.is_worse is NO
    assert result.notes == (
        f"{disturbed.id}: the GPU reported errors",
        "train train_images_per_s: known of 1 of 2 sessions, and of 1 of 1",
    )
    assert result.rows[0].comparison.ours == ((98.0, 99.0, 100.0, 101.0, 102.0),)


def test_a_session_that_broke_is_no_disturbance():
    broken = [bench(f"{NEW}-{number}", 50.0, status="failed", reason="out of memory: x") for number in (2, 3)]
    result = judged([bench(OLD, 100.0), bench(f"{NEW}-1", 100.0), *broken])
    assert result.is_worse is Verdict.CANNOT_TELL
    assert f"{broken[0].id}: it failed: out of memory: x" in result.rows[0].why


def test_a_case_that_is_missing_cannot_be_told_and_one_that_is_new_is_no_fault():
    old, new = bench(OLD, 100.0), bench(NEW, 100.0)
    exported = record("export", [1.0], bench=OLD)

    missing = judged([old, exported, new])
    assert (missing.rows[-1].name, missing.rows[-1].why) == ("export", "the new bench has none")
    assert missing.is_worse is CANNOT_TELL

    more = judged([old, new, record("export", [1.0], bench=NEW)])
    assert more.notes == ("export: the reference has none",)
    assert more.is_worse is NO


def test_a_reference_that_measured_nothing_that_is_judged_tells_nothing():
    runs = [run(1, {("stage_s", "download"): [1.0]})]
    result = judged([record("chain", runs=runs, bench=name) for name in (OLD, NEW)])

    assert result.is_worse is CANNOT_TELL
    assert [row.why for row in result.rows] == ["the reference measured nothing that is judged"]


def test_worse_is_worse_whatever_else_cannot_be_told():
    exported = record("export", [1.0], bench=OLD)
    assert judged([bench(OLD, 100.0), exported, bench(NEW, 50.0)]).is_worse is YES


CONDITIONS = {"recipe": "sample", "seed": 42, "epochs": 7, "data_sha256": "d" * 64}
SEEDS = (0.50, 0.52, 0.54, 0.56, 0.58)  # standard deviation of the logarithms: 0.0587


def chain(name, score, **conditions):
    runs = [run(1, {("stage_s", "train"): [20.0], "mAP": [score]})]
    return record("chain", runs=runs, bench=name, conditions={**CONDITIONS, **conditions})


def by_band(score, *, was=0.54, seeds=SEEDS, asked=True, **conditions):
    band = made(
        conditions={**CONDITIONS, "mixed_precision": asked},
        settings={"train number format": "fp32"},
        quantities={"mAP": quantity("mAP", seeds, 1)},
        family=("mAP",),
    )
    benches = [chain(name, value, **conditions) for name, value in ((OLD, was), (NEW, score))]
    result = judge_newest(benches, "local", "sample", declared_pct=3.0, band=band)
    return next(row for row in result.rows if row.name == "chain mAP"), result.notes


def test_accuracy_is_judged_by_the_spread_of_seeds_where_a_band_is_of_these_conditions():
    row, notes = by_band(0.50)
    assert row.is_worse is NO  # 7 % less, which is more than the floor, and what another seed may give
    assert notes == ("chain mAP: chance is what the band of 5 seeds says it is",)
    # auto, which chose fp32, and fp32 are the same work
    assert by_band(0.50, asked=False, mixed_precision=True) == (row, notes)
    # Of two seeds: 0.0587 * sqrt(2) = 0.0830; of 2 rows the smaller p must be below 0.025: t(4) above 2.776.
    assert row.comparison.ratio.log_error == pytest.approx(
        math.sqrt(2) * statistics.stdev(map(math.log, SEEDS))
    )
    assert row.comparison.ratio.df == 4
    assert by_band(0.54 * 0.80)[0].is_worse is NO  # exp(-2.776 * 0.0830) = 0.794
    assert by_band(0.54 * 0.78)[0].is_worse is YES


def test_a_model_that_finds_nothing_is_worse_by_any_band():
    assert by_band(0.0)[0].is_worse is YES


def test_what_did_not_change_is_not_worse_whatever_the_seeds_give():
    assert by_band(0.1, was=0.1)[0].is_worse is NO


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"epochs": 14}, "epochs was 7, is now 14"),
        ({"data_sha256": "a" * 64}, "data_sha256 was dddddddddddd…, is now aaaaaaaaaaaa…"),
        ({"seed": 7}, "seed was 42, is now 7"),
        ({"anchors": "by-stride"}, "anchors was thirds, is now by-stride"),  # what neither of the two names
        ({"checkpoint": "best"}, "checkpoint was last, is now best"),
    ],
)
def test_a_band_of_other_conditions_is_told_and_not_used(changes, told):
    row, notes = by_band(0.50, **changes)
    assert f"chain mAP: the band of 5 seeds does not apply: {told}" in notes
    assert row.comparison is None or row.comparison.ratio.df != 4


def test_a_band_without_spread_is_told_and_not_used():
    for seeds in ((0.0,) * 5, (0.5,) * 5, (0.5, None, None, None, None)):
        _, notes = by_band(0.50, seeds=seeds)
        assert notes == ("chain mAP: the band of 5 seeds tells no spread",)
