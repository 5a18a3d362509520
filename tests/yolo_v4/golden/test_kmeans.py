"""Anchors from the same boxes and first centres as NVIDIA's script."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from yolo_v4.data.anchors import choose_first, cluster, read_sizes
from yolo_v4.data.picture_file import KMEANS_ENDINGS, list_pictures


def test_the_same_boxes_and_first_centres_give_nvidias_anchors_and_steps(topic, compared) -> None:
    cases = json.loads(topic("kmeans.json").read_text())["cases"]
    boxes = {case["name"]: case for case in cases}
    for case in cases:
        source = boxes[case["boxes_of"]]
        sizes = np.column_stack((source["w"], source["h"]))
        first = choose_first(len(sizes), case["k"], seed=case["numpy_seed"])
        assert first.tolist() == case["init_indices"], case["name"]
        steps: list[int] = []
        centres = cluster(sizes, first, max_steps=10000, step=steps.append)
        # An emptied cluster is "nan" in the original, which ours guards against.
        if "nan" not in str(case["centres_wh"]).lower():
            np.testing.assert_allclose(centres, case["centres_wh"], rtol=0, atol=1e-9, err_msg=case["name"])
            assert [str(step) for step in steps if step % 10 == 1] == case["iterations_printed"], case["name"]
    compared("kmeans.json", len(cases))


def test_the_boxes_of_the_frames_are_nvidias_to_the_last_bit(golden: Path, topic, compared) -> None:
    inputs = golden / "tfrecords" / "inputs"
    if not inputs.is_dir():
        pytest.skip(f"no {inputs}")
    pictures = list_pictures(inputs / "images", KMEANS_ENDINGS, remedy="")
    found = read_sizes(pictures, inputs / "labels", missing=pytest.fail)
    for case in json.loads(topic("kmeans.json").read_text())["cases"]:
        minimum = re.match(r"images_min_(\d+)_(\d+)_", case["name"])
        if minimum and case["boxes_of"] == case["name"]:
            least = int(minimum[1]) / 352, int(minimum[2]) / 288
            kept = found[(found[:, 0] > least[0]) & (found[:, 1] > least[1])]
            assert sorted(map(tuple, kept.tolist())) == sorted(zip(case["w"], case["h"], strict=True))
            compared("kmeans.json", 1)
