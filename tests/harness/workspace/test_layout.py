from pathlib import Path

import pytest

from harness.workspace.layout import OWNED, Workspace, owns, staged


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


@pytest.mark.parametrize(
    ("stage", "product"),
    [
        ("vis", "experiment/visualisations/labels"),
        ("train", "experiment/yolo_v4_train_resnet10_smoke.txt"),
        ("train", "experiment/yolov4_training_log_resnet10.csv"),
        ("download", "pretrained_resnet18/pretrained_object_detection_vresnet18/resnet_18.hdf5"),
    ],
)
def test_a_stage_owns_what_it_publishes(stage, product):
    assert owns(stage, product)


@pytest.mark.parametrize(
    ("stage", "product"),
    [
        *[("vis", "data/.frames"), ("vis", "data/frames.zip"), ("vis", "experiment/weights")],
        *[("vis", "experiment"), ("vis", ""), ("vis", "."), ("vis", "/experiment/visualisations/labels")],
        *[("vis", "./experiment/visualisations/labels"), ("vis", "experiment/visualisations/labels/")],
        *[("vis", "experiment//visualisations/labels"), ("vis", "Experiment/Visualisations/Labels")],
        *[("vis", "experiment/visualisations/../../data/.frames"), ("vis", "experiment/visualisations")],
        *[
            ("train", "experiment/WEIGHTS"),
            ("train", "experiment/anchors.json"),
            ("train", "experiment/a/b.txt"),
        ],
        *[("train", "experiment/a.TXT"), ("train", "experiment/a\n.txt"), ("train", "experiment/*")],
        ("download", "pretrained_resnet18/pretrained_object_detection_vresnet18/.."),
        ("download", "pretrained_resnet18/pretrained_object_detection_vresnet18/"),
        ("download", "pretrained_resnet18/mine.hdf5"),
    ],
)
def test_a_stage_owns_nothing_else(stage, product):
    assert not owns(stage, product)


def test_no_two_stages_own_the_same():
    every = [pattern for patterns in OWNED.values() for pattern in patterns]

    assert len(set(every)) == len(every)
    for stage, patterns in OWNED.items():
        others = [name for other, names in OWNED.items() if other != stage for name in names]
        assert not any(owns(stage, name) for name in others)
        assert not any(name.startswith(f"{pattern}/") for pattern in patterns for name in others)


def test_a_folder_in_the_workspace_may_be_a_link_and_one_below_it_leads_outside(tmp_path):
    (tmp_path / "disk").mkdir()
    room = Workspace(tmp_path / "workspace")
    room.root.mkdir()
    room.data.symlink_to(tmp_path / "disk")  # a disk of the user's choice
    (tmp_path / "disk" / "link").symlink_to(tmp_path)

    assert room.link_before(room.path("data/link/x/y")) == room.path("data/link")
    assert room.link_before(room.path("data/link")) is None
    assert room.link_before(room.path("data/x")) is None
