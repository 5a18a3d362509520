"""Targets against golden vectors of both of NVIDIA's encoders."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.targets import Conflicts, encode_targets

CASES = ["352x288_iou025", "352x288_iou025_weighted", "352x288_iou050", "416x416_iou025", "416x416_iou050"]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("conflicts", "encoder"), [("highest_iou", "y_label_dir"), ("last", "y_tfrecord")])
def test_targets_are_nvidias(
    golden: Path, network_spec: Callable[..., NetworkSpec], name: str, conflicts: Conflicts, encoder: str
) -> None:
    vectors = np.load(golden / "encode.npz")
    width, height = vectors[f"{name}/image_wh"].tolist()
    anchors = tuple(tuple(map(tuple, scale)) for scale in vectors[f"{name}/anchors_wh_pixels"].tolist())
    spec = network_spec(anchors=anchors, box_matching_iou=float(vectors[f"{name}/box_matching_iou"]))
    pictures = np.split(vectors[f"{name}/gt"], np.cumsum(vectors[f"{name}/gt_count"])[:-1])

    found = encode_targets(
        [torch.from_numpy(rows[:, 2:]) for rows in pictures],
        [torch.from_numpy(rows[:, 0].astype(np.int64)) for rows in pictures],
        spec,
        class_weights=vectors[f"{name}/class_weights"].tolist(),
        configured_hw=(height, width),
        batch_hw=(height, width),
        conflicts=conflicts,
    )

    np.testing.assert_allclose(found.numpy(), vectors[f"{name}/{encoder}"], rtol=0, atol=1e-6)
