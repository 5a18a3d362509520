"""What `jamcam status` adds to its table: a run under way, failed tries, and checkpoints that were kept."""

import json
import os
import shutil
import time

import pytest

from harness.process.identity import start_time
from harness.stages.activity import Activity, activity, activity_lines
from harness.stages.train import Train
from harness.workspace.layout import Workspace
from harness.workspace.lock import Holder, take
from harness.workspace.marker import digest_of


@pytest.fixture
def room(done):
    """A finished workspace, of which nothing is known but what its markers say."""
    shutil.rmtree(done.workspace / ".attempts")
    return Workspace(done.workspace)


def attempt(room, stage, *, started_utc, fingerprint="f", outcome=None):
    """The folder of an attempt as another process left it."""
    folder = room.attempts / stage / f"{started_utc[:4]}-{len(list(room.attempts.glob('*/*')))}"
    folder.mkdir(parents=True)
    request = {"fingerprint": fingerprint, "started_utc": started_utc}
    (folder / "request.json").write_text(json.dumps(request))
    if outcome:
        (folder / "outcome.json").write_text(json.dumps(outcome))
    return folder


def train_to(folder, *epochs, of, **more):
    """Checkpoints of these epochs, and the lines of status.json that tell of them."""
    results = folder / "products" / "experiment"
    (results / "weights").mkdir(parents=True)
    lines = [json.dumps({"epoch": epoch, "max_epoch": of, **more}) for epoch in epochs]
    (results / "status.json").write_text("\n".join(lines))
    for epoch in epochs:
        (results / "weights" / f"yolov4_resnet10_epoch_{epoch:03d}.pt").write_text("weights")


def lock(room, *, pid, host="node7", started=""):
    take(room, Holder(host=host, pid=pid, started=started))
    changed_s = 1_700_000_000
    os.utime(room.lock, (changed_s, changed_s))


def lines(settings, undone):
    return activity_lines(activity(settings, undone), epochs=settings.epochs)


def test_of_a_finished_workspace_nobody_works_in_nothing_is_told(room, settings):
    assert activity(settings(), []) == Activity()
    assert lines(settings(), []) == []


def test_a_run_under_way_is_told_with_its_holder_stage_epoch_and_time_left(room, settings):
    lock(room, pid=7)
    folder = attempt(room, "train", started_utc="2023-11-14T22:13:25.000Z")
    train_to(folder, 1, 2, of=5, eta="1:00:30")
    attempt(room, "verify", started_utc="2023-11-14T22:13:21.000Z", outcome={"status": "done"})

    held, train = lines(settings(), ["train", "eval"])

    assert held == "held since 2023-11-14 22:13:20 UTC by process 7 on node7"
    assert train.startswith("  train for ")
    assert train.endswith(", epoch 3 of 5, about 1 h 00 min left")


def test_a_training_in_its_first_epoch_tells_how_long_it_has_run(room, settings, monkeypatch):
    lock(room, pid=7)
    attempt(room, "train", started_utc="2023-11-14T22:13:25.000Z")
    monkeypatch.setattr(time, "time", lambda: 1_700_000_095.0)  # 22:14:55

    assert lines(settings(), [])[1:] == ["  train for 1 min 30 s"]


def test_a_holder_that_is_not_seen_here_may_be_in_a_container(room, settings):
    lock(room, pid=2**22 - 1, host=os.uname().nodename, started="1")

    assert lines(settings(), [])[0].endswith("(no such process is seen here: gone, or in a container)")


def test_a_holder_that_is_seen_here_has_nothing_added(room, settings):
    lock(room, pid=os.getpid(), host=os.uname().nodename, started=start_time(os.getpid()))

    assert lines(settings(), [])[0].endswith(f"by process {os.getpid()} on {os.uname().nodename}")


def test_a_lock_that_cannot_be_read_is_held_by_somebody(room, settings, monkeypatch):
    lock(room, pid=7)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)

    assert lines(settings(), []) == [
        f"held since 2023-11-14 22:13:20 UTC by user {room.lock.owner()}, whose lock cannot be read"
    ]


def test_a_failed_try_is_told_with_its_time_and_reason(room, settings):
    outcome = {
        "status": "failed",
        "message": "eval: no room",
        "finished_utc": "2026-01-02T03:04:05.000Z",
    }
    attempt(room, "eval", started_utc="2025-01-01T00:00:00.000Z", outcome={"status": "done"})
    folder = attempt(room, "eval", started_utc="2026-01-01T00:00:00.000Z", outcome=outcome)

    assert lines(settings(), ["eval"]) == [f"eval failed at 2026-01-02 03:04:05 UTC: no room ({folder})"]


def test_a_try_without_outcome_that_nobody_is_at_was_killed(room, settings):
    folder = attempt(room, "vis", started_utc="2026-01-01T00:00:00.000Z")

    assert lines(settings(), ["vis"]) == [
        "vis ended at 2026-01-01 00:00:00 UTC: without a word; "
        f"it was killed, or the disk was full ({folder})"
    ]


@pytest.mark.parametrize(
    "outcome", [{"x": 1}, {"status": 5, "message": "m"}, {"status": "failed", "message": 7}, {"status": ""}]
)
def test_an_outcome_that_cannot_be_understood_is_none(room, settings, outcome):
    attempt(room, "vis", started_utc="2026-01-01T00:00:00.000Z", outcome=outcome)

    assert lines(settings(), ["vis"])[0].startswith("vis ended at 2026-01-01 00:00:00 UTC: without a word")


def test_what_an_attempt_says_in_an_odd_way_is_passed_over(room, settings):
    lock(room, pid=7)
    folder = attempt(room, "train", started_utc="2023-11-14T22:13:25.000Z")
    (folder / "request.json").write_text('{"started_utc": 5, "fingerprint": []}')
    train_to(folder, 1, of=5)
    with (folder / "products" / "experiment" / "status.json").open("ab") as told:
        told.write(b'\n\xff\n{"epoch": "3", "max_epoch": 5}\n' + b"[" * 100_000)

    train = lines(settings(), ["train"])[1]

    assert train.startswith("  train for ")
    assert train.endswith(", epoch 2 of 5")


def test_checkpoints_that_the_next_training_goes_on_from_are_told(room, settings):
    chosen = settings(epochs="3")
    fingerprint = digest_of(Train(chosen).ingredients())
    outcome = {"status": "interrupted", "message": "train: x", "finished_utc": "2026-01-01T00:00:00.000Z"}
    folder = attempt(
        room, "train", started_utc="2026-01-01T00:00:00.000Z", fingerprint=fingerprint, outcome=outcome
    )
    train_to(folder, 1, of=3)

    assert lines(chosen, ["train"])[1:] == ["train: 1 of 3 epochs kept: the next train goes on from there"]
    assert lines(settings(epochs="4"), ["train"])[1:] == []
