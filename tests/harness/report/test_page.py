from harness.report.page import section
from tests.harness.made import joules, machine, observed, phase, record, run, series

GIB = 2**30


def test_nothing_measured_is_a_row_with_the_command_for_each_platform():
    assert section([], {"local": "this machine", "jade": "JADE 2 | Hartree"}, []) == (
        "<!-- benchmarking: written by `make plots` -->\n"
        "\n"
        "| platform | hardware | engine | recipe | training (images/s) | busy (%) | peak memory (GiB) "
        "| energy (J per 1,000 images) | mAP | date | commit | record |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| jade | JADE 2 \\| Hartree | — | — | — | — | — | — | — | — | — "
        "| not measured yet: `make bench PLATFORM=jade` |\n"
        "| local | this machine | — | — | — | — | — | — | — | — | — "
        "| not measured yet: `make bench PLATFORM=local` |\n"
        "\n"
        "<!-- benchmarking: end -->"
    )


def test_a_platform_that_was_measured_has_its_figures_and_their_record():
    rates = [100.0, 101.0, 102.0, 103.0, 104.0]
    trained = record(
        "train",
        platform="jade",
        runs=[
            run(n, {"train_images_per_s": [rate]}, images=100, energy=[joules(25.0)])
            for n, rate in enumerate(rates)
        ],
        machine=machine(gpus=2),
        conditions={"gpus": 2},
        series=[
            series("gpu0_memory_used_bytes", mean=1.0, high=3 * GIB),
            series("gpu1_memory_used_bytes", mean=1.0, high=2 * GIB),
            series("tree_rss_bytes", mean=1.0, high=1.5 * GIB),
        ],
        phases=[phase("epoch", 9.0, gpu0_utilisation_pct=90.0, gpu1_utilisation_pct=80.0, host_cpu_pct=40.4)],
        observed=observed(other_gpu_processes=1),
    )
    chain = record(
        "chain",
        platform="jade",
        machine=machine(gpus=2),
        conditions={"gpus": 2},
        runs=[run(1, {"mAP": [0.47]})],
    )

    text = section(
        [trained, chain], {"jade": "JADE 2"}, ["throughput-sample", "timeline-jade", "energy-sample"]
    )

    assert text.splitlines()[4:] == [
        "| jade | 2× Made-up 100 | portable, fp32, batch 4 | sample | 102 (100 to 104; n 5) | GPU 85, CPU 40 "
        "| GPU 5, processes 1.5 | 250 (GPU, its own counter) | 0.470 | 2026-03-01 | 01234567 "
        "| [20260301T101500Z-train-0000](results/jade/20260301T101500Z-train-0000)"
        "; not comparable: 1 other processes on the GPU |",
        "",
        "![throughput, sample](results/plots/throughput-sample.png)",
        "",
        "![timeline, jade](results/plots/timeline-jade.png)",
        "",
        "<!-- benchmarking: end -->",
    ]


def test_what_could_not_be_read_is_a_dash_and_never_a_number():
    bare = record("train", [50.0], machine=None, code=None)

    (row,) = [line for line in section([bare], {}, []).splitlines() if line.startswith("| local")]
    assert row.startswith(
        "| local | hardware not recorded | portable, fp32, batch 4 | sample | 50 (too few to say; n 1)"
    )
    assert row.count("—") == 5
