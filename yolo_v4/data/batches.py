"""Batches of pictures: augmented ones for training, letterboxed ones for validation, both prepared ahead.

Everything random is a pure function of (seed, epoch, place in the epoch), so a run that was interrupted and
resumed uses the same frames and augmentations as one that was not. An epoch has ceil(frames / batch size)
steps; the last batch is filled up from the start of the epoch's order, as in TAO, so that every batch has the
same size.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from yolo_v4.data.augment import clip_boxes
from yolo_v4.data.frames import Bools, Floats, Frame, Ids, Objects
from yolo_v4.data.letterbox import Fit, placed_picture
from yolo_v4.data.pictures import CPU, PictureCache
from yolo_v4.data.samples import plan
from yolo_v4.data.sampling import Tables, sample
from yolo_v4.data.targets import Room, Target, TrueBoxes, encode_targets
from yolo_v4.data.upload import to_device
from yolo_v4.spec.experiment import Augmentation, Experiment, Source

STRIDE_PX = 32  # network sizes are multiples of it
SHAPE_RANGE = (0.6, 1.5)  # of the configured size, for random input shapes (TAO)
MOSAIC_TILES = 4
POSITIVES_PER_BOX = 4  # rows that a box is assigned to, roughly

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batch(NamedTuple):
    """One step's input. B = pictures."""

    pixels: Tensor  # [B, C, H, W] float32
    target: Target


class Truth(NamedTuple):
    """The objects on one picture. G = their number."""

    boxes: Floats  # [G, 4] corners, shares of the network input
    classes: Ids  # [G]
    difficult: Bools | Ids  # [G] neither right nor wrong if found, not missed if not
    fit: Fit | None = None  # where the picture lies on the network input


class TrainingBatches:
    """The training set, in epochs of batches.

    Args:
        frames: at least one.
        experiment: gives augmentation, targets, batch size and seed.
        device: where pictures are kept and augmented.
        workers: threads that prepare batches; their number does not change the batches.
        rank, ranks: number of this process, from 0, and of all processes that share each step; each takes a
            batch of its own.
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
        self._frames = frames
        self._experiment = experiment
        self._spec = experiment.augmentation
        self._extension = experiment.extension
        self._seed = experiment.random_seed
        self._batch_size = experiment.training.batch_size
        self._workers = workers
        self._rank = rank
        self._ranks = ranks
        self._pictures = PictureCache([frame.image for frame in frames], device=device)
        self._objects = Objects(frames)
        tiles = MOSAIC_TILES if self._spec.mosaic_prob > 0 else 1
        self._room = _typical_room(self._objects, self._batch_size, tiles)

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self._frames) / (self._batch_size * self._ranks))

    @property
    def pictures_per_epoch(self) -> int:
        return self.steps_per_epoch * self._batch_size * self._ranks

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, in order; the next ones are prepared meanwhile."""
        order = np.random.default_rng((self._seed, epoch)).permutation(len(self._frames))
        # np.resize repeats the order where the last step needs more frames.
        by_step_and_rank = np.resize(order, (self.steps_per_epoch, self._ranks, self._batch_size))
        steps = by_step_and_rank[:, self._rank].tolist()
        return ahead(partial(self._batch, epoch), list(enumerate(steps)), workers=self._workers)

    def _batch(self, epoch: int, step_members: tuple[int, list[int]]) -> Batch:
        step, members = step_members
        number = epoch * self.steps_per_epoch + step
        size = self._input_size(number)
        first = (step * self._ranks + self._rank) * self._batch_size
        places = range(first, first + len(members))
        generators = (np.random.default_rng((self._seed, epoch, place)) for place in places)
        page, tables, true = plan(
            members,
            generators,
            self._objects,
            self._pictures,
            spec=self._augmentation(number),
            size=size,
            extension=self._extension,
        )
        target = encode(
            true, self._experiment, self._experiment.dataset.train, batch_hw=size[::-1], room=self._room
        )
        there = to_device((*tables, *target), self._pictures.device)
        pixels = sample(page.pixels, Tables(*there[: len(tables)]))
        return Batch(pixels, Target(*there[len(tables) :]))

    def _augmentation(self, iteration: int) -> Augmentation:
        """Without mosaic where it has ended."""
        iterations = self._experiment.training.epochs * self.steps_per_epoch
        is_over = iteration >= self._extension.mosaic_until * iterations
        return replace(self._spec, mosaic_prob=0.0) if is_over else self._spec

    def _input_size(self, iteration: int) -> tuple[int, int]:
        """(width, height): as configured, or drawn anew every `shape_period` iterations, each by itself."""
        configured = (self._spec.width, self._spec.height)
        if self._spec.shape_period == 0:
            return configured
        # The third number keeps these draws apart from those of epochs and samples.
        random = np.random.default_rng((self._seed, iteration // self._spec.shape_period, 0, 1))
        low, high = (np.maximum(np.array(configured) * share // STRIDE_PX, 1) for share in SHAPE_RANGE)
        width, height = (STRIDE_PX * random.integers(low, high, endpoint=True)).tolist()
        return width, height


def _typical_room(objects: Objects, batch_size: int, tiles: int) -> Room:
    """Room for most batches, rounded up to powers of two, where a picture has up to so many tiles.

    Of a picture: twice the boxes of as many frames, and at least those of any frame; of a batch: four
    positives for each of the boxes of as many frames a picture. A batch that needs more gets twice or four
    times as much.
    """
    boxes = max(tiles * objects.per_frame, 1)
    return Room(
        positives=2 ** math.ceil(math.log2(POSITIVES_PER_BOX * boxes * batch_size)),
        boxes=2 ** math.ceil(math.log2(max(2 * boxes, objects.most))),
    )


def encode(
    true: TrueBoxes,
    experiment: Experiment,
    sources: Sequence[Source],
    *,
    batch_hw: tuple[int, int] | None = None,
    room: Room = Room(),  # noqa: B008  # a frozen value
) -> Target:
    """The target of pictures of the size `batch_hw` in pixels, the configured one unless given.

    `sources` are those of the pictures, all of one kind, which decides between NVIDIA's two encoders.
    """
    configured_hw = (experiment.augmentation.height, experiment.augmentation.width)
    return encode_targets(
        true,
        experiment.network,
        class_weights=experiment.class_weights,
        configured_hw=configured_hw,
        batch_hw=batch_hw or configured_hw,
        conflicts="highest_iou" if sources[0].labels else "last",
        room=room,
    )


def letterboxed(frames: Sequence[Frame], experiment: Experiment) -> tuple[Tensor, list[Truth]]:
    """Network input [B, C, H, W] of frames without augmentation, and the objects on them.

    Raises DataError: a picture cannot be read.
    """
    spec = experiment.augmentation
    pixels: list[Tensor] = []
    truths: list[Truth] = []
    for frame in frames:
        picture, fit = placed_picture(frame.image, spec)
        moved = fit.to_network(torch.from_numpy(frame.boxes)).numpy()
        boxes, kept = clip_boxes(moved, np.array((spec.width, spec.height)))
        pixels.append(picture)
        shares = (boxes / ((spec.width, spec.height) * 2)).astype(np.float32)
        truths.append(Truth(shares, frame.classes[kept], frame.difficult[kept], fit))
    return torch.stack(pixels), truths


def ahead(make: Callable[[Item], Result], items: Iterable[Item], *, workers: int = 1) -> Iterator[Result]:
    """The results of `make` for each item, in order; the next ones are made in threads meanwhile."""
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
