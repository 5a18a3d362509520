"""TensorFlow's padding of "same", whose rule its documentation gives."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo_v4.network.blocks import pooling_pyramid
from yolo_v4.network.padding import pad_as_tensorflow
from yolo_v4.network.yolo import build_network
from yolo_v4.spec.load import load_experiment


@pytest.mark.parametrize(
    ("side", "kernel", "taken"),
    # Where the first and the last place of the output have their kernel's first pixel, by the rule
    # total = max((ceil(n / 2) - 1) * 2 + k - n, 0), of which half, rounded down, is before.
    [(8, 3, [0, 2, 4, 6]), (7, 3, [-1, 1, 3, 5]), (8, 7, [-2, 0, 2, 4]), (8, 1, [0, 2, 4, 6])],
)
def test_a_convolution_of_stride_2_takes_tensorflows_pixels(
    write_spec: Callable[..., Path], side: int, kernel: int, taken: list[int]
) -> None:
    experiment = load_experiment(write_spec())
    network = build_network(experiment.network, num_classes=2, channels=3)
    layer = nn.Conv2d(1, 1, kernel, 2, padding=kernel // 2, bias=False)
    nn.init.zeros_(layer.weight)
    layer.weight.data[0, 0, 0, 0] = 1.0  # the output is the pixel under the kernel's first place
    network.add_module("extra", layer)

    pad_as_tensorflow(network)
    rows = torch.arange(1.0, side + 1)[:, None].expand(side, side)

    expected = [float(row + 1) if row >= 0 else 0.0 for row in taken]
    column = layer(rows[None, None].contiguous())[0, 0, :, -1]
    assert column.tolist() == expected


def test_pools_see_nothing_outside_instead_of_zeros() -> None:
    below_zero = torch.full((1, 1, 4, 4), -3.0)

    assert pooling_pyramid(below_zero, 0.0)[0, 0].max() == 0
    assert (pooling_pyramid(below_zero, float("-inf")) == -3).all()
