"""The gradient of the focal loss where a prediction is as right as float32 can tell."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from yolo_v4.spec.experiment import NetworkSpec
from yolo_v4.training.loss import _cross_entropy

ALPHA = 0.25
# From as wrong as can be to as right as can be, through the logit 16.7 at which 1 - p becomes 0 in float32.
LOGITS = (-120.0, -60.0, -30.0, -20.0, -17.0, -16.0, -8.0, -1.0, 0.0, 1.0, 8.0, 15.0)


def unclamped(true: Tensor, logit: Tensor, gamma: float) -> Tensor:
    """The loss as NVIDIA writes it: the power of the plain difference."""
    probability = logit.sigmoid()
    log_yes, log_no = (each.clamp(min=1e-18).log() for each in (probability, 1 - probability))
    right = true * probability + (1 - true) * (1 - probability)
    balance = true * ALPHA + (1 - true) * (1 - ALPHA)
    return -(true * log_yes + (1 - true) * log_no) * (1 - right) ** gamma * balance


def wanted(true: float) -> Tensor | float:
    """As the loss asks: background by a number, objects by a tensor."""
    return torch.tensor(true) if true else true


def gradient(loss: Tensor, logit: Tensor) -> float:
    (slope,) = torch.autograd.grad(loss, logit)
    return slope.item()


@pytest.mark.parametrize("gamma", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("true", [0.0, 1.0])
def test_a_gamma_below_1_has_a_finite_gradient_that_is_that_of_exact_arithmetic(
    network_spec: Callable[..., NetworkSpec], gamma: float, true: float
) -> None:
    spec = network_spec(focal_alpha=ALPHA, focal_gamma=gamma)
    broken = 0
    for value in LOGITS:
        logit = torch.tensor(value if true == 0 else -value, requires_grad=True)
        found = gradient(_cross_entropy(wanted(true), logit, spec), logit)

        exact = torch.tensor(logit.item(), dtype=torch.float64, requires_grad=True)
        # -log(1 - p) and p, p being how wrong it is, in a form that loses no digits.
        wrong = exact if true == 0 else -exact
        balance = 1 - ALPHA if true == 0 else ALPHA
        limit = balance * torch.nn.functional.softplus(wrong) * wrong.sigmoid() ** gamma
        assert found == pytest.approx(gradient(limit, exact), rel=0.3, abs=1e-9), (true, value)

        broken += gradient(unclamped(torch.tensor(true), logit, gamma), logit) != found
    assert broken >= 4  # NaN is not equal to anything: there the plain power has no gradient


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_nvidias_and_gradients_where_nvidias_are_finite(
    network_spec: Callable[..., NetworkSpec], gamma: float, smoothing: float
) -> None:
    spec = network_spec(focal_alpha=ALPHA, focal_gamma=gamma, label_smoothing=smoothing)
    for true in (0.0, 1.0):
        for value in LOGITS:
            logit = torch.tensor(value, requires_grad=True)
            smoothed = torch.tensor(true) * (1 - smoothing) + smoothing / 2
            ours = _cross_entropy(wanted(true), logit, spec)
            nvidias = unclamped(smoothed, logit, gamma)
            assert ours.item() == pytest.approx(nvidias.item(), rel=1e-6)
            if (slope := gradient(nvidias, logit)) == slope:
                assert gradient(ours, logit) == pytest.approx(slope, rel=1e-6, abs=1e-15)
