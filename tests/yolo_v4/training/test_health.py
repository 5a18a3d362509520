"""Runs that go on without learning are ended with words, and healthy ones never are."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.yolo_v4.training.operations import Operations
from yolo_v4.data import targets
from yolo_v4.data.batches import TrainingBatches
from yolo_v4.data.frames import read_frames
from yolo_v4.data.targets import Target
from yolo_v4.errors import TrainingFailed
from yolo_v4.network.pretrained import starting_network
from yolo_v4.network.yolo import HEADS, Yolo
from yolo_v4.progress import Progress
from yolo_v4.spec.load import load_experiment
from yolo_v4.training import health
from yolo_v4.training.health import Signs, Watch
from yolo_v4.training.loss import LossTerms
from yolo_v4.training.trainer import Trainer

EPOCHS = 24  # of two steps: six looks
CPU = torch.device("cpu")
HEALTHY = Signs(certain=0.0, highest=3.0, background_loss=0.1, missed=0.0, gradient=2.0, loss=40.0)

Prepare = Callable[[Yolo], None]
Run = Callable[..., Iterator[float]]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small layers are no work for two cores."""
    torch.set_num_threads(1)


@pytest.fixture
def run(write_spec: Callable[..., Path]) -> Run:
    """Trains on the street; yields the mean loss of each epoch."""

    def run(
        prepare: Prepare = lambda network: None,
        *,
        rate: float = 1e-3,
        training: str = "",
        precision: torch.dtype = torch.float32,
        empty: bool = False,
        epochs: int = EPOCHS,
        **added: str,
    ) -> Iterator[float]:
        schedule = f"min_learning_rate: 1e-7 max_learning_rate: {rate} soft_start: 0.1"
        schedule = f"learning_rate {{ soft_start_cosine_annealing_schedule {{ {schedule} }} }}"
        spec = write_spec(training=f"num_epochs: {epochs} {schedule} {training}", **added)
        experiment = load_experiment(spec)
        frames = read_frames(experiment, "train", dropped=Counter())
        if empty:
            nothing = {"boxes": np.zeros((0, 4), np.float32), "classes": np.zeros(0, np.int64)}
            nothing["difficult"] = np.zeros(0, np.bool_)
            frames = [dataclasses.replace(frame, **nothing) for frame in frames]
        batches = TrainingBatches(frames, experiment, device=CPU, workers=1)
        network, _ = starting_network(experiment, release="3.21")
        prepare(network)
        trainer = Trainer(network, experiment, steps_per_epoch=batches.steps_per_epoch, precision=precision)
        for epoch in range(epochs):
            with Progress(batches.pictures_per_epoch, "Training") as progress:
                yield trainer.run_epoch(batches.epoch(epoch), progress)

    return run


def objectness_bias(value: float) -> Prepare:
    def prepare(network: Yolo) -> None:
        for name in HEADS:
            network.get_submodule(name).bias.data.view(-1, 7)[:, 4] = value

    return prepare


def switch_off_first_relu(network: Yolo) -> None:
    network.get_submodule("backbone.bn_conv1").bias.data.fill_(-1000.0)


ILL = {
    "every box is an object": (
        {"prepare": objectness_bias(40.0)},
        r"100 % of all boxes are taken for objects so surely .* since batch 1 of epoch 1, and nothing",
    ),
    "no object is found": (
        {"prepare": objectness_bias(-60.0)},
        r"100 % of the boxes that should find an object say no .* since batch 1 of epoch 1, and nothing",
    ),
    "a layer is dead": (
        {"prepare": switch_off_first_relu, "network": "force_relu: true"},
        r"no gradient reaches the lowest layer that is trained, with a loss of .* since batch 1 of epoch 1",
    ),
}


@pytest.mark.parametrize("name", ILL)
def test_an_ill_run_is_ended_with_words(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    how, words = ILL[name]
    monkeypatch.setattr(health, "INTERVAL", 2)

    with pytest.raises(TrainingFailed, match=words):
        list(run(**how, epochs=6))


@pytest.mark.slow
@pytest.mark.parametrize("name", ILL)
def test_an_ill_run_goes_on_to_its_end_unless_it_is_watched(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    how, words = ILL[name]
    with pytest.raises(TrainingFailed, match=words):
        list(run(**how))

    monkeypatch.setattr(health, "PATIENCE", 10**9)
    assert len(list(run(**how))) == EPOCHS


@pytest.mark.slow
@pytest.mark.parametrize(("training", "rate"), [("", 1.0), ("optimizer { sgd { momentum: 0.9 } }", 0.3)])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_learning_rate_that_is_1000_times_too_high_ends_the_run(
    run: Run, training: str, rate: float, seed: int
) -> None:
    spec = f"{training} }} random_seed: {seed} training_config {{"
    with pytest.raises(TrainingFailed):
        list(run(rate=rate, training=spec, epochs=60))


HEALTHY_RUNS = {
    "as given": {},
    "with an objectness that starts far off": {"prepare": objectness_bias(10.0)},
    "with a learning rate 10 times as high": {"rate": 1e-2},
    "without any object": {"empty": True},
    "with frozen layers": {"network": "freeze_blocks: 0 freeze_blocks: 1 freeze_bn: true"},
    "with ReLU": {"network": "force_relu: true"},
    "with focal loss": {"network": "focal_loss_alpha: 0.25 focal_loss_gamma: 0.5", "rate": 1e-2},
    "with label smoothing": {"network": "label_smoothing: 0.1"},
    "in bfloat16": {"precision": torch.bfloat16},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY_RUNS)
def test_a_healthy_run_is_not_ended(run: Run, name: str) -> None:
    losses = list(run(**HEALTHY_RUNS[name]))

    assert losses[-1] < 0.8 * losses[0]


def watched(*looks: Signs, skips_steps: bool = False) -> Watch:
    watch = Watch(steps_per_epoch=10, skips_steps=skips_steps)
    for number, look in enumerate(looks):
        watch.judge(number * health.INTERVAL, look)
    return watch


@pytest.mark.parametrize(
    "ill",
    [
        HEALTHY._replace(certain=0.02, background_loss=0.8),
        HEALTHY._replace(missed=0.3),
        HEALTHY._replace(gradient=0.0),
    ],
)
def test_a_sign_that_goes_away_is_forgotten(ill: Signs) -> None:
    watched(*[ill] * 4, HEALTHY, *[ill] * 4)
    with pytest.raises(TrainingFailed, match="since batch 1 of epoch 5, and"):
        watched(*[ill] * 4, HEALTHY, *[ill] * 5)


def test_boxes_that_are_rightly_certain_are_no_sign() -> None:
    watched(*[HEALTHY._replace(certain=0.05, highest=25.0)] * 9)


def test_a_batch_without_objects_does_not_tell_whether_they_are_found() -> None:
    missed, empty = HEALTHY._replace(missed=1.0), HEALTHY._replace(missed=float("nan"))
    watched(*[missed, empty] * 4)
    with pytest.raises(TrainingFailed, match="100 % of the boxes that should find an object"):
        watched(*[missed, empty] * 5)


def test_no_gradient_is_no_sign_where_nothing_is_left_to_learn() -> None:
    watched(*[HEALTHY._replace(gradient=0.0, loss=1e-3)] * 9)


def test_steps_that_float16_leaves_out_are_normal_unless_all_are_left_out() -> None:
    skipped = HEALTHY._replace(gradient=float("inf"))
    watched(*[skipped] * 4, HEALTHY, skipped, skips_steps=True)
    watched(*[skipped] * 9)  # in other formats the loss of the next step is no number
    with pytest.raises(TrainingFailed, match="no step is taken") as caught:
        watched(*[skipped] * 5, skips_steps=True)
    assert caught.value.remedy.startswith("train in float32: --numbers fp32")


def test_a_look_reads_nothing_back_and_costs_two_operations_a_step() -> None:
    rows, columns = torch.zeros(2, 10, 13), torch.zeros(4, 8)
    rows[..., 10] = torch.tensor([-50.0] + [0.0] * 7 + [20.0] * 2)
    columns[:3, targets.OBJECTNESS] = 1  # of four places for positives one only fills up
    target = Target(columns, torch.tensor([0, 1, 12, 0]), torch.zeros(2, 1, 4))
    terms = LossTerms(*torch.tensor([7.0, 1.0, 2.0, 50.0, 1.0]))

    with Operations() as operations:
        seen = health.signs(target, rows, terms, torch.tensor([[0.5, -3.0]]))

    assert operations.reads == []
    assert sum(operations.counts.values()) <= 2 * health.INTERVAL
    assert Signs(*seen.tolist()) == pytest.approx(
        Signs(certain=0.2, highest=20.0, background_loss=5.0, missed=1 / 3, gradient=3.0, loss=7.0)
    )
    empty = target._replace(contents=torch.zeros(4, 8))
    assert math.isnan(Signs(*health.signs(empty, rows, terms, torch.zeros(1)).tolist()).missed)


def test_what_is_certain_in_float32_is_where_the_loss_has_no_gradient() -> None:
    for logit, dead in ((health.CERTAIN_YES + 0.01, True), (health.CERTAIN_YES - 0.1, False)):
        value = torch.tensor(logit, requires_grad=True)
        (1 - value.sigmoid()).clamp(min=1e-18).log().backward()
        assert (value.grad == 0) == dead
    for logit, dead in ((health.CERTAIN_NO - 0.01, True), (health.CERTAIN_NO + 0.01, False)):
        value = torch.tensor(logit, requires_grad=True)
        value.sigmoid().clamp(min=1e-18).log().backward()
        assert (value.grad == 0) == dead
