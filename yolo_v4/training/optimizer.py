"""Optimisers with Keras' arithmetic, their learning rate, the penalty on kernels, and the moving average of weights.

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
from yolo_v4.spec.experiment import OptimizerSpec, Schedule

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
        self._t: float | None = (
            None  # read from the state once: on a GPU every look at it would wait for the device
        )
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
    """The spec's optimiser; the learning rate of its groups is set before every step."""
    return KerasAdam(parameters, spec) if spec.kind == "adam" else KerasSgd(parameters, spec)


def learning_rate(schedule: Schedule, progress: float, *, gpus: int = 1) -> float:
    """Learning rate at `progress` = steps done / steps of the run, 0..1, else ValueError; it grows with the GPUs.

    TAO's cosine is not stretched over what the soft start leaves, so with a soft start of 0.3 it ends at 0.21 of the
    maximum, not at the minimum. Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/utils.py.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"a learning rate was asked for at progress {progress:f}, expected 0 to 1")
    low, high = schedule.min_learning_rate * gpus, schedule.max_learning_rate * gpus
    if progress < schedule.soft_start:
        share = progress / schedule.soft_start
    elif schedule.kind == "cosine":
        share = (1 + math.cos(math.pi * (progress - schedule.soft_start))) / 2
    else:
        share = 1.0 if progress <= schedule.annealing else (1 - progress) / (1 - schedule.annealing)
    if schedule.kind == "cosine":
        return low + (high - low) * share
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


class KernelPenalty:
    """weight * sum |k| or weight * sum k^2 of every convolution kernel k, put into the gradient, not into the graph."""

    def __init__(self, network: nn.Module, kind: Literal["none", "l1", "l2"], weight: float) -> None:
        convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        self._kernels = [one.weight for one in convolutions if one.weight.requires_grad and kind != "none"]
        self._kind, self._weight = kind, weight

    @torch.no_grad()
    def value(self) -> Tensor:
        """What the penalty adds to the loss, a scalar on the network's device."""
        order = 1 if self._kind == "l1" else 2
        norms = [torch.linalg.vector_norm(kernel, order) ** order for kernel in self._kernels]
        return self._weight * torch.stack(norms).sum() if norms else torch.zeros(())

    @torch.no_grad()
    def add_to_gradients(self) -> None:
        """Add the penalty's derivative to the gradients that the loss has left."""
        for kernel in self._kernels:
            if kernel.grad is not None and self._kind == "l1":
                kernel.grad.add_(kernel.sign(), alpha=self._weight)
            elif kernel.grad is not None:
                kernel.grad.add_(kernel, alpha=2 * self._weight)


class MovingAverage:
    """Exponential moving average of weights and statistics, with TAO's decay 0.999 (1 - exp(-n / 2000)) after n steps.

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
