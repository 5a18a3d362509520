"""The penalty on kernels and the moving average of weights."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from yolo_v4.network.yolo import build_network
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.optimizer import KernelPenalty, MovingAverage


@pytest.mark.parametrize(("kind", "power"), [("l1", 1), ("l2", 2)])
def test_the_penalty_is_that_of_kernels_alone_and_its_gradient_autograds(kind: str, power: int) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    kernels = [network[0].weight, network[2].weight]
    loss = 0.01 * sum(kernel.abs().pow(power).sum() for kernel in kernels)
    expected = torch.autograd.grad(loss, kernels)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)

    penalty = KernelPenalty(network, kind, 0.01)  # type: ignore[arg-type]
    penalty.add_to_gradients()

    assert penalty.value() == pytest.approx(loss.item(), rel=1e-5)
    for kernel, gradient in zip(kernels, expected, strict=True):
        torch.testing.assert_close(kernel.grad, gradient)
    assert network[0].bias.grad.abs().sum() == 0
    assert network[1].weight.grad.abs().sum() == 0


def test_without_regulariser_there_is_no_penalty() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    network[0].weight.grad = torch.zeros_like(network[0].weight)

    penalty = KernelPenalty(network, "none", 0.0)
    penalty.add_to_gradients()

    assert penalty.value() == 0
    assert network[0].weight.grad.item() == 0


def test_the_moving_average_follows_weights_and_statistics_with_taos_decay(
    network_spec: Callable[..., NetworkSpec],
) -> None:
    network = build_network(network_spec(conv_blocks=0), num_classes=1, channels=3)
    average = MovingAverage(network)
    kernel, variance = "backbone.conv1.weight", "backbone.bn_conv1.running_var"
    before = {name: network.state_dict()[name].clone() for name in (kernel, variance)}
    with torch.no_grad():
        network.state_dict()[kernel].add_(1)
        network.state_dict()[variance].add_(1)

    average.update(3)

    share = 1 - 0.999 * (1 - math.exp(-3 / 2000))
    for name in (kernel, variance):
        torch.testing.assert_close(average.network.state_dict()[name], before[name] + share)
