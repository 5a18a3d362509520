from harness.measure.compare import compare
from harness.measure.record_files import read_record, read_records
from harness.report.lines import bench_lines, comparison_line
from tests.harness.made import record, run


def test_a_bench_ends_with_what_was_measured_and_what_the_sampler_cost(checkout):
    records, _ = read_records(checkout / "tests" / "fixtures" / "results")

    assert "\n".join(bench_lines(records[:1])) == (
        "\ntrain (ok; clean)\n"
        "  train_images_per_s: 36.25 images/s (n 4, too few to say how sure)\n"
        "  train_step_s: 0.11 s (95 %: 0.11 to 0.11, n 12)\n"
        "  start_up_s: 0.9 s (n 4, too few to say how sure)\n"
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
    assert lines[-1].startswith("  sampler_change_pct: -0.3477 % (95 %: ")  # the median of its 39 values


def test_a_comparison_is_a_ratio_with_its_interval_and_both_medians():
    ours, theirs = record("train", [20.0] * 5), record("train", [10.0] * 6)

    assert [*map(comparison_line, compare([ours], [theirs]))] == [
        "train train_images_per_s: 2.000 (95 %: 2.000 to 2.000); 20 against 10 images/s, n 5 and 6"
    ]


def test_a_comparison_of_few_repeats_or_with_nothing_says_so():
    few, nothing = record("train", [20.0]), record("train", runs=[run(1, {"train_images_per_s": [0.0]})])

    assert [*map(comparison_line, compare([few], [few]))] == [
        "train train_images_per_s: 1.000 (below 5 repeats: too few to say); 20 against 20 images/s, n 1 and 1"
    ]
    assert [*map(comparison_line, compare([few], [nothing]))] == [
        "train train_images_per_s: nothing to divide by"
    ]
