"""What tests of the detector may ask for."""

from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pytest
from PIL import Image

from yolo_v4.spec.experiment import Augmentation, NetworkSpec

# The anchors that the golden vectors were made with: big, mid, small scale; (w, h) in pixels.
ANCHORS = (
    ((114.94, 60.67), (159.06, 114.59), (297.59, 176.38)),
    ((42.99, 31.91), (79.57, 31.75), (56.80, 56.93)),
    ((15.60, 13.88), (30.25, 20.25), (20.67, 49.63)),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where number formats are kept: no answer of another test, or of this user, counts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "yolo_v4" / "numbers"


@pytest.fixture(scope="session")
def network_spec() -> Callable[..., NetworkSpec]:
    """Makes a network spec; whatever is not given has the values of the golden vectors."""

    def make(**changes: Any) -> NetworkSpec:
        values: dict[str, Any] = {
            "arch": "resnet",
            "layers": 10,
            "conv_blocks": 2,
            "anchors": ANCHORS,
            "grid_xy_extend": (0.05, 0.1, 0.2),
            "box_matching_iou": 0.25,
            "neutral_box_iou": 0.5,
            "location_weight": 0.8,
            "negative_objectness_weight": 100.0,
            "class_weight": 0.5,
            "label_smoothing": 0.0,
            "focal_alpha": 0.0,
            "focal_gamma": 0.0,
            "freeze_blocks": (),
            "freeze_bn": False,
            "force_relu": False,
        }
        return NetworkSpec(**values | changes)

    return make


@pytest.fixture(scope="session")
def augmentation() -> Callable[..., Augmentation]:
    """Makes an augmentation that changes nothing but the size; whatever is given differs."""

    def make(**changes: Any) -> Augmentation:
        values: dict[str, Any] = {
            "width": 64,
            "height": 64,
            "channels": 3,
            "mean": (103.939, 116.779, 123.68),
            "hue": 0.0,
            "saturation": 1.0,
            "exposure": 1.0,
            "vertical_flip": 0.0,
            "horizontal_flip": 0.0,
            "jitter": 0.0,
            "shape_period": 0,
            "mosaic_prob": 0.0,
            "mosaic_min_ratio": 0.2,
        }
        return Augmentation(**values | changes)

    return make


SPEC = """
random_seed: 7
yolov4_config {
  big_anchor_shape: "[(40, 40), (50, 30), (60, 50)]"
  mid_anchor_shape: "[(20, 20), (30, 15), (15, 30)]"
  small_anchor_shape: "[(6, 6), (8, 12), (12, 8)]"
  box_matching_iou: 0.25 matching_neutral_box_iou: 0.5
  arch: "resnet" nlayers: 10 arch_conv_blocks: 0
  loss_loc_weight: 1 loss_neg_obj_weights: 1 loss_class_weights: 1
  $network
}
training_config {
  batch_size_per_gpu: 4 num_epochs: 3 checkpoint_interval: 3
  learning_rate { soft_start_cosine_annealing_schedule {
    min_learning_rate: 1e-5 max_learning_rate: 1e-3 soft_start: 0.2 } }
  regularizer { type: L1 weight: 1e-5 }
  optimizer { adam { epsilon: 1e-7 beta1: 0.9 beta2: 0.999 } }
  $training
}
eval_config { average_precision_mode: INTEGRATE batch_size: 4 matching_iou_threshold: 0.5 }
nms_config { confidence_threshold: 0.01 clustering_iou_threshold: 0.5 top_k: 50 }
augmentation_config {
  hue: 0.1 saturation: 1.5 exposure: 1.5 horizontal_flip: 0.5 jitter: 0.3
  output_width: 64 output_height: 64 output_channel: 3 mosaic_prob: 0.5 mosaic_min_ratio: 0.2
  $augmentation
}
dataset_config {
  data_sources { label_directory_path: "$street/labels" image_directory_path: "$street/images" }
  validation_data_sources { label_directory_path: "$judged/labels" image_directory_path: "$judged/images" }
  target_class_mapping { key: "car" value: "car" }
  target_class_mapping { key: "Van" value: "car" }
  target_class_mapping { key: "bus" value: "bus" }
  $dataset
}
"""


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `images` and `labels` of six pictures, 80 x 64: noise, a bright car, a red bus on half."""
    folder = tmp_path_factory.mktemp("street")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    random = np.random.default_rng(0)
    for number in range(6):
        pixels = random.integers(60, 120, (64, 80, 3), dtype=np.uint8)
        x, y = random.integers(4, 40, 2).tolist()
        pixels[y : y + 16, x : x + 20] = 250
        lines = [f"{'Van' if number == 5 else 'car'} 0.00 0 0.00 {x} {y} {x + 20} {y + 16} 0 0 0 0 0 0 0"]
        if number % 2:
            pixels[2:12, 60:78] = (200, 20, 20)
            lines.append("Bus 0.00 1 0.00 60 2 78 12 0 0 0 0 0 0 0")
        Image.fromarray(pixels).save(folder / "images" / f"frame_{number}.png")
        (folder / "labels" / f"frame_{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def write_spec(street: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes an experiment spec of a small network for `street`, with text added to the named blocks."""

    def write(name: str = "spec.txt", **added: str) -> Path:
        blanks = dict.fromkeys(("network", "training", "augmentation", "dataset"), "")
        blanks |= dict.fromkeys(("street", "judged"), str(street))  # frames to train on, and to validate with
        path = tmp_path / name
        path.write_text(Template(SPEC).substitute(blanks | added))
        return path

    return write


@pytest.fixture
def make_clip() -> Callable[..., Path]:
    """Makes a video in which frame n is grey of the shade 10 n."""
    av = pytest.importorskip("av", reason="PyAV, which makes and reads videos, is not installed")

    def make(
        path: Path,
        *,
        frames: int = 10,
        size: tuple[int, int] = (128, 96),
        per_s: int = 5,
        started: str = "",
        quarters: tuple[int, int, int, int] = (0, 0, 0, 0),  # lighter by this, clockwise from the top left
        **options: str,
    ) -> Path:
        with av.open(str(path), "w", options=options) as container:
            if started:
                container.metadata["creation_time"] = started
            stream = container.add_stream("mpeg4", rate=per_s)
            stream.width, stream.height = size
            container.start_encoding()
            for number in range(frames):
                pixels = np.full((size[1], size[0], 3), 10 * number % 256, np.uint8)
                upper, lower = np.split(pixels, [size[1] // 2])
                for half, (left, right) in ((upper, quarters[:2]), (lower, quarters[:1:-1])):
                    half[:, : size[0] // 2] += np.uint8(left)
                    half[:, size[0] // 2 :] += np.uint8(right)
                for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        return path

    return make
