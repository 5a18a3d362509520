"""A model that always finds the same cars, for the commands that use models."""

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.yolo_v4.saved_models import save_weights
from yolo_v4.network.yolo import HEADS, build_network
from yolo_v4.spec.load import load_experiment

SPEC = """
random_seed: 1
yolov4_config {
  big_anchor_shape: "[(20, 10)]" mid_anchor_shape: "[(8, 8)]" small_anchor_shape: "[(4, 4)]"
  box_matching_iou: 0.25 matching_neutral_box_iou: 0.5 arch: "resnet" nlayers: 10 arch_conv_blocks: 0
  loss_loc_weight: 1 loss_neg_obj_weights: 1 loss_class_weights: 1
}
training_config {
  batch_size_per_gpu: 2 num_epochs: 1 checkpoint_interval: 1
  learning_rate { soft_start_cosine_annealing_schedule {
    max_learning_rate: 1e-3 soft_start: 0.1 min_learning_rate: 1e-6 } }
  optimizer { adam { epsilon: 1e-7 beta1: 0.9 beta2: 0.999 } }
}
eval_config { average_precision_mode: SAMPLE batch_size: 2 matching_iou_threshold: 0.5 }
nms_config { confidence_threshold: 0.01 clustering_iou_threshold: 0.5 top_k: 50 }
augmentation_config {
  output_width: 64 output_height: 64 output_channel: 3 saturation: 1 exposure: 1 mosaic_min_ratio: 0.2
}
dataset_config {
  data_sources { label_directory_path: "FOLDER/labels" image_directory_path: "FOLDER/images" }
  validation_data_sources { label_directory_path: "FOLDER/labels" image_directory_path: "FOLDER/images" }
  target_class_mapping { key: "bus" value: "bus" }
  target_class_mapping { key: "car" value: "car" }
}
"""


@dataclass(frozen=True)
class Trained:
    """A folder with `spec.txt`, `model.pt`, and places for `images` and `labels`.

    Whatever the picture, the model finds cars of 20 x 10 pixels with score 0.9,
    centred at 16 and 48 of its 64 x 64 input.
    """

    folder: Path

    @property
    def spec(self) -> Path:
        return self.folder / "spec.txt"

    @property
    def model(self) -> Path:
        return self.folder / "model.pt"

    def change(self, old: str, new: str) -> None:
        """Another spec, and the model that goes with it."""
        text = self.spec.read_text()
        assert old in text
        self.spec.write_text(text.replace(old, new))
        self.model.unlink()
        save_model(self.spec, self.model)

    def add_picture(self, name: str, labels: str = "", size: tuple[int, int] = (128, 96)) -> None:
        Image.new("RGB", size, "grey").save(self.folder / "images" / name)
        (self.folder / "labels" / f"{Path(name).stem}.txt").write_text(labels)


def save_model(spec: Path, path: Path) -> None:
    """A model for a spec with the classes bus and car: every big anchor is a car, with score 0.9."""
    experiment = load_experiment(spec)
    network = build_network(experiment.network, num_classes=2, channels=experiment.augmentation.channels)
    score = 0.9**0.5  # of objectness and of the class; their product is 0.9
    for name in HEADS:
        head = network.get_submodule(name)
        torch.nn.init.zeros_(head.weight)
        head.bias.data.view(-1, 7)[:] = torch.tensor(
            [0.0, 0.0, 0.0, 0.0, -20.0, -20.0, math.log(score / (1 - score))]
        )
    network.conv_big_object.bias.data.view(-1, 7)[:, 4] = math.log(score / (1 - score))
    save_weights(path, network, experiment)


@pytest.fixture(scope="session")
def trained_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "spec.txt").write_text(SPEC)
    save_model(folder / "spec.txt", folder / "model.pt")
    return folder / "model.pt"


@pytest.fixture
def trained(tmp_path: Path, trained_weights: Path) -> Trained:
    """A model that always finds the same four cars, its spec, and empty folders for data."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "spec.txt").write_text(SPEC.replace("FOLDER", str(tmp_path)))
    (tmp_path / "model.pt").symlink_to(trained_weights)
    return Trained(tmp_path)
