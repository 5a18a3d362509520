from dataclasses import replace

from harness.report.page import section
from tests.harness.made import joules, machine, observed, phase, record, run, series

GIB = 2**30


def test_nothing_measured_is_a_row_with_the_command_for_each_platform():
    assert section([], {"local": "this machine", "jade": "JADE 2 | Hartree"}, []) == (
        "<!-- benchmarking: written by `make plots` -->\n"
        "\n"
        "| platform | hardware | engine | recipe | training (images/s) | of the limit (%) "
        "| our load (%) | peak memory (GiB) | energy (J per 1,000 images) | mAP | date | commit | record |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| jade | JADE 2 \\| Hartree | — | — | — | — | — | — | — | — | — | — "
        "| not measured yet: `make bench PLATFORM=jade` |\n"
        "| local | this machine | — | — | — | — | — | — | — | — | — | — "
        "| not measured yet: `make bench PLATFORM=local` |\n"
        "\n"
        "<!-- benchmarking: end -->"
    )


def test_a_platform_that_was_measured_has_its_figures_and_their_record():
    rates = [100.0, 101.0, 102.0, 103.0, 104.0]
    busy = {"gpu0_utilisation_pct": 90.0, "gpu1_utilisation_pct": 80.0}
    training = replace(
        phase("stage train", 9.0),
        peaks={
            "gpu0_memory_used_bytes": 3.0 * GIB,
            "gpu1_memory_used_bytes": 2.0 * GIB,
            "gpu2_memory_used_bytes": 30.0 * GIB,
            "tree_rss_bytes": 2.5 * GIB,
        },
    )
    trained = record(
        "train",
        platform="jade",
        runs=[
            run(
                n,
                {"train_images_per_s": [rate], "matmul_share_pct": [41.5]},
                images=100,
                energy=[joules(25.0)],
            )
            for n, rate in enumerate(rates)
        ],
        machine=machine(gpus=3),  # two of which it used
        conditions={"gpus": 2},
        series=[series("tree_rss_bytes", mean=1.0, high=1.5 * GIB)],
        phases=[
            phase("epoch", 9.0, **busy, gpu2_utilisation_pct=1.0, host_cpu_pct=98.0, tree_cpu_pct=40.4),
        ],
        observed=observed(other_gpu_processes=1),
    )
    chain = record(
        "chain",
        platform="jade",
        machine=machine(gpus=3),
        conditions={"gpus": 2, "epochs": 7},
        runs=[run(1, {"mAP": [0.47]})],
        phases=[
            training,
            replace(training, phase="stage export", peaks={"tree_rss_bytes": 9.0 * GIB}),
        ],
    )

    text = section(
        [trained, chain], {"jade": "JADE 2"}, ["throughput-sample", "timeline-jade", "energy-sample"]
    )

    assert text.splitlines()[4:] == [
        "| jade | 2× Made-up 100 | portable, fp32, batch 4 | sample | 102 (100 to 104; n 5) "
        "| 41.5 | GPU 0: 90, GPU 1: 80, CPU 40 | GPU 3, processes 2.5 | 250 (GPU, its own counter) "
        "| 0.470 after 7 epochs | 2026-03-01 | 01234567 "
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
    assert "| not recorded | — |" in row, "the share of the limit"
    assert row.count("—") == 5


def row(text):
    (line,) = [line for line in text.splitlines() if line.startswith("| local")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_memory_of_a_few_steps_says_so_where_no_model_was_trained():
    steps = replace(phase("epoch", 9.0), peaks={"tree_rss_bytes": 0.75 * GIB})
    timed = record("train", [50.0], conditions={"train_steps": 20}, phases=[steps])

    assert row(section([timed], {}, []))[7] == "processes 0.75 (of 20 steps)"


def test_a_score_of_another_recipe_or_limit_does_not_stand_in_the_row():
    timed = record("train", [50.0], conditions={"limit": 0})
    other = record("chain", conditions={"limit": 24}, runs=[run(1, {"mAP": [0.9]})])

    assert row(section([timed, other], {}, []))[9] == "—"


def test_rows_that_compare_would_refuse_say_by_what_they_differ():
    records = [
        record("train", [50.0], conditions={"limit": 0}),
        record("train", [60.0], conditions={"limit": 24}, platform="jade"),
    ]
    lines = [line for line in section(records, {}, []).splitlines() if "portable" in line]

    assert [line.split(" | ")[3] for line in lines] == ["sample; limit 24", "sample; limit 0"]


def test_energy_that_was_not_covered_is_a_reason_and_no_number():
    # The second of two GPUs fell silent in one of two runs: that run has no total.
    silent = replace(joules(None, device="gpu1"), reason="only 12 % of the time is covered")
    runs = [
        run(1, {"train_images_per_s": [5.0]}, images=100, energy=[joules(10.0), joules(20.0, device="gpu1")]),
        run(2, {"train_images_per_s": [5.0]}, images=100, energy=[joules(11.0), silent]),
    ]

    assert row(section([record("train", runs=runs)], {}, []))[8] == (
        "300 (GPU, its own counter); GPU: no figure of 1 of 2 runs: only 12 % of the time is covered"
    )
    assert row(section([record("train", runs=runs[1:])], {}, []))[8].startswith(
        "GPU: no figure of 1 of 1 runs"
    )
