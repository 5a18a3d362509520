import importlib
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import FAMILIES, main
from harness.errors import HarnessError, Locked, raise_first
from harness.measure.record_files import begin_record, close_record
from harness.settings.variables import VARIABLES
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take
from harness.workspace.marker import STAGES
from tests.harness.made import record

pytestmark = pytest.mark.usefixtures("signals_as_before")


@pytest.fixture
def ask(done, settings, capsys):
    """Runs a verb that only tells, in this process; gives exit status, stdout and stderr."""

    def run(*arguments, taken=("recipe", "dataset", "engine", "workspace")):
        options = [each for each in done.options() if each[2:].split("=")[0] in taken]
        status = main([*options, *arguments])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("arguments", "complaint", "remedy"),
    [
        ([], "neither a verb nor a stage was given", "jamcam all, or another that jamcam --help lists"),
        (["fly"], "no verb is called fly", "jamcam --help lists them"),
        (["trian"], "no verb is called trian", "jamcam train"),
        (
            ["all", "train"],
            "all does not take the word train",
            "leave it out; jamcam all --help lists its options",
        ),
        (
            ["all", "--train"],
            "--train is for stages as flags, without a verb",
            "jamcam --train, or one verb alone",
        ),
        (
            ["--epochs=3", "--trian"],
            "a run of stages does not take --trian",
            "write --train, or leave it out",
        ),
        (["train", "--epoch", "3"], "train does not take --epoch", "write --epochs, or leave it out"),
        (
            ["train", "--tao_version=5"],
            "train does not take --tao_version",
            "write --tao-version, or leave it out",
        ),
        (
            ["status", "--xyzzy"],
            "status does not take --xyzzy",
            "leave it out; jamcam status --help lists its options",
        ),
        (["train", "--epochs"], "argument --epochs: expected one argument", "jamcam train --help"),
        (
            ["import-dmon"],
            "no FILE was given: a file that nvidia-smi dmon wrote",
            "jamcam import-dmon FILE",
        ),
        (
            ["why"],
            f"no stage given; there are {', '.join(STAGES)}",
            "make why STAGE=train, or jamcam why train",
        ),
        (["why", "trian"], "there is no stage trian", "write train"),
        (["plan", "--stage=trian"], "there is no stage trian", "write train"),
        (["inside"], "in-job is what batch scripts call", "jamcam --help lists the verbs"),
        (["unlock", "--force=maybe"], "force is 'maybe', expected 1 or 0", "give --force, or leave it out"),
    ],
)
def test_what_is_not_understood_ends_with_2_and_two_lines(arguments, complaint, remedy, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"jamcam: {complaint}\n  try: {remedy}\n"


def test_a_setting_that_is_wrong_ends_with_2_and_two_lines(ask):
    status, _, complaint = ask("all", "--val-split=x")

    assert status == 2
    assert complaint == (
        "jamcam: val_split is 'x' (command line), expected a number above 0 and below 100\n"
        "  try: give --val-split a number above 0 and below 100\n"
    )


def test_help_names_every_stage_verb_and_variable(capsys):
    assert main(["--help"]) == 0

    text = capsys.readouterr().out
    verbs = (
        *("status", "plan", "why", "show-config", "platforms", "doctor", "shell", "bench", "scaling"),
        *("plots", "compare", "gate", "import-dmon", "unlock", "clean"),
    )
    lines = [line.split()[0] for line in text.splitlines() if re.match("  [a-z-]", line)]
    assert {*STAGES, "all", *verbs, *(variable.option for variable in VARIABLES)} <= {*lines}
    assert all(f"--{stage}" in text for stage in (*STAGES, "all"))
    assert max(map(len, text.splitlines())) <= 115


def test_the_table_of_verbs_is_that_of_their_modules_and_of_the_workflow():
    declared = {family: importlib.import_module(f"harness.verbs.{family}").VERBS for family in FAMILIES}
    assert {family: tuple(verb.name for verb in verbs) for family, verbs in declared.items()} == FAMILIES
    assert FAMILIES["run"] == (*STAGES, "all")


def test_the_help_of_a_verb_has_a_line_for_each_option_that_it_takes_and_for_no_other(capsys):
    assert main(["compare", "--help"]) == 0

    text = capsys.readouterr().out
    listed = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    assert listed == ["--a", "--b", "--force", "--json", "--results"]
    assert text.startswith(
        "usage: jamcam compare [--option=value ...]\n\nhow records, workspaces or crates A and B differ"
    )


def test_status_shows_nine_stages_done(ask):
    status, table, _ = ask("status")

    rows = [line.split() for line in table.splitlines()[2:]]
    assert status == 0
    assert [row[:2] for row in rows] == [[stage, "done"] for stage in STAGES]


def test_status_says_why_a_stage_is_not_done(ask):
    _, table, _ = ask("status", "--epochs=3")

    rows = {line.split()[0]: line for line in table.splitlines()}
    assert rows["convert-data"].split()[1] == "done"
    assert rows["train"].endswith("epochs was 2, is now 3")


def test_why_is_silent_success_where_a_stage_is_done(ask):
    status, text, _ = ask("why", "train")

    assert status == 0
    assert text.startswith("train is done since ")


@pytest.mark.parametrize("how", [["why", "eval"], ["why", "--stage=eval"]])
def test_why_tells_every_difference_and_ends_with_1(ask, how):
    status, text, _ = ask(*how, "--epochs=3", "--val-split=30")

    assert status == 1
    assert text.splitlines() == [
        "eval would run:",
        "  epochs was 2, is now 3",
        "  gen-valid comes first: val_split_pct was 20.0, is now 30.0",
        "  train comes first: epochs was 2, is now 3",
    ]


def test_plan_prints_every_argument_list_that_would_run_and_runs_nothing(ask, done):
    before = sorted(done.workspace.rglob("*"))

    status, text, _ = ask("plan", "--epochs=3")

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert status == 0
    assert [line.split()[1] for line in lines] == ["train", "evaluate", "evaluate", "inference", "export"]
    new = f"{done.workspace}/.attempts/train/NEW"
    assert lines[0].endswith(f"yolo_v4 train -e {new}/train.txt -r {new}/products/experiment --gpus 1")
    assert sorted(done.workspace.rglob("*")) == before


def test_plan_names_a_reason_once_and_the_stages_that_come_first_by_name(ask):
    _, text, _ = ask("plan", "--val-split=30")

    assert dict(re.findall(r"^# ([a-z-]+): (.+)$", text, re.MULTILINE)) == {
        "gen-valid": "val_split_pct was 20.0, is now 30.0",
        "tune-bdb": "after gen-valid",
        "convert-data": "after gen-valid",
        "train": "after gen-valid, tune-bdb, convert-data",
        "eval": "after gen-valid, convert-data, train",
        "vis": "after train",
        "export": "after train",
    }


def test_plan_shows_no_secret(ask, monkeypatch, tmp_path):
    monkeypatch.setenv("KEY", "open sesame")

    _, text, _ = ask("plan", "--engine=tao", f"--image={tmp_path}/tao.sif", "--tao-version=3.21.11")

    assert "open sesame" not in text
    assert '"$JAMCAM_KEY"' in text
    assert "# would be refused here: " in text


def test_show_config_tells_where_each_value_came_from(ask, monkeypatch):
    monkeypatch.setenv("JAMCAM_BATCH", "2")

    _, text, _ = ask("show-config", "--epochs=3")

    rows = {
        line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines() if len(line.split()) > 2
    }
    assert rows["epochs"] == ["3", "command line"]
    assert rows["batch"] == ["2", "environment"]
    assert rows["seed"] == ["42", "recipe smoke"]


def test_platforms_lists_every_file_and_what_each_must_be_given(ask):
    status, table, _ = ask("platforms", taken=())

    rows = {line.split()[0]: line for line in table.splitlines()}
    assert status == 0
    assert {"local", "wsl2", "slurm", "baskerville", "jade", "pearl", "isambard-ai"} <= rows.keys()
    assert "ACCOUNT QOS" in rows["baskerville"]
    assert "(where you are)" in rows["local"]


def test_platforms_says_which_are_closed_to_some_and_of_which_nobody_knows(ask):
    _, table, _ = ask("platforms", taken=())

    rows = {line.split()[0]: " ".join(line.split()) for line in table.splitlines()}
    assert rows["baskerville"].startswith("baskerville retired isambard-ai 2026-05-18 ")
    assert rows["pearl"].startswith("pearl cannot tell jade 2026-05-18 ")
    assert rows["sulis"].startswith("sulis cannot tell 2025-01-10 ")
    assert rows["isambard-ai"].startswith("isambard-ai in service 2026-09-01 ")
    assert "since April 2026, for others not known" in rows["baskerville:"]


def test_plan_for_a_cluster_checks_the_specs_and_names_the_file_that_a_person_edits(ask, done, monkeypatch):
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text(copy.read_text().replace("num_epochs:", "num_epoch:"))
    line = next(n for n, text in enumerate(copy.read_text().splitlines(), 1) if "num_epoch:" in text)
    status, text, _ = ask("plan", "--platform=jade", "--stage=train")

    assert status == 0
    assert f"#   specs: {copy} line {line}: there is no field num_epoch in training_config" in text


def test_plan_for_a_cluster_tells_what_cannot_be_told_from_here(ask, monkeypatch, tmp_path):
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _, text, _ = ask("plan", "--platform=pearl", "--stage=train")

    assert "# cannot tell whether PEARL, STFC Rutherford Appleton Laboratory takes jobs: " in text
    assert "would be refused" not in text


def test_plan_for_a_cluster_is_the_script_and_why_it_would_be_refused_here(ask, done, monkeypatch):
    monkeypatch.setenv("PATH", str(done.workspace))
    before = sorted(done.workspace.rglob("*"))
    status, text, _ = ask("plan", "--platform=jade", "--account=me", "--stage=train")

    assert status == 0
    assert text.startswith("#!/bin/bash\n#SBATCH --job-name=jamcam-NEW-1\n#SBATCH --account=me\n")
    assert f" train --recipe=smoke --dataset={done.dataset} --engine=here --platform=jade" in text
    assert "#   account: must not be given (found: me)" in text
    assert "#   scheduler: there is no sbatch" in text
    assert sorted(done.workspace.rglob("*")) == before


def test_what_a_cluster_would_not_take_is_refused_before_anything_is_submitted(ask):
    status, _, complaint = ask("train", "--platform=baskerville", "--epochs=3")

    assert status == 2
    assert "a job on baskerville would fail:\n" in complaint
    assert "account: must be given (found: none)" in complaint


def test_inside_a_job_the_work_is_done_here(done):
    assert "nothing to do: download" in done("all", "--platform=jade", SLURM_JOB_ID="7")


def test_doctor_ends_with_1_where_something_is_missing(ask):
    assert ask("doctor")[0] == 0
    status, table, _ = ask("doctor", "--platform=baskerville")
    assert status == 1
    assert "must be given" in table


def test_shell_prints_one_line(ask):
    status, line, _ = ask("shell", "--platform=jade", taken=["workspace"])

    assert status == 0
    assert line.startswith("srun --partition=small ")
    assert line.endswith("--pty bash -l\n")


CLEAN = ("recipe", "dataset", "workspace")


def test_clean_says_what_goes_and_what_stays(ask, done):
    status, text, _ = ask("clean", taken=CLEAN)

    assert status == 0
    assert text.splitlines()[1] == f"kept: data/frames.zip, specs (in {done.workspace})"
    assert not (done.workspace / "experiment").exists()
    assert ask("status")[1].count("to do") == 9


def test_unlock_is_the_way_out_of_a_lock_from_another_host(ask, done):
    take(Workspace(done.workspace), Holder(host="node17", pid=5, started="1"))
    assert ask("clean", taken=CLEAN)[0] == 4

    status, _, complaint = ask("unlock", taken=["workspace"])

    assert status == 5
    assert "whether that run is over cannot be told from here" in complaint
    status, text, _ = ask("unlock", "--force", taken=["workspace"])
    assert status == 0
    assert text.startswith("unlocked; it was held by process 5 on node17 since 2")
    assert ask("clean", taken=CLEAN)[0] == 0


@pytest.fixture
def two_benches(tmp_path):
    """Records of a fast bench and of a slow one after it."""
    for number, rate in enumerate((100.0, 50.0), 1):
        one = record(
            "train", [rate] * 5, bench=f"2026020{number}T000000Z-0000", started=f"2026-02-0{number}T00:00:00Z"
        )
        close_record(begin_record(tmp_path / "results", one), one)
    return f"--results={tmp_path / 'results'}"


def test_compare_prints_a_ratio_and_a_gate_that_says_no_ends_with_3(two_benches, capsys):
    assert main(["compare", "--a=local", "--b=20260201T000000Z-0000", two_benches]) == 0
    assert "train train_images_per_s: 0.500 (95 %: 0.425 to 0.588)" in capsys.readouterr().out

    assert main(["gate", two_benches]) == 3
    assert "local, recipe sample: worse:\n  train train_images_per_s: 0.500" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["compare", "--a=local"], "two sides are needed: platforms, benches or records"),
        (
            ["compare", "--a=local", "--b=lokal"],
            "no platform, bench or record is called 'lokal'\n  try: take local",
        ),
        (["compare", "--a=local", "--b=jade"], "the platform jade has no records in"),
        (["gate", "--platform=nowhere"], "no nowhere.toml in"),
    ],
)
def test_what_cannot_be_compared_for_want_of_a_name_ends_with_2(two_benches, capsys, arguments, complaint):
    assert main([*arguments, two_benches]) == 2
    assert complaint in capsys.readouterr().err


def test_a_log_that_is_none_ends_with_1(two_benches, tmp_path, capsys):
    assert main(["import-dmon", str(tmp_path / "dmon.txt"), two_benches]) == 1
    assert "cannot read" in capsys.readouterr().err

    (tmp_path / "dmon.txt").write_text("#Date Time gpu sm\n20220704 12:00:00 0 50\n")
    assert main(["import-dmon", str(tmp_path / "dmon.txt"), two_benches]) == 0
    told = capsys.readouterr().out
    assert "/results/local/20220704T120000Z-imported-" in told
    assert "\n  its times tell no zone and are read as UTC\n" in told


def test_plots_are_drawn_from_results(two_benches, tmp_path, capsys):
    assert main(["plots", two_benches]) == 0
    assert "drawn: " in capsys.readouterr().out
    assert (tmp_path / "results" / "plots" / "throughput-sample.svg").exists()


def test_plots_of_a_folder_that_is_not_there_are_refused_and_none_is_made(tmp_path, capsys):
    assert main(["plots", f"--results={tmp_path / 'typo'}"]) == 2
    assert f"there is no folder {tmp_path / 'typo'} to draw from" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_a_path_through_a_file_is_one_to_correct(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["status", f"--workspace={tmp_path / 'file'}"]) == 1
    assert capsys.readouterr().err == (
        f"jamcam: {tmp_path / 'file' / '.lock'}: Not a directory\n  try: correct the path\n"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_no_fault_of_ours(checkout, unbuffered):
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "platforms"],
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    process.stdout.close()
    complaint = process.stderr.read().decode()
    process.stderr.close()

    assert (process.wait(), complaint) == (1, "")


@pytest.mark.parametrize(
    "arguments", [["show-config"], ["--help"], ["bench", "--help"], ["--version"], ["platforms"]]
)
def test_output_to_a_full_disk_ends_with_1_and_in_words(arguments, checkout):
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=checkout,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == (
        "jamcam: the output, or a file: No space left on device\n"
        "  try: make room or give access, then the same command again\n"
    )


def test_a_workspace_that_cannot_be_read_ends_with_1_and_names_the_path(ask, monkeypatch):
    def unreadable(settings, names):
        raise PermissionError(13, "Permission denied", "/ws/.markers")

    monkeypatch.setattr("harness.stages.workflow.survey", unreadable)
    status, _, complaint = ask("status")

    assert status == 1
    assert complaint.splitlines()[0] == "jamcam: /ws/.markers: Permission denied"


def test_a_package_for_another_python_is_named_with_the_variable_that_brings_it(
    checkout, tmp_path, two_benches
):
    module = tmp_path / "of a module" / "numpy"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(
        "try:\n    import numpy._core\nexcept ImportError as error:\n"
        "    raise ImportError('a page of advice') from error\n"
    )
    words = ["compare", "--a=local", "--b=20260201T000000Z-0000", two_benches]
    ended = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(module.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "jamcam: a package cannot be imported: No module named 'numpy._core'\n"
        f"  try: unset PYTHONPATH ({module.parent}), whose packages come before the installed ones; "
        "else make, which installs what is needed; or pip install -e . in the checkout\n"
    )


def test_a_module_of_ours_that_is_missing_is_a_fault_of_ours(ask, monkeypatch):
    def look(settings, names):
        importlib.import_module("harness.no_such_module")

    monkeypatch.setattr("harness.stages.workflow.survey", look)

    with pytest.raises(ImportError):
        ask("status")


def test_text_that_is_not_utf_8_ends_with_1_and_in_words(tmp_path, capsys, monkeypatch):
    (tmp_path / "luigi.cfg").write_bytes(b"[jamcam]\n# caf\xe9\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(tmp_path / "luigi.cfg"))

    assert main(["show-config"]) == 1
    assert capsys.readouterr().err.startswith(
        "jamcam: a file is not UTF-8 text: 'utf-8' codec can't decode byte 0xe9"
    )


def test_output_that_a_terminal_cannot_show_ends_with_1_and_in_words(checkout):
    ended = subprocess.run(
        [sys.executable, "-m", "harness", "show-config", "--workspace=ü"],
        cwd=checkout,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "  try: set PYTHONIOENCODING=utf-8"


def test_a_fault_of_ours_is_a_traceback(ask, monkeypatch):
    monkeypatch.setattr("harness.stages.workflow.survey", lambda settings, names: [][1])

    with pytest.raises(IndexError):
        ask("status")


def test_every_error_of_a_run_is_told_and_the_first_sets_the_status(ask, monkeypatch):
    def errors(settings, names):
        raise_first([Locked("one", remedy="wait"), HarnessError("two", remedy="look")])

    monkeypatch.setattr("harness.stages.workflow.survey", errors)

    status, _, complaint = ask("status")
    assert (status, complaint) == (4, "jamcam: one\n  try: wait\njamcam: two\n  try: look\n")


def test_settings_of_the_environment_that_a_verb_has_no_use_for_are_ignored(monkeypatch, capsys):
    monkeypatch.setenv("JAMCAM_RECIPE", "no such recipe")
    monkeypatch.setenv("JAMCAM_GPU_HZ", "no rate")

    assert main(["platforms"]) == 0
    assert main(["show-config"]) == 2
    assert "no such recipe" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["inside", "in-job"])
def test_batch_scripts_of_before_name_settings_that_their_verb_does_not_take(word, monkeypatch):
    works = []
    monkeypatch.setattr("harness.queue.in_job.work", lambda *arguments: works.append(arguments) or 75)

    command = ["train", "--recipe=smoke", "--keep=0", "--gpu-hz=5", "--scheduler=0"]
    assert main([word, "/ws/.jobs/R", "2", *command]) == 75
    assert main([word, "/ws/.jobs/R", "1", "--tune-bdb", "--train", "--results=r"]) == 75
    assert main([word, "/ws/.jobs/R", "1", "scaling", "--gpus=2", "--results=r", "--deep=1"]) == 75
    assert works == [
        (Path("/ws/.jobs/R"), 2, ["train", "--recipe=smoke"]),
        (Path("/ws/.jobs/R"), 1, ["--tune-bdb", "--train"]),
        (Path("/ws/.jobs/R"), 1, ["scaling", "--gpus=2", "--results=r"]),
    ]


def test_what_a_verb_has_no_use_for_is_not_loaded(checkout):
    program = "import sys; from harness.cli import main; main(['show-config']); print('loaded', *sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout

    loaded = {*told.splitlines()[-1].split()}
    heavy = {"luigi", "numpy", "PIL", "configparser", "urllib.request", "difflib"}
    others = {f"harness.verbs.{family}" for family in ("measure", "queue", "tidy")}
    assert {"loaded", "harness.verbs.look", "tomllib" if sys.version_info >= (3, 11) else "tomli"} <= loaded
    assert loaded & (heavy | others) == set()


def test_nothing_to_do_is_found_out_in_well_under_a_second(done):
    done("all")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done("all")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    # The promise is 0.6 s on a quiet machine. Tests share theirs: so processor time, which waiting does not
    # lengthen.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.9
