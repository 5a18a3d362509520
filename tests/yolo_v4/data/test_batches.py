"""Batches: every frame once an epoch, always the same for the same seed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from yolo_v4.data.batches import Batch, TrainingBatches, encode, letterboxed
from yolo_v4.data.frames import Frame, read_frames
from yolo_v4.data.targets import FIRST_CLASS, SIZE, WEIGHT, TrueBoxes
from yolo_v4.errors import DataError
from yolo_v4.spec.experiment import Experiment, Source
from yolo_v4.spec.load import load_experiment

NO_VARIATION = "hue: 0 saturation: 1 exposure: 1 horizontal_flip: 0 jitter: 0 mosaic_prob: 0"


@pytest.fixture
def load(write_spec: Callable[..., Path]) -> Callable[..., tuple[Experiment, list[Frame]]]:
    """An experiment on `street`, with text added to its spec, and its frames."""

    def load(**added: str) -> tuple[Experiment, list[Frame]]:
        experiment = load_experiment(write_spec(**added))
        return experiment, read_frames(experiment, "train")

    return load


def same(first: list[Batch], second: list[Batch]) -> bool:
    return all(
        a.pixels.equal(b.pixels) and all(map(torch.equal, a.target, b.target))
        for a, b in zip(first, second, strict=True)
    )


def test_an_epoch_is_the_same_whenever_and_with_however_many_workers_it_is_made(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, frames = load()
    batches = TrainingBatches(frames, experiment)
    first = list(batches.epoch(3))

    assert same(first, list(batches.epoch(3)))
    assert same(first, list(TrainingBatches(frames, experiment, workers=3).epoch(3)))
    assert not same(first, list(batches.epoch(4)))
    assert not same(first, list(TrainingBatches(frames, replace(experiment, random_seed=8)).epoch(3)))


def test_every_frame_comes_once_and_the_last_batch_is_filled_from_the_start(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, frames = load(augmentation=NO_VARIATION)
    batches = TrainingBatches(frames, experiment)

    epoch = list(batches.epoch(0))
    pictures = [picture.numpy().tobytes() for batch in epoch for picture in batch.pixels]

    assert batches.steps_per_epoch == len(epoch) == 2
    assert len(pictures) == 8
    assert len(set(pictures[:6])) == 6
    assert pictures[6:] == pictures[:2]


def test_fewer_frames_than_a_batch_are_repeated(load: Callable[..., tuple[Experiment, list[Frame]]]) -> None:
    experiment, frames = load()

    (batch,) = TrainingBatches(frames[:1], experiment).epoch(0)

    assert len(batch.pixels) == 4


def test_input_shapes_change_with_the_period_and_stay_multiples_of_32(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, frames = load(
        augmentation="output_width: 128 output_height: 128 randomize_input_shape_period: 2"
    )
    batches = TrainingBatches(frames, experiment)

    shapes = [tuple(batch.pixels.shape[2:]) for epoch in range(10) for batch in batches.epoch(epoch)]

    assert shapes[0::2] == shapes[1::2]
    assert len(set(shapes)) > 3
    assert {size for shape in shapes for size in shape} <= {64, 96, 128, 160, 192}  # 0.6 to 1.5 times 128


def test_a_picture_that_cannot_be_decoded_stops_the_epoch_with_its_name(
    load: Callable[..., tuple[Experiment, list[Frame]]], tmp_path: Path
) -> None:
    experiment, frames = load()
    broken = tmp_path / "broken.png"
    broken.write_bytes(frames[0].image.read_bytes()[:2000])

    with pytest.raises(DataError, match=r"broken\.png"):
        list(TrainingBatches([replace(frames[0], image=broken)], experiment).epoch(0))


def test_the_processes_of_a_run_share_the_batches_of_one(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, frames = load()
    halves = replace(experiment, training=replace(experiment.training, batch_size=2))

    alone = list(TrainingBatches(frames, experiment).epoch(1))
    shared = [list(TrainingBatches(frames, halves, rank=rank, ranks=2).epoch(1)) for rank in (0, 1)]

    for whole, first, second in zip(alone, *shared, strict=True):
        assert whole.pixels[:2].equal(first.pixels)
        assert whole.pixels[2:].equal(second.pixels)


def test_frames_to_judge_by_come_in_order_with_their_boxes_letterboxed(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, frames = load()

    pixels, truths = letterboxed(frames, experiment)

    assert len(pixels) == len(truths) == 6
    # 80 x 64 on 64 x 64: 0.8 of the size, 6 rows below 0 at the top.
    expected = (frames[0].boxes[0] * 0.8 + (0, 6, 0, 6)) / 64
    assert truths[0].boxes[0].tolist() == pytest.approx(expected.tolist(), abs=0.01)


def test_of_two_boxes_at_one_anchor_the_kind_of_label_decides_as_with_nvidias_two_encoders(
    load: Callable[..., tuple[Experiment, list[Frame]]],
) -> None:
    experiment, _ = load()
    anchors = (((16.0, 16.0),), ((24.0, 24.0),), ((40.0, 40.0),))
    network = replace(experiment.network, anchors=anchors, box_matching_iou=0.5)
    experiment = replace(experiment, network=network)
    # IoU of the middle anchor: 361 / 576 with the first, 576 / 1024 with the second; both have a better one.
    sides = np.array([19, 32]) / 64
    boxes = np.stack([12 / 64 - sides / 2, 12 / 64 - sides / 2, 12 / 64 + sides / 2, 12 / 64 + sides / 2], 1)
    true = TrueBoxes.of([boxes], [np.zeros(2, dtype=np.int64)])
    records = (Source(images=Path(), tfrecords="records-*"),)

    for sources, side in ((experiment.dataset.train, sides[0]), (records, sides[1])):
        target = encode(true, experiment, sources)
        (row,) = target.contents[
            target.rows == 2 * 2
        ]  # the first cell of the second grid, behind that of 32 pixels
        assert row[SIZE].tolist() == pytest.approx([side, side])


def test_objects_weigh_what_class_weighting_says(load: Callable[..., tuple[Experiment, list[Frame]]]) -> None:
    experiment, frames = load(dataset='} class_weighting_config { class_weighting { key: "car" value: 2.5 }')
    contents = next(iter(TrainingBatches(frames, experiment).epoch(0))).target.contents

    cars = contents[contents[:, FIRST_CLASS + experiment.classes.index("car")] == 1]
    assert len(cars)
    assert cars[:, WEIGHT].unique().tolist() == [2.5]
