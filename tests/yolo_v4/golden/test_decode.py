"""Decoding and suppression against golden vectors made with NVIDIA's code."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from yolo_v4.boxes import pairwise_iou
from yolo_v4.network.grid import decode_rows, encode_predictions
from yolo_v4.scoring.nms import suppress
from yolo_v4.spec.experiment import NetworkSpec, Nms

ROUNDING = 5e-7  # some steps of float32 at 1: what is near zero is a difference of two numbers near one


def test_rows_boxes_and_scores_are_nvidias(
    arrays, compared, network_spec: Callable[..., NetworkSpec]
) -> None:
    vectors = arrays("decode.npz")
    names = [key.removesuffix("/head_big") for key in vectors if key.endswith("/head_big")]
    for name in names:
        width, height = vectors[f"{name}/image_wh"].tolist()
        spec = network_spec(
            anchors=tuple(
                tuple(map(tuple, scale)) for scale in vectors[f"{name}/anchors_wh_pixels"].tolist()
            ),
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
        named_tied = bool(np.any(vectors.get(f"{name}/score_ties", False)))
        top_k, iou, confidence = vectors[f"{run}_params"].tolist()
        spec = Nms(confidence_threshold=confidence, iou_threshold=iou, top_k=int(top_k))
        for picture, rows in zip(torch.from_numpy(candidates), vectors[run], strict=True):
            boxes, scores, classes = suppress(picture[:, :4], picture[:, 4:], spec)
            found = torch.column_stack((classes, scores, boxes))
            expected = torch.from_numpy(rows[rows[:, 1] > confidence])
            above = picture[:, 4:][picture[:, 4:] > confidence]
            if named_tied or len(above.unique()) < len(above):
                _check_possible(found, picture, spec)
                _check_possible(expected, picture, spec)
            else:
                np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=run)
    compared("decode.npz", len(runs))


def _check_possible(rows: Tensor, picture: Tensor, spec: Nms) -> None:
    """With equal scores in some order, suppression keeps these rows (class, score, box) of a picture."""
    place, classes = (picture[:, 4:] > spec.confidence_threshold).nonzero(as_tuple=True)
    scores, boxes = picture[place, 4 + classes], picture[place, :4]
    if not len(rows):
        assert not len(scores)
        return
    candidates = torch.column_stack((classes, scores, boxes.clamp(0, 1)))
    kept = torch.cdist(rows, candidates, p=float("inf")).argmin(dim=1)
    assert torch.allclose(candidates[kept], rows, rtol=0, atol=1e-5)
    assert len(kept) <= spec.top_k
    assert (rows[1:, 1] <= rows[:-1, 1]).all()
    corners = torch.cat(
        (torch.minimum(boxes[:, :2], boxes[:, 2:]), torch.maximum(boxes[:, :2], boxes[:, 2:])), dim=1
    )
    overlapped = (pairwise_iou(corners[kept], corners) > spec.iou_threshold) & (
        classes[kept][:, None] == classes
    )
    assert not overlapped[:, kept].triu(diagonal=1).any()
    left = ~(overlapped & (scores[kept][:, None] >= scores)).any(dim=0)
    left[kept] = False
    assert not left.any() or (len(kept) == spec.top_k and scores[left].max() <= scores[kept].min())
