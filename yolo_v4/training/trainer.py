"""The steps of training, and the state that a checkpoint saves."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from yolo_v4.data.batches import Batch
from yolo_v4.errors import DataError, TrainingFailed
from yolo_v4.network.checkpoint import Checkpoint, Identity
from yolo_v4.network.device import SHORT_NAMES
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.tao_checkpoint import KerasOptimizer
from yolo_v4.network.yolo import Yolo
from yolo_v4.progress import Progress
from yolo_v4.spec.experiment import Experiment
from yolo_v4.training import health
from yolo_v4.training.device_clock import device_clock
from yolo_v4.training.distributed import Place, mean_of_all
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.optimizer import (
    KernelPenalty,
    MovingAverage,
    build_optimizer,
    learning_rate,
    load_keras_state,
)

# Steps from one computation of the penalty's value, which changes slowly, to the next; its gradient is added
# in every step.
PENALTY_INTERVAL = 16
# Called after each step with the number of steps so far, and with the last loss and the next learning rate.
Tell = Callable[[int, dict[str, float]], None]


class Trainer:
    """Trains a network, and counts the epochs done.

    Args:
        network: on its device, with the weights to start from.
        experiment: gives loss, optimiser, learning rate and number of epochs.
        steps_per_epoch: of the training set.
        precision: of convolutions and activations; weights, optimiser, statistics and loss are float32.
        place: which process this is, of those that share each step.
    """

    def __init__(
        self,
        network: Yolo,
        experiment: Experiment,
        *,
        steps_per_epoch: int,
        precision: torch.dtype = torch.float32,
        place: Place = Place(),  # noqa: B008  # a frozen value
    ) -> None:
        spec = experiment.training
        self.network = network
        self.epochs_done = 0
        self._experiment = experiment
        self._steps_per_epoch = steps_per_epoch
        self._precision = precision
        self._place = place
        self._device = next(network.parameters()).device
        self.clock = device_clock(self._device)
        # Batch normalisation uses the pictures of its own process; all use the first one's moving statistics.
        self._forward = DistributedDataParallel(network) if place.ranks > 1 else network
        self._optimizer = build_optimizer(
            [p for p in network.parameters() if p.requires_grad], spec.optimizer
        )
        self._penalty = KernelPenalty(network, spec.regularizer, spec.regularizer_weight)
        self._average = MovingAverage(network) if spec.ema else None
        # float16 has no numbers below 6e-8, where many gradients are; the other formats need no scale.
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=precision is torch.float16)
        self._watch = health.Watch(steps_per_epoch, skips_steps=self._scaler.is_enabled())
        self._lowest = next(parameter for parameter in network.parameters() if parameter.requires_grad)
        self._seen: tuple[int, Callable[[], list[float]]] | None = None  # step and signs of the last look

    @property
    def trained(self) -> Yolo:
        """The network to evaluate: with the moving average of the weights where the spec asks for one."""
        return self.network if self._average is None else self._average.network

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._learning_rate(self.epochs_done * self._steps_per_epoch)

    def run_epoch(self, batches: Iterable[Batch], progress: Progress, tell: Tell = lambda *_: None) -> float:
        """Train on the batches of one epoch and return the mean loss of its steps, penalty included.

        Raises TrainingFailed: a loss is not a finite number, or the run goes on without learning.
        """
        self.network.train()
        total = 0.0
        pictures = self._experiment.training.batch_size * self._place.ranks
        for step, loss in enumerate(self.losses(batches), start=1):
            require_finite(loss, f"batch {step} of epoch {self.epochs_done + 1}: the loss")
            total += loss
            number = self.epochs_done * self._steps_per_epoch + step
            self._judge_health(number)
            tell(number, {"loss": loss, "lr": self._learning_rate(number)})
            progress.advance(pictures, f"loss: {total / step:.4f}")
        self.epochs_done += 1
        return mean_of_all(total / self._steps_per_epoch, self._device)

    def checkpoint(self, history: list[dict[str, float]]) -> Checkpoint:
        """The state from which a run continues as if it had not stopped; `history`: rows of the CSV log."""
        return Checkpoint(
            identity=Identity.of(self._experiment, release=self.network.release),
            weights=self.network.state_dict(),
            average=None if self._average is None else self._average.network.state_dict(),
            optimizer=self._optimizer.state_dict(),
            scaler=self._scaler.state_dict(),
            epoch=self.epochs_done,
            history=history,
            number_format=SHORT_NAMES[self._precision],
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of the same experiment.

        Raises DataError: it was made with another optimiser, with other frozen layers, or only one of the two
        has a moving average.
        """
        if isinstance(checkpoint.optimizer, KerasOptimizer):
            load_keras_state(self._optimizer, checkpoint.optimizer)
        else:
            self._resume_optimizer(checkpoint.optimizer, is_averaged=checkpoint.average is not None)
        self.network.load_state_dict(checkpoint.weights)
        if checkpoint.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(checkpoint.scaler)
        if self._average is not None and checkpoint.average is not None:
            self._average.network.load_state_dict(checkpoint.average)
        self.epochs_done = checkpoint.epoch

    def _resume_optimizer(self, state: dict[str, Any], *, is_averaged: bool) -> None:
        saved = state["param_groups"][0]
        own = self._optimizer.param_groups[0]
        # Adam has betas, SGD has not; with amsgrad it has moments that it lacks without.
        is_same_kind = ("betas" in saved, saved.get("amsgrad")) == ("betas" in own, own.get("amsgrad"))
        has_same_average = is_averaged == (self._average is not None)
        if not (is_same_kind and _fits(state, own["params"]) and has_same_average):
            raise DataError(
                "the checkpoint to resume was made with another optimizer, freeze_blocks or model_ema",
                remedy="resume with the spec it was made with, or use it as pretrain_model_path",
            )
        # Moments alone are the checkpoint's; rates of decay and the like are those of the spec.
        own_groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({**state, "param_groups": own_groups})

    def losses(self, batches: Iterable[Batch]) -> Iterator[float]:
        """Take a step for each batch; yields the loss of each, penalty included.

        A loss is read when the next step has been started, so that a GPU does not idle meanwhile.
        """
        penalty = torch.zeros(())
        previous: Callable[[], float] | None = None
        for step, batch in enumerate(batches):
            if step % PENALTY_INTERVAL == 0:
                penalty = self._penalty.value()
            loss = self.step(batch, self.epochs_done * self._steps_per_epoch + step)
            current = _read_later(loss + penalty)
            if previous is not None:
                yield previous()
            previous = current
        if previous is not None:
            yield previous()

    def step(self, batch: Batch, number: int) -> Tensor:
        """Take step `number` of the run, from 0, with a batch that is on the device.

        Returns the loss without penalty, a scalar on the device. Nothing here waits for the device, and all
        shapes are those of the batch. Up to the gradients, a step is the same work each time; only then come
        numbers that change, the learning rate and the decay of the average, in a handful of operations.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate(number)
        self._optimizer.zero_grad()
        with torch.autocast(self._device.type, self._precision, enabled=self._precision is not torch.float32):
            heads = self._forward(batch.pixels)
        augmentation = self._experiment.augmentation
        spec = self._experiment.network
        rows = encode_predictions(heads, spec, (augmentation.height, augmentation.width))
        terms = yolo_loss(batch.target, rows, spec)
        self._scaler.scale(terms.total).backward()
        self._scaler.unscale_(self._optimizer)
        if number % health.INTERVAL == 0 and self._lowest.grad is not None:
            self._seen = number, _read_later(health.signs(batch.target, rows, terms, self._lowest.grad))
        self._penalty.add_to_gradients()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update(number + 1)
        return terms.total.detach()

    def _judge_health(self, number: int) -> None:
        """Judge a look at one of the first `number` steps, whose losses were read: its signs came sooner."""
        if self._seen is not None and self._seen[0] < number:
            (step, read), self._seen = self._seen, None
            self._watch.judge(step, health.Signs(*read()))

    def _learning_rate(self, step: int) -> float:
        spec = self._experiment.training
        progress = step / (spec.epochs * self._steps_per_epoch)
        return learning_rate(spec.schedule, progress, gpus=self._place.ranks)


def _fits(state: Mapping[str, Any], weights: Sequence[Tensor]) -> bool:
    """Whether the state of an optimiser is of as many weights, of the same shapes in the same order.

    PyTorch does not look: moments of another shape would be read beyond their end.
    """
    numbers = state["param_groups"][0]["params"]
    if len(numbers) != len(weights):
        return False
    moments = [state["state"].get(number, {}).values() for number in numbers]
    return all(
        moment.shape == weight.shape
        for weight, own in zip(weights, moments, strict=True)
        for moment in own
        if isinstance(moment, Tensor) and moment.ndim  # the number of steps has no shape
    )


def require_finite(loss: float, name: str) -> None:
    """Raise TrainingFailed if a loss, called `name` in the message, is not a finite number."""
    if not math.isfinite(loss):
        raise TrainingFailed(
            f"{name} is {loss}, so the weights are spoilt",
            remedy="lower max_learning_rate or the loss weights, or lengthen soft_start, and train again",
        )


def _read_later(values: Tensor) -> Callable[[], Any]:
    """A function that returns the number in a scalar, or the list of those in a vector.

    A GPU starts to copy it now, so that reading it later does not wait for work that was started since.
    """
    if not values.is_cuda:
        return values.tolist
    on_host = values.to("cpu", non_blocking=True)
    copied = torch.cuda.Event()
    copied.record(torch.cuda.current_stream(values.device))  # without, of the process' first GPU

    def read() -> Any:
        copied.synchronize()
        return on_host.tolist()

    return read
