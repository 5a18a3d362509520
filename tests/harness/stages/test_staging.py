import json
import re
import shutil

import pytest

from harness.engine.container import prefix_in_image
from harness.engine.phases import engine_phases
from harness.stages.attempt import Attempt
from harness.stages.staging import inputs_near

SPLITS = ("train", "val")


@pytest.fixture
def in_job(done, tmp_path, monkeypatch):
    """`jamcam` in a finished workspace, inside job 7 of a platform whose nodes have a disk."""
    scratch = tmp_path / "scratch" / "me" / "7"
    scratch.mkdir(parents=True)
    platform = tmp_path / "site.toml"
    platform.write_text(
        'title = "a site"\nscheduler = "slurm"\nwall_time = "1:00:00"\nstage_inputs = true\n'
        f'scratch = "{tmp_path}/scratch/$SITE_USER/$SLURM_JOB_ID"\n'
    )
    done.environment |= {"SLURM_JOB_ID": "7", "SITE_USER": "me", "JAMCAM_PLATFORM": str(platform)}
    for name, value in done.environment.items():
        monkeypatch.setenv(name, value)
    return done, scratch


def train_again(jamcam):
    (jamcam.workspace / ".markers" / "train.json").unlink()
    return jamcam("train")


def newest(jamcam):
    return max((jamcam.workspace / ".attempts" / "train").iterdir())


def test_training_reads_a_copy_on_the_node_and_leaves_the_workspace_as_without_one(in_job):
    jamcam, scratch = in_job
    marker = jamcam.workspace / ".markers" / "train.json"
    before = json.loads(marker.read_text())
    printed = train_again(jamcam)
    after = json.loads(marker.read_text())

    handed = (newest(jamcam) / "train.txt").read_text()
    folders = set(re.findall(r'image_directory_path: "(.+)/data/\w+"', handed))
    assert [folder.startswith(f"{scratch}/jamcam-") for folder in folders] == [True]
    assert f"MB of frames to {folders.pop()} in " in printed
    assert (after["fingerprint"], after["products"]) == (before["fingerprint"], before["products"])
    assert str(scratch) not in marker.read_text()
    assert list(scratch.iterdir()) == []
    assert "nothing to do" in jamcam("train")


def test_copying_is_a_phase_of_its_own_and_the_launch_begins_when_it_ends(in_job):
    jamcam, _ = in_job
    train_again(jamcam)
    told = json.loads((newest(jamcam) / "staging" / "status.json").read_text())
    # The engine's own phases are below what it made, which is published by now.
    (newest(jamcam) / "status.json").unlink(missing_ok=True)
    ends_s = told["started_unix_s"] + told["duration_s"]
    engine = {"phase": "start-up", "started_unix_s": ends_s + 2.0, "duration_s": 1.0}
    (newest(jamcam) / "more").mkdir()
    (newest(jamcam) / "more" / "status.json").write_text(json.dumps(engine))

    found = engine_phases(newest(jamcam), started_s=told["started_unix_s"], ended_s=ends_s + 3)

    assert [phase["phase"] for phase in found] == ["staging", "launch", "start-up"]
    assert found[1]["duration_s"] == pytest.approx(2.0, abs=0.002)


def test_a_copy_holds_the_frames_and_leads_to_everything_else_in_the_workspace(in_job, settings):
    jamcam, _ = in_job
    chosen = settings(platform=jamcam.environment["JAMCAM_PLATFORM"])
    attempt = Attempt.begin("train", fingerprint="x", settings=chosen)
    frames = {path.name: path.read_bytes() for path in (jamcam.workspace / "data/train/images").iterdir()}

    with inputs_near(attempt, SPLITS) as inputs:
        copied = inputs / "data" / "train" / "images"
        assert not copied.is_symlink()
        assert {path.name: path.read_bytes() for path in copied.iterdir()} == frames
        assert (inputs / "data" / "val" / "tfrecords").is_dir()
        assert (inputs / "data" / "test").resolve() == jamcam.workspace / "data" / "test"
        assert (inputs / "experiment" / "anchors.json").samefile(
            jamcam.workspace / "experiment" / "anchors.json"
        )
    assert not inputs.exists()


@pytest.mark.parametrize("wrong", ["missing", "full"])
def test_a_node_whose_disk_takes_no_copy_is_told_and_reads_from_the_workspace(
    in_job, settings, monkeypatch, capsys, wrong
):
    jamcam, scratch = in_job
    chosen = settings(platform=jamcam.environment["JAMCAM_PLATFORM"])
    attempt = Attempt.begin("train", fingerprint="x", settings=chosen)
    words = "No such file or directory"
    if wrong == "missing":
        shutil.rmtree(scratch)
    else:
        words = "No space left on device"
        monkeypatch.setattr(shutil, "copyfile", full)

    with inputs_near(attempt, SPLITS) as inputs:
        assert inputs == jamcam.workspace
    assert f"read from the workspace: {scratch} takes no copy of them ({words})" in capsys.readouterr().out
    assert not scratch.exists() or list(scratch.iterdir()) == []


def full(source, target):
    raise OSError(28, "No space left on device")


def test_outside_of_a_job_and_on_several_nodes_nothing_is_copied(in_job, settings, monkeypatch):
    jamcam, _ = in_job
    platform = jamcam.environment["JAMCAM_PLATFORM"]
    several = Attempt.begin("train", fingerprint="x", settings=settings(platform=platform, nodes="2"))
    with inputs_near(several, SPLITS) as inputs:
        assert inputs == jamcam.workspace

    monkeypatch.delenv("SLURM_JOB_ID")
    outside = Attempt.begin("train", fingerprint="x", settings=settings(platform=platform))
    with inputs_near(outside, SPLITS) as inputs:
        assert inputs == jamcam.workspace


def test_a_container_sees_the_copy(in_job, settings):
    jamcam, scratch = in_job
    chosen = settings(platform=jamcam.environment["JAMCAM_PLATFORM"], engine="tao", image="x.sif")

    prefix = " ".join(prefix_in_image(chosen, chosen.workspace))
    assert f" --bind {scratch} " in prefix
    shutil.rmtree(scratch)  # a container cannot be started with a folder that is not there
    assert "--bind /" in " ".join(prefix_in_image(chosen, chosen.workspace))
    assert str(scratch) not in " ".join(prefix_in_image(chosen, chosen.workspace))
