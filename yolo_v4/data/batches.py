"""Batches of pictures: of an epoch, prepared ahead in the background, and letterboxed ones in order.

Everything random is a pure function of (seed, epoch, place in the epoch), so a run that was interrupted goes on with
the very frames and augmentations it would have had. An epoch has ceil(frames / batch size) steps; the last batch is
filled up from the start of the epoch's order, as TAO's repeating stream does, so that every batch has the same size.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.augment import clip_boxes
from yolo_v4.data.frames import Bools, Floats, Frame, Ids
from yolo_v4.data.letterbox import letterbox
from yolo_v4.data.mosaic import random_sample
from yolo_v4.data.pictures import CPU, PictureCache, read_picture
from yolo_v4.data.targets import Target, encode_targets
from yolo_v4.spec.experiment import Experiment

STRIDE_PX = 32  # network sizes are multiples of it
SHAPE_RANGE = (0.6, 1.5)  # of the configured size, for random input shapes (TAO)

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(NamedTuple):
    """One step's input. B = pictures."""

    pixels: Tensor  # [B, C, H, W] float32
    target: Target


class Truth(NamedTuple):
    """Objects on one picture. G = their number."""

    boxes: Floats  # [G, 4] corners, shares of the network input
    classes: Ids  # [G]
    difficult: Bools | Ids  # [G] neither right nor wrong when found, not missed when not


class TrainingBatches:
    """The training set as endless epochs of batches.

    `frames`: at least one; `experiment`: augmentation, targets, batch size and seed; `device`: where pixels are mixed;
    `workers`: threads that prepare batches, which has no influence on them; `rank`, `ranks`: which of how many
    processes this is that share each step, with a batch of their own for each.
    """

    def __init__(
        self,
        frames: list[Frame],
        experiment: Experiment,
        *,
        device: torch.device = CPU,
        workers: int = 1,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._frames, self._experiment = frames, experiment
        self._spec, self._seed = experiment.augmentation, experiment.random_seed
        self._batch_size = experiment.training.batch_size
        self._workers, self._rank, self._ranks = workers, rank, ranks
        self._pictures = PictureCache([frame.image for frame in frames], device=device)

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self._frames) / (self._batch_size * self._ranks))

    @property
    def pictures_per_epoch(self) -> int:
        return self.steps_per_epoch * self._batch_size * self._ranks

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (counted from 0), in order; the next ones are prepared while one is used."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._frames))
        steps = np.resize(order, (self.steps_per_epoch, self._ranks, self._batch_size))[
            :, self._rank
        ].tolist()
        return ahead(partial(self._batch, epoch), list(enumerate(steps)), workers=self._workers)

    def _batch(self, epoch: int, step_members: tuple[int, list[int]]) -> Batch:
        step, members = step_members
        width, height = self._input_size(epoch * self.steps_per_epoch + step)
        first = (step * self._ranks + self._rank) * self._batch_size
        samples = [
            random_sample(member, self._frames, self._pictures, self._spec, (width, height), random)
            for place, member in enumerate(members, start=first)
            for random in [np.random.default_rng((self._seed, epoch, place))]
        ]
        boxes, classes = [one.boxes for one in samples], [one.classes for one in samples]
        rows = encode(boxes, classes, self._experiment, batch_hw=(height, width))
        return Batch(torch.stack([one.pixels for one in samples]), Target.of(rows))

    def _input_size(self, iteration: int) -> tuple[int, int]:
        """(width, height): the configured one, or one drawn anew every `shape_period` iterations, axes independent."""
        configured = (self._spec.width, self._spec.height)
        if self._spec.shape_period == 0:
            return configured
        # The third number keeps these draws apart from those of epochs and samples.
        random = np.random.default_rng((self._seed, iteration // self._spec.shape_period, 0, 1))
        low, high = (np.maximum(np.array(configured) * share // STRIDE_PX, 1) for share in SHAPE_RANGE)
        width, height = (STRIDE_PX * random.integers(low, high, endpoint=True)).tolist()
        return width, height


def encode(
    boxes: Sequence[Floats],
    classes: Sequence[Ids],
    experiment: Experiment,
    *,
    batch_hw: tuple[int, int] | None = None,
) -> Tensor:
    """Targets [B, N, 7 + C] of pictures; `batch_hw` is their size in pixels, the configured one unless given."""
    configured_hw = (experiment.augmentation.height, experiment.augmentation.width)
    return encode_targets(
        boxes,
        classes,
        experiment.network,
        class_weights=experiment.class_weights,
        configured_hw=configured_hw,
        batch_hw=batch_hw or configured_hw,
    )


def letterboxed(frames: Sequence[Frame], experiment: Experiment) -> tuple[Tensor, list[Truth]]:
    """Network input [B, C, H, W] of frames as they are, and what is on them. Raises DataError: a bad picture."""
    spec = experiment.augmentation
    pixels, truths = [], []
    for frame in frames:
        picture, fit = letterbox(read_picture(frame.image), spec)
        moved = fit.to_network(torch.from_numpy(frame.boxes)).numpy()
        boxes, kept = clip_boxes(moved, spec.width, spec.height)
        pixels.append(picture)
        shares = (boxes / ((spec.width, spec.height) * 2)).astype(np.float32)
        truths.append(Truth(shares, frame.classes[kept], frame.difficult[kept]))
    return torch.stack(pixels), truths


def ahead(make: Callable[[Item], Result], items: Sequence[Item], *, workers: int = 1) -> Iterator[Result]:
    """What `make` makes of each item, in order; the next ones are made in the background while one is used."""
    pending: deque[Future[Result]] = deque()
    # One core each: several OpenMP teams at once would wait for one another far longer than they work.
    pool = ThreadPoolExecutor(
        workers, thread_name_prefix="ahead", initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        for item in items:
            pending.append(pool.submit(make, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
