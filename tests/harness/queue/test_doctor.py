import errno
import os
import socket

import pytest

from harness.cli import main
from harness.engine.checks import check
from harness.engine.find import environment, resolve
from harness.engine.finding import Finding
from harness.errors import ConfigError
from harness.measure import facts
from harness.queue import doctor
from harness.queue.doctor import check_queue, examine, overall
from harness.settings.declared import SPECS
from harness.settings.platform import Platform
from harness.verdict import Verdict

BAD_PATH = (
    "the path of the workspace has a blank, quote, backslash or percent sign, "
    "which a job's file names cannot take: /tmp/a b"
)
SIF = {"x86_64": b"02", "aarch64": b"04"}


@pytest.fixture
def login(tmp_path, monkeypatch, settings):
    """Makes settings on a login node of a site: sbatch and a container command are there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "apptainer", "singularity"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)

    def make(platform, **changes):
        made = settings(platform=platform, engine=changes.pop("engine", "portable"), **changes)
        monkeypatch.setenv("PATH", str(folder))
        return made

    return make


@pytest.fixture
def image(tmp_path):
    """Makes the beginning of a SIF image for a processor."""

    def make(processor):
        path = tmp_path / f"{processor}.sif"
        script = b"#!/usr/bin/env run-singularity\n\0"
        path.write_bytes(script + b"SIF_MAGIC\0" + b"01\0" + SIF[processor] + b"\0" + bytes(100))
        return str(path)

    return make


def problems(settings, verdict=Verdict.NO):
    return {finding.what: finding.problem for finding in examine(settings) if finding.verdict is verdict}


def test_what_a_site_demands_is_enough(login):
    check_queue(login("baskerville", account="proj", qos="turing"))
    check_queue(login("jade"))


def test_a_missing_account_is_found_before_the_queue_with_the_way_to_give_it(login):
    with pytest.raises(ConfigError) as caught:
        check_queue(login("baskerville"))

    assert caught.value.message == (
        "a job on baskerville would fail:\n"
        "  account: must be given (found: none)\n  qos: must be given (found: none)"
    )
    assert caught.value.remedy == 'give ACCOUNT=..., or account = "..." in baskerville.mine.toml'


def test_what_a_site_does_not_take_is_refused(login):
    assert problems(login("jade", account="proj")) == {"account": "must not be given"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"wall_time": "6-00:00:01"}, {"wall time": "the limit is 6-00:00:00"}),
        ({"gpus": "9"}, {"GPUs a node": "a node has 8"}),
        ({"workspace": "/tmp/a b"}, {"workspace": BAD_PATH}),
    ],
)
def test_more_than_a_site_has_is_refused(login, changes, found):
    assert problems(login("jade", **changes)) == found


def test_a_site_may_want_whole_nodes_of_jobs_on_several(login):
    account = {"account": "PROJ-SL2-GPU"}

    found = problems(login("csd3-ampere", nodes="2", gpus="2", **account))
    assert found == {"GPUs a node": "a job on several nodes must take all 4"}
    assert problems(login("csd3-ampere", nodes="2", gpus="4", **account)) == {}
    assert problems(login("csd3-ampere", gpus="1", **account)) == {}


def test_a_host_with_another_name_is_doubted_and_not_refused(login, monkeypatch):
    isambard = login("isambard-ai")

    monkeypatch.setattr(socket, "gethostname", lambda: "login41")
    assert overall(examine(isambard)) is Verdict.YES
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    assert problems(isambard, Verdict.CANNOT_TELL) == {
        "host": "whether laptop belongs to isambard-ai: "
        "its hosts match login4[0-9].*, but host names alone prove nothing"
    }
    assert [finding.what for finding in check_queue(isambard)] == ["host"]


def test_a_host_whose_name_fits_in_part_is_not_taken_for_the_platforms(login, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "column1.lab")

    assert "host" in problems(login("pearl"), Verdict.CANNOT_TELL)  # mn[12].*
    with pytest.raises(ConfigError, match=r"host: expected a name like mn\[12\]"):
        facts.require_platform_match(
            Platform(name="x", title="", host_pattern="mn[12].*"), facts.machine(host_name=False), {}
        )


def test_a_platform_without_patterns_has_no_opinion_on_hosts(login):
    assert "host" not in [finding.what for finding in examine(login("sulis", account="su007-gpu"))]


@pytest.mark.parametrize(
    ("platform", "identity", "words", "successor"),
    [
        (
            "baskerville",
            {"account": "proj", "qos": "q"},
            "no longer open to users of the Turing since April 2026, for others not known",
            "isambard-ai",
        ),
        ("pearl", {}, "no longer in the Turing's list of May 2026, for others not known", "jade"),
    ],
)
def test_a_site_that_is_closed_to_some_is_told_with_where_to_go_instead_and_not_refused(
    login, platform, identity, words, successor
):
    doubts = {each.what: each for each in check_queue(login(platform, **identity))}

    assert (
        f" takes jobs: {words} (as of 2026-05-18); {successor} is there instead" in doubts["status"].problem
    )
    assert doubts["status"].remedy == (
        f"give PLATFORM={successor}, or where it takes yours, "
        f'note status = "in service" in {platform}.mine.toml'
    )


def test_whether_a_site_takes_jobs_of_which_nothing_is_known_is_told_by_its_slurm(login, tmp_path):
    sulis = login("sulis", account="su007-gpu")
    assert problems(sulis, Verdict.CANNOT_TELL)["status"] == (
        "whether Sulis, Warwick (HPC Midlands+, Tier 2) takes jobs: its file does not say (as of 2025-01-10)"
    )

    (tmp_path / "bin" / "sinfo").write_text("#!/bin/sh\necho down\necho up\n")
    (tmp_path / "bin" / "sinfo").chmod(0o755)
    assert "status" not in problems(sulis, Verdict.CANNOT_TELL)
    # What is said to be closed to some is not proved open by a controller that answers.
    assert "status" in problems(login("baskerville", account="proj", qos="q"), Verdict.CANNOT_TELL)


def test_nvidias_engine_is_refused_where_its_images_cannot_run(login, image, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    settings = login("isambard-ai", engine="tao", image=image("x86_64"))

    assert problems(settings) == {
        "engine": "TAO's images are built for x86_64, and these are Arm processors",
        "image": f"{image('x86_64')} was built for another architecture: "
        "x86_64, and the machine it runs on is aarch64",
    }


def test_an_older_tao_is_refused_on_hopper_and_a_newer_one_is_not(login, image, tmp_path, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    path = tmp_path / "hopper.toml"
    path.write_text(
        'title = "x"\nscheduler = "slurm"\nwall_time = "1:00:00"\ncompute_capability = 9.0\narch = "x86_64"\n'
    )

    assert problems(login(str(path), engine="tao", image=image("x86_64"), tao_version="3.21.11")) == {
        "engine": "TAO 3.21.11 knows GPUs up to 8.9, not 9.0"
    }
    assert problems(login(str(path), engine="tao", image=image("x86_64"), tao_version="5.0.0")) == {}


def test_what_a_file_does_not_say_of_its_gpus_and_processors_is_not_taken_for_good(login, image, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    settings = login("slurm", engine="tao", image=image("x86_64"))

    assert problems(settings, Verdict.CANNOT_TELL) == {
        "status": "whether a cluster with Slurm takes jobs: its file does not say",
        "engine": "whether TAO 3.21.11 knows the GPUs of slurm: its file does not say which they are",
        "image": "whether an image for x86_64 runs on slurm: its file does not say the processor",
    }


def test_an_image_that_does_not_tell_its_processor_is_not_taken_for_good(login, tmp_path):
    (tmp_path / "x.sif").write_text("text")

    assert problems(login("jade", image=str(tmp_path / "x.sif")), Verdict.CANNOT_TELL)["image"].endswith(
        "not a SIF file"
    )


def test_an_old_driver_is_refused(login, image, tmp_path, monkeypatch):
    monkeypatch.setenv("JAMCAM_KEY", "x")
    path = tmp_path / "old.toml"
    path.write_text('title = "x"\nscheduler = "slurm"\nwall_time = "1:00:00"\ndriver = "418.67"\n')

    assert problems(login(str(path), engine="tao", image=image("x86_64"), tao_version="3.21.11")) == {
        "engine": "TAO 3.21.11 needs driver 465, there is 418.67"
    }


def test_a_missing_image_and_a_missing_key_are_found(login, tmp_path):
    settings = login("jade", engine="tao", image=str(tmp_path / "none.sif"), tao_version="3.21.11")

    assert problems(settings) == {
        "image": f"ENGINE=tao needs a container image, found {tmp_path / 'none.sif'}",
        "model key": "TAO 3.21.11 needs a model key",
    }


def test_a_container_command_is_not_looked_for_on_login_nodes_that_have_none(
    login, image, monkeypatch, tmp_path
):
    settings = login("jade", engine="tao", image=image("x86_64"), tao_version="5.0.0")
    (tmp_path / "bin" / "singularity").unlink()

    assert problems(settings) == {}


def test_a_machine_without_sbatch_is_no_login_node(login, tmp_path):
    settings = login("jade")
    (tmp_path / "bin" / "sbatch").unlink()

    assert problems(settings) == {
        "scheduler": "there is no sbatch: this is no login node of JADE2, Hartree Centre and Oxford (Tier 2)"
    }


def test_engine_doctor_shell_and_checks_agree_on_the_container_program(login, tmp_path, monkeypatch, capsys):
    calls = tmp_path / "calls"
    for name in ("apptainer", "singularity"):
        answer = "echo has yolo_v4; echo has ours; echo may write; echo sees GPU; echo TAO"
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho "${{0##*/}}" >> {calls}\n{answer}\n')
    (tmp_path / "x.sif").write_text("image")
    options = {"image": str(tmp_path / "x.sif"), "account": "dp1"}
    settings = login("tursa", **options)  # container = ["singularity", "apptainer"]
    seen = {finding.what: finding.observed for finding in examine(settings)}
    main(
        [
            "shell",
            "--platform=tursa",
            *(f"--{name}={value}" for name, value in options.items() if name == "image"),
        ]
    )

    assert seen["container"] == "singularity"
    assert " singularity shell --nv " in capsys.readouterr().out
    assert resolve(settings).prefix[0] == "singularity"
    assert "SINGULARITYENV_PYTHONNOUSERSITE" in environment(settings)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    check(settings)
    assert calls.read_text() == "singularity\n"


@pytest.mark.parametrize(
    ("verdicts", "verdict", "status"),
    [
        ([Verdict.YES, Verdict.YES], Verdict.YES, 0),
        ([Verdict.YES, Verdict.CANNOT_TELL], Verdict.CANNOT_TELL, 5),
        ([Verdict.CANNOT_TELL, Verdict.NO, Verdict.YES], Verdict.NO, 1),
    ],
)
def test_what_nobody_can_tell_is_no_yes_and_what_is_wrong_weighs_more(verdicts, verdict, status, monkeypatch):
    findings = [Finding(what="x", verdict=each, observed="y") for each in verdicts]
    monkeypatch.setattr(doctor, "examine", lambda settings, **_: findings)

    assert overall(findings) is verdict
    assert main(["doctor", "--recipe=smoke"]) == status


def test_a_full_disk_is_found_by_taking_the_space(login, workspace, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    settings = login("local")

    assert problems(settings) == {"disk": "256 MB cannot be had: No space left on device"}
    assert not list(workspace.parent.glob(".reserved-*"))


def test_a_file_system_that_reserves_no_space_leaves_the_question_open(login, monkeypatch):
    def unable(*arguments):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable)

    assert problems(login("local"), Verdict.CANNOT_TELL).keys() == {"disk"}


def test_an_engine_that_is_on_no_path_is_refused_here_and_doubted_where_jobs_have_a_path_of_their_own(login):
    assert problems(login("local", engine="here")) == {
        "engine": "no program yolo_v4 on PATH, which ENGINE=here needs"
    }
    assert "engine" in problems(login("jade", engine="here"), Verdict.CANNOT_TELL)


def test_a_key_file_that_others_may_read_is_a_finding(login, image, tmp_path, monkeypatch):
    (tmp_path / "key").write_text("secret")
    (tmp_path / "key").chmod(0o644)
    monkeypatch.setenv("JAMCAM_KEY_FILE", str(tmp_path / "key"))

    assert problems(login("jade", engine="tao", image=image("x86_64"))) == {
        "model key": f"{tmp_path / 'key'} holds the model key, but others may read it"
    }


def test_a_machine_of_its_own_needs_no_queue(login):
    assert problems(login("local")) == {}
    assert problems(login("wsl2")).keys() == {"kernel"}


def test_a_python_without_torch_is_refused_here_and_doubted_for_jobs(login, monkeypatch):
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)

    assert problems(login("local"))["torch"] == "this Python has no torch, which ENGINE=portable needs"
    words = "whether jobs have torch: this Python has none"
    assert problems(login("csd3-ampere"), Verdict.CANNOT_TELL)["torch"] == words


@pytest.mark.parametrize(("gpus", "seen", "problem"), [("4", 0, True), ("4", 4, False), ("1", 0, False)])
def test_gpus_that_are_asked_for_must_be_there(login, gpus, seen, problem):
    found = examine(login("local", gpus=gpus), count_gpus=lambda: seen)

    problems = [one.problem for one in found if one.verdict is not Verdict.YES]
    assert problems == ([f"{gpus} are needed, and {seen} can be seen"] if problem else [])


def test_nvidias_program_on_path_needs_its_gpu(login, tmp_path):
    program = tmp_path / "bin" / "yolo_v4"  # where `login` looks for programs
    program.write_text("#!/usr/bin/python\nfrom nvidia_tao_tf1.cv.yolo_v4.entrypoint.yolo_v4 import main\n")
    program.chmod(0o755)
    found = examine(login("local", engine="here"), count_gpus=lambda: 0)

    assert "1 are needed, and 0 can be seen" in [one.problem for one in found]


def test_a_spec_that_no_engine_would_read_is_refused_before_the_queue_by_the_file_that_a_person_edits(login):
    settings = login("jade")
    copy = settings.workspace / "specs" / settings.recipe.spec
    copy.parent.mkdir(parents=True)
    text = (SPECS / settings.recipe.spec).read_text()
    copy.write_text(text.replace("  hue: 0.1", "  hueX: 0.1"))
    line = text.splitlines().index("  hue: 0.1") + 1
    with pytest.raises(ConfigError) as caught:
        check_queue(settings)

    assert f"specs: {copy} line {line}: there is no field hueX in augmentation_config" in caught.value.message
    assert caught.value.remedy == "did you mean hue?"
