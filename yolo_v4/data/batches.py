"""Training batches of an epoch, prepared ahead in the background.

Everything random is a pure function of (seed, epoch, place in the epoch), so a run that was interrupted goes on with
the very frames and augmentations it would have had. An epoch has ceil(frames / batch size) steps; the last batch is
filled up from the start of the epoch's order, as TAO's repeating stream does, so that every batch has the same size.
"""

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.frames import Frame
from yolo_v4.data.letterbox import letterbox
from yolo_v4.data.mosaic import random_sample
from yolo_v4.data.pictures import PictureCache, read_picture
from yolo_v4.spec.experiment import Experiment

STRIDE_PX = 32  # network sizes are multiples of it
SHAPE_RANGE = (0.6, 1.5)  # of the configured size, for random input shapes (TAO)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One step's input. B = pictures, N = boxes of a picture, which differ in number."""

    pixels: Tensor  # [B, C, H, W] float32
    boxes: list[Tensor]  # B times [N, 4] float32, x1, y1, x2, y2 as shares of width and height
    classes: list[Tensor]  # B times [N] int64


class TrainingBatches:
    """The training set as endless epochs of batches."""

    def __init__(self, frames: list[Frame], experiment: Experiment, *, workers: int = 1) -> None:
        """Prepare to serve `frames`.

        Args:
            frames: at least one.
            experiment: augmentation, batch size and seed.
            workers: threads that prepare batches; what they make does not depend on how many they are.
        """
        self._frames = frames
        self._spec = experiment.augmentation
        self._seed = experiment.random_seed
        self._batch_size = experiment.training.batch_size
        self._workers = workers
        self._pictures = PictureCache([frame.image for frame in frames], depth=self._spec.depth)

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self._frames) / self._batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (counted from 0), in order; the next ones are prepared while one is used."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._frames))
        places = np.resize(order, self.steps_per_epoch * self._batch_size).reshape(-1, self._batch_size)
        pending: deque[Future[Batch]] = deque()
        # One core each: several OpenMP teams at once would wait for one another far longer than they work.
        pool = ThreadPoolExecutor(
            self._workers, thread_name_prefix="batches", initializer=torch.set_num_threads, initargs=(1,)
        )
        try:
            for step, members in enumerate(places):
                pending.append(pool.submit(self._batch, epoch, step, members.tolist()))
                if len(pending) > self._workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _batch(self, epoch: int, step: int, members: list[int]) -> Batch:
        size = self._input_size(epoch * self.steps_per_epoch + step)
        samples = []
        for place, member in enumerate(members, start=step * self._batch_size):
            random = np.random.default_rng((self._seed, epoch, place))
            samples.append(random_sample(member, self._frames, self._pictures, self._spec, size, random))
        return Batch(
            pixels=torch.stack([sample.pixels for sample in samples]),
            boxes=[torch.from_numpy(sample.boxes) for sample in samples],
            classes=[torch.from_numpy(sample.classes) for sample in samples],
        )

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


def validation_batches(frames: list[Frame], experiment: Experiment) -> Iterator[Batch]:
    """All frames in order, letterboxed, in batches of the evaluation's size; the last may be shorter."""
    spec, size = experiment.augmentation, experiment.evaluation.batch_size
    shape = torch.tensor((spec.width, spec.height)).repeat(2)
    for first in range(0, len(frames), size):
        members = frames[first : first + size]
        inputs = [letterbox(read_picture(frame.image, depth=spec.depth), spec) for frame in members]
        yield Batch(
            pixels=torch.stack([pixels for pixels, _ in inputs]),
            boxes=[
                fit.to_network(torch.from_numpy(f.boxes)) / shape for f, (_, fit) in zip(members, inputs, strict=True)
            ],
            classes=[torch.from_numpy(frame.classes) for frame in members],
        )
