"""Network inputs, and boxes on them and back, against golden vectors made with NVIDIA's code."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from yolo_v4.data.batches import letterboxed
from yolo_v4.data.frames import read_frames
from yolo_v4.data.kitti import format_line
from yolo_v4.data.letterbox import fit_top_left, letterbox
from yolo_v4.spec.experiment import Augmentation, DatasetSpec, Source

GRAY = {"channels": 1, "mean": (117.3786,)}
VALIDATION = {"": {}, "_mean": {"mean": (100.0, 110.0, 120.0)}, "_gray": GRAY}


@pytest.fixture
def content(topic) -> dict[str, Any]:
    return json.loads(topic("preprocess.json").read_text())


@pytest.fixture
def spec(content: dict[str, Any], augmentation: Callable[..., Augmentation]) -> Callable[..., Augmentation]:
    width, height = content["network_wh"]
    return lambda **changes: augmentation(width=width, height=height, **changes)


def test_the_validation_input_is_nvidias(arrays, content, spec, compared) -> None:
    vectors = arrays("preprocess.npz")
    for case in content["cases"]:
        name = f"case{case['case']}"
        picture = torch.from_numpy(vectors[f"{name}/rgb"]).permute(2, 0, 1)
        for kind, changes in VALIDATION.items():
            expected = vectors.get(f"{name}/label_dir_val{kind}_input")
            if expected is not None:
                ours, _ = letterbox(picture, spec(**changes))
                np.testing.assert_allclose(ours.numpy(), expected, atol=0.1, err_msg=name + kind)
                compared("preprocess.npz", 1)


def test_the_validation_input_of_records_is_nvidias_but_for_the_resize(
    arrays, content, spec, compared
) -> None:
    vectors = arrays("preprocess.npz")
    for case in content["cases"]:
        name = f"case{case['case']}"
        ratio = min(a / b for a, b in zip(content["network_wh"], case["image_wh"], strict=True))
        width, height = (round(ratio * side) for side in case["image_wh"])
        # TAO's TFRecord pipeline has a resize of its own (docs/seam.md); after it, ours has nothing left to
        # scale.
        resized = _resized_without_half_pixels(vectors[f"{name}/rgb"].astype(np.float32), height, width)
        ours, _ = letterbox(torch.from_numpy(resized).permute(2, 0, 1), spec())
        np.testing.assert_allclose(
            ours.numpy(), vectors[f"{name}/tfrecord_val_input"], atol=0.1, err_msg=name
        )
        compared("preprocess.npz", 1)


def _resized_without_half_pixels(picture: Any, height: int, width: int) -> Any:
    """Bilinear as TensorFlow 1 does it unless told otherwise: pixel i is taken from place i * old / new."""
    for axis, size in ((0, height), (1, width)):
        last = picture.shape[axis] - 1
        place = np.arange(size) * (picture.shape[axis] / size)
        before = np.floor(place).astype(int)
        share = np.expand_dims(place - before, (2, 1) if axis == 0 else (2, 0)).astype(np.float32)
        after = picture.take(np.minimum(before + 1, last), axis)
        picture = picture.take(before, axis) * (1 - share) + after * share
    return picture


def test_boxes_follow_the_validation_letterbox(arrays, content, spec, compared) -> None:
    vectors = arrays("preprocess.npz")
    for case in content["cases"]:
        name, size = f"case{case['case']}", torch.tensor(case["image_wh"] * 2)
        _, fit = letterbox(torch.from_numpy(vectors[f"{name}/rgb"]).permute(2, 0, 1), spec())
        moved = fit.to_network(torch.from_numpy(vectors[f"{name}/boxes_in"]) * size)
        moved = moved / torch.tensor(content["network_wh"] * 2)
        np.testing.assert_allclose(
            moved.numpy(), vectors[f"{name}/tfrecord_letterbox_boxes"], atol=1e-5, err_msg=name
        )
        compared("preprocess.npz", 1)


def test_labels_of_a_folder_are_mapped_moved_and_filtered_as_nvidias(
    arrays, content, spec, compared, tmp_path: Path
) -> None:
    vectors = arrays("preprocess.npz")
    mapping = {source: content["classes"][target] for source, target in content["class_mapping"].items()}
    for case in content["cases"]:
        name = f"case{case['case']}"
        folder = tmp_path / name
        (folder / "images").mkdir(parents=True)
        (folder / "labels").mkdir()
        Image.fromarray(vectors[f"{name}/rgb"]).save(folder / "images" / "a.png")
        (folder / "labels" / "a.txt").write_text(case["label"])
        source = Source(images=folder / "images", labels=folder / "labels")
        dataset = DatasetSpec(
            train=(source,),
            validation=(source,),
            validation_fold=0,
            class_mapping=mapping,
            image_extension="",
            include_difficult=True,
        )
        experiment = SimpleNamespace(dataset=dataset, classes=tuple(content["classes"]), augmentation=spec())
        _, (truth,) = letterboxed(read_frames(experiment, "validation"), experiment)
        found = np.column_stack((truth.classes, truth.difficult, truth.boxes))
        np.testing.assert_allclose(found, vectors[f"{name}/label_dir_val_labels"], atol=1e-5, err_msg=name)
        compared("preprocess.json", 1)


def test_the_inference_input_is_nvidias_up_to_rounding(arrays, content, spec, compared) -> None:
    vectors = arrays("preprocess.npz")
    for case in content["cases"]:
        name = f"case{case['case']}"
        for kind, changes in (("", {}), ("_gray", GRAY)):
            expected = vectors.get(f"{name}/inference_input{kind}")
            if expected is not None:
                ours, _ = fit_top_left(Image.fromarray(vectors[f"{name}/rgb"]), spec(**changes))
                difference = np.abs(ours.numpy() - expected)
                assert np.quantile(difference, 0.999) <= 1, name
                assert difference.mean() <= 0.05, name
                compared("preprocess.npz", 1)


def test_detections_lead_back_to_the_picture_as_nvidias(content, spec, compared) -> None:
    for case in content["cases"]:
        _, fit = fit_top_left(Image.new("RGB", tuple(case["image_wh"])), spec())
        rows = [row for row in case["inference_boxes_network_pixels"] if row[1] >= 0.3]
        boxes = fit.to_picture(torch.tensor([row[2:] for row in rows])).tolist()
        lines = [
            format_line(content["classes"][row[0]], box, row[1]) for row, box in zip(rows, boxes, strict=True)
        ]

        assert float(fit.scale) == pytest.approx(1 / case["inference_box_ratio"], rel=1e-6)
        for line, expected in zip(
            lines, case["inference_label_text_threshold_0.3"].splitlines(), strict=True
        ):
            assert line.split()[0] == expected.split()[0]
            wanted = pytest.approx([*map(float, expected.split()[1:])], rel=1e-6, abs=1e-4)
            assert [*map(float, line.split()[1:])] == wanted
        compared("preprocess.json", 1)
