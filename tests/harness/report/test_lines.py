from harness.measure.record import Verdict
from harness.measure.record_files import read_record, read_records
from harness.report.lines import bench_lines
from tests.harness.made import observed, record, watched


def test_a_bench_ends_with_what_was_measured_and_what_the_sampler_cost(checkout):
    records, _ = read_records(checkout / "tests" / "fixtures" / "results")

    assert "\n".join(bench_lines(records[:1])) == (
        "\ntrain (ok; clean)\n"
        "  train_images_per_s: 36.3 images/s (95 %: 35.96 to 36.64, n 4)\n"  # of 36.0 to 36.5
        "  train_step_s: 0.11 s (95 %: 0.11 to 0.11, n 4); 90 % of 12 lie from 0.11 to 0.11\n"
        "  start_up_s: 0.9 s (95 %: 0.9 to 0.9, n 4)\n"
        "  compute-bound: 9 % of the steps' time was spent waiting for data\n"
        "  sampler: 0.40 % of a core, beat error 0.40 ms (95th percentile of 7), 0 beats missed"
    )


def test_a_record_of_the_case_sampler_which_benches_no_longer_measure_is_shown(checkout):
    record = read_record(checkout / "results" / "local" / "20261125T010548Z-sampler-72cd")

    lines = list(bench_lines([record]))
    assert lines[0] == "\nsampler (ok; clean)"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        *(
            "train_images_per_s",
            "start_up_s",
            "train_step_s",
            "train_wait_s",
            "command_s",
            "sampler_change_pct",
        )
    ]
    # The median of its 39 values, which are all of one run.
    assert lines[-1].startswith(
        "  sampler_change_pct: -0.3477 % (n 1, too few to say how sure); 90 % of 39 lie"
    )


def test_runs_that_drift_are_told_to_be_less_sure_than_they_look():
    rates = [10.0, 10.2, 10.4, 10.6, 10.8, 11.0, 11.2, 11.4]
    (line,) = [line for line in bench_lines([record("train", rates)]) if "train_images_per_s" in line]
    assert "; the interval is too narrow: a run resembles the one before (r 0." in line


def test_a_record_that_nobody_watched_is_not_called_clean():
    (clean, *_), (unseen, *_), (faulty, *_) = (
        list(bench_lines([record(rates=[1.0], **changes)]))
        for changes in (
            {},
            {"probe": watched(faults=("a sensor is gone",))},
            {"not_comparable": ("strangers",)},
        )
    )
    assert clean == "\ntrain (ok; clean)"
    assert unseen == "\ntrain (ok; cannot tell whether clean: the sampler complained: a sensor is gone)"
    assert faulty == "\ntrain (ok; not comparable: strangers)"


def test_what_to_try_and_a_clock_that_was_held_down_are_told():
    verdict = Verdict(word="launch-bound", why="idle", figures={}, remedy="a larger BATCH")
    seen = observed(throttled_pct={"power cap": 100 / 6001})
    lines = list(bench_lines([record(rates=[1.0], verdict=verdict, observed=seen)]))

    at = lines.index("  launch-bound: idle")
    assert lines[at + 1 : at + 3] == [
        "    try: a larger BATCH",
        "  the GPU's clock was held down for 0.0167 % of the time: power cap",
    ]
