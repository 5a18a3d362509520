import errno
import json
import os

import pytest

from harness.stages.attempt import Attempt
from harness.stages.train import Train


@pytest.fixture
def cut_short(settings):
    """Settings, and an attempt at training that saved epochs 1 and 2 of 4, killed while it wrote epoch 3."""
    chosen = settings(epochs="4")
    attempt = Attempt.begin("train", fingerprint="f00d", settings=chosen)
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
