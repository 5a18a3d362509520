"""The penalty on kernels, the moving average of weights, and what a resumed optimiser takes over."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from yolo_v4.errors import DataError
from yolo_v4.network.yolo import build_network
from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.spec.load import load_experiment
from yolo_v4.training.optimizer import KernelPenalty, MovingAverage
from yolo_v4.training.trainer import Trainer


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


def trainer_of(spec: Path) -> Trainer:
    experiment = load_experiment(spec)
    network = build_network(experiment.network, num_classes=2, channels=3)
    return Trainer(network, experiment, steps_per_epoch=2)


def test_a_resumed_run_has_the_moments_of_the_checkpoint_and_the_constants_of_its_spec(
    write_spec: Callable[..., Path],
) -> None:
    donor, heir = (
        trainer_of(
            write_spec(training=f"optimizer {{ adam {{ epsilon: 1e-7 beta1: {beta1} beta2: 0.999 }} }}")
        )
        for beta1 in (0.9, 0.5)
    )
    saved = donor.checkpoint([])
    for moments in saved.optimizer["state"].values():
        moments["exp_avg"] += 0.25

    heir.resume(saved)

    found = heir.checkpoint([]).optimizer
    assert found["param_groups"][0]["betas"] == pytest.approx((0.5, 0.999))
    assert all(bool((moments["exp_avg"] == 0.25).all()) for moments in found["state"].values())


def test_a_run_with_amsgrad_is_not_resumed_from_one_without(write_spec: Callable[..., Path]) -> None:
    saved = trainer_of(write_spec()).checkpoint([])
    adam = "optimizer { adam { epsilon: 1e-7 beta1: 0.9 beta2: 0.999 amsgrad: true } }"

    with pytest.raises(DataError, match="made with another optimizer"):
        trainer_of(write_spec(training=adam)).resume(saved)
