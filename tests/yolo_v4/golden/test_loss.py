"""The loss and its gradients against golden vectors made with NVIDIA's code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import yolo_loss

CASES = [
    "small_a",
    "small_with_empty_image",
    "small_weighted",
    "small_all_empty",
    "small_near_perfect",
    "jamcam_352x288",
]
PARAMETERS = (
    "location_weight",
    "negative_objectness_weight",
    "class_weight",
    "label_smoothing",
    "neutral_box_iou",
    "focal_alpha",
    "focal_gamma",
)


@pytest.mark.parametrize("name", CASES)
def test_terms_and_gradients_are_nvidias(golden: Path, network_spec: Callable[..., NetworkSpec], name: str) -> None:
    vectors = np.load(golden / "loss.npz")
    y_true = torch.from_numpy(vectors[f"{name}/y_true"])

    for place, values in enumerate(vectors["params"].tolist()):
        y_pred = torch.from_numpy(vectors[f"{name}/y_pred"]).requires_grad_()
        terms = yolo_loss(y_true, y_pred, network_spec(**dict(zip(PARAMETERS, values, strict=True))))

        found = [term.item() for term in terms]
        assert found == pytest.approx(vectors[f"{name}/loss_terms"][place].tolist(), rel=1e-4), place
        if f"{name}/grad_y_pred_param{place}" in vectors:
            terms.total.backward()
            expected = vectors[f"{name}/grad_y_pred_param{place}"]
            assert y_pred.grad is not None
            np.testing.assert_allclose(
                y_pred.grad.numpy(), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max(), err_msg=str(place)
            )
