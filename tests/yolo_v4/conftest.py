"""What tests of the detector may ask for."""

from collections.abc import Callable
from typing import Any

import pytest

from yolo_v4.spec.experiment import NetworkSpec

# The anchors that the golden vectors were made with: big, mid, small scale; (w, h) in pixels.
ANCHORS = (
    ((114.94, 60.67), (159.06, 114.59), (297.59, 176.38)),
    ((42.99, 31.91), (79.57, 31.75), (56.80, 56.93)),
    ((15.60, 13.88), (30.25, 20.25), (20.67, 49.63)),
)


@pytest.fixture(scope="session")
def network_spec() -> Callable[..., NetworkSpec]:
    """Makes a network spec; whatever is not given has the values of the golden vectors."""

    def make(**changes: Any) -> NetworkSpec:
        values: dict[str, Any] = {
            "arch": "resnet",
            "layers": 10,
            "conv_blocks": 2,
            "anchors": ANCHORS,
            "grid_xy_extend": (0.05, 0.1, 0.2),
            "box_matching_iou": 0.25,
            "neutral_box_iou": 0.5,
            "location_weight": 0.8,
            "negative_objectness_weight": 100.0,
            "class_weight": 0.5,
            "label_smoothing": 0.0,
            "focal_alpha": 0.0,
            "focal_gamma": 0.0,
            "freeze_blocks": (),
            "freeze_bn": False,
            "force_relu": False,
        }
        return NetworkSpec(**values | changes)

    return make
