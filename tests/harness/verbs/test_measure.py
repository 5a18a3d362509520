import importlib.util
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from harness.cli import main
from harness.clock import utc
from harness.measure.plan import BenchPlan
from harness.measure.record_files import begin_record, close_record
from harness.process.signals import Interrupted
from tests.harness.made import record

pytestmark = pytest.mark.usefixtures("signals_as_before")
NOT_IN_A_BASE_INSTALL = ("matplotlib", "pandas", "mpl_toolkits", "pylab", "torch", "onnx")


@pytest.fixture
def base_install(tmp_path):
    """Runs `jamcam` with the packages of a base install alone; gives exit status, stdout and stderr."""
    site = tmp_path / "site"
    site.mkdir()
    for path in Path(importlib.util.find_spec("luigi").origin).parents[1].iterdir():
        if not path.name.startswith(NOT_IN_A_BASE_INSTALL):
            (site / path.name).symlink_to(path)

    def run(*arguments, cwd):
        program = (
            f"import sys; sys.path[:0] = [{str(cwd)!r}, {str(site)!r}];"
            "from harness.cli import main; sys.exit(main())"
        )
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    return run


def test_a_base_install_says_what_plots_need_and_how_to_get_it(base_install, checkout, tmp_path):
    one = record("train", [100.0] * 5)
    close_record(begin_record(tmp_path / "results", one), one)

    status, _, complaint = base_install("plots", f"--results={tmp_path / 'results'}", cwd=checkout)

    message, remedy = complaint.splitlines()
    assert status == 2
    assert message.startswith("jamcam: nothing can be drawn")
    assert "make plots" in remedy


def test_a_base_install_can_look_and_compare(base_install, checkout, tmp_path):
    for number in (1, 2):
        one = record(
            "train",
            [100.0] * 5,
            bench=f"2026020{number}T000000Z-0000",
            started=f"2026-02-0{number}T00:00:00Z",
        )
        close_record(begin_record(tmp_path / "results", one), one)
    sides = [f"--{side}=2026020{number}T000000Z-0000" for number, side in enumerate("ab", 1)]

    assert base_install("status", "--recipe=smoke", f"--workspace={tmp_path}", cwd=checkout)[0] == 0
    assert base_install("compare", *sides, f"--results={tmp_path / 'results'}", cwd=checkout)[0] == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "jamcam: nothing can be drawn\n  try: make plots\n",
            ["nothing was drawn: nothing can be drawn", "  try: make plots"],
        ),
        (
            "Traceback (most recent call last):\n  ...\nKeyError: 'a column'\n",
            ["nothing was drawn: KeyError: 'a column'", "  try: jamcam plots, which says where"],
        ),
        ("", ["nothing was drawn: it ended with status -11", "  try: jamcam plots, which says where"]),
    ],
)
def test_a_bench_that_cannot_be_drawn_has_measured_all_the_same(
    settings, monkeypatch, tmp_path, capsys, said, told
):
    ended = subprocess.CompletedProcess((), 1 if said else -11, stderr=said)
    monkeypatch.setattr("harness.verbs.measure.subprocess.run", lambda *argv, **options: ended)
    monkeypatch.setattr("harness.measure.bench.bench", lambda settings, **more: [record("train", [1.0])])
    monkeypatch.chdir(tmp_path)
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    assert main(["bench", *options]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        *told,
        f"records: {tmp_path / 'results' / 'local'}",
    ]


def test_a_bench_without_a_record_has_not_measured(settings, monkeypatch):
    monkeypatch.setattr("harness.verbs.measure.draw", lambda settings: None)
    monkeypatch.setattr("harness.measure.bench.bench", lambda settings, **more: [])
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]
    assert main(["bench", *options]) == 1


@pytest.fixture
def benches(settings, monkeypatch, tmp_path):
    """`jamcam bench` whose benches leave two records at once; notes what was asked and how long it waited."""
    asked, waited_s = [], []

    def measure(settings, *, say, scaling, count):
        number = len(asked) + 1
        asked.append(count)
        made = partial(
            record,
            bench=f"20260301T101200Z-7c4e-{number}" if count > 1 else "20260301T101200Z-7c4e",
            platform=settings.platform.name,
            conditions={"recipe": settings.recipe.name},
            started=f"2026-03-01T10:1{number}:00Z",
            finished_utc=utc(time.time()),
            status="failed" if number == benches.failing else "ok",
        )
        both = [made("chain", [1.0]), made("train", [1.0])]
        for one in both:
            close_record(begin_record(settings.results, one), one)
        return both

    def benches(*arguments):
        options = [f"--{name}={text}" for name, text in settings().cli_options.items()]
        return main(["bench", *options, *arguments])

    benches.asked, benches.waited_s, benches.failing = asked, waited_s, 0
    monkeypatch.setattr("harness.measure.bench.bench", measure)
    monkeypatch.setattr("harness.verbs.measure.draw", lambda settings: None)
    monkeypatch.setattr(time, "sleep", waited_s.append)
    monkeypatch.chdir(tmp_path)
    return benches


def plan_with_gap(monkeypatch, gap_s):
    monkeypatch.setattr("harness.measure.plan.load_plan", lambda recipe: BenchPlan(session_gap_s=gap_s))


def test_sessions_are_measured_half_an_hour_apart(benches, monkeypatch, capsys):
    plan_with_gap(monkeypatch, 1800.0)

    assert benches("--sessions=3") == 0
    assert benches.asked == [3, 3, 3]
    assert benches.waited_s == pytest.approx([1800.0] * 2, abs=30)
    assert "bench | 3 sessions are measured; sessions lie 30 minutes apart" in capsys.readouterr().out


def test_sessions_back_to_back_are_told(benches, monkeypatch, capsys):
    plan_with_gap(monkeypatch, 0.0)

    assert benches("--sessions=2") == 0
    assert benches.waited_s == []
    assert "less than 30 minutes apart: their spread counts as 6 % or more" in capsys.readouterr().out


def test_sessions_that_were_stopped_are_gone_on_with(benches, monkeypatch):
    plan_with_gap(monkeypatch, 1800.0)

    def stop(seconds):
        raise Interrupted(2)

    monkeypatch.setattr(time, "sleep", stop)
    assert benches("--sessions=2") == 130
    assert benches.asked == [2]
    monkeypatch.setattr(time, "sleep", benches.waited_s.append)
    assert benches("--sessions=2") == 0
    assert benches.asked == [2, 2]
    assert len(benches.waited_s) == 1


def test_a_session_that_fails_ends_the_command(benches, monkeypatch):
    plan_with_gap(monkeypatch, 0.0)
    benches.failing = 2

    assert benches("--sessions=3") == 1
    assert benches.asked == [3, 3]


@pytest.fixture
def cluster(tmp_path):
    """A platform with a queue."""
    path = tmp_path / "cluster.toml"
    path.write_text('title = "a cluster"\nscheduler = "slurm"\nwall_time = "1:00:00"\n')
    return path


def test_in_a_job_one_session_is_measured_and_nobody_waits(benches, cluster, monkeypatch):
    plan_with_gap(monkeypatch, 1800.0)
    monkeypatch.setenv("SLURM_JOB_ID", "5")

    assert benches("--sessions=3", f"--platform={cluster}") == 0
    assert (benches.asked, benches.waited_s) == ([3], [])


def test_through_a_queue_each_session_is_a_job_and_the_waiting_command_waits(benches, cluster, monkeypatch):
    plan_with_gap(monkeypatch, 1800.0)
    submitted = []

    def run_job(settings, words):
        submitted.append(words)
        monkeypatch.setenv("SLURM_JOB_ID", "5")
        status = benches(*words[1:], f"--platform={cluster}")
        monkeypatch.delenv("SLURM_JOB_ID")
        return status

    monkeypatch.setattr("harness.verbs.measure.through_queue", run_job)

    assert benches("--sessions=2", f"--platform={cluster}") == 0
    assert submitted == [["bench", "--sessions=2"]] * 2
    assert benches.asked == [2, 2]
    assert len(benches.waited_s) == 1


def test_without_a_word_there_is_one_session_and_a_number_is_asked_for(benches, capsys):
    assert benches() == 0
    assert benches.asked == [1]
    assert benches("--sessions=0") == 2
    assert benches("--sessions=x") == 2
    assert "sessions is 'x', expected 1 to 9999" in capsys.readouterr().err


def test_a_stage_that_fails_in_a_bench_names_a_command_that_can_be_typed(settings, monkeypatch):
    given = []
    monkeypatch.setattr("harness.verbs.measure.draw", lambda settings: None)
    one = record("scaling", [1.0])
    monkeypatch.setattr(
        "harness.measure.bench.bench", lambda settings, **more: given.append(settings) or [one]
    )
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    main(["bench", *options, "--gpu-hz=5", "--keep=1", "--epochs=3"])

    (used,) = given
    assert (used.gpu_hz, used.keep, used.origins["keep"]) == (5, True, "command line")
    assert used.command("train").endswith(" --epochs=3")
    assert "gpu-hz" not in used.command("train")


def test_a_study_measures_each_count_of_gpus_with_settings_of_its_own(settings, monkeypatch):
    given = []
    monkeypatch.setattr("harness.verbs.measure.draw", lambda settings: None)
    one = record("scaling", [1.0])
    monkeypatch.setattr(
        "harness.measure.bench.bench", lambda settings, **more: given.append(settings) or [one]
    )
    options = [f"--{name}={text}" for name, text in settings().cli_options.items()]

    assert main(["scaling", *options, "--gpus=1,2", "--batch=4"]) == 0
    assert [one.gpus for one in given] == [1, 2]
    assert main(["scaling", *options, "--gpus=1,3", "--batch=4"]) == 2
    assert main(["scaling", *options, "--gpus=1,x"]) == 2
    assert len(given) == 2
