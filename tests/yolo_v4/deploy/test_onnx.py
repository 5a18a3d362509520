"""Pools of an exported network see zeros outside the picture, also after onnxruntime has optimised it."""

import io
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from yolo_v4.deploy.onnx import OPSET
from yolo_v4.network.blocks import pooling_pyramid


class Pools(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return pooling_pyramid(x.neg(), 0.0)  # the negation keeps the input from being the pools' own


@pytest.mark.parametrize("side", [3, 4, 16])
def test_places_whose_pool_reaches_over_the_edge_see_a_zero(side: int) -> None:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that traces is deprecated
        torch.onnx.export(
            Pools(),
            (torch.zeros(1, 1, side, side),),
            stream,  # type: ignore[arg-type]
            opset_version=OPSET,
            dynamo=False,
            input_names=["x"],
        )
    session = onnxruntime.InferenceSession(stream.getvalue(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.full((1, 1, side, side), 3.0, np.float32)})

    # Everything is -3, and 0 outside: 2, 4 and 6 places from an edge are within reach of 5x5, 9x9 and 13x13.
    places = np.arange(side)
    from_edge = np.minimum(places, side - 1 - places)
    nearest = np.minimum(from_edge[:, None], from_edge[None, :])
    for pool, reach in enumerate((2, 4, 6)):
        np.testing.assert_array_equal(found[0, pool], np.where(nearest < reach, 0.0, -3.0))
    assert (found[0, 3] == -3).all()
