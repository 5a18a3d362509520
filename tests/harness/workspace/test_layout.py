from pathlib import Path

from harness.workspace.layout import Workspace, staged


def test_everything_lies_where_the_workflow_has_it():
    room = Workspace(Path("/ws"))

    assert room.path("experiment/metrics.json") == Path("/ws/experiment/metrics.json")
    assert [room.data, room.frames, room.experiment, room.pretrained, room.specs] == [
        Path("/ws/data"),
        Path("/ws/data/.frames"),
        Path("/ws/experiment"),
        Path("/ws/pretrained_resnet18"),
        Path("/ws/specs"),
    ]
    assert room.marker("train") == Path("/ws/.markers/train.json")
    assert room.attempts / "train" == Path("/ws/.attempts/train")


def test_a_product_waits_in_the_attempts_folder():
    folder = Path("/ws/.attempts/train/1")

    assert staged(folder, "experiment/weights") == folder / "products" / "experiment" / "weights"
