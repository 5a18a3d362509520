import errno
import json
import os
import shutil

import pytest

from harness.stages.attempt import Attempt
from harness.stages.train import Train


@pytest.fixture
def cut_short(settings):
    """Settings, and an attempt at training that saved epochs 1 and 2 of 4, killed while it wrote epoch 3."""
    chosen = settings(epochs="4")
    attempt = Attempt.begin("train", fingerprint="f00d", canonical_fingerprint="beef", settings=chosen)
    weights = attempt.staged("experiment/weights/x").parent
    for epoch in (1, 2, 3):
        (weights / f"yolov4_resnet10_epoch_{epoch:03d}.pt").write_text(f"epoch {epoch}")
    told = [json.dumps({"status": "RUNNING", "epoch": epoch, "max_epoch": 4}) for epoch in (1, 2)]
    (weights.parent / "status.json").write_text("\n".join(told))
    return chosen, attempt


@pytest.mark.parametrize("links", ["taken", "refused"])
def test_training_goes_on_from_whole_checkpoints_also_where_hard_links_are_refused(
    cut_short, monkeypatch, links
):
    chosen, earlier = cut_short

    def link(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source)

    if links == "refused":
        monkeypatch.setattr(os, "link", link)
    attempt = Attempt.begin("train", fingerprint="f00d", settings=chosen)
    results = attempt.staged("experiment/weights").parent
    (results / "weights").mkdir()

    resumed = Train(chosen)._carry_on(attempt, results)

    assert resumed == results / "weights" / "yolov4_resnet10_epoch_002.pt"
    assert sorted(path.name[-6:] for path in (results / "weights").iterdir()) == ["001.pt", "002.pt"]
    assert resumed.read_text() == "epoch 2"
    assert (results / "status.json").read_text() == (earlier.staged("experiment") / "status.json").read_text()


def test_training_goes_on_from_the_try_that_came_furthest_whatever_a_clock_said(cut_short):
    chosen, earlier = cut_short
    ahead = earlier.folder.with_name("21990101T000000.000000-1")  # begun by a clock that was set back since
    shutil.copytree(earlier.folder, ahead)
    results = ahead / "products" / "experiment"
    (results / "status.json").write_text('{"status": "RUNNING", "epoch": 1, "max_epoch": 4}')
    attempt = Attempt.begin("train", fingerprint="f00d", settings=chosen)
    target = attempt.staged("experiment/weights").parent
    (target / "weights").mkdir()

    resumed = Train(chosen)._carry_on(attempt, target)

    assert resumed.name == "yolov4_resnet10_epoch_002.pt"
    assert f"goes on after epoch 2 of the try {earlier.folder.name}" in attempt.log.read_text()


@pytest.mark.parametrize(
    ("fingerprint", "canonical", "goes_on"),
    [("f00d", "", True), ("feed", "beef", True), ("feed", "", False), ("feed", "dead", False)],
)
def test_training_goes_on_where_the_spec_differs_in_comments_alone(
    cut_short, fingerprint, canonical, goes_on
):
    chosen, earlier = cut_short
    attempt = Attempt.begin(
        "train", fingerprint=fingerprint, canonical_fingerprint=canonical, settings=chosen
    )

    assert attempt.earlier() == ([earlier.folder] if goes_on else [])


def test_a_try_of_an_earlier_version_is_known_by_its_fingerprint(cut_short):
    chosen, earlier = cut_short
    request = json.loads((earlier.folder / "request.json").read_text())
    del request["canonical_fingerprint"]
    (earlier.folder / "request.json").write_text(json.dumps(request))

    same = Attempt.begin("train", fingerprint="f00d", settings=chosen)
    other = Attempt.begin("train", fingerprint="feed", settings=chosen)

    assert earlier.folder in same.earlier()
    assert earlier.folder not in other.earlier()
