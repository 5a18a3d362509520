"""Batch scripts, compared whole with texts that were checked by hand against each site's own pages."""

import subprocess
import time
from pathlib import Path

import pytest

from harness.engine.across_nodes import across_nodes
from harness.queue.notes import QueuedRun
from harness.queue.script import Job, batch_script, shell_line
from harness.settings.load import load_settings
from harness.settings.platform import platforms

SCRIPTS = Path(__file__).with_name("scripts")
QUEUED = [platform.name for platform in platforms() if platform.scheduler == "slurm"]


@pytest.fixture
def made():
    """Makes settings for a platform, with what it must be given."""

    def make(platform, **changes):
        declared = next((each for each in platforms() if each.name == platform), None)
        identity = {}
        if declared is not None:
            wanted = {"account": "proj-123", "qos": "turing"}
            identity = {
                name: value
                for name, value in wanted.items()
                if getattr(declared, f"{name}_use") == "must" and not getattr(declared, name)
            }
        options = {
            "recipe": "jamcam",
            "platform": platform,
            "workspace": "/scratch/ws",
            **identity,
            **changes,
        }
        return load_settings({name: text for name, text in options.items() if text is not None}, {})

    return make


@pytest.fixture
def job():
    """Makes a job of the run R."""

    def make(**changes):
        job = {"name": "jamcam-R-1", "segment": 1, "folder": Path("/scratch/ws/.jobs/R"), "words": ("all",)}
        return Job(**{**job, "python": "/venv/bin/python", "directory": Path("/checkout"), **changes})

    return make


@pytest.mark.parametrize("platform", QUEUED)
def test_the_script_of_a_platform_is_as_it_was_checked(platform, made, job):
    assert batch_script(made(platform), job()) == (SCRIPTS / f"{platform}.sh").read_text()


def test_several_gpus_nodes_and_repeats_and_a_key_are_in_the_script(made, job):
    settings = made("sulis", gpus="3", nodes="2", array="5", wall_time="1-12:00:00")
    script = batch_script(
        settings, job(words=("train",), segment=2, name="jamcam-R-2", key_file="/keys/my key")
    )

    assert script == (SCRIPTS / "sulis-2-nodes.sh").read_text()


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_one_that_bash_can_read(script):
    subprocess.run(["bash", "-n", script], check=True)


def test_the_script_of_an_installed_harness_takes_no_module_out_of_the_folder_it_is_submitted_from(made, job):
    lines = batch_script(made("jade"), job()).splitlines()
    installed = batch_script(made("jade"), job(is_installed=True)).splitlines()

    place = installed.index("export PYTHONSAFEPATH=1")
    assert installed[:place] + installed[place + 1 :] == lines
    assert installed[place + 1] == "cd -- /checkout"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Runs the script of a platform with these lines, as Slurm would; gives what it printed and its note."""

    def play(*prepare, environment=None):
        lines = ", ".join(f"'{line}'" for line in prepare)
        site = 'title = "x"\nscheduler = "slurm"\nwall_time = "1:00:00"\n'
        (tmp_path / "site.toml").write_text(f"{site}prepare = [{lines}]\n")
        (tmp_path / "python").write_text("#!/bin/sh\necho the command runs\n")
        (tmp_path / "python").chmod(0o755)
        settings = load_settings({"platform": str(tmp_path / "site.toml")}, {})
        job = Job("jamcam-R-1", 1, tmp_path, ("all",), python=str(tmp_path / "python"), directory=tmp_path)
        (tmp_path / "script.sh").write_text(batch_script(settings, job))
        # /etc/profile.d of this machine is none of this test's business.
        called = ["bash", str(tmp_path / "script.sh")]
        environment = {"PATH": "/usr/bin:/bin", "BASH_FUNC_module%%": MODULE, **(environment or {})}
        answer = subprocess.run(called, env=environment, capture_output=True, text=True, check=False)
        return answer, QueuedRun(folder=tmp_path, command=("all",)).failed_line(1)

    return play


# Like Lmod's and Environment Modules': a function that evaluates what a program prints; some of it fails.
MODULE = '() {  false; eval "$([ "$2" = gcc ] && echo export LOADED=gcc || echo false)"; return $?\n}'


def test_a_line_of_prepare_that_fails_ends_the_job_and_is_noted(runs):
    answer, note = runs("module load gcc", "module load gccc", "touch never")

    assert (answer.returncode, answer.stdout) == (1, "")
    words = "nothing was run, since this line failed with status 1: module load gccc"
    assert answer.stderr == f"jamcam: {words}\n"
    assert note == "module load gccc (status 1)"


@pytest.mark.parametrize(
    "line",
    [
        "module load gcc",
        '[ -n "$NOT_SET" ] || export NOT_SET=1',
        "[ -e /nowhere ] && . /nowhere",
        "if false; then false; fi",
        "unset TMPDIR",
        ". ./profile",
    ],
)
def test_a_line_of_prepare_that_merely_asks_something_ends_nothing(runs, tmp_path, line):
    # As profiles of sites do, which are not written for a shell that stops at each failure.
    (tmp_path / "profile").write_text('[ -n "$NOT_SET" ] && NOT_SET=1\nfalse\ntrue\n')
    answer, note = runs(f"cd {tmp_path}", line)

    assert (answer.returncode, answer.stdout, answer.stderr, note) == (0, "the command runs\n", "", "")


def test_a_profile_that_is_not_there_and_a_program_that_is_unknown_end_the_job(runs):
    assert runs(". /nowhere/modules.sh")[1] == ". /nowhere/modules.sh (status 1)"
    assert runs("modul load gcc")[1] == "modul load gcc (status 127)"


def test_what_a_person_typed_cannot_become_a_command(made, job):
    script = batch_script(
        made("slurm", image="/images/$(touch x); a.sif"), job(directory=Path("/my dir; rm x"))
    )

    assert "cd -- '/my dir; rm x'\n" in script
    assert "'--image=/images/$(touch x); a.sif'" in script


def test_settings_of_the_environment_travel_as_options(job):
    environment = {
        "JAMCAM_PLATFORM": "jade",
        "JAMCAM_EPOCHS": "3",
        "JAMCAM_KEY": "open sesame",
        "KEY": "open sesame",
    }
    script = batch_script(load_settings({"seed": "7"}, environment), job())

    assert " all --platform=jade --epochs=3 --seed=7\n" in script
    assert "open sesame" not in script


def test_a_thousand_scripts_are_written_in_two_seconds(made, job):
    settings = made("baskerville")
    began = time.process_time()
    for number in range(1000):
        batch_script(settings, job(name=f"jamcam-{number}"))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("platform", "image", "line"),
    [
        (
            "jade",
            "/images/tao.sif",
            "srun --partition=small --nodes=1 --ntasks-per-node=1 --gres=gpu:1 --time=1:00:00 --pty "
            "singularity shell --nv --bind=/scratch/ws /images/tao.sif",
        ),
        (
            "jade",
            None,
            "srun --partition=small --nodes=1 --ntasks-per-node=1 --gres=gpu:1 --time=1:00:00 --pty bash -l",
        ),
        (
            "baskerville",
            "/bask/images/tao.sif",
            "srun --account=proj-123 --qos=turing --nodes=1 --ntasks-per-node=1 --gpus-per-node=1 "
            "--cpus-per-task=36 --time=1:00:00 --pty apptainer shell --nv "
            "--bind=/scratch/ws --bind=/bask /bask/images/tao.sif",
        ),
        ("wsl2", "/i.sif", "singularity shell --nv --nvccli --bind=/scratch/ws /i.sif"),
        ("local", None, "bash -l"),
    ],
)
def test_the_line_for_a_shell_on_a_compute_node(platform, image, line, made):
    settings = made(platform, image=image)

    assert shell_line(settings, settings.platform.container[0]) == line


@pytest.mark.parametrize("cpus", ["", "144"])
def test_training_across_nodes_is_one_launcher_a_node_that_meet_at_the_first(tmp_path, cpus):
    # The fakes print how they are called; scontrol names the nodes of the job.
    for name, body in {"srun": 'printf "[%s]" srun "$@"', "scontrol": "echo node7; echo node8"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NODELIST": "node[7-8]",
    }
    environment |= {"SLURM_CPUS_PER_TASK": cpus} if cpus else {}
    line = [*across_nodes(2, 4, "/venv/bin/python"), "-m", "yolo_v4", "train", "--gpus", "4"]
    called = subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout

    assert called == (
        f"[srun][--nodes=2][--ntasks=2][--ntasks-per-node=1]{'[--cpus-per-task=144]' if cpus else ''}"
        "[/venv/bin/python][-m][torch.distributed.run][--nnodes=2]"
        "[--nproc-per-node=4][--rdzv-id=4711][--rdzv-backend=c10d][--rdzv-endpoint=node7:24711]"
        "[-m][yolo_v4][train][--gpus][4]"
    )
