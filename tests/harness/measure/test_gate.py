from harness.measure.gate import judge_newest
from tests.harness.made import observed, record

OLD, NEW, NEWEST = "20260101T000000Z-aaaa", "20260201T000000Z-bbbb", "20260301T000000Z-cccc"


def bench(name, rate, **words):
    return record("train", [rate * part for part in (0.98, 0.99, 1.0, 1.01, 1.02)], bench=name, **words)


def test_the_newest_bench_is_judged_by_the_first_or_by_the_reference():
    records = [bench(NEW, 80.0), bench(NEWEST, 90.0), bench(OLD, 100.0)]

    by_first = judge_newest(records, "local")
    assert (by_first.bench, by_first.reference) == (NEWEST, OLD)
    assert [one.name for one in by_first.worse] == ["train train_images_per_s"]

    by_reference = judge_newest(records, "local", NEW)
    assert by_reference.comparisons[0].ratio.ratio == 1.125  # 90 over 80
    assert by_reference.worse == []


def test_without_a_bench_newer_than_the_reference_there_is_no_judgement():
    assert judge_newest([], "local") is None
    assert judge_newest([bench(OLD, 100.0)], "local") is None
    assert judge_newest([bench(OLD, 100.0), bench(NEW, 100.0)], "local", NEW) is None


def test_other_platforms_and_imported_logs_are_no_bench():
    others = [bench(NEWEST, 1.0, platform="jade"), bench(NEWEST, 1.0, source="dmon.txt")]
    result = judge_newest([bench(OLD, 100.0), bench(NEW, 100.0), *others], "local")

    assert result.bench == NEW


def test_what_forbids_a_comparison_is_told_and_the_figures_all_the_same():
    disturbed = bench(NEW, 50.0, observed=observed(xid_events=1))
    result = judge_newest([bench(OLD, 100.0), disturbed], "local")

    assert result.obstacles == (f"local/{disturbed.id}: the GPU reported errors",)
    assert len(result.worse) == 1
