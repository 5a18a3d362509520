"""Targets against golden vectors of both of NVIDIA's encoders."""

from collections.abc import Callable

import numpy as np
import pytest

from yolo_v4.data.targets import Conflicts, encode_targets
from yolo_v4.spec.experiment import NetworkSpec


@pytest.mark.parametrize(("conflicts", "encoder"), [("highest_iou", "y_label_dir"), ("last", "y_tfrecord")])
def test_targets_are_nvidias(
    arrays, compared, network_spec: Callable[..., NetworkSpec], conflicts: Conflicts, encoder: str
) -> None:
    vectors = arrays("encode.npz")
    for name in [key.removesuffix("/gt_count") for key in vectors if key.endswith("/gt_count")]:
        width, height = vectors[f"{name}/image_wh"].tolist()
        anchors = tuple(tuple(map(tuple, scale)) for scale in vectors[f"{name}/anchors_wh_pixels"].tolist())
        spec = network_spec(anchors=anchors, box_matching_iou=float(vectors[f"{name}/box_matching_iou"]))
        pictures = np.split(vectors[f"{name}/gt"], np.cumsum(vectors[f"{name}/gt_count"])[:-1])

        found = encode_targets(
            [rows[:, 2:] for rows in pictures],
            [rows[:, 0].astype(np.int64) for rows in pictures],
            spec,
            class_weights=vectors[f"{name}/class_weights"].tolist(),
            configured_hw=(height, width),
            batch_hw=(height, width),
            conflicts=conflicts,
        )

        np.testing.assert_allclose(found.numpy(), vectors[f"{name}/{encoder}"], rtol=0, atol=1e-6, err_msg=name)
        compared("encode.npz", 1)
