"""Network inputs against golden vectors made with NVIDIA's code."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.letterbox import fit_top_left, letterbox
from yolo_v4.spec.experiment import Augmentation

SIZE = torch.tensor((352, 288, 352, 288))
GRAY_MEAN = (117.3786,)


@pytest.mark.parametrize(
    ("name", "case", "changes"),
    [
        *((f"case{case}/label_dir_val_input", case, {}) for case in range(4)),
        ("case0/label_dir_val_mean_input", 0, {"mean": (100.0, 110.0, 120.0)}),
        ("case0/label_dir_val_gray_input", 0, {"channels": 1, "mean": GRAY_MEAN}),
        ("case0/tfrecord_val_input", 0, {}),
        ("case3/tfrecord_val_input", 3, {}),
    ],
)
def test_the_validation_input_is_nvidias(
    golden: Path, augmentation: Callable[..., Augmentation], name: str, case: int, changes: dict[str, object]
) -> None:
    vectors = np.load(golden / "preprocess.npz")
    picture = torch.from_numpy(vectors[f"case{case}/rgb"]).permute(2, 0, 1)

    ours, _ = letterbox(picture, augmentation(width=352, height=288, **changes))

    np.testing.assert_allclose(ours.numpy(), vectors[name], atol=0.1)


@pytest.mark.parametrize("case", range(4))
def test_boxes_follow_the_validation_letterbox(
    golden: Path, augmentation: Callable[..., Augmentation], case: int
) -> None:
    vectors = np.load(golden / "preprocess.npz")
    picture = torch.from_numpy(vectors[f"case{case}/rgb"]).permute(2, 0, 1)
    size = torch.tensor((picture.shape[2], picture.shape[1])).repeat(2)

    _, fit = letterbox(picture, augmentation(width=352, height=288))
    moved = fit.to_network(torch.from_numpy(vectors[f"case{case}/boxes_in"]) * size) / SIZE

    np.testing.assert_allclose(moved.numpy(), vectors[f"case{case}/tfrecord_letterbox_boxes"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "case", "changes"),
    [
        *((f"case{case}/inference_input", case, {}) for case in range(4)),
        ("case1/inference_input_gray", 1, {"channels": 1, "mean": GRAY_MEAN}),
    ],
)
def test_the_inference_input_is_nvidias_up_to_rounding(
    golden: Path, augmentation: Callable[..., Augmentation], name: str, case: int, changes: dict[str, object]
) -> None:
    vectors = np.load(golden / "preprocess.npz")

    ours, _ = fit_top_left(Image.fromarray(vectors[f"case{case}/rgb"]), augmentation(width=352, height=288, **changes))

    difference = np.abs(ours.numpy() - vectors[name])
    assert np.quantile(difference, 0.999) <= 1
    assert difference.mean() <= 0.05


@pytest.mark.parametrize("case", range(4))
def test_detections_lead_back_to_the_picture_as_nvidias(
    golden: Path, augmentation: Callable[..., Augmentation], case: int
) -> None:
    expected = json.loads((golden / "preprocess.json").read_text())["cases"][case]
    picture = Image.new("RGB", tuple(expected["image_wh"]))

    _, fit = fit_top_left(picture, augmentation(width=352, height=288))
    found = torch.tensor([row[2:] for row in expected["inference_boxes_network_pixels"]], dtype=torch.float64)

    np.testing.assert_allclose(fit.to_picture(found), found * expected["inference_box_ratio"], rtol=1e-5)
