"""Runs that are killed, interrupted, or out of room: the next run ends like an undisturbed one."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from harness.process.identity import start_time
from harness.workspace.marker import STAGES
from tests.waiting import until

pytestmark = pytest.mark.slow


def products(workspace):
    """Digest of every product of every stage."""
    tables = {stage: json.loads((workspace / ".markers" / f"{stage}.json").read_text()) for stage in STAGES}
    return {entry["path"]: entry["sha256"] for table in tables.values() for entry in table["products"]}


def wait_for(path, run):
    """The number of the fake engine, as soon as it hangs."""
    return int(until(lambda: path.exists() and path.read_text(), process=run))


@pytest.mark.parametrize("task", ["dataset_convert", "kmeans", "train", "evaluate", "inference", "export"])
def test_after_sigkill_in_any_stage_the_next_run_ends_with_the_same_products(
    jamcam, finished_workspace, tmp_path, task
):
    run = jamcam.start("all", FAKE_YOLO_V4=f"{task}=hang", FAKE_YOLO_V4_PID=str(tmp_path / "pid"))
    engine = wait_for(tmp_path / "pid", run)
    run.kill()
    run.communicate()

    until(lambda: start_time(engine) is None)  # no engine outlives its harness
    printed = jamcam("all")

    assert "jamcam: took over the workspace from process" in printed
    assert products(jamcam.workspace) == products(finished_workspace)


def test_training_goes_on_from_the_last_whole_checkpoint_and_ends_with_the_same_products(jamcam, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    jamcam("train", "--epochs=4")
    shutil.copytree(jamcam.workspace, undisturbed)
    shutil.rmtree(jamcam.workspace)
    run = jamcam.start(
        "train", "--epochs=4", FAKE_YOLO_V4="train=hang-after-2", FAKE_YOLO_V4_PID=str(tmp_path / "pid")
    )
    wait_for(tmp_path / "pid", run)
    run.kill()
    run.communicate()

    printed = jamcam("train", "--epochs=4")

    assert "train | goes on after epoch 2 of the try" in printed
    assert "Epoch 2/4" not in printed
    assert "Epoch 3/4" in printed
    markers = [workspace / ".markers" / "train.json" for workspace in (undisturbed, jamcam.workspace)]
    before, after = [json.loads(marker.read_text())["products"] for marker in markers]
    assert before == after


def test_training_goes_on_after_a_comment_of_its_spec_was_changed(done, tmp_path):
    run = done.start(
        "train", "--epochs=4", FAKE_YOLO_V4="train=hang-after-2", FAKE_YOLO_V4_PID=str(tmp_path / "pid")
    )
    wait_for(tmp_path / "pid", run)
    run.send_signal(signal.SIGTERM)
    run.communicate()
    copy = done.workspace / "specs" / "yolo_v4_train_resnet10_smoke.txt"
    copy.write_text("# mine\n\n" + copy.read_text())

    assert "train: 2 of 4 epochs kept: the next train goes on from there" in done("status", "--epochs=4")
    assert "train | goes on after epoch 2 of the try" in done("train", "--epochs=4")


def test_a_try_of_other_settings_is_not_gone_on_with(jamcam, tmp_path):
    run = jamcam.start(
        "train", "--epochs=4", FAKE_YOLO_V4="train=hang-after-2", FAKE_YOLO_V4_PID=str(tmp_path / "pid")
    )
    wait_for(tmp_path / "pid", run)
    run.kill()
    run.communicate()

    assert "goes on" not in jamcam("train", "--epochs=3")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_engine_first_and_keeps_the_logs(done, tmp_path, number, status):
    run = done.start("train", "--epochs=3", FAKE_YOLO_V4="train=hang", FAKE_YOLO_V4_PID=str(tmp_path / "pid"))
    engine = wait_for(tmp_path / "pid", run)

    run.send_signal(number)
    printed, _ = run.communicate(timeout=30)

    assert start_time(engine) is None
    assert run.returncode == status, printed
    assert "Traceback" not in printed
    newest = max((done.workspace / ".attempts" / "train").iterdir())
    assert json.loads((newest / "outcome.json").read_text())["status"] == "interrupted"
    assert (newest / "console.log").exists()
    assert not (done.workspace / ".lock").exists()


def test_two_runs_in_one_workspace_the_second_says_who_holds_it(done, tmp_path):
    first = done.start(
        "train", "--epochs=3", FAKE_YOLO_V4="train=hang", FAKE_YOLO_V4_PID=str(tmp_path / "pid")
    )
    wait_for(tmp_path / "pid", first)

    printed = done("all", status=4)

    assert f"{done.workspace} is held by process {first.pid} on " in printed
    first.terminate()
    first.communicate(timeout=30)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_is_said_and_nothing_half_written_is_taken_for_done(jamcam, finished_workspace):
    jamcam.workspace.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "none", str(jamcam.workspace)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a small file system")
    try:
        jamcam("download")
        ballast = jamcam.workspace / "ballast"
        fill(ballast, leave_bytes=40 << 10)
        printed = jamcam("all", status=1)
        assert "jamcam: verify: No space left on device" in printed
        assert "Traceback" not in printed
        ballast.unlink()
        jamcam("all")
        assert products(jamcam.workspace) == products(finished_workspace)
    finally:
        subprocess.run(["umount", str(jamcam.workspace)], check=True)


def fill(ballast, *, leave_bytes):
    """Write zeros until only so much room is left."""
    size_bytes = shutil.disk_usage(ballast.parent).free - leave_bytes
    with ballast.open("wb") as stream:
        stream.write(bytes(size_bytes))


@pytest.fixture(scope="session")
def refused_links(tmp_path_factory, checkout):
    """A library with which link(2) is refused; for LD_PRELOAD."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile what refuses links")
    library = tmp_path_factory.mktemp("links") / "refused.so"
    source = checkout / "tests" / "fakes" / "links" / "refused.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    link = "import os, sys; open(sys.argv[1], 'w'); os.link(sys.argv[1], sys.argv[1] + '2')"
    asked = [sys.executable, "-c", link, str(library.with_name("file"))]
    answer = subprocess.run(
        asked, env={**os.environ, "LD_PRELOAD": str(library)}, capture_output=True, text=True, check=False
    )
    assert "Operation not permitted" in answer.stderr, "the library does nothing"
    return str(library)


def test_where_links_are_refused_a_killed_chain_goes_on_and_ends_with_the_same_products(
    jamcam, finished_workspace, refused_links, tmp_path
):
    jamcam.environment["LD_PRELOAD"] = refused_links
    run = jamcam.start("all", FAKE_YOLO_V4="train=hang-after-1", FAKE_YOLO_V4_PID=str(tmp_path / "pid"))
    engine = wait_for(tmp_path / "pid", run)
    assert f"is held by process {run.pid} on " in jamcam("all", status=4)
    run.kill()
    run.communicate()

    until(lambda: start_time(engine) is None)
    printed = jamcam("all")
    assert "jamcam: took over the workspace from process" in printed
    assert "train | goes on after epoch 1 of the try" in printed
    assert products(jamcam.workspace) == products(finished_workspace)
    assert {path.stat().st_nlink for path in jamcam.workspace.rglob("*") if path.is_file()} == {1}


def test_a_workspace_that_cannot_be_written_is_refused(jamcam):
    jamcam.workspace.write_text("a file")

    printed = jamcam("all", status=1)

    assert f"jamcam: cannot write in {jamcam.workspace}: Not a directory" in printed
