"""A network in training: what one step does, and the state that a checkpoint must hold."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from yolo_v4.data.batches import Batch
from yolo_v4.errors import DataError, TrainingFailed
from yolo_v4.network.checkpoint import Checkpoint, Identity
from yolo_v4.network.grid import encode_predictions
from yolo_v4.network.yolo import Yolo
from yolo_v4.spec.experiment import Experiment
from yolo_v4.training.loss import yolo_loss
from yolo_v4.training.optimizer import KernelPenalty, MovingAverage, build_optimizer, set_learning_rate
from yolo_v4.training.progress import Progress
from yolo_v4.training.schedule import learning_rate
from yolo_v4.training.targets import encode_targets

PENALTY_INTERVAL = 16  # steps between looks at the penalty's value, which hardly moves; its gradient acts in every step


class Trainer:
    """Takes the steps of a run and knows how far it is.

    Args:
        network: on its device, with the weights to start from.
        experiment: the spec.
        steps_per_epoch: of the training set.
        precision: of convolutions and activations; weights, their sums and statistics, and the loss stay float32.
    """

    def __init__(
        self, network: Yolo, experiment: Experiment, *, steps_per_epoch: int, precision: torch.dtype = torch.float32
    ) -> None:
        spec = experiment.training
        self.network = network
        self.epochs_done = 0
        self._experiment = experiment
        self._steps_per_epoch = steps_per_epoch
        self._precision = precision
        # float16 ends at 6e-8 below, where many gradients are; the other formats need no scale.
        device = next(network.parameters()).device
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision is torch.float16)
        self._optimizer = build_optimizer([p for p in network.parameters() if p.requires_grad], spec.optimizer)
        self._penalty = KernelPenalty(network, spec.regularizer, spec.regularizer_weight)
        self._average = MovingAverage(network) if spec.ema else None

    @property
    def trained(self) -> Yolo:
        """The network to judge and use: the moving average of the weights where the spec asks for one."""
        return self.network if self._average is None else self._average.network

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return self._learning_rate(self.epochs_done * self._steps_per_epoch)

    def run_epoch(self, batches: Iterable[Batch], progress: Progress) -> float:
        """Train on the batches of one epoch and return the mean loss of its steps, penalty included.

        Raises:
            TrainingFailed: a loss is not a finite number.
        """
        self.network.train()
        total, penalty = 0.0, 0.0
        for step, batch in enumerate(batches):
            if step % PENALTY_INTERVAL == 0:
                penalty = self._penalty.value()
            loss = self._step(batch, self.epochs_done * self._steps_per_epoch + step)
            if not math.isfinite(loss):
                raise TrainingFailed(
                    f"batch {step + 1} of epoch {self.epochs_done + 1}: the loss is {loss}, so the weights are spoilt",
                    remedy="lower max_learning_rate or the loss weights, or lengthen soft_start, and train again",
                )
            total += loss + penalty
            progress.step(total / (step + 1))
        self.epochs_done += 1
        return total / self._steps_per_epoch

    def checkpoint(self, history: list[dict[str, float]]) -> Checkpoint:
        """Everything that is needed to go on as if there had been no interruption; `history` as in the CSV log."""
        return Checkpoint(
            identity=Identity.of(self._experiment),
            weights=self.network.state_dict(),
            average=None if self._average is None else self._average.network.state_dict(),
            optimizer=self._optimizer.state_dict(),
            scaler=self._scaler.state_dict(),
            epoch=self.epochs_done,
            history=history,
        )

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint of the same experiment was made.

        Raises:
            DataError: it was made with another optimiser, or differs from the spec in having a moving average.
        """
        constants, ours = checkpoint.optimizer["param_groups"][0], self._optimizer.param_groups[0]
        averaged = checkpoint.average is not None
        if constants.keys() != ours.keys() or averaged != (self._average is not None):
            raise DataError(
                "the checkpoint to resume was made with another optimizer, or differs from the spec in model_ema",
                remedy="resume with the spec it was made with, or use it as pretrain_model_path",
            )
        self._optimizer.load_state_dict(checkpoint.optimizer)
        if checkpoint.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(checkpoint.scaler)
        self.network.load_state_dict(checkpoint.weights)
        if self._average is not None and checkpoint.average is not None:
            self._average.network.load_state_dict(checkpoint.average)
        self.epochs_done = checkpoint.epoch

    def _step(self, batch: Batch, step: int) -> float:
        set_learning_rate(self._optimizer, self._learning_rate(step))
        self._optimizer.zero_grad()
        loss = detection_loss(self.network, batch, self._experiment, precision=self._precision)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        self._penalty.add_to_gradients()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update(step + 1)
        return float(loss.detach())

    def _learning_rate(self, step: int) -> float:
        spec = self._experiment.training
        return learning_rate(spec.schedule, step / (spec.epochs * self._steps_per_epoch))


def detection_loss(
    network: Yolo, batch: Batch, experiment: Experiment, *, precision: torch.dtype = torch.float32
) -> Tensor:
    """The loss of a batch without penalty, in whichever mode the network is: a scalar on the network's device."""
    augmentation, spec = experiment.augmentation, experiment.network
    configured_hw = (augmentation.height, augmentation.width)
    device = next(network.parameters()).device
    target = encode_targets(
        batch.boxes,
        batch.classes,
        spec,
        class_weights=experiment.class_weights,
        configured_hw=configured_hw,
        batch_hw=(batch.pixels.shape[2], batch.pixels.shape[3]),
    )
    with torch.autocast(device.type, dtype=precision, enabled=precision is not torch.float32):
        heads = network(batch.pixels.to(device, non_blocking=True))
    predictions = encode_predictions(heads, spec, configured_hw)
    return yolo_loss(target.to(device, non_blocking=True), predictions, spec).total


@torch.no_grad()
def validation_loss(network: Yolo, batches: Iterable[Batch], experiment: Experiment) -> float:
    """Mean loss of pictures, without penalty, of a network in evaluation mode."""
    total, pictures = 0.0, 0
    for batch in batches:
        total += float(detection_loss(network, batch, experiment)) * len(batch.pixels)
        pictures += len(batch.pixels)
    return total / pictures
