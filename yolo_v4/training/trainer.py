"""A network in training: what one step does, and the state that a checkpoint must hold."""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from yolo_v4.data.batches import Batch
from yolo_v4.errors import DataError, TrainingFailed
from yolo_v4.network.checkpoint import Checkpoint, Identity
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.progress import Progress
from yolo_v4.spec.experiment import Experiment
from yolo_v4.training.distributed import Place, mean_of_all
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.optimizer import KernelPenalty, MovingAverage, build_optimizer, learning_rate

PENALTY_INTERVAL = (
    16  # steps between looks at the penalty's value, which hardly moves; its gradient acts in every step
)
Tell = Callable[
    [int, dict[str, float]], None
]  # steps of the run so far; loss of the last, learning rate of the next


class Trainer:
    """Takes the steps of a run and knows how far it is.

    `network`: on its device, with the weights to start from; `steps_per_epoch`: of the training set; `precision`: of
    convolutions and activations; weights, their sums and statistics, and the loss stay float32; `place`: which process
    this is of those that share each step.
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
        self.network, self._steps_per_epoch = network, steps_per_epoch
        self._experiment, self._precision, self._place = experiment, precision, place
        self.epochs_done = 0
        self._device = next(network.parameters()).device
        # Each process normalises by its own pictures; the moving statistics of the first are everyone's.
        self._forward = DistributedDataParallel(network) if place.ranks > 1 else network
        self._optimizer = build_optimizer(
            [p for p in network.parameters() if p.requires_grad], spec.optimizer
        )
        self._penalty = KernelPenalty(network, spec.regularizer, spec.regularizer_weight)
        self._average = MovingAverage(network) if spec.ema else None
        # float16 ends at 6e-8 below, where many gradients are; the other formats need no scale.
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=precision is torch.float16)

    @property
    def trained(self) -> Yolo:
        """The network to judge and use: the moving average of the weights where the spec asks for one."""
        return self.network if self._average is None else self._average.network

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return self._learning_rate(self.epochs_done * self._steps_per_epoch)

    def run_epoch(self, batches: Iterable[Batch], progress: Progress, tell: Tell = lambda *_: None) -> float:
        """Train on the batches of one epoch and return the mean loss of its steps, penalty included.

        Raises TrainingFailed: a loss is not a finite number.
        """
        self.network.train()
        total, pictures = 0.0, self._experiment.training.batch_size * self._place.ranks
        for step, loss in enumerate(self.losses(batches), start=1):
            require_finite(loss, f"batch {step} of epoch {self.epochs_done + 1}: the loss")
            total += loss
            number = self.epochs_done * self._steps_per_epoch + step
            tell(number, {"loss": loss, "lr": self._learning_rate(number)})
            progress.advance(pictures, f"loss: {total / step:.4f}")
        self.epochs_done += 1
        return mean_of_all(total / self._steps_per_epoch, self._device)

    def checkpoint(self, history: list[dict[str, float]]) -> Checkpoint:
        """Everything that is needed to go on as if there had been no interruption; `history` as in the CSV log."""
        return Checkpoint(
            identity=Identity.of(self._experiment, release=self.network.release),
            weights=self.network.state_dict(),
            average=None if self._average is None else self._average.network.state_dict(),
            optimizer=self._optimizer.state_dict(),
            scaler=self._scaler.state_dict(),
            epoch=self.epochs_done,
            history=history,
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same experiment was made.

        Raises DataError: it was made with another optimiser, other frozen layers, or with or without a moving average.
        """
        groups = (checkpoint.optimizer["param_groups"][0], self._optimizer.param_groups[0])
        theirs, ours = (("betas" in group, len(group["params"])) for group in groups)
        if theirs != ours or (checkpoint.average is None) != (self._average is None):
            raise DataError(
                "the checkpoint to resume was made with another optimizer, freeze_blocks or model_ema",
                remedy="resume with the spec it was made with, or use it as pretrain_model_path",
            )
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self.network.load_state_dict(checkpoint.weights)
        if checkpoint.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(checkpoint.scaler)
        if self._average is not None and checkpoint.average is not None:
            self._average.network.load_state_dict(checkpoint.average)
        self.epochs_done = checkpoint.epoch

    def losses(self, batches: Iterable[Batch]) -> Iterator[float]:
        """The loss of each step, read when the next step is under way, so that a GPU need not wait for the reader."""
        penalty, before = torch.zeros(()), None
        for step, batch in enumerate(batches):
            if step % PENALTY_INTERVAL == 0:
                penalty = self._penalty.value()
            loss = _read_later(self.step(batch, self.epochs_done * self._steps_per_epoch + step) + penalty)
            if before is not None:
                yield before()
            before = loss
        if before is not None:
            yield before()

    def step(self, batch: Batch, number: int) -> Tensor:
        """Take a step, counted from 0 over the whole run; its loss without penalty, a scalar on the device."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate(number)
        self._optimizer.zero_grad()
        pixels, target = batch.pixels.to(self._device, non_blocking=True), batch.target.to(self._device)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision is not torch.float32):
            heads = self._forward(pixels)
        augmentation, spec = self._experiment.augmentation, self._experiment.network
        loss = yolo_loss(
            target, encode_predictions(heads, spec, (augmentation.height, augmentation.width)), spec
        ).total
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        self._penalty.add_to_gradients()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update(number + 1)
        return loss.detach()

    def _learning_rate(self, step: int) -> float:
        spec = self._experiment.training
        return learning_rate(
            spec.schedule, step / (spec.epochs * self._steps_per_epoch), gpus=self._place.ranks
        )


def require_finite(loss: float, name: str) -> None:
    """Raises TrainingFailed: the loss of that name is not a finite number."""
    if not math.isfinite(loss):
        raise TrainingFailed(
            f"{name} is {loss}, so the weights are spoilt",
            remedy="lower max_learning_rate or the loss weights, or lengthen soft_start, and train again",
        )


def _read_later(loss: Tensor) -> Callable[[], float]:
    """The number in a scalar; a GPU copies it now, so that reading it waits for nothing that was begun afterwards."""
    if not loss.is_cuda:
        return loss.item
    on_host, copied = loss.to("cpu", non_blocking=True), torch.cuda.Event()
    copied.record()

    def read() -> float:
        copied.synchronize()
        return on_host.item()

    return read
