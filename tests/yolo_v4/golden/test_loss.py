"""The loss and its gradients against golden vectors made with NVIDIA's code."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.yolo_v4.dense_targets import target_of
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import yolo_loss

PARAMETERS = (
    "location_weight",
    "negative_objectness_weight",
    "class_weight",
    "label_smoothing",
    "neutral_box_iou",
    "focal_alpha",
    "focal_gamma",
)


def test_terms_and_gradients_are_nvidias(arrays, compared, network_spec: Callable[..., NetworkSpec]) -> None:
    vectors = arrays("loss.npz")
    for name in [key.removesuffix("/y_true") for key in vectors if key.endswith("/y_true")]:
        for place, values in enumerate(vectors["params"].tolist()):
            # Rows that only fill up the target must not count.
            target = target_of(vectors[f"{name}/y_true"], filling=place % 3)
            y_pred = torch.from_numpy(vectors[f"{name}/y_pred"]).requires_grad_()
            terms = yolo_loss(target, y_pred, network_spec(**dict(zip(PARAMETERS, values, strict=True))))

            found = [term.item() for term in terms]
            assert found == pytest.approx(vectors[f"{name}/loss_terms"][place].tolist(), rel=1e-4), (
                name,
                place,
            )
            expected = vectors.get(f"{name}/grad_y_pred_param{place}")
            if expected is not None:
                terms.total.backward()
                assert y_pred.grad is not None
                tolerance = {"rtol": 1e-3, "atol": 1e-5 * np.abs(expected).max()}
                np.testing.assert_allclose(
                    y_pred.grad.numpy(), expected, **tolerance, err_msg=f"{name} {place}"
                )
                compared("loss.npz", 1)
            compared("loss.npz", 1)
