import contextlib
import os
import random
import re
import signal
import time

import numpy as np
import psutil
import pytest

from harness.measure.gate import judge_newest
from harness.measure.micro import missing
from harness.measure.record_files import read_phases, read_records
from harness.stages.workflow import KINDS
from probe.samples import read_samples
from tests.waiting import until

KILLS = int(os.environ.get("BENCH_KILLS", "4"))  # 50 for a figure to report
CASES = {"chain", "train", "evaluate", "inference", "export", "convert-data"}


@pytest.fixture
def bench(jamcam, tmp_path):
    """`jamcam bench`; gives what was printed and the records."""
    jamcam.patience_s = 600.0

    def bench(*arguments, status=0, **environment):
        printed = jamcam(
            "bench", f"--results={tmp_path / 'results'}", *arguments, status=status, **environment
        )
        return printed, read_records(tmp_path / "results")[0]

    bench.results = tmp_path / "results"
    return bench


@pytest.mark.slow
def test_a_bench_leaves_a_record_of_each_case_that_holds_what_is_promised_and_nothing_else(
    bench, jamcam, checkout
):
    printed, records = bench("--host-hz=20")

    assert {record.case: record.status for record in records} == dict.fromkeys(CASES, "ok")
    runs = {record.case: [run.probed for run in record.runs] for record in records}
    assert runs == {"chain": [True], **{case: [True, True] for case in CASES - {"chain"}}}
    assert [path.name for path in jamcam.workspace.iterdir()] == [".bench"]
    assert list((jamcam.workspace / ".bench").iterdir()) == []
    assert "left out, it measures the portable engine" in printed
    assert "train_images_per_s: 40 images/s" in printed  # four frames a step of a tenth of a second
    assert "sampler: " in printed

    by_case = {record.case: record for record in records}
    chain = by_case["chain"]
    assert {one.of for one in chain.runs[0].measurements if one.name == "stage_s"} == set(KINDS)
    assert chain.values("epoch_images_per_s") == (40.0, 40.0)
    assert chain.values("epoch_loss") == (1.0, 1.0)
    assert chain.values("time_to_mAP_s") == (None,)
    assert chain.values("mAP") == (0.5,)
    assert chain.verdict.word not in ("compute-bound", "throttled")  # the stand-in computes nothing
    assert chain.verdict.decided_by in chain.verdict.figures
    train = by_case["train"]
    assert train.runs[0].warm_up_steps == 2
    assert len({record.bench for record in records}) == 1
    assert train.conditions["data_sha256"] == chain.conditions["data_sha256"] is not None
    assert {case: "precision" in record.conditions for case, record in by_case.items()} == {
        **dict.fromkeys(CASES, False),
        **dict.fromkeys(("chain", "export"), True),
    }
    # The stand-in tells nothing of how it computes.
    assert (train.facts["number_format"], train.facts["data_caches"]) == (None, "warm")
    assert {"number_format", "data_caches"} & chain.facts.keys() == {"number_format", "data_caches"}
    folder = bench.results / "local" / train.id
    samples = read_samples(folder)
    assert samples["host_cpu_pct"].size >= 2
    assert {phase["run"] for phase in read_phases(folder)} == {1, 2}
    assert not (folder / "begun.json").exists()
    text = (folder / "record.json").read_text()
    assert os.uname().nodename not in text
    assert str(checkout) not in text


@pytest.mark.slow
def test_processes_of_our_own_later_stages_are_no_strangers_on_the_gpu(bench, nvml_folder, tmp_path):
    (tmp_path / "on-the-gpu").mkdir()
    printed, records = bench(
        "--host-hz=1",
        "--gpu-hz=50",
        LD_LIBRARY_PATH=str(nvml_folder),
        FAKE_NVML_PIDS=str(tmp_path / "on-the-gpu"),
        FAKE_NVML="missing",
        FAKE_YOLO_V4="train=slow",
    )

    (chain,) = (record for record in records if record.case == "chain")
    samples = read_samples(bench.results / "local" / chain.id)
    assert samples["gpu0_own_processes"][np.isfinite(samples["gpu0_own_processes"])].max() >= 1
    assert chain.observed.used_gpus == ("gpu0",)
    assert "bench | chain: energy of gpu0 cannot be told: its sensors told nothing" in printed
    assert {record.observed.other_gpu_processes for record in records} <= {0, None}
    assert {reason for record in records for reason in record.not_comparable if "GPU" in reason} == set()


@pytest.mark.slow
def test_sessions_are_benches_of_one_name_that_a_gate_takes_together(bench):
    printed, records = bench("--sessions=2")

    names = sorted({record.bench for record in records})
    assert [name[-2:] for name in names] == ["-1", "-2"]
    assert names[0][:-2] == names[1][:-2]
    assert {record.case for record in records if record.bench == names[1]} == CASES
    assert {record.status for record in records} == {"ok"}
    assert "2 sessions are measured; sessions lie less than 30 minutes apart" in printed
    result = judge_newest(records, "local", str(records[0].conditions["recipe"]), declared_pct=6.0)
    assert result.reference == tuple(names)


@pytest.mark.slow
def test_with_keep_the_bench_stays_to_be_looked_at_and_the_users_workspace_is_left_as_it_was(bench, done):
    before = {path: path.stat().st_mtime_ns for path in done.workspace.rglob("*") if path.is_file()}

    printed, _ = bench("--keep=1")

    (folder,) = (done.workspace / ".bench").iterdir()
    assert f"kept: {folder}" in printed
    assert (folder / "experiment" / "metrics.json").exists()
    assert not (folder / ".lock").exists()
    after = {
        path: path.stat().st_mtime_ns
        for path in done.workspace.rglob("*")
        if path.is_file() and not path.is_relative_to(folder)
    }
    assert after == before


@pytest.mark.slow
def test_a_case_that_fails_is_recorded_as_failed_and_the_others_go_on(bench):
    printed, records = bench(status=1, FAKE_YOLO_V4="export=crash")

    status = {record.case: record.status for record in records}
    assert status == {"chain": "failed"}
    assert "exit status 1" in records[0].reason
    assert not re.search(r"/(tmp|root|home|dev)/", records[0].reason)  # records are handed on
    assert "chain failed" in printed


@pytest.mark.slow
def test_without_matplotlib_a_bench_keeps_its_records_and_says_why_nothing_was_drawn(bench, checkout):
    base_install = checkout / "tests" / "fakes" / "base_install"
    printed, records = bench(status=1, FAKE_YOLO_V4="kmeans=crash", PYTHONPATH=str(base_install))

    assert [record.status for record in records] == ["failed"]
    assert "nothing was drawn: nothing can be drawn without matplotlib and pandas" in printed
    assert "Traceback (most recent call last)" not in printed


def test_on_another_machine_a_platforms_name_is_refused_and_nothing_is_written(bench, jamcam, tmp_path):
    path = tmp_path / "far.toml"
    path.write_text('title = "far"\nhost_pattern = "^far-"\ngpu_model = "A100"\n')

    printed, records = bench(f"--platform={path}", status=2)

    assert "this is not the platform far" in printed
    assert "host: expected a name like ^far-, found" in printed
    assert "GPU: expected one called A100, found none" in printed
    assert records == ()
    assert not bench.results.exists()
    assert not jamcam.workspace.exists()


def test_an_unknown_platform_is_refused_with_the_nearest_name(bench):
    printed, _ = bench("--platform=locl", status=2)

    assert "take local" in printed


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_leaves_truncated_records(bench, jamcam, tmp_path):
    process = jamcam.start("bench", f"--results={bench.results}", FAKE_YOLO_V4="export=hang")
    until(lambda: list(jamcam.workspace.glob(".bench/*/.lock.export")))

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)

    assert process.returncode == 130
    (record,) = read_records(bench.results)[0]
    assert (record.case, record.status) == ("chain", "truncated")
    assert "SIGINT" in record.reason
    assert list((jamcam.workspace / ".bench").iterdir()) == []


def command(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment_what_was_finished_is_valid(bench, jamcam, seed):
    process = jamcam.start("bench", f"--results={bench.results}", "--host-hz=10")
    # During the chain, or so many cases later, and then a moment.
    cases_later, moment_s = divmod(random.Random(seed).uniform(0.0, 11.0), 1.0)
    until(lambda: list(bench.results.glob("*/*/begun.json")))
    for line in process.stdout if cases_later else ():
        cases_later -= line.startswith("bench | block")
        if not cases_later:
            break
    time.sleep(3 * moment_s)
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    samplers = {child: words for child in family if {"probe", "sample"} <= {*(words := command(child))}}
    killed_s = time.time()
    process.kill()
    for sampler in samplers:
        with contextlib.suppress(psutil.Error):
            sampler.kill()
    process.communicate()

    records, strangers = read_records(bench.results)
    assert strangers == ()
    assert records
    for record in records:
        folder = bench.results / "local" / record.id
        assert record.status in ("ok", "truncated")
        assert record.status == "ok" or record.reason == "it was cut short"
        assert {phase["run"] for phase in read_phases(folder)} >= {
            run.number for run in record.runs if run.images
        }
        times_s = read_samples(folder).get("unix_s", ())
        # The newest samples may be of an earlier run: a sampler that has only just begun has none yet.
        begun_s = [child.create_time() for child, words in samplers.items() if str(folder) in words]
        if len(times_s) and begun_s:
            assert killed_s - max(times_s[-1], *begun_s) < 10.0  # a second, and what a busy machine adds
    until(lambda: not [child for child in family if command(child)])


@pytest.mark.slow
def test_what_a_killed_bench_left_behind_is_gone_after_the_next(bench, jamcam):
    process = jamcam.start("bench", f"--results={bench.results}", FAKE_YOLO_V4="export=hang")
    until(lambda: list(jamcam.workspace.glob(".bench/*/.lock.export")))
    process.kill()
    process.communicate()
    assert list((jamcam.workspace / ".bench").iterdir()) != []

    _, records = bench(
        status=1, FAKE_YOLO_V4="kmeans=crash"
    )  # tidying does not wait for a bench that ends well

    assert list((jamcam.workspace / ".bench").iterdir()) == []
    assert [record.status for record in records].count("truncated") == 1


def test_the_micro_part_says_what_is_missing(settings):
    assert "measures the portable engine" in missing(settings())
