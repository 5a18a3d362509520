"""Optimisers with Keras' arithmetic, the penalty on kernels, and the moving average of weights.

Legend: lr = learning rate, g = gradient, m and v = first and second moment, b1 and b2 = their decay, t = steps done.
"""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import OptimizerSpec

EMA_DECAY = 0.999
EMA_RAMP_STEPS = 2000


class KerasAdam(torch.optim.Adam):
    """Adam with epsilon outside the bias correction: w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon).

    PyTorch adds its epsilon after dividing sqrt(v) by sqrt(1 - b2^t), so an epsilon divided by the same gives Keras'
    step. Keras on TensorFlow 1 reads its step counter after raising it, so t is 2 in the first step; hence the count
    begins at 1.
    """

    def __init__(self, parameters: Iterable[Tensor], spec: OptimizerSpec) -> None:
        betas = (spec.beta1, spec.beta2)
        super().__init__(parameters, lr=0.0, betas=betas, eps=spec.epsilon, amsgrad=spec.amsgrad, fused=True)
        self._epsilon = spec.epsilon
        self._t: float | None = None  # read from the state once: on a GPU every look at it would wait for the device
        moments = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * spec.amsgrad
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["step"] = torch.ones((), device=parameter.device)
                self.state[parameter] |= {moment: torch.zeros_like(parameter) for moment in moments}

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of every parameter."""
        if self._t is None:
            self._t = float(self.state[self.param_groups[0]["params"][0]]["step"])
        self._t += 1
        for group in self.param_groups:
            group["eps"] = self._epsilon / math.sqrt(1 - group["betas"][1] ** self._t)
        return super().step(closure)


class KerasSgd(Optimizer):
    """SGD whose velocity holds the learning rate: v = momentum v - lr g; w += v (Nesterov: w += momentum v - lr g)."""

    def __init__(self, parameters: Iterable[Tensor], spec: OptimizerSpec) -> None:
        super().__init__(parameters, {"lr": 0.0, "momentum": spec.momentum, "nesterov": spec.nesterov})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of every parameter."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                velocity = self.state[parameter].setdefault("velocity", torch.zeros_like(parameter))
                velocity.mul_(group["momentum"]).add_(parameter.grad, alpha=-group["lr"])
                if group["nesterov"]:
                    parameter.add_(velocity, alpha=group["momentum"]).add_(parameter.grad, alpha=-group["lr"])
                else:
                    parameter.add_(velocity)


def build_optimizer(parameters: Iterable[Tensor], spec: OptimizerSpec) -> Optimizer:
    """The spec's optimiser; the learning rate is set before every step by `set_learning_rate`."""
    if spec.kind == "adam":
        return KerasAdam(parameters, spec)
    return KerasSgd(parameters, spec)


def set_learning_rate(optimizer: Optimizer, value: float) -> None:
    """Use `value` from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = value


class KernelPenalty:
    """L1 or L2 on every convolution kernel, not on biases or normalisation: weight * sum |k| or weight * sum k^2.

    It enters as a term of the gradient, which spares the autograd graph.
    """

    def __init__(self, network: nn.Module, kind: Literal["none", "l1", "l2"], weight: float) -> None:
        self._kernels = [
            module.weight
            for module in network.modules()
            if isinstance(module, nn.Conv2d) and module.weight.requires_grad
        ]
        self._kind = kind
        self._weight = weight

    @torch.no_grad()
    def value(self) -> float:
        """What the penalty adds to the loss."""
        if self._kind == "none":
            return 0.0
        order = 1 if self._kind == "l1" else 2
        norms = torch.stack([torch.linalg.vector_norm(kernel, order) for kernel in self._kernels])
        return self._weight * float((norms**order).sum())

    @torch.no_grad()
    def add_to_gradients(self) -> None:
        """Add the penalty's derivative to the gradients that the loss has left."""
        if self._kind == "none":
            return
        for kernel in self._kernels:
            if kernel.grad is not None and self._kind == "l1":
                kernel.grad.add_(kernel.sign(), alpha=self._weight)
            elif kernel.grad is not None:
                kernel.grad.add_(kernel, alpha=2 * self._weight)


class MovingAverage:
    """Exponential moving average of all weights, statistics of normalisation included, with TAO's decay.

    d = 0.999 (1 - exp(-n / 2000)) after n steps.

    Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/callbacks/model_ema_callback.py.
    """

    def __init__(self, network: Yolo) -> None:
        self.network = copy.deepcopy(network).eval()
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        self._pairs = [(mean, latest) for mean, latest in pairs if mean.is_floating_point()]

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Move towards the network's weights after its `steps`-th step, counted from 1."""
        decay = EMA_DECAY * (1 - math.exp(-steps / EMA_RAMP_STEPS))
        for mean, latest in self._pairs:
            mean.lerp_(latest, 1 - decay)
