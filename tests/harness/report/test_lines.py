from harness.measure.record_files import read_record, read_records
from harness.report.lines import bench_lines


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
        *("train_images_per_s", "start_up_s", "train_step_s", "train_wait_s", "command_s", "sampler_change_pct")
    ]
    assert lines[-1].startswith("  sampler_change_pct: -0.3477 % (95 %: ")  # the median of its 39 values
