"""Optimisers with Keras' arithmetic, learning rate, penalty on kernels, and moving average of weights.

Legend: lr = learning rate, g = gradient, m and v = first and second moment, b1 and b2 = their decay,
t = steps done, w = weights.
"""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from yolo_v4.network.tao_checkpoint import KerasOptimizer
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import OptimizerSpec, Schedule

EMA_DECAY = 0.999
EMA_RAMP_STEPS = 2000


class KerasAdam(torch.optim.Adam):
    """Adam with epsilon outside the bias correction, as in Keras.

    w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon). PyTorch divides sqrt(v) by sqrt(1 - b2^t)
    before it adds its epsilon, so dividing epsilon by the same gives Keras' step. Keras on TensorFlow 1 reads
    its step counter after increasing it, so t is 2 in the first step; the state starts with 1 for that
    reason. In float16, steps that are skipped for an infinite gradient count for epsilon alone, until the run
    is resumed: asking the device whether one was skipped would wait for it.
    """

    def __init__(self, parameters: Iterable[Tensor], spec: OptimizerSpec) -> None:
        betas = (spec.beta1, spec.beta2)
        super().__init__(parameters, lr=0.0, betas=betas, eps=spec.epsilon, amsgrad=spec.amsgrad, fused=True)
        self._epsilon = spec.epsilon
        # t, read from the state once: on a GPU, each reading would wait for the device.
        self._t: float | None = None
        moments = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * spec.amsgrad
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["step"] = torch.ones((), device=parameter.device)
                self.state[parameter] |= {moment: torch.zeros_like(parameter) for moment in moments}

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter once."""
        if self._t is None:
            self._t = float(self.state[self.param_groups[0]["params"][0]]["step"])
        self._t += 1
        for group in self.param_groups:
            group["eps"] = self._epsilon / math.sqrt(1 - group["betas"][1] ** self._t)
        return super().step(closure)


class KerasSgd(Optimizer):
    """SGD whose velocity v includes the learning rate, as in Keras.

    v = momentum v - lr g; then w += v, or with Nesterov's momentum w += momentum v - lr g.
    """

    def __init__(self, parameters: Iterable[Tensor], spec: OptimizerSpec) -> None:
        super().__init__(parameters, {"lr": 0.0, "momentum": spec.momentum, "nesterov": spec.nesterov})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter once."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            gradients = [parameter.grad for parameter in parameters]
            velocities = [self._velocity(parameter) for parameter in parameters]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=-group["lr"])
            if group["nesterov"]:
                torch._foreach_add_(parameters, velocities, alpha=group["momentum"])
                torch._foreach_add_(parameters, gradients, alpha=-group["lr"])
            else:
                torch._foreach_add_(parameters, velocities)

    def _velocity(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        return state["velocity"]


def build_optimizer(parameters: Iterable[Tensor], spec: OptimizerSpec) -> Optimizer:
    """The spec's optimiser; the caller sets the learning rate of its groups before every step."""
    return KerasAdam(parameters, spec) if spec.kind == "adam" else KerasSgd(parameters, spec)


@torch.no_grad()
def load_keras_state(optimizer: Optimizer, saved: KerasOptimizer) -> None:
    """Continue with the state of Keras' optimiser of the same kind, of the same parameters.

    Keras counts steps from 0, where `KerasAdam` starts its count with 1.
    """
    adam = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    names = adam[: len(saved.moments)] if saved.kind == "adam" else ("velocity",)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for place, parameter in enumerate(parameters):
        state = optimizer.state[parameter]
        for name, moments in zip(names, saved.moments, strict=True):
            state.setdefault(name, torch.zeros_like(parameter)).copy_(moments[place])
        if saved.kind == "adam":
            state["step"].fill_(saved.steps + 1)


def learning_rate(schedule: Schedule, progress: float, *, gpus: int = 1) -> float:
    """The learning rate at `progress` = steps done / steps of the run, 0..1; proportional to `gpus`.

    Raises ValueError: `progress` is outside 0..1.
    TAO's cosine is not stretched over what the soft start leaves, so with a soft start of 0.3 it ends at 0.21
    of the maximum, not at the minimum. Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/utils.py.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"a learning rate was asked for at progress {progress:f}, expected 0 to 1")
    low = schedule.min_learning_rate * gpus
    high = schedule.max_learning_rate * gpus
    if progress < schedule.soft_start:
        share = progress / schedule.soft_start
    elif schedule.kind == "cosine":
        share = (1 + math.cos(math.pi * (progress - schedule.soft_start))) / 2
    elif progress <= schedule.annealing:
        share = 1.0
    else:
        share = (1 - progress) / (1 - schedule.annealing)
    if schedule.kind == "cosine":
        return low + (high - low) * share
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


class KernelPenalty:
    """The penalty weight * sum |k| (L1) or weight * sum k^2 (L2) of all trained convolution kernels k.

    Its derivative is added to the gradients directly, not computed by autograd.
    """

    def __init__(self, network: nn.Module, kind: Literal["none", "l1", "l2"], weight: float) -> None:
        kernels = [one.weight for one in network.modules() if isinstance(one, nn.Conv2d)]
        self._kernels = [kernel for kernel in kernels if kernel.requires_grad and kind != "none"]
        # Kept, since memory that is new in each step costs a CPU three times as much as the signs.
        self._signs = [torch.empty_like(kernel) for kernel in self._kernels if kind == "l1"]
        self._kind = kind
        self._weight = weight

    @torch.no_grad()
    def value(self) -> Tensor:
        """The penalty, a scalar on the network's device."""
        if not self._kernels:
            return torch.zeros(())
        order = 1 if self._kind == "l1" else 2
        norms = torch.stack(torch._foreach_norm(self._kernels, order))
        return self._weight * norms.pow(order).sum()

    @torch.no_grad()
    def add_to_gradients(self) -> None:
        """Add the derivative of the penalty to the gradients of the kernels."""
        gradients = [kernel.grad for kernel in self._kernels if kernel.grad is not None]
        if not gradients:
            return
        if self._kind == "l1":
            torch._foreach_copy_(self._signs, self._kernels)
            torch._foreach_sign_(self._signs)
            torch._foreach_add_(gradients, self._signs, alpha=self._weight)
        else:
            torch._foreach_add_(gradients, self._kernels, alpha=2 * self._weight)


def _decay(steps: int) -> float:
    """0.999 (1 - exp(-n / 2000)) after n steps: a ramp of thousands of steps, whatever a run's length.

    Source: NVIDIA tao_tensorflow1_backend 2ec95cb, cv/common/callbacks/model_ema_callback.py.
    """
    return EMA_DECAY * (1 - math.exp(-steps / EMA_RAMP_STEPS))


class MovingAverage:
    """Exponential moving average of weights and statistics."""

    def __init__(self, network: Yolo) -> None:
        self.network = copy.deepcopy(network).eval()
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        floating = [(mean, latest) for mean, latest in pairs if mean.is_floating_point()]
        self._means = [mean for mean, _ in floating]
        self._latest = [latest for _, latest in floating]

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Update the average after the network's step number `steps`, counted from 1."""
        torch._foreach_lerp_(self._means, self._latest, 1 - _decay(steps))
