"""Two people in one shared workspace: the second finds the job of the first, or says that it cannot tell."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.system.cluster import Cluster
from tests.system.submitter import CHECKOUT, FAKES, Run, python_of
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.system]

OTHER, THIRD = "games", "news"  # users of every Debian, whose homes cannot be written


@pytest.fixture
def shared(with_data):
    """A workspace that everybody may write; pytest's own folders are the user's alone."""
    if os.getuid() or python_of(OTHER) is None:
        pytest.skip("only root can be two users, and the other one must be able to run Python here")
    folder = Path(tempfile.mkdtemp(prefix="shared-"))
    folder.chmod(0o777)
    shutil.copytree(with_data, folder / "workspace")
    for path in [folder / "workspace", *(folder / "workspace").rglob("*")]:
        path.chmod(0o777)
    yield folder / "workspace"
    shutil.rmtree(folder)


@pytest.fixture
def two_users(shared):
    """Makes the runs of the first and of the second user on a cluster."""

    def make(on):
        first, second = Run(on, shared, shared=True), Run(on, shared, shared=True, user=OTHER)
        return first, second

    return make


@pytest.fixture
def alone(shared):
    """Starts `jamcam train`, or another verb, as one of two ordinary users, without a queue."""
    if python_of(THIRD) is None:
        pytest.skip(f"{THIRD} must be able to run Python here")

    def start(user, *words, verb="train", umask=0, **environment):
        options = ["--recipe=smoke", "--engine=here", f"--workspace={shared}", *words]
        return subprocess.Popen(
            [*python_of(user), "-m", "harness", verb, *options],
            cwd=CHECKOUT,
            env={"PATH": f"{FAKES}{os.pathsep}{os.environ['PATH']}", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=user,
            extra_groups=[],
            umask=umask,
        )

    return start


def test_without_a_queue_a_second_user_is_told_whose_run_it_is_and_goes_on_when_it_is_gone(alone):
    first = alone(OTHER, FAKE_YOLO_V4="train=hang-after-1")
    for line in first.stdout:
        if "Epoch 1/2" in line:
            break
    second = alone(THIRD)
    said = second.communicate(timeout=200)[0]
    assert second.returncode == 4
    assert f"is held by process {first.pid} on " in said
    assert f" (user {OTHER}) since " in said
    assert said.splitlines()[-1] == f"  try: wait for it to end, or ask {OTHER} to end it"

    first.kill()
    first.communicate()
    third = alone(THIRD)
    said = third.communicate(timeout=200)[0]
    assert third.returncode == 0, said
    assert "goes on after epoch 1 of the try" in said


def test_a_workspace_of_somebody_else_is_refused_with_whom_to_ask_for_what(alone, shared):
    shutil.chown(shared, OTHER)
    shared.chmod(0o755)
    run = alone(THIRD, "--epochs=3")
    said = run.communicate(timeout=200)[0]

    assert run.returncode == 1
    assert f"jamcam: cannot write in {shared}: Permission denied" in said
    assert said.splitlines()[-1] == (
        f"  try: ask {OTHER}, whose it is, to share it: chmod -R g+rwX {shared}, "
        "and umask 002 for later runs; or give another --workspace"
    )


@pytest.mark.parametrize(
    ("unreadable", "named"),
    [(".markers", ".markers/download.json"), (".markers/verify.json", ".markers/verify.json")],
)
@pytest.mark.parametrize("verb", ["status", "train"])
def test_whether_a_stage_is_done_that_may_not_be_looked_at_is_not_guessed(
    alone, shared, verb, unreadable, named
):
    (shared / unreadable).chmod(0)
    run = alone(THIRD, verb=verb)
    said = run.communicate(timeout=200)[0]

    assert run.returncode == 1
    assert said.splitlines()[-2:] == [
        f"jamcam: {shared / named}: Permission denied",
        "  try: make room or give access, then the same command again",
    ]


def test_a_second_user_waits_for_the_job_of_the_first_and_submits_none(cluster, two_users):
    first, second = two_users(cluster)
    first.start(misbehave="train=hang-after-1")
    first.sees("Epoch 1/2")
    job = first.job()
    second.start(misbehave="train=hang-after-1")
    until(lambda: first.printed.count(f"waiting for job {job}") == 2, 200)
    until(lambda: first.printed.count(f"job {job} RUNNING") == 2, 200)
    cluster.ask("scancel", "--batch", "--signal=USR1", job)

    assert (first.end(), second.end()) == (0, 0)
    assert first.jobs() == [(job, "COMPLETED")]
    assert "Traceback" not in first.printed


def test_a_second_user_from_whom_the_site_hides_the_job_never_calls_it_gone(two_users):
    cluster = Cluster(private=True)
    try:
        first, second = two_users(cluster.up())
        first.start(misbehave="train=hang-after-1", options=["--hold"])
        first.sees("PENDING (JobHeldUser)")
        first.kill()
        job = first.job()
        # Nothing in the workspace tells whether a job that has not started is in the queue.
        assert second.start(misbehave="train=hang-after-1").end() == 5
        assert f"cannot tell whether job {job} is over: the site hides it from this user" in second.printed
        assert "try: ask root, whose job it is, to give the same command" in second.printed
        assert first.outcomes == []

        second.start(misbehave="train=hang-after-1")
        cluster.ask("scontrol", "release", job)
        second.sees("Epoch 1/2")
        second.sees(f"cannot tell whether job {job} is over: the queue does not list it, but")
        assert second.process.poll() is None
        cluster.ask("scancel", job)
        assert second.end() == 1
        assert [number for number, _ in first.jobs()] == [job]
    finally:
        cluster.down()

    assert f"job {job} ended as FAILED" in second.printed
    assert "Traceback" not in second.printed
