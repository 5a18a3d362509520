"""Decoding and suppression against golden vectors made with NVIDIA's code."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.scoring.nms import suppress
from yolo_v4.spec.experiment import NetworkSpec, Nms

ROUNDING = 5e-7  # some steps of float32 at 1: what is near zero is a difference of two numbers near one


def test_rows_boxes_and_scores_are_nvidias(arrays, compared, network_spec: Callable[..., NetworkSpec]) -> None:
    vectors = arrays("decode.npz")
    names = [key.removesuffix("/head_big") for key in vectors if key.endswith("/head_big")]
    for name in names:
        width, height = vectors[f"{name}/image_wh"].tolist()
        spec = network_spec(
            anchors=tuple(tuple(map(tuple, scale)) for scale in vectors[f"{name}/anchors_wh_pixels"].tolist()),
            grid_xy_extend=tuple((vectors[f"{name}/grid_scale_xy"] - 1).tolist()),
        )
        heads = [torch.from_numpy(vectors[f"{name}/head_{scale}"]) for scale in ("big", "mid", "small")]

        rows = encode_predictions(heads, spec, (height, width))
        boxes, scores = decode_rows(rows)

        np.testing.assert_allclose(rows.numpy(), vectors[f"{name}/encoded"], rtol=1e-5, atol=ROUNDING)
        found = torch.cat((boxes, scores), dim=2).numpy()
        np.testing.assert_allclose(found, vectors[f"{name}/decoded"], rtol=1e-5, atol=ROUNDING)
    compared("decode.npz", 2 * len(names))


def test_the_same_boxes_survive_as_with_nvidia(arrays, compared) -> None:
    vectors = arrays("decode.npz")
    runs = [key.removesuffix("_params") for key in vectors if key.endswith("_params")]
    for run in runs:
        name = run.split("/")[0]
        candidates = vectors[f"{name}/boxes"] if f"{name}/boxes" in vectors else vectors[f"{name}/decoded"]
        tied = bool(np.any(vectors.get(f"{name}/score_ties", False)))
        top_k, iou, confidence = vectors[f"{run}_params"].tolist()
        spec = Nms(confidence_threshold=confidence, iou_threshold=iou, top_k=int(top_k))
        for picture, expected in zip(torch.from_numpy(candidates), vectors[run], strict=True):
            boxes, scores, classes = suppress(picture[:, :4], picture[:, 4:], spec)
            found = np.concatenate((classes[:, None], scores[:, None], boxes), axis=1)
            _check_same(found, expected[expected[:, 1] > confidence], tied=tied)
    compared("decode.npz", len(runs))


def _check_same(found: Any, expected: Any, *, tied: bool) -> None:
    """Equal row by row; where scores are tied, in any order among equals, and ties may decide which box survives."""
    assert len(found) == len(expected)
    np.testing.assert_allclose(found[:, 1], expected[:, 1], atol=1e-5)
    if not tied:
        np.testing.assert_allclose(found, expected, atol=1e-5)
        return
    distances = np.abs(found[:, None] - expected).max(axis=2).min(axis=1)
    unique = np.array([(expected[:, 1] == score).sum() == 1 for score in expected[:, 1]])
    assert (distances[unique] < 1e-5).all()
