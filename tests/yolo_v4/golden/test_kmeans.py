"""Anchors from the same boxes and first centres as NVIDIA's script."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from yolo_v4.data.anchors import choose_first, cluster, find_images, read_sizes


@pytest.fixture(scope="module")
def cases(golden: Path) -> list[dict[str, Any]]:
    return list(json.loads((golden / "kmeans.json").read_text())["cases"])


def test_the_same_boxes_and_first_centres_give_nvidias_anchors_and_steps(cases: list[dict[str, Any]]) -> None:
    boxes = {case["name"]: case for case in cases}
    for case in cases:
        source = boxes[case["boxes_of"]]
        sizes = np.column_stack((source["w"], source["h"]))
        steps: list[int] = []
        centres = cluster(sizes, np.array(case["init_indices"]), max_steps=10000, step=steps.append)
        np.testing.assert_allclose(centres, case["centres_wh"], rtol=0, atol=1e-9, err_msg=case["name"])
        assert [str(step) for step in steps if step % 10 == 1] == case["iterations_printed"], case["name"]


def test_the_first_centres_are_chosen_as_numpy_chooses_for_nvidias_script(cases: list[dict[str, Any]]) -> None:
    boxes = {case["name"]: case for case in cases}
    for case in cases:
        count = len(boxes[case["boxes_of"]]["w"])
        assert choose_first(count, case["k"], seed=case["numpy_seed"]).tolist() == case["init_indices"]


def test_the_boxes_of_sixty_frames_are_nvidias_to_the_last_bit(golden: Path, cases: list[dict[str, Any]]) -> None:
    inputs = golden / "tfrecords" / "inputs"
    found = read_sizes(find_images(inputs / "images"), inputs / "labels", missing=pytest.fail)
    for name, min_px in (("images_min_0_0_k9_seed0", 0), ("images_min_16_16_k9_seed0", 16)):
        case = next(case for case in cases if case["name"] == name)
        kept = found[(found[:, 0] > min_px / 352) & (found[:, 1] > min_px / 288)]
        assert sorted(map(tuple, kept.tolist())) == sorted(zip(case["w"], case["h"], strict=True))
