"""Targets against golden vectors of both of NVIDIA's encoders."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.yolo_v4.dense_targets import dense_of
from yolo_v4.data.targets import Conflicts, TrueBoxes, encode_targets
from yolo_v4.spec.experiment import STRIDES_PX, NetworkSpec

MakeSpec = Callable[..., NetworkSpec]


@pytest.mark.parametrize(("conflicts", "encoder"), [("highest_iou", "y_label_dir"), ("last", "y_tfrecord")])
def test_targets_are_nvidias(
    arrays, compared, network_spec: MakeSpec, conflicts: Conflicts, encoder: str
) -> None:
    vectors = arrays("encode.npz")
    for name in [key.removesuffix("/gt_count") for key in vectors if key.endswith("/gt_count")]:
        case = {key.partition("/")[2]: vectors[key] for key in vectors if key.startswith(f"{name}/")}
        np.testing.assert_allclose(
            case["anchors_wh_pixels"] / case["image_wh"],
            case["anchors_wh_relative"],
            rtol=0,
            atol=1e-6,
            err_msg=name,
        )
        found = _encoded(case, network_spec, float(case["box_matching_iou"]), conflicts)
        np.testing.assert_allclose(found, case[encoder], rtol=0, atol=1e-6, err_msg=name)
        compared("encode.npz", 1)


def test_targets_of_the_loss_vectors_are_nvidias(arrays, compared, network_spec: MakeSpec) -> None:
    vectors = arrays("loss.npz")
    for name in [key.removesuffix("/y_true") for key in vectors if key.endswith("/y_true")]:
        parts = ("gt", "gt_count", "image_wh", "class_weights")
        case = {"anchors_wh_pixels": vectors["anchors_wh_pixels"]} | {
            part: vectors[f"{name}/{part}"] for part in parts
        }
        found = _encoded(case, network_spec, 0.25, "highest_iou")
        np.testing.assert_allclose(found, vectors[f"{name}/y_true"], rtol=0, atol=1e-6, err_msg=name)
        compared("loss.npz", 1)


def test_targets_of_the_training_batch_are_nvidias(topic, arrays, compared, network_spec: MakeSpec) -> None:
    content, vectors = json.loads(topic("train.json").read_text()), arrays("train.npz")
    case = {part: vectors[part] for part in ("anchors_wh_pixels", "gt", "gt_count")}
    case |= {"image_wh": np.array(content["input_wh"]), "class_weights": np.ones(content["classes"])}
    found = _encoded(case, network_spec, 0.25, "highest_iou")
    np.testing.assert_allclose(found, vectors["y_true"], rtol=0, atol=1e-6)
    compared("train.npz", 1)


def _encoded(case: dict[str, Any], network_spec: MakeSpec, iou: float, conflicts: Conflicts) -> Any:
    width, height = case["image_wh"].tolist()
    anchors = tuple(tuple(map(tuple, scale)) for scale in case["anchors_wh_pixels"].tolist())
    pictures = np.split(case["gt"], np.cumsum(case["gt_count"])[:-1])
    true = TrueBoxes.of(
        [rows[:, 2:] for rows in pictures], [rows[:, 0].astype(np.int64) for rows in pictures]
    )
    target = encode_targets(
        true,
        network_spec(anchors=anchors, box_matching_iou=iou),
        class_weights=case["class_weights"].tolist(),
        configured_hw=(height, width),
        batch_hw=(height, width),
        conflicts=conflicts,
    )
    cells = [(width // stride) * (height // stride) for stride in STRIDES_PX]
    rows = sum(count * len(scale) for count, scale in zip(cells, anchors, strict=True))
    return dense_of(target, rows).numpy()
