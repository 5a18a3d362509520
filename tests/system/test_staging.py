"""Frames copied to a node's own disk, in real jobs and by the real engine."""

import json

import pytest

from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture
def disk(tmp_path):
    """A folder that stands for the disk of a node, and what a platform's file says of it."""
    return tmp_path / "disk", {"scratch": f"{tmp_path}/disk/$SLURM_JOB_ID", "stage_inputs": True}


def marker(run):
    return json.loads((run.workspace / ".markers" / "train.json").read_text())


def test_weights_trained_from_a_copy_are_those_trained_from_the_workspace(run, disk):
    folder, staging = disk
    near, far = run("near"), run("far")
    near.start("--engine=portable", "--epochs=1", **staging)
    far.start("--engine=portable", "--epochs=1")

    assert (near.end(), far.end()) == (0, 0)
    assert f"MB of frames to {folder / near.job()}/jamcam-" in near.printed
    assert "MB of frames" not in far.printed
    assert marker(near)["fingerprint"] == marker(far)["fingerprint"]
    weights = [
        [product for product in marker(one)["products"] if "weights" in product["path"]]
        for one in (near, far)
    ]
    assert weights[0] == weights[1] != []
    assert list((folder / near.job()).glob("jamcam-*")) == []


def test_a_job_that_is_cancelled_leaves_nothing_on_the_disk_and_the_next_one_goes_on(run, disk):
    folder, staging = disk
    one = run().start(misbehave="train=hang-after-1", **staging)
    one.sees("Epoch 1/2")
    first = one.job()
    assert list((folder / first).iterdir()) != []
    one.cluster.ask("scancel", first)

    assert one.end() == 1
    until(lambda: list((folder / first).iterdir()) == [], 30)
    assert one.start(**staging).end() == 0
    assert "goes on after epoch 1 of the try" in one.printed
    assert f"MB of frames to {folder / one.job()}/jamcam-" in one.printed
