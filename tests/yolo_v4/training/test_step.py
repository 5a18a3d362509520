"""What a step of the JamCam spec asks of a device: few operations, nothing read back, shapes that stay."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import Template

import numpy as np
import pytest
import torch
from PIL import Image

from tests.yolo_v4.conftest import ANCHORS
from tests.yolo_v4.training.operations import Operations
from yolo_v4.data import batches as batches_module
from yolo_v4.data.batches import Batch, TrainingBatches
from yolo_v4.data.frames import Frame
from yolo_v4.data.targets import OBJECTNESS
from yolo_v4.network.pretrained import starting_network
from yolo_v4.spec.experiment import Experiment
from yolo_v4.spec.load import load_experiment
from yolo_v4.training.health import INTERVAL
from yolo_v4.training.trainer import PENALTY_INTERVAL, Trainer

SIZE = (64, 32)  # a smaller input than that of the spec; the number of operations does not depend on it
MOST_OPERATIONS = 150
MOST_PYTHON_S = 0.0004  # a picture; 0.00013 was measured on an idle machine


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine would make small steps take minutes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def jamcam(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Experiment]:
    """The JamCam spec with the moving average switched on, for batches of some size."""
    blanks = {
        "seed": 1, "batch": 8, "epochs": 80, "checkpoint_interval": 80, "starting_point": "",
        "workspace": "none", "validation": "val",
    }  # fmt: skip
    for name, scale in zip(("big", "mid", "small"), ANCHORS, strict=True):
        blanks[f"anchors_{name}"] = str(list(scale))
    path = tmp_path_factory.mktemp("spec") / "spec.txt"
    template = (checkout / "specs" / "yolo_v4_train_resnet18_jamcam.txt").read_text()
    path.write_text(Template(template).substitute(blanks))
    experiment = load_experiment(path)
    assert experiment.augmentation.mosaic_prob == 0.5
    assert experiment.training.regularizer == "l1"

    def make(batch_size: int) -> Experiment:
        training = replace(experiment.training, batch_size=batch_size, ema=True)
        augmentation = replace(experiment.augmentation, width=SIZE[0], height=SIZE[1])
        return replace(experiment, training=training, augmentation=augmentation)

    return make


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    """Frames with from none to eleven objects each."""
    folder, random = tmp_path_factory.mktemp("frames"), np.random.default_rng(1)
    made = []
    for number in range(64):
        image = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)).save(image)
        boxes = np.sort(random.random((number % 12, 2, 2)), axis=1) * SIZE
        boxes = boxes.reshape(-1, 4).astype(np.float32)
        made.append(
            Frame(
                image=image,
                boxes=boxes,
                classes=random.integers(0, 6, len(boxes)),
                difficult=np.zeros(len(boxes), dtype=bool),
            )
        )
    return made


class Watched:
    """A training whose batches are made, and whose steps are taken, in the thread that watches."""

    def __init__(
        self, experiment: Experiment, frames: Sequence[Frame], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches_module, "ahead", lambda make, items, *, workers: map(make, items))
        self.operations = Operations()
        self.batches = TrainingBatches(list(frames), experiment)
        network, _ = starting_network(experiment)
        self.trainer = Trainer(network, experiment, steps_per_epoch=self.batches.steps_per_epoch)
        network.train()
        network.register_forward_pre_hook(lambda *_: self._enter("network forward"))
        network.register_forward_hook(self._after_forward)
        backward = torch.Tensor.backward

        def watched_backward(*args, **kwargs):
            self._enter("loss backward")
            backward(*args, **kwargs)
            self._enter("rest")

        monkeypatch.setattr(torch.Tensor, "backward", watched_backward)
        for _ in self.batches.epoch(0):  # every picture is read, and Adam counts its steps from here
            pass
        list(self.trainer.losses([next(self.batches.epoch(0))]))

    def _enter(self, phase: str) -> None:
        self.operations.phase = phase

    def _after_forward(self, _: torch.nn.Module, __: object, heads: Sequence[torch.Tensor]) -> None:
        """The loss follows; and when the gradients of all heads are there, the network."""
        self._enter("rest")
        waiting = len(heads)

        def came(_: torch.Tensor) -> None:
            nonlocal waiting
            waiting -= 1
            if waiting == 0:
                self._enter("network backward")

        for head in heads:
            head.register_hook(came)

    def steps(self, count: int, *, number: int = 1) -> list[Batch]:
        """Take steps of epoch 1 and on, made and taken under watch, all as if they were that `number`."""
        epochs = map(self.batches.epoch, itertools.count(1))
        made = []
        with self.operations:
            for batch in itertools.islice(itertools.chain.from_iterable(epochs), count):
                self.trainer.step(batch, number)
                made.append(batch)
        return made


@pytest.fixture(scope="module")
def watched(jamcam: Callable[[int], Experiment], frames: list[Frame]) -> Iterator[Callable[[int], Watched]]:
    """Makes a training with batches of some size, whose operations are watched."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield lambda batch_size: Watched(jamcam(batch_size), frames, monkeypatch)


def test_a_step_begins_few_operations_and_as_many_for_any_batch(watched: Callable[[int], Watched]) -> None:
    counts = {}
    for batch_size in (8, 64):
        training = watched(batch_size)
        training.steps(1)
        found = counts[batch_size] = training.operations.counts.copy()
        with training.operations:
            training.operations.phase = "penalty"
            torch.zeros(()) + training.trainer._penalty.value()
            training.operations.phase = "rest"
        found["penalty"] = training.operations.counts["penalty"]
        training.steps(1, number=INTERVAL)
        found["look at health"] = training.operations.counts["rest"] - 2 * found["rest"]

    print(f"operations of a step: {dict(counts[8])}")
    assert counts[8] == counts[64]
    # The value of the penalty is computed now and then only, but added to the loss of every step.
    now_and_then = counts[8]["penalty"] / PENALTY_INTERVAL + counts[8]["look at health"] / INTERVAL
    assert counts[8]["rest"] + 1 + now_and_then <= MOST_OPERATIONS
    assert counts[8]["network forward"] > 100
    assert counts[8]["network backward"] > 100


def test_a_step_reads_nothing_back_and_keeps_its_shapes(watched: Callable[[int], Watched]) -> None:
    training = watched(4)

    batches = training.steps(4)

    assert training.operations.reads == []
    shapes = training.operations.shapes
    length = len(shapes) // len(batches)
    assert all(shapes[:length] == shapes[place : place + length] for place in range(0, len(shapes), length))
    positives = {int(batch.target.contents[:, OBJECTNESS].sum()) for batch in batches}
    assert len(positives) > 2, "the steps had different numbers of boxes"


def test_what_reads_back_or_changes_its_shape_is_seen() -> None:
    values = torch.tensor([1.0, 0.0, 2.0])
    for read in (
        lambda: float(values[0]),
        lambda: values.nonzero(),
        lambda: values[values > 0],
        lambda: values.unique(),
        lambda: bool((values > 0).any()),
    ):
        with Operations() as operations:
            read()
        assert operations.reads, read


def test_python_needs_little_time_for_a_picture(
    jamcam: Callable[[int], Experiment], frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing, planning and encoding, without the pixels: this thread's own time, the best of many epochs."""
    nothing = torch.zeros(())
    monkeypatch.setattr(batches_module, "sample", lambda pixels, tables: nothing)
    monkeypatch.setattr(batches_module, "ahead", lambda make, items, *, workers: map(make, items))
    batches = TrainingBatches(frames, jamcam(8))
    times = []
    for epoch in range(20):
        started_s = time.thread_time()
        for _ in batches.epoch(epoch):
            pass
        times.append((time.thread_time() - started_s) / batches.pictures_per_epoch)

    print(f"Python for a picture: {1000 * min(times):.3f} ms")
    assert min(times) < MOST_PYTHON_S
